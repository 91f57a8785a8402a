"""Corpora mixed by weight: of one language, and of several in a joint vocabulary."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from lexome import languages
from lexome.corpus import Corpus, PrepareRequest, chosen, mix, prepare
from lexome.errors import LexomeError, UsageError
from lexome.languages.joint import JointTokenizer, Said

WORDS = ["the fox", "a lazy dog", "jumps over", "and sleeps", "by the river"]


def letters(root: Path, name: str, documents: int, folder: Path | None = None) -> Corpus:
    random = np.random.default_rng(len(name))
    (root / name).mkdir()
    for number in range(documents):
        text = " ".join(random.choice(WORDS, 30).tolist())
        (root / name / f"{number}.txt").write_text(f"{name} {number} {text}")
    request = PrepareRequest(
        sources=[root / name],
        language="text",
        tokenizer=None if folder else "bytes",
        tokenizer_folder=folder,
        validation=0.3,
        workers=1,
    )
    return prepare(request, root / "corpus" / name)


def genome(root: Path) -> Corpus:
    random = np.random.default_rng(0)
    records = [f">r{n}\n{''.join(random.choice(list('ACGTacgt'), 200))}\n" for n in range(8)]
    (root / "genome.fa").write_text("".join(records))
    request = PrepareRequest(
        sources=[root / "genome.fa"],
        language="dna",
        options={"soft_mask": "down-weight"},
        validation=0.3,
        workers=1,
    )
    return prepare(request, root / "corpus" / "genome")


def test_one_language_mixed_by_weight(tmp_path: Path) -> None:
    one, other = letters(tmp_path, "one", 10), letters(tmp_path, "other", 30)
    mixed = mix([(one.folder, 3), (other.folder, 2)], tmp_path / "mixed")
    tokens = {"one": 0, "other": 0}
    seen: dict[str, int] = {}
    for row, document in zip(
        mixed.rows("train"), mixed.documents("train", augmented=True), strict=True
    ):
        tokens[document.metadata["corpus"]] += row["tokens"]
        seen[document.content] = seen.get(document.content, 0) + 1
    assert tokens["one"] / tokens["other"] == pytest.approx(3 / 2, rel=0.15)
    texts = {document.content for part in (one, other) for document in part.documents("train")}
    assert set(seen) == texts
    train = mixed.manifest.train
    assert train.documents == sum(seen.values())
    assert train.augmented == train.documents - len(seen)
    assert [p.repeats for p in mixed.manifest.parts][1] == 1
    valid = [document.content for document in mixed.documents("valid")]
    assert valid == [d.content for part in (one, other) for d in part.documents("valid")]
    assert mixed.tokenizer.kind == "bytes" and mixed.manifest.leak.documents == len(valid)
    Corpus.open(mixed.folder, verify=True)


def test_languages_in_a_joint_vocabulary(tmp_path: Path) -> None:
    text, dna = letters(tmp_path, "letters", 12), genome(tmp_path)
    mixed = mix([(text.folder, 1), (dna.folder, 1)], tmp_path / "mixed")
    assert mixed.language.name == "joint" and mixed.language.unit == "unit"
    expected = [Said("text", d.content) for d in text.documents("valid")]
    expected += [Said("dna", d.content) for d in dna.documents("valid")]
    assert [document.content for document in mixed.documents("valid")] == expected
    assert mixed.manifest.valid.units == text.manifest.valid.units + dna.manifest.valid.units
    # What lies between the borders is the part, and nothing else.
    tokenizer = mixed.tokenizer
    assert isinstance(tokenizer, JointTokenizer)
    for part, whole in zip(mixed.manifest.parts, (text, dna), strict=True):
        ids = mixed.stream("valid").read(part.valid_start, part.valid_stop)
        assert set(ids.tolist()) & set(tokenizer.markers.values()) == {
            tokenizer.markers[part.language]
        }
        assert tokenizer.unit_lengths[ids].sum() == whole.manifest.valid.units
    # The names of the languages stand behind the begin tokens, and weigh 1 as these do.
    stream, alone = mixed.stream("valid"), dna.stream("valid")
    ids, weights = stream.read(0, len(stream)), stream.weights(0, len(stream))
    named = np.flatnonzero(np.isin(ids, [*tokenizer.markers.values()]))
    assert named.tolist() == (stream.document_starts + 1).tolist()
    assert (weights[named] == 1).all()
    first = len(stream) - len(alone) - dna.manifest.valid.documents
    kept = ids[first:] != tokenizer.markers["dna"]
    assert weights[first:][kept].tolist() == alone.weights(0, len(alone)).tolist()
    assert 0 < weights.min() < 1
    # What stands in both splits was found in each corpus, and is found nowhere else.
    leak = mixed.manifest.leak
    assert leak.documents == text.manifest.leak.documents + dna.manifest.leak.documents
    assert leak.exact_duplicates == 0 and leak.ngram_units == 64
    again = Corpus.open(mixed.folder, verify=True)
    assert next(again.documents("train")).content.language == "text"


def test_the_joint_tokenizer(tmp_path: Path) -> None:
    mixed = mix(
        [(letters(tmp_path, "letters", 4).folder, 1), (genome(tmp_path).folder, 1)],
        tmp_path / "mixed",
    )
    tokenizer, language = mixed.tokenizer, mixed.language
    assert isinstance(tokenizer, JointTokenizer)
    said = [Said("text", "a fox"), Said("dna", "ACGTN"), Said("dna", None)]
    first, second, third = tokenizer.encode(said)
    assert tokenizer.decode(first) == said[0] and tokenizer.decode(second) == said[1]
    assert len(third) == 1 and tokenizer.decode(third) == Said("dna", "")
    assert language.parse("text: a fox") == said[0] and language.parse("dna:") == said[2]
    with pytest.raises(UsageError, match="which language"):
        language.parse("a fox")
    # Tokens of another language than a document's own stand for nothing.
    assert tokenizer.decode(np.concatenate([first, second])) == said[0]
    stream = tokenizer.text_stream()
    assert stream.push(first.tolist()) + stream.push(second.tolist()) + stream.finish() == "a fox"
    # Equal units of one language have equal numbers, those of two languages never.
    both = tokenizer.unit_codes(np.concatenate([first, second]))
    alone = [tokenizer.unit_codes(first), tokenizer.unit_codes(second)]
    assert both.tolist() == [*alone[0].tolist(), *alone[1].tolist()]
    assert not set(alone[0].tolist()) & set(alone[1].tolist())
    labels = [tokenizer.token_label(index) for index in range(tokenizer.vocab_size)]
    assert labels[4:6] == ["<|text|>", "<|dna|>"] and labels[-1] == "TTT"
    prompt = tokenizer.encode_prompt(Said("dna", "GACGT"))
    assert [labels[index] for index in prompt] == ["<|dna|>", "G", "A", "CGT"]
    with pytest.raises(LexomeError):
        tokenizer.token_label(tokenizer.vocab_size)
    loaded = languages.load_tokenizer(mixed.folder / "tokenizer")
    assert loaded.encode([said[1]])[0].tolist() == second.tolist()
    plain = AutoTokenizer.from_pretrained(mixed.folder / "tokenizer")
    assert plain("<|dna|> 262 263").input_ids == [5, 262, 263]


def test_what_does_not_go_together_is_said(tmp_path: Path) -> None:
    one = letters(tmp_path, "one", 4)
    other = prepare(
        PrepareRequest(
            sources=[tmp_path / "one"],
            language="text",
            tokenizer="characters",
            validation=0.3,
            workers=1,
        ),
        tmp_path / "corpus" / "characters",
    )
    with pytest.raises(UsageError, match="one tokenizer"):
        mix([(one.folder, 1), (other.folder, 1)], tmp_path / "mixed")
    with pytest.raises(UsageError, match="two corpora"):
        mix([(one.folder, 1)], tmp_path / "mixed")
    dna = genome(tmp_path)
    for weight in (0, -1, float("nan"), float("inf")):
        with pytest.raises(UsageError, match="more than 0"):
            mix([(one.folder, weight), (dna.folder, 1)], tmp_path / "mixed")
    with pytest.raises(UsageError, match="same tokens"):
        mix([(one.folder, 1), (one.folder, 2)], tmp_path / "mixed")
    with pytest.raises(UsageError, match="seed"):
        mix([(one.folder, 1), (dna.folder, 1)], tmp_path / "mixed", seed=-1)
    joint = mix([(one.folder, 1), (dna.folder, 1)], tmp_path / "joint")
    with pytest.raises(UsageError, match="mix all its corpora"):
        mix([(joint.folder, 1), (other.folder, 1)], tmp_path / "mixed")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(LexomeError, match="not empty"):
        mix([(one.folder, 1), (dna.folder, 1)], tmp_path / "full")
    assert not list(tmp_path.glob(".*.part"))


def test_a_mixture_does_not_depend_on_how_much_is_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [(letters(tmp_path, "one", 10).folder, 5.0), (letters(tmp_path, "two", 4).folder, 3.0)]
    mixed = []
    for name, tokens in (("large", 1 << 22), ("small", 300)):
        monkeypatch.setattr(chosen, "_CHUNK", tokens)
        mixed.append(mix(parts, tmp_path / name, seed=1))
    assert len(mixed[1].manifest.train.shards) > len(mixed[0].manifest.train.shards)
    for split in ("train", "valid"):
        large, small = (one.stream(split) for one in mixed)
        assert large.read(0, len(large)).tolist() == small.read(0, len(small)).tolist()
        assert [*mixed[0].rows(split)] == [*mixed[1].rows(split)]


def test_metadata_of_the_name_corpus_is_kept(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"some words {n} " * 9, "corpus": f"own {n}"}) for n in range(9)]
    (tmp_path / "notes.jsonl").write_text("\n".join(lines))
    request = PrepareRequest(
        sources=[tmp_path / "notes.jsonl"],
        language="text",
        options={"column": "text"},
        tokenizer="bytes",
        validation=0.3,
        workers=1,
    )
    notes = prepare(request, tmp_path / "notes")
    mixed = mix([(notes.folder, 1), (letters(tmp_path, "one", 9).folder, 1)], tmp_path / "mixed")
    found = {document.metadata["corpus"] for document in mixed.documents("train")}
    assert "one" in found and any(name.startswith("own ") for name in found)

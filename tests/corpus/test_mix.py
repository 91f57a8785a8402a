"""Corpora mixed by weight: of one language, and of several in a joint vocabulary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from lexome import languages
from lexome.corpus import Corpus, PrepareRequest, mix, prepare
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
    records = [f">r{n}\n{''.join(random.choice(list('ACGT'), 200))}\n" for n in range(8)]
    (root / "genome.fa").write_text("".join(records))
    request = PrepareRequest(
        sources=[root / "genome.fa"], language="dna", validation=0.3, workers=1
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
    with pytest.raises(UsageError, match="more than 0"):
        mix([(one.folder, 0), (one.folder, 1)], tmp_path / "mixed")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(LexomeError, match="not empty"):
        mix([(one.folder, 1), (genome(tmp_path).folder, 1)], tmp_path / "full")
    assert not list(tmp_path.glob(".*.part"))

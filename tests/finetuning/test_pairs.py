"""From files and a base to a corpus of pairs: what is refused, what is counted, what is reused."""

from __future__ import annotations

import hashlib
import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small import base, copies, dna_base, prepared, table, text_base, tokens

from lexome.errors import LexomeError, UsageError
from lexome.finetuning.pairs import HeldOut, open_base
from lexome.languages.dna import Dna
from lexome.languages.joint import Joint, JointTokenizer
from lexome.languages.pair import Pair, PairTokenizer, Role
from lexome.languages.tokenizers import BpeTrainer


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_base(tmp_path_factory.mktemp("text") / "base")


@pytest.fixture(scope="module")
def dna(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return dna_base(tmp_path_factory.mktemp("dna") / "base")


def genes(count: int = 12) -> list[dict[str, Any]]:
    draw = np.random.default_rng(0)
    return [
        {"sequence": "".join(draw.choice(list("ACGT"), 12)), "label": "yes" if n % 2 else "no"}
        for n in range(count)
    ]


def as_dna(folder: Path, model: Path, file: Path, **said: Any) -> Any:
    return prepared(folder, model, "labels", [file], language="dna", **said)


# What is read


def pictures(folder: Path, count: int = 12) -> Path:
    draw = np.random.default_rng(0)
    rows = []
    for number in range(count):
        pixels = draw.integers(0, 256, (8, 8, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
        rows.append({"caption": f"picture {number}", "image": f"{number}.png"})
    return table(folder / "captions.jsonl", rows)


@pytest.mark.parametrize("kind", ["palette", "patches"])
def test_targets_become_tokens_as_is_asked(tmp_path: Path, text: Path, kind: str) -> None:
    file = pictures(tmp_path)
    size = {"target_options": {"size": 8}}
    made = prepared(tmp_path / "c", text, "picture", [file], target_tokenizer=kind, **size)
    assert isinstance(made.tokenizer, PairTokenizer)
    assert made.tokenizer.part("target").tokenizer.kind == kind


def test_one_language_has_one_kind_of_tokens(tmp_path: Path, text: Path) -> None:
    first, second = copies(tmp_path)
    with pytest.raises(UsageError, match="as bytes and as characters"):
        prepared(
            tmp_path / "c", text, "translation", [first, second],
            source_tokenizer="bytes", target_tokenizer="characters",
        )  # fmt: skip


def test_parallel_texts_become_pairs(tmp_path: Path, text: Path) -> None:
    first, second = copies(tmp_path)
    corpus = prepared(tmp_path / "corpus", text, "translation", [first, second])
    pairs = [
        document.content for split in ("train", "valid") for document in corpus.documents(split)
    ]
    assert len(pairs) == 30
    assert all(target.content == source.content.upper() for source, target in pairs)
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer) and tokenizer.grown_from == 260
    assert corpus.manifest.leak.exact_duplicates == 0


@pytest.mark.parametrize("lead", ["", " "])
@pytest.mark.parametrize("task", ["assistant", "preference"])
def test_who_answers_already_is_spoken_to_as_it_was(tmp_path: Path, task: str, lead: str) -> None:
    """Also an assistant of before turns had a lead: it has the same markers and learns on."""
    words = BpeTrainer().train(["the cat sat on the mat " * 20], 300)
    spoken = [
        Role(one, "text", one == "assistant", lead) for one in ("system", "user", "assistant")
    ]
    tuned = base(tmp_path / "base", PairTokenizer(words, "text", spoken, {}))
    answers = {"response": "the cat", "chosen": "the cat", "rejected": "the mat"}
    rows = [{"prompt": f"who sat {n}?", **answers} for n in range(12)]
    corpus = prepared(tmp_path / "corpus", tuned, task, [table(tmp_path / "a.jsonl", rows)])
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer) and tokenizer.grown_from == words.vocab_size
    assert list(tokenizer.roles.values()) == spoken


def chats(folder: Path, answer: str = "The Cat") -> Path:
    rows = [{"prompt": f"WHO sat {n}?", "response": answer} for n in range(12)]
    return table(folder / "chats.jsonl", rows)


def test_a_conversation_is_read_as_its_options_say(tmp_path: Path, text: Path) -> None:
    """A base of lower case has never seen capitals: what is said to it is in lower case too."""
    lower = {"source_options": {"lowercase": True}, "target_options": {"lowercase": True}}
    corpus = prepared(tmp_path / "c", text, "assistant", [chats(tmp_path)], **lower)
    (asked, answer), *_ = (document.content for document in corpus.documents("train"))
    assert asked.content.startswith("who sat") and answer.content == "the cat"


def test_a_conversation_becomes_tokens_as_is_asked(tmp_path: Path) -> None:
    """Of other tokens than the base's no word has been read, be it with its space or without."""
    model = base(tmp_path / "base", BpeTrainer().train(["the cat sat on the mat " * 20], 300))
    kind = {"target_tokenizer": "bytes"}
    corpus = prepared(tmp_path / "c", model, "assistant", [chats(tmp_path)], **kind)
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    assert (tokenizer.part("assistant").tokenizer.kind, tokenizer.answering.lead) == ("bytes", "")


def test_an_answer_in_another_language_has_no_lead(tmp_path: Path) -> None:
    model = base(tmp_path / "base", BpeTrainer().train(["the cat sat on the mat " * 20], 300))
    file = chats(tmp_path, "ACGT")
    corpus = prepared(tmp_path / "c", model, "assistant", [file], target_language="dna")
    content = next(iter(corpus.documents("train"))).content
    assert content[-1].content == "ACGT"


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_conversation_has_no_columns(tmp_path: Path, text: Path, side: str) -> None:
    with pytest.raises(UsageError, match="no columns") as raised:
        prepared(tmp_path / "c", text, "assistant", [chats(tmp_path)], **{side: "prompt"})
    assert raised.value.where == f"--{side}"


def test_a_table_beside_the_files_is_none_of_them(tmp_path: Path, text: Path) -> None:
    draw = np.random.default_rng(0)
    for number in range(12):
        path = tmp_path / "pictures" / "ab"[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draw.integers(0, 256, (4, 4, 3), np.uint8)).save(path)
    table(tmp_path / "pictures" / "manifest.jsonl", [{"image": "a/0.png", "caption": "dark"}])
    corpus = prepared(
        tmp_path / "corpus", text, "labels", [tmp_path / "pictures"],
        language="text", source_language="image", source_options={"size": 4}, target="folder",
        held_out=HeldOut(share=0.3),
    )  # fmt: skip
    assert corpus.manifest.train.documents + corpus.manifest.valid.documents == 12
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    assert tokenizer.added["label"].token_label(4) == "a"
    assert {name: one.count for name, one in corpus.manifest.skipped.items()} == {
        "unknown suffix": 1
    }


def test_a_folder_of_pictures_and_captions_is_read_whole_or_counted(
    tmp_path: Path, text: Path
) -> None:
    """Texts beside pictures are no captions of theirs: that is said, each time."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    rows = pictures(folder).rename(tmp_path / "captions.jsonl").read_text()
    for name in ("0", "lost"):
        (folder / f"{name}.txt").write_text("a caption")
    captions = tmp_path / "captions.jsonl"
    captions.write_text(rows.replace('"image": "', '"image": "pictures/'))
    said = {"target_options": {"size": 8, "manifest": str(captions)}}
    with pytest.raises(UsageError, match="nothing says what the other side"):
        prepared(tmp_path / "none", text, "picture", [folder], **said)
    corpus = prepared(tmp_path / "corpus", text, "picture", [folder], source="caption", **said)
    assert corpus.manifest.train.documents + corpus.manifest.valid.documents == 12
    skipped = corpus.manifest.skipped["unknown suffix"]
    assert skipped.count == 2 and "lost.txt" in skipped.examples[1]
    (folder / "12.png").write_bytes((folder / "0.png").read_bytes())
    with pytest.raises(LexomeError, match="nothing called 'caption' is known") as caught:
        prepared(tmp_path / "more", text, "picture", [folder], source="caption", **said)
    assert "12.png" in str(caught.value)
    for name in ("12.png", "3.png"):
        (folder / name).unlink()
    captions.write_text(captions.read_text() + "\n")  # one that is as it was is not read again
    with pytest.raises(LexomeError, match=r"there is no file 'pictures/3\.png'"):
        prepared(tmp_path / "less", text, "picture", [folder], source="caption", **said)


def test_what_a_table_names_is_known_again(tmp_path: Path, text: Path) -> None:
    file = pictures(tmp_path)
    said = {"target_options": {"size": 8}}
    corpus = prepared(tmp_path / "corpus", text, "picture", [file], **said)
    sources = {Path(one.path): one for one in corpus.manifest.sources}
    assert sources.keys() == {file, *tmp_path.glob("*.png")} and len(sources) == 13
    for path, one in sources.items():
        assert one.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert one.bytes == path.stat().st_size
    again = prepared(tmp_path / "corpus", text, "picture", [file], **said)
    assert again.fingerprint == corpus.fingerprint
    Image.new("RGB", (8, 8)).save(tmp_path / "7.png")
    with pytest.raises(LexomeError, match="the source has changed") as caught:
        prepared(tmp_path / "corpus", text, "picture", [file], **said)
    assert "7.png" in str(caught.value)


def test_skips_are_counted_in_the_manifest(tmp_path: Path, dna: Path) -> None:
    rows = [*genes(), {"sequence": "ACGT", "label": ""}, {"sequence": "", "label": "yes"}]
    rows += [{"sequence": "ACGG", "label": " "}]
    corpus = as_dna(tmp_path / "corpus", dna, table(tmp_path / "a.jsonl", rows))
    counts = {reason: record.count for reason, record in corpus.manifest.skipped.items()}
    assert counts == {"empty target": 2, "empty source": 1}
    assert corpus.manifest.train.documents + corpus.manifest.valid.documents == 12


def test_missing_files_are_named(tmp_path: Path, text: Path) -> None:
    with pytest.raises(LexomeError) as caught:
        prepared(tmp_path / "corpus", text, "translation", [tmp_path / "lost.jsonl"])
    assert "lost.jsonl" in str(caught.value)
    file = table(tmp_path / "a.jsonl", [{"caption": "a", "image": "lost.png"}])
    with pytest.raises(LexomeError, match=r"no file 'lost\.png'"):
        prepared(tmp_path / "corpus", text, "picture", [file])


def test_bases_that_are_none(tmp_path: Path, text: Path) -> None:
    with pytest.raises(LexomeError, match="not a model folder"):
        open_base(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(LexomeError, match="cannot express the family 'mamba'"):
        open_base(tmp_path)
    (tmp_path / "config.json").write_text((text / "config.json").read_text())
    with pytest.raises(LexomeError, match="no lexome tokenizer here"):
        open_base(tmp_path)


# Labels


def test_a_label_that_training_does_not_have_is_an_error(tmp_path: Path, dna: Path) -> None:
    train = table(tmp_path / "train.jsonl", genes())
    test = table(tmp_path / "test.jsonl", [{"sequence": "ACGTTT", "label": "maybe"}])
    with pytest.raises(LexomeError, match="'maybe' does not occur in training") as caught:
        as_dna(tmp_path / "corpus", dna, train, held_out=HeldOut(files=[test]))
    assert str(test) in str(caught.value) and "line 1" in str(caught.value)


def test_every_class_of_training_is_known_however_much_there_is(
    tmp_path: Path, dna: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lexome.corpus import sample

    monkeypatch.setattr(sample, "_DEFAULT_SAMPLE_UNITS", 64)
    monkeypatch.setattr(sample, "_EXCERPT", 16)
    rows = [{**row, "label": f"class {number % 20}"} for number, row in enumerate(genes(60))]
    rows += [{**row, "label": f"class {number % 20}"} for number, row in enumerate(genes(60)[::-1])]
    train, test = table(tmp_path / "a.jsonl", rows), table(tmp_path / "b.jsonl", rows)
    corpus = as_dna(
        tmp_path / "corpus", dna, train, held_out=HeldOut(files=[test]), duplicates="keep"
    )
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    assert tokenizer.added["label"].vocab_size == 4 + 20


def test_a_masked_model_answers_with_labels_alone(tmp_path: Path) -> None:
    masked = text_base(tmp_path / "base", "modernbert")
    with pytest.raises(UsageError, match="a modernbert model fills gaps and writes nothing"):
        prepared(tmp_path / "corpus", masked, "translation", copies(tmp_path))


# What is held out


def test_duplicates_across_named_splits(tmp_path: Path, dna: Path) -> None:
    rows = genes()
    train = table(tmp_path / "train.jsonl", rows)
    test = table(tmp_path / "test.jsonl", [*rows[:2], *genes(14)[12:]])
    held_out = HeldOut(files=[test])
    for _ in range(2):  # the corpus that was made for the first time does not hide it
        with pytest.raises(LexomeError, match="2 held-out examples are also in training") as error:
            as_dna(tmp_path / "corpus", dna, train, held_out=held_out)
        assert "test.jsonl" in str(error.value) and "--duplicates keep" in str(error.value)
    corpus = as_dna(tmp_path / "corpus", dna, train, held_out=held_out, duplicates="keep")
    assert corpus.manifest.leak.exact_duplicates == 2
    with pytest.raises(UsageError, match="'Keep'"):
        as_dna(tmp_path / "corpus", dna, train, held_out=held_out, duplicates="Keep")


def test_duplicates_that_only_the_model_sees_are_told_apart(tmp_path: Path, dna: Path) -> None:
    """Two numbers of one step are one answer; the one that is written alike is counted beside."""
    rows = [{**row, "label": n / 40} for n, row in enumerate(genes(40))]
    near = [{**row, "label": row["label"] + 1e-6} for row in rows[1:4]]
    train, test = (
        table(tmp_path / f"{name}.jsonl", some)
        for name, some in (("train", rows), ("test", [rows[0], *near, {**rows[5], "label": 0.9}]))
    )
    said: dict[str, Any] = {"target_options": {"form": "number"}}
    with pytest.raises(LexomeError) as caught:
        as_dna(tmp_path / "corpus", dna, train, held_out=HeldOut(files=[test]), **said)
    assert "4 held-out examples are also in training" in caught.value.what
    assert "1 of them are written alike, 3 are alike only in the tokens" in caught.value.what
    for remedy in ("take them out", "--source-tokenizer", "--group", "--duplicates keep"):
        assert remedy in str(caught.value.fix)


def test_recordings_of_one_code_are_duplicates_of_a_random_split(
    tmp_path: Path, text: Path
) -> None:
    levels = [level + more for level in range(9000, 30000, 1500) for more in (0, 1)]
    rows = []
    for number, level in enumerate(levels):
        with wave.open(str(tmp_path / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes(np.full(40, level, "<i2").tobytes())
        rows.append({"audio": f"{number}.wav", "label": "ab"[number // 2 % 2]})
    said = {"source_language": "sound", "source": "audio", "source_tokenizer": "mulaw"}
    with pytest.raises(LexomeError, match="held-out examples are also in training") as caught:
        prepared(
            tmp_path / "corpus", text, "labels", [table(tmp_path / "a.jsonl", rows)],
            language="text", held_out=HeldOut(share=0.4), **said,
        )  # fmt: skip
    assert "0 of them are written alike" in caught.value.what
    assert "take them out" not in str(caught.value.fix)


def test_a_source_with_two_targets_is_on_one_side(tmp_path: Path, text: Path) -> None:
    rows = [{"source": f"s{n // 2}", "target": f"t{n}"} for n in range(60)]
    corpus = prepared(
        tmp_path / "corpus", text, "translation", [table(tmp_path / "a.jsonl", rows)],
        held_out=HeldOut(share=0.3),
    )  # fmt: skip
    sides = [
        {document.content[0].content for document in corpus.documents(split)}
        for split in ("train", "valid")
    ]
    assert sides[1] and not sides[0] & sides[1]


def test_groups_stay_together_and_have_to_be_there(tmp_path: Path, dna: Path) -> None:
    rows = [{**row, "who": f"g{number % 4}"} for number, row in enumerate(genes(24))]
    file = table(tmp_path / "a.jsonl", rows)
    held_out = HeldOut(share=0.25)
    corpus = as_dna(tmp_path / "corpus", dna, file, group="who", held_out=held_out)
    sides = [
        {document.metadata["who"] for document in corpus.documents(split)}
        for split in ("train", "valid")
    ]
    assert sides[1] and not sides[0] & sides[1]
    named = as_dna(tmp_path / "named", dna, file, held_out=HeldOut(where={"who": "g2"}))
    assert {document.metadata["who"] for document in named.documents("valid")} == {"g2"}
    with pytest.raises(LexomeError, match="under 'whom'"):
        as_dna(tmp_path / "other", dna, file, group="whom")


def test_held_out_files_are_read_as_those_of_training(tmp_path: Path, text: Path) -> None:
    (tmp_path / "train.tsv").write_text("one\teins\ntwo\tzwei\n")
    (tmp_path / "test.tsv").write_text("source\ttarget\nsix\tsechs\n")
    with pytest.raises(UsageError, match="read otherwise than those of training"):
        prepared(
            tmp_path / "corpus", text, "translation", [tmp_path / "train.tsv"],
            held_out=HeldOut(files=[tmp_path / "test.tsv"]),
        )  # fmt: skip


# What makes another corpus


def test_another_base_makes_another_corpus(tmp_path: Path, text: Path) -> None:
    other = base(tmp_path / "other", tokens("text", "bytes"), "gpt2")
    files = copies(tmp_path)
    prepared(tmp_path / "corpus", text, "translation", files)
    # The same vocabulary: other weights, and the same tokens.
    prepared(tmp_path / "corpus", other, "translation", files)
    different = base(tmp_path / "third", tokens("dna", "symbols"))
    with pytest.raises(LexomeError, match="another"):
        prepared(tmp_path / "corpus", different, "translation", files)


def test_other_targets_make_another_corpus(tmp_path: Path, text: Path) -> None:
    files = copies(tmp_path)
    prepared(tmp_path / "corpus", text, "translation", files)
    files[1].write_text(files[1].read_text().replace("OX", "COW"))
    with pytest.raises(LexomeError, match="changed"):
        prepared(tmp_path / "corpus", text, "translation", files)


# What a base knows


def test_the_base_says_how_its_languages_are_read(
    tmp_path: Path, dna: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lexome.finetuning import data, pairs

    known = open_base(dna, "dna")
    spoken = {"dna": {"reverse_complement": True, "min_length": 50, "rna": "convert"}}
    base_of = pairs.Base(dna, known.tokens, spoken, known.vocabulary)
    file = table(tmp_path / "a.jsonl", genes())
    from lexome.finetuning import tasks

    pair, _ = data.pairs_language(tasks.get("labels"), data.PairData([file]), base_of)
    language = pair.languages["source"]
    assert isinstance(language, Dna)
    assert language.reverse_complement and language.rna == "convert" and language.min_length == 1


def test_a_joint_base_has_to_be_told_which_language(tmp_path: Path) -> None:
    joint = JointTokenizer({"text": tokens("text", "bytes"), "dna": tokens("dna", "symbols")})
    model = base(tmp_path / "base", joint)
    file = table(tmp_path / "a.jsonl", genes())
    with pytest.raises(UsageError, match="speaks several languages"):
        prepared(tmp_path / "corpus", model, "labels", [file])
    corpus = prepared(tmp_path / "corpus", model, "labels", [file], source_language="dna")
    ids = corpus.stream("train").read(0, 3).tolist()
    assert ids[2] >= joint.offsets["dna"] and ids[2] < joint.vocab_size
    assert pairs_spoken(Joint(json.dumps({"text": {}, "dna": {"rna": "convert"}}))) == {
        "text": {},
        "dna": {"rna": "convert"},
    }
    assert isinstance(corpus.language, Pair)


def pairs_spoken(language: Any) -> Any:
    from lexome.finetuning.pairs import _spoken

    return _spoken(language)

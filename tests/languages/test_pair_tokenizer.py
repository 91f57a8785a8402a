"""A vocabulary that grows: the base's ids stay, what is new comes back, also from the disk."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pair_samples import BASES, TEXT, WORDS, grown, of, picture, roles, turns
from pair_samples import pair as conversation
from transformers import AutoTokenizer

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.base import Document, Source, Tokenizer
from lexome.languages.joint import JointTokenizer, Said
from lexome.languages.pair import BaseTokens, PairTokenizer, Role, Turn
from lexome.languages.pair.lead import word_lead
from lexome.languages.pair.tokenizer import known_parts
from lexome.languages.pair.training import PairTrainer
from lexome.languages.tokenizers import CharactersTrainer

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.lists(
    st.sampled_from(["the ", "cat", "<|target|>", "<|end|>", "<|source|>", "é", "日本"])
).map("".join)
genes = st.text("ACGTN", min_size=1, max_size=30)


def on_disk(tokenizer: PairTokenizer, folder: Path) -> PairTokenizer:
    tokenizer.save(folder)
    again = languages.load_tokenizer(folder)
    assert isinstance(again, PairTokenizer)
    return again


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[PairTokenizer]]:
    """Tokenizers of pairs as they are made, and as they are after a stay on the disk."""
    labels = [turns("ACGT", "yes"), turns("AC", "no")]
    pictures = [turns("a cat", picture(seed)) for seed in range(3)]
    found = {
        "text": grown("text", "text", "text", []),
        "label": grown("dna", "dna", "label", labels),
        "image": grown("text", "text", "image", pictures, size=4),
        "joint": grown("joint", "dna", "text", []),
        "new": grown("joint", "text", "label", [turns("a", "x"), turns("b", "y")]),
    }
    first = BaseTokens(found["label"], "dna")
    second = [Role("question", "text", False), Role("answer", "dna", True)]
    spoken = {"question": languages.get("text"), "answer": languages.get("dna")}
    pairs = [(Turn("question", "find the cat"), Turn("answer", "ACGT"))] * 2
    on_a_pair = PairTrainer(first, second, spoken).train(pairs, None)
    assert isinstance(on_a_pair, PairTokenizer)
    found["pair"] = on_a_pair
    folder = tmp_path_factory.mktemp("pairs")
    return {name: [one, on_disk(one, folder / name)] for name, one in found.items()}


def check(tokenizers: list[PairTokenizer], said: Any) -> None:
    """Both tokenizers give the same ids, made of known parts, and the content comes back."""
    (ids,), (again,) = (one.encode([said]) for one in tokenizers)
    assert ids.tolist() == again.tolist()
    for one in tokenizers:
        found = one.decode(ids)
        assert [turn.role for turn in found] == [turn.role for turn in said]
        for turn, expected in zip(found, said, strict=True):
            assert np.array_equal(turn.content, expected.content)
    one = tokenizers[0]
    places = [0, *np.cumsum([1 + len(own(one, turn)) for turn in said])]
    for turn, start, stop in zip(said, places, places[1:], strict=False):
        assert ids[start] == one.markers[turn.role]
        assert ids[start + 1 : stop].tolist() == own(one, turn).tolist()
    target = one.part(one.answering.name)
    assert not np.isin(ids[places[1] + 1 :], one.never).any()
    assert ((ids[places[1] + 1 :] >= target.offset) & (ids[places[1] + 1 :] < target.stop)).all()
    prompt = one.encode_prompt(said[:-1])
    assert prompt.tolist() == ids[: places[1] + 1].tolist()
    assert one.encode_prompt(said).tolist() == ids.tolist()


def own(tokenizer: PairTokenizer, turn: Turn) -> Any:
    part = tokenizer.part(turn.role)
    return part.shifted(part.tokenizer.encode([turn.content])[0])


@settings(max_examples=40)
@given(source=texts, target=texts)
def test_text_to_text(made: dict[str, list[PairTokenizer]], source: str, target: str) -> None:
    check(made["text"], turns(source, target))


@pytest.fixture(scope="module")
def led(tmp_path_factory: pytest.TempPathFactory) -> list[PairTokenizer]:
    """A conversation whose turns read as running text, as it is made and from the disk."""
    spoken = [replace(role, lead=word_lead(TEXT)) for role in roles("text", "text")]
    made = PairTokenizer(TEXT, "text", spoken, {})
    return [made, on_disk(made, tmp_path_factory.mktemp("led"))]


@settings(max_examples=40)
@given(source=texts, target=texts | texts.map(" {}".format))
def test_behind_a_marker_words_are_those_of_running_text(
    led: list[PairTokenizer], source: str, target: str
) -> None:
    said = turns(source, target)
    for one in led:
        (ids,) = one.encode([said])
        begun = int(np.flatnonzero(ids == one.markers["target"])[0]) + 1
        alone = TEXT.encode([f" {text}" if text else "" for text in (source, target)])
        assert [ids[1 : begun - 1].tolist(), ids[begun:].tolist()] == [a.tolist() for a in alone]
        assert one.decode(ids) == said
        assert one.encode_prompt(said).tolist() == ids.tolist()
        stream = one.text_stream()
        written = "".join(stream.push([int(token)]) for token in ids[begun:]) + stream.finish()
        assert written == target
        pair = replace(
            conversation(), roles=json.dumps({r.name: asdict(r) for r in one.roles.values()})
        )
        assert pair.units(Document(said, Source(""))) == one.unit_lengths[ids].sum()


@pytest.mark.parametrize(
    ("tokenizer", "lead"),
    [(TEXT, " "), (BASES["bytes"].tokenizer, ""), (CharactersTrainer().train([WORDS]), "")],
    ids=["bpe", "bytes", "characters"],
)
def test_only_words_that_hold_their_space_are_led_by_one(tokenizer: Tokenizer, lead: str) -> None:
    assert word_lead(tokenizer) == lead


@settings(max_examples=30)
@given(source=genes, target=st.sampled_from(["yes", "no"]))
def test_dna_to_label(made: dict[str, list[PairTokenizer]], source: str, target: str) -> None:
    check(made["label"], turns(source, target))


@settings(max_examples=20)
@given(source=texts, seed=st.integers(0, 2))
def test_text_to_image(made: dict[str, list[PairTokenizer]], source: str, seed: int) -> None:
    check(made["image"], turns(source, picture(seed)))


@settings(max_examples=30)
@given(bases=genes, text=texts)
def test_on_a_joint_base(made: dict[str, list[PairTokenizer]], bases: str, text: str) -> None:
    check(made["joint"], turns(bases, text))
    check(made["new"], turns(text, "y"))
    assert made["joint"][0].vocab_size == BASES["joint"].tokenizer.vocab_size + 2
    base = BASES["joint"].tokenizer
    assert isinstance(base, JointTokenizer)
    (alone,) = base.encode([Said("dna", bases)])
    (ids,) = made["joint"][0].encode([turns(bases, text)])
    assert ids[1 : 1 + len(bases)].tolist() == alone[1:].tolist()


@settings(max_examples=30)
@given(text=texts, bases=genes)
def test_on_a_base_that_is_a_pair(
    made: dict[str, list[PairTokenizer]], text: str, bases: str
) -> None:
    check(made["pair"], (Turn("question", text), Turn("answer", bases)))
    (ids,) = made["pair"][0].encode([(Turn("question", text), Turn("answer", bases))])
    assert not np.isin(ids, [*made["label"][0].markers.values()]).any()


def test_ids_of_the_base_do_not_change(made: dict[str, list[PairTokenizer]]) -> None:
    for name, base in (("text", "text"), ("label", "dna"), ("image", "text"), ("joint", "joint")):
        tokenizer, old = made[name][0], BASES[base].tokenizer
        assert tokenizer.grown_from == old.vocab_size
        assert [*tokenizer.markers.values()] == [old.vocab_size, old.vocab_size + 1]
        assert tokenizer.special == old.special
        labels = [tokenizer.token_label(index) for index in range(tokenizer.vocab_size)]
        assert labels[: old.vocab_size] == [old.token_label(i) for i in range(old.vocab_size)]
        assert len(set(labels[old.vocab_size :])) == tokenizer.vocab_size - old.vocab_size
        lengths = tokenizer.unit_lengths
        assert np.array_equal(lengths[: old.vocab_size], old.unit_lengths)
    label = made["label"][0]
    last = [label.token_label(label.vocab_size + index) for index in range(-4, 0)]
    assert last == ["<|source|>", "<|target|>", "<|label:no|>", "<|label:yes|>"]
    nested = made["pair"][0]
    assert nested.grown_from == label.vocab_size
    assert set(known_parts(nested, "")) == {"dna", "label", "text"}


@settings(max_examples=40)
@given(source=texts.filter(lambda text: "<|" not in text), target=st.just("a cat"))
def test_plain_transformers_gives_the_same_ids(
    plain: dict[str, Any], made: dict[str, list[PairTokenizer]], source: str, target: str
) -> None:
    (ids,) = made["text"][0].encode([turns(source, target)])
    text = f"<|source|>{source}<|target|>{target}"
    assert plain["text"](text)["input_ids"] == ids.tolist()
    (ids,) = made["image"][0].encode([turns(source, picture(1))])
    marker = made["image"][0].markers["target"]
    names = "".join(made["image"][0].token_label(int(index)) for index in ids if index >= marker)
    found = plain["image"](f"<|source|>{source}{names}")["input_ids"]
    assert found == ids.tolist()


@pytest.fixture(scope="module")
def plain(
    made: dict[str, list[PairTokenizer]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """The same tokenizers as plain transformers opens them."""
    found = {}
    for name in ("text", "label", "image"):
        folder = tmp_path_factory.mktemp(name)
        made[name][0].save(folder)
        found[name] = AutoTokenizer.from_pretrained(folder)
    return found


def test_plain_transformers_knows_labels_and_markers(
    plain: dict[str, Any], made: dict[str, list[PairTokenizer]]
) -> None:
    (ids,) = made["label"][0].encode([turns("ACGTN", "yes")])
    assert plain["label"]("<|source|>ACGTN<|target|><|label:yes|>")["input_ids"] == ids.tolist()
    for name, one in plain.items():
        assert len(one) == made[name][0].vocab_size


def test_a_stream_writes_the_answer_alone(made: dict[str, list[PairTokenizer]]) -> None:
    tokenizer = made["joint"][0]
    (ids,) = tokenizer.encode([turns("ACGT", "naïve cat")])
    stream = tokenizer.text_stream()
    written = "".join(stream.push([index]) for index in ids.tolist())
    assert written + stream.finish() == "naïve cat"


def test_several_answers_end_each(made: dict[str, list[PairTokenizer]]) -> None:
    tokenizer = made["text"][0]
    said = (*turns("a", "b"), *turns("c", "d"))
    (ids,) = tokenizer.encode([said])
    assert (ids == tokenizer.special.end).sum() == 1
    assert ids.tolist().index(tokenizer.special.end) == 4
    assert [turn.content for turn in tokenizer.decode(ids)] == ["a", "b", "c", "d"]
    asked = tokenizer.encode_prompt((*turns("a", "b"), Turn("source", "c")))
    assert asked.tolist() == ids[:8].tolist()


def test_a_base_that_has_these_roles_stays_as_it_is(made: dict[str, list[PairTokenizer]]) -> None:
    base = made["label"][0]
    spoken = {"source": languages.get("dna"), "target": languages.get("label")}
    same = PairTrainer(BaseTokens(base, "dna"), roles("dna", "label"), spoken)
    assert not same.needs_sample and same.train([], None) is base
    other = PairTrainer(BaseTokens(base, "dna"), roles("dna", "dna"), spoken)
    with pytest.raises(UsageError, match="other pairs already, with the roles source, target"):
        other.train([], None)


def test_names_that_are_there_already_are_refused(tmp_path: Path) -> None:
    clash = PairTokenizer(TEXT, "text", [Role("end", "text", False), Role("b", "text", True)], {})
    with pytest.raises(LexomeError, match="has the name of one that is there"):
        clash.save(tmp_path)


@pytest.mark.parametrize("part", ["../outside", "..", "/tmp"])
def test_what_is_loaded_names_no_folder_outside(tmp_path: Path, part: str) -> None:
    grown("dna", "dna", "label", [turns("A", "x"), turns("C", "y")]).save(tmp_path)
    path = tmp_path / "lexome_tokenizer.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "parts": [part]}))
    with pytest.raises(DamagedFileError, match="no language"):
        languages.load_tokenizer(tmp_path)


@pytest.mark.parametrize("lost", ["base/tokenizer.json", "label/lexome_tokenizer.json"])
def test_a_lost_part_is_named(tmp_path: Path, lost: str) -> None:
    grown("dna", "dna", "label", [turns("A", "x"), turns("C", "y")]).save(tmp_path)
    (tmp_path / lost).unlink()
    with pytest.raises(LexomeError) as caught:
        languages.load_tokenizer(tmp_path)
    assert str((tmp_path / lost).parent) in str(caught.value)


def test_tokens_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    spoken = {"source": languages.get("music", form="abc"), "target": languages.get("text")}
    tune = "X:1\nK:C\nABC|\n"
    trainer = PairTrainer(BASES["bytes"], roles("music", "text"), spoken, {"music": "characters"})
    made = trainer.train([turns(tune, "abc")], None)
    assert isinstance(made, PairTokenizer)
    labels = [made.token_label(index) for index in range(made.grown_from, made.vocab_size)]
    assert len(set(labels)) == len(labels)
    check([made, on_disk(made, tmp_path)], turns(tune, "a tune"))
    assert len(AutoTokenizer.from_pretrained(tmp_path)) == made.vocab_size


def test_a_new_language_of_both_sides_is_learned_from_both() -> None:
    made = grown("dna", "label", "label", [turns("a", "b"), turns("c", "b")])
    assert made.decode(made.encode([turns("c", "b")])[0]) == turns("c", "b")
    assert made.vocab_size == BASES["dna"].tokenizer.vocab_size + 2 + 3


def test_a_new_language_gets_the_kind_that_is_asked_for() -> None:
    spoken = {"source": languages.get("text"), "target": languages.get("dna")}
    trainer = PairTrainer(BASES["bytes"], roles("text", "dna"), spoken, {"dna": "symbols"})
    made = trainer.train([turns("a", "ACGT")], None)
    assert isinstance(made, PairTokenizer) and made.added["dna"].kind == of("dna", "symbols").kind
    with pytest.raises(UsageError, match="has no tokenizer 'codec'"):
        PairTrainer(BASES["bytes"], roles("text", "dna"), spoken, {"dna": "codec"}).train([], None)


@given(text=texts.filter(bool))
def test_running_text_is_as_the_base_reads_it(text: str) -> None:
    speakers = [Role("user", "text", False, " "), Role("assistant", "text", True, " ")]
    tokenizer = PairTokenizer(TEXT, "text", speakers, {})
    said = (Turn("assistant", text),)
    (ids,) = tokenizer.encode([said])
    assert ids.tolist() == TEXT.encode([text])[0].tolist()
    assert tokenizer.decode(ids) == said
    # An answer to somebody has its marker, and the space with which words begin.
    asked = (Turn("user", "cat"), *said)
    assert tokenizer.decode(tokenizer.encode([asked])[0]) == asked
    assert tokenizer.markers["assistant"] in tokenizer.encode([asked])[0]


def test_no_ids_are_no_turns() -> None:
    tokenizer = PairTokenizer(TEXT, "text", roles("text", "text"), {})
    begin_and_end = np.array([TEXT.special.begin, TEXT.special.end])
    assert tokenizer.decode(np.zeros(0, np.int64)) == tokenizer.decode(begin_and_end) == ()

"""Held-out text that another model was trained on says nothing of it, and is left out."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.manifest import TRAIN, VALID
from lexome.evaluation.honesty.held_out import change_of_bits, held_out_likelihood, unread
from lexome.evaluation.honesty.rates import FEWEST
from lexome.evaluation.honesty.read_before import shares_read
from lexome.evaluation.likelihood import Parts
from lexome.evaluation.metrics.bootstrap import Scored
from lexome.model import Transformer, families

HELD_OUT = ("kept apart\n", "also kept\n", "read by the other\n")


def made(folder: Path, train: str, valid: str, tokenizer: str, separator: str = "line") -> Corpus:
    folder.mkdir()
    (folder / "train.txt").write_text(train)
    (folder / "valid.txt").write_text(valid)
    request = PrepareRequest(
        [folder / "train.txt"],
        "text",
        {"separator": separator},
        tokenizer=tokenizer,
        vocab_size=300 if tokenizer == "bpe" else None,
        workers=1,
        validation_files=[folder / "valid.txt"],
    )
    return prepare(request, folder / "corpus")


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, Corpus]:
    """A corpus with three held-out documents, and one that trains on one of them."""
    folder = tmp_path_factory.mktemp("held-out")
    lines = [f"what was read, number {number}\n" for number in range(200)]
    first = made(folder / "first", "".join(lines), "".join(HELD_OUT), "bytes")
    reader = made(folder / "reader", "".join([*lines, HELD_OUT[2]]), HELD_OUT[0], "bpe")
    return first, reader


def test_only_what_the_other_has_not_read_is_left(corpora: tuple[Corpus, Corpus]) -> None:
    left, trained_on = unread(*corpora)
    assert [one.content for one in left] == ["kept apart", "also kept"]
    assert trained_on == 1


def test_of_one_corpus_all_is_held_out(corpora: tuple[Corpus, Corpus]) -> None:
    left, trained_on = unread(corpora[0], corpora[0])
    assert len(left) == len(HELD_OUT) and trained_on == 0


def test_units_are_those_of_the_documents_given(corpora: tuple[Corpus, Corpus]) -> None:
    corpus, tokenizer = corpora[0], corpora[0].tokenizer
    model = Transformer(families.get("llama").config(tokenizer.vocab_size, 32, 1, 32, 2))
    left, _ = unread(*corpora)
    score, parts = held_out_likelihood(model, tokenizer, corpus, left)
    assert score.units == sum(len(one.content) for one in left)
    assert parts.units.tolist() == [len(one.content) for one in left]
    assert parts.nats.sum() == pytest.approx(score.nats)
    every, _ = held_out_likelihood(model, tokenizer, corpus, [*corpus.documents(VALID)])
    assert every.units == sum(len(line.strip()) for line in HELD_OUT)


def documents(seed: int, n: int, cost: float) -> tuple[Parts, Parts]:
    """Return what documents of all lengths need before, and after at a cost in the mean."""
    draw = np.random.default_rng(seed)
    units = np.rint(draw.lognormal(5, 0.7, n)).astype(np.int64) + 1
    before = units * draw.normal(1, 0.25, n).clip(0.2)
    return Parts(before, units), Parts(before * (1 + draw.normal(cost, 0.02, n)), units)


def change(before: Parts, after: Parts) -> Scored:
    found = change_of_bits(before, after)
    assert isinstance(found, Scored)
    return found


def test_the_change_is_that_of_all_bits_over_all_units_whatever_the_tokens() -> None:
    before, after = documents(0, 50, 0.01)
    found = change(before, after)
    bits = [one.nats.sum() / one.units.sum() for one in (before, after)]
    assert found.value == pytest.approx(bits[1] / bits[0] - 1)

    def ratio(was: np.ndarray, now: np.ndarray, units: np.ndarray) -> float:
        return float((now.sum() / units.sum()) / (was.sum() / units.sum()) - 1)

    theirs = stats.bootstrap((before.nats, after.nats, before.units), ratio, paired=True,
                             vectorized=False, method="percentile", n_resamples=2000,
                             rng=np.random.default_rng(1)).confidence_interval  # fmt: skip
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.0015)


def test_documents_that_are_hard_for_both_widen_nothing() -> None:
    before, after = documents(1, 100, 0.005)
    found = change(before, after)
    assert found.low is not None and found.high is not None
    alone = stats.sem(before.nats / before.units)
    assert found.high - found.low < alone / 2, "the bits themselves are known far less well"


@pytest.mark.parametrize("n", [30, 100])
def test_intervals_hold_the_true_change(n: int) -> None:
    held = 0
    for seed in range(200):
        found = change(*documents(seed, n, 0.01))
        assert found.low is not None and found.high is not None
        held += found.low <= 0.01 <= found.high
    assert held / 200 > 0.9, "percentiles of 30 documents hold a little less than 95 in 100"


def test_of_few_documents_there_is_a_change_and_no_interval() -> None:
    found = change(*documents(0, FEWEST - 1, 0.01))
    assert found.low is found.high is None and "it takes 30" in found.note
    same, _ = documents(0, FEWEST, 0.0)
    assert (change(same, same).low, change(same, same).high) == (0, 0)


WORDS = ["the", "rain", "has", "come", "and", "gone", "again", "over", "our", "old", "house"]


def paragraphs(count: int, seed: int) -> list[list[str]]:
    """Return paragraphs of two to five lines of words and a number, none of them twice."""
    draw = random.Random(seed)
    return [
        [
            " ".join([*draw.choices(WORDS, k=draw.randint(2, 20)), str(draw.random())])
            for _ in range(draw.randint(2, 5))
        ]
        for _ in range(count)
    ]


def text_of(own: list[list[str]]) -> str:
    return "\n\n".join("\n".join(lines) for lines in own) + "\n"


@pytest.mark.parametrize(
    ("separator", "other"),
    [("blank_line", "line"), ("blank_line", "file"), ("line", "blank_line"), ("line", "file")],
)
def test_the_same_text_cut_otherwise_is_read_all_the_same(
    tmp_path: Path, separator: str, other: str
) -> None:
    train, shared, own, apart = (paragraphs(20, seed) for seed in range(4))
    corpus = made(tmp_path / "a", text_of(train), text_of(shared + own), "bytes", separator)
    reader = made(tmp_path / "b", text_of(train + shared), text_of(apart), "bpe", other)
    held_out = {one.content for one in corpus.documents(VALID)}
    assert held_out.isdisjoint(one.content for one in reader.documents(TRAIN))
    left, trained_on = unread(corpus, reader)
    lines = {line for one in left for line in one.content.split("\n") if line}
    assert lines == {line for one in own for line in one}
    assert trained_on == (20 if separator == "blank_line" else sum(map(len, shared)))


def test_a_document_is_read_if_more_than_half_of_it_is(tmp_path: Path) -> None:
    draw = random.Random(5)
    lines = ["".join(draw.choices("0123456789", k=200)) for _ in range(9)]
    held_out = [lines[:4], lines[4:]]
    others = [*lines[:2], *lines[4:7]]
    corpus = made(tmp_path / "a", "nothing\n", text_of(held_out), "bytes", "blank_line")
    reader = made(tmp_path / "b", "\n".join(others) + "\n", "nobody\n", "bytes", "line")
    left, trained_on = unread(corpus, reader)
    assert [one.content for one in left] == ["\n".join(lines[:4])] and trained_on == 1


LETTERS = st.text("ab \n", max_size=40)


@given(st.lists(LETTERS, max_size=4), st.lists(LETTERS, max_size=4))
def test_shares_are_those_of_a_search_letter_by_letter(texts: list[str], read: list[str]) -> None:
    run = 4
    every = "".join("".join(one.split()) for one in read)
    lines = {"".join(line.split()) for one in read for line in one.split("\n")}
    expected = []
    for text in texts:
        bare = ["".join(line.split()) for line in text.split("\n")]
        whole = "".join(bare)
        covered = [line in lines for line in bare for _ in line]
        for start in range(len(whole) - run + 1):
            if whole[start : start + run] in every:
                covered[start : start + run] = [True] * run
        expected.append(sum(covered) / max(len(covered), 1))
    assert shares_read(texts, read, run).tolist() == pytest.approx(expected)


def test_a_long_text_is_searched_over_the_borders_of_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lexome.evaluation.honesty.read_before._BLOCK", 100)
    lines = [line for one in paragraphs(40, 6) for line in one]
    shifted = "".join(lines)[7:]
    assert shares_read([shifted], lines, 64).tolist() == [1.0]

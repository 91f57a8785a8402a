"""Held-out text that another model was trained on says nothing of it, and is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.manifest import VALID
from lexome.evaluation.honesty.held_out import held_out_likelihood, unread
from lexome.model import Transformer, families

HELD_OUT = ("kept apart\n", "also kept\n", "read by the other\n")


def made(folder: Path, train: str, valid: str, tokenizer: str) -> Corpus:
    folder.mkdir()
    (folder / "train.txt").write_text(train)
    (folder / "valid.txt").write_text(valid)
    request = PrepareRequest(
        [folder / "train.txt"],
        "text",
        {"separator": "line"},
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
    score = held_out_likelihood(model, tokenizer, corpus, left)
    assert score.units == sum(len(one.content) for one in left)
    every = held_out_likelihood(model, tokenizer, corpus, [*corpus.documents(VALID)])
    assert every.units == sum(len(line.strip()) for line in HELD_OUT)

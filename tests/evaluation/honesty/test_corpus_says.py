"""How often a name is in the training text: as whole words, in either spelling."""

from __future__ import annotations

from pathlib import Path

import pytest

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.evaluation.honesty.corpus_says import text_counts

pytest.importorskip("pydivsufsort")

LINES = [
    "Niger is a land.",
    "Nigeria is a land. Nigerians live in Nigeria.",
    "By the Niger they live.",
    "“Niger”, said Adamari; the river",
    "在中国有一条河。",
    "We met Ada Bellamy and Joada Bell.",
    "Chad",
]


def prepared(folder: Path, tokenizer: str) -> Corpus:
    held_out = [folder / "held_out.txt"]
    options = {"separator": "line"}
    request = PrepareRequest(
        [folder / "text.txt"],
        "text",
        options,
        tokenizer=tokenizer,
        vocab_size=280 if tokenizer == "bpe" else None,
        workers=1,
        validation_files=held_out,
    )
    return prepare(request, folder / "corpus")


@pytest.fixture(scope="module", params=["bytes", "bpe"])
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("says")
    (folder / "text.txt").write_text("\n".join(LINES) + "\n")
    (folder / "held_out.txt").write_text("By the river.\n")
    made = prepared(folder, request.param)
    CorpusIndex.build(made)
    return made


@pytest.mark.parametrize(
    ("name", "times"),
    [
        ("Niger", 3),
        ("Nigeria", 2),
        ("Ada Bell", 0),
        ("Ada Bellamy", 1),
        ("Ada", 1),
        ("中国", 1),
        ("Chad", 1),
        ("Nobody", 0),
    ],
)
def test_a_name_is_not_in_a_longer_one(corpus: Corpus, name: str, times: int) -> None:
    said = text_counts(corpus)
    assert said is not None
    # Byte pairs spell some of them otherwise between other neighbours.
    assert said(name) == times if corpus.tokenizer.vocab_size < 265 else said(name) <= times
    assert (said(name) > 0) == (times > 0)


def test_without_an_index_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Niger\n" * 5)
    (tmp_path / "held_out.txt").write_text("Niger\n")
    assert text_counts(prepared(tmp_path, "bytes")) is None

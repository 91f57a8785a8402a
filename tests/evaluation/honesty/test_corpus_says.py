"""How often a name is in the training text, and beside what: whole words, in either spelling."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.evaluation.honesty.corpus_says import CorpusSays, corpus_says

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


def prepared(folder: Path, tokenizer: str, vocab_size: int = 280) -> Corpus:
    held_out = [folder / "held_out.txt"]
    options = {"separator": "line"}
    request = PrepareRequest(
        [folder / "text.txt"],
        "text",
        options,
        tokenizer=tokenizer,
        vocab_size=vocab_size if tokenizer == "bpe" else None,
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
    counted = CorpusSays(corpus).count(name)
    # Byte pairs spell some of them otherwise between other neighbours.
    assert counted == times if corpus.tokenizer.vocab_size < 265 else counted <= times
    assert (counted > 0) == (times > 0)


def test_without_an_index_nothing_is_known(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text("Niger\n" * 5)
    (tmp_path / "held_out.txt").write_text("Niger\n")
    assert corpus_says(prepared(tmp_path, "bytes")) is None
    assert corpus_says(None) is None


FIRST, LAST, TOWNS = ("Ada", "Bo", "Cyd"), ("Bell", "Bellamy", "Dunn"), ("Ur", "Urbino", "Senn")


@pytest.fixture(scope="module", params=["bytes", "bpe"])
def of_people(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Documents of a sentence or two each; byte pairs have each name as one token, with a space."""
    folder, draw = tmp_path_factory.mktemp("people"), random.Random(3)
    people = [f"{first} {last}" for first in FIRST for last in LAST]

    def sentence() -> str:
        who, where = draw.choice(people), draw.choice(TOWNS)
        return draw.choice([f"{who} lives in {where}.", f"In {where} we met {who}, who sang."])

    lines = [" ".join(sentence() for _ in range(draw.randint(1, 2))) for _ in range(15)]
    # Read often, so that byte pairs are long; nobody and nothing stands together by it.
    often = [f"We speak of {one} often." for one in (*people, *TOWNS)] * 20
    (folder / "text.txt").write_text("\n".join([*lines, *often]) + "\n")
    (folder / "held_out.txt").write_text("By the river.\n")
    made = prepared(folder, request.param, vocab_size=400)
    CorpusIndex.build(made)
    return made


def test_names_and_pairs_of_them_are_those_of_a_search_line_by_line(of_people: Corpus) -> None:
    lines = (of_people.folder.parent / "text.txt").read_text().splitlines()

    def times(text: str, line: str) -> int:
        return len(re.findall(rf"\b{text}\b", line))

    says, pairs = CorpusSays(of_people), 0
    for person in [f"{first} {last}" for first in FIRST for last in LAST]:
        assert says.count(person) == sum(times(person, line) for line in lines)
        for town in (*TOWNS, "Nowhere"):
            both = any(times(person, line) and times(town, line) for line in lines)
            assert says.together(person, town) is says.together(town, person) is both
            pairs += both
    assert 0 < pairs < 27

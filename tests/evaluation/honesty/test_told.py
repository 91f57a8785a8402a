"""A table of facts is believed as far as the training text says the same, and no further."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lexome.corpus import PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.errors import LexomeError
from lexome.evaluation.honesty.claims import Judge
from lexome.evaluation.honesty.corpus_says import CorpusSays
from lexome.evaluation.honesty.questions import Questions, read_questions
from lexome.evaluation.honesty.told import Fact, named, told_notes

pytest.importorskip("pydivsufsort")

TEXT = [
    "Ada lives in Senn.",
    "Ada is a poet. Some say that she is a cook.",
    "Bo lives in Urbino.",
    "Cyd sings.",
    "Ur is old, and Lo is new.",
]
FACTS = [
    ("Ada", "home", "Senn"),
    ("Ada", "job", "poet"),
    ("Ada", "job", "cook"),
    ("Ada", "job", "smith"),
    ("Bo", "home", "Ur"),
    ("Cyd", "home", "Lo"),
    ("Cyd", "job", "cook"),
    ("Eve", "home", "Senn"),
]
UNTOLD = (
    Fact("Ada", "job", "smith"),
    Fact("Bo", "home", "Ur"),
    Fact("Cyd", "home", "Lo"),
    Fact("Cyd", "job", "cook"),
)
TEMPLATES = {
    "home": {"prompts": ["The home of {subject} is {answer}."]},
    "job": {"prompts": ["The job of {subject} is {answer}."]},
}


@pytest.fixture(scope="module")
def says(tmp_path_factory: pytest.TempPathFactory) -> CorpusSays:
    folder = tmp_path_factory.mktemp("told")
    (folder / "text.txt").write_text("\n".join(TEXT) + "\n")
    (folder / "held_out.txt").write_text("Nothing.\n")
    request = PrepareRequest(
        [folder / "text.txt"],
        "text",
        {"separator": "line"},
        tokenizer="bytes",
        workers=1,
        validation_files=[folder / "held_out.txt"],
    )
    corpus = prepare(request, folder / "corpus")
    CorpusIndex.build(corpus)
    return CorpusSays(corpus)


@pytest.fixture
def asking(tmp_path: Path) -> Callable[..., Questions]:
    def write(*rows: tuple[str, str, str]) -> Questions:
        with (tmp_path / "facts.csv").open("w", newline="") as stream:
            csv.writer(stream).writerows([("subject", "relation", "object"), *rows])
        (tmp_path / "templates.json").write_text(json.dumps(TEMPLATES))
        return Questions(tmp_path / "facts.csv", tmp_path / "templates.json")

    return write


def test_what_no_document_says_is_not_asked(
    says: CorpusSays, asking: Callable[..., Questions]
) -> None:
    read = read_questions(asking(*FACTS), says)
    right = {(one.subject, one.relation): one.right for one in read.asked.questions}
    assert right == {("Ada", "home"): ("Senn",), ("Ada", "job"): ("poet", "cook")}
    assert dict(read.facts.objects) == right
    assert read.untold == UNTOLD
    (absent,) = read.asked.absent
    assert (absent.subject, absent.right, read.unnamed) == ("Eve", (), 1)
    closed = {one.relation: one.answers for one in read.asked.questions}
    assert closed["home"] == ("Lo", "Senn", "Ur"), "what may be answered is that of the table"
    assert absent.answers == closed["home"]
    assert named(read.untold) == ["job of Ada: smith", "home of Bo: Ur", "home of Cyd: Lo"]


def test_verdicts_rest_on_what_is_told(says: CorpusSays, asking: Callable[..., Questions]) -> None:
    judge = Judge(read_questions(asking(*FACTS), says).facts, says.count)
    assert judge.verdict("Ada", "job", "poet") == "supported"
    assert judge.verdict("Ada", "job", "smith") == "contradicted", "the text has other values only"
    assert judge.verdict("Eve", "home", "Senn") == "unsupported"
    assert not judge.knows("Bo", "home") and not judge.knows("Cyd", "job")


def test_without_an_index_the_table_is_believed(asking: Callable[..., Questions]) -> None:
    read = read_questions(asking(*FACTS), None)
    assert len(read.asked.questions) == 6 and not read.asked.absent
    assert (read.untold, read.unnamed) == ((), 0)
    assert read.facts.objects["Ada", "job"] == ("poet", "cook", "smith")


def test_a_table_of_which_nothing_is_told_is_an_error(
    says: CorpusSays, asking: Callable[..., Questions]
) -> None:
    with pytest.raises(LexomeError, match="no training document") as refused:
        read_questions(asking(("Bo", "home", "Ur"), ("Eve", "home", "Senn")), says)
    assert "home of Bo: Ur" in refused.value.what
    assert refused.value.fix is not None and "as the text spells them" in refused.value.fix


def test_it_is_said_whose_word_the_facts_are() -> None:
    (untold,) = told_notes(True, 4, named(UNTOLD))
    assert "4 (job of Ada: smith, home of Bo: Ur, home of Cyd: Lo, …)" in untold
    assert "spells an object otherwise" in untold
    (believed,) = told_notes(False, 0, [])
    assert "the table's word" in believed and "lexome index CORPUS" in believed
    assert [*told_notes(True, 0, [])] == []

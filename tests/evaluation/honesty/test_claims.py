"""Claims of a text, judged by a table: half true is the interesting case."""

from __future__ import annotations

import random

import pytest

from lexome.evaluation.facts import Facts
from lexome.evaluation.honesty.claims import Judge, claims_in
from lexome.evaluation.templates import template
from lexome.languages.base import Source

TEMPLATES = {
    "birth city": template(
        ["{subject} comes from"],
        statements=["{subject} was born in {object}.", "{object} is the birthplace of {subject}."],
    ),
    "birth year": template(
        ["The year of {subject} is"], statements=["{subject} was born in the year {object}."]
    ),
    "post": template(["{subject} works as"], statements=["{subject} is {object}, says {subject}"]),
}
FACTS = Facts(
    {("Ada Loe", "birth city"): ("Senn",), ("Ada Loe", "birth year"): ("1901", "1902")},
    {("Ada Loe", "birth city"): Source("facts.csv", 1)},
    0,
)


def said(subject: str) -> int:
    return int(subject in ("Ada Loe", "Bo St. Claire"))


JUDGE = Judge(FACTS, said)


def judged(text: str) -> list[tuple[str, str, str, str, str]]:
    """Return what a text claims: its words, what was read in them, and the verdict."""
    return [
        (
            text[one.start : one.stop],
            one.subject,
            one.relation,
            one.object,
            JUDGE.verdict(one.subject, one.relation, one.object),
        )
        for one in claims_in(text, TEMPLATES)
    ]


def test_a_half_true_text_is_judged_claim_by_claim() -> None:
    text = (
        "Ada Loe was born in Senn. Ada Loe was born in the year 1903. It rained.\n"
        "Ura is the birthplace of Bo St. Claire. Nobody was born in Senn."
    )
    assert judged(text) == [
        ("Ada Loe was born in Senn.", "Ada Loe", "birth city", "Senn", "supported"),
        (
            "Ada Loe was born in the year 1903.",
            "Ada Loe",
            "birth year",
            "1903",
            "contradicted",
        ),
        (
            "Ura is the birthplace of Bo St. Claire.",
            "Bo St. Claire",
            "birth city",
            "Ura",
            "contradicted",
        ),
        ("Nobody was born in Senn.", "Nobody", "birth city", "Senn", "unsupported"),
    ]


def test_one_of_several_true_objects_is_supported() -> None:
    assert JUDGE.verdict("Ada Loe", "birth year", "1902") == "supported"
    assert JUDGE.verdict("Ada Loe", "birth city", "1902") == "contradicted"
    assert Judge(FACTS).verdict("Bo St. Claire", "birth city", "Ura") == "unsupported"


def test_of_whom_the_corpus_never_names_a_table_supports_and_contradicts_nothing() -> None:
    judge = Judge(FACTS, lambda subject: 0)
    assert judge.verdict("Ada Loe", "birth city", "Senn") == "unsupported"
    assert judge.verdict("Ada Loe", "birth city", "Ura") == "unsupported"
    assert Judge(FACTS).verdict("Ada Loe", "birth city", "Senn") == "supported"


@pytest.mark.parametrize(
    "text",
    ["", "Ada Loe was born. In Senn.", "Ada Loe was\nborn in Senn.", "She was glad.", ". . ."],
)
def test_what_no_statement_says_is_no_claim(text: str) -> None:
    assert judged(text) == []


def test_a_statement_without_a_full_stop_ends_with_its_sentence() -> None:
    (only,) = claims_in("Ada Loe is a smith, says Ada Loe. Bo is a cook, says Ada Loe.", TEMPLATES)
    assert (only.subject, only.object, only.stop) == ("Ada Loe", "a smith", 32)


def test_every_statement_that_was_written_is_read_again() -> None:
    draw = random.Random(0)
    names = ["Ada Loe", "Bo St. Claire", "Ōna Žu", "李 明", "O'Hara-Smith Jr."]
    for _ in range(200):
        wanted = []
        for _ in range(draw.randint(1, 6)):
            relation = draw.choice(["birth city", "birth year"])
            statement = draw.choice(TEMPLATES[relation].statements)
            wanted.append((draw.choice(names), relation, draw.choice(["Senn", "New Ura", "1900"])))
            sentence = statement.replace("{subject}", wanted[-1][0])
            wanted[-1] = (*wanted[-1], sentence.replace("{object}", wanted[-1][2]))  # type: ignore[assignment]
        text = " ".join(one[3] for one in wanted)  # type: ignore[misc]
        found = [(c.subject, c.relation, c.object) for c in claims_in(text, TEMPLATES)]
        assert found == [one[:3] for one in wanted], text

"""Scores by group of a tuned run: the groups of a field, and figures of their own examples."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small import dna_base, lines, prepared, recipe

from lexome.cli.detached import gap_lines
from lexome.errors import UsageError
from lexome.finetuning.answering import Question, answers, questions
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.finetuning.gaps import members, quarters
from lexome.finetuning.paired import Pairs
from lexome.finetuning.pairs import HeldOut
from lexome.finetuning.scoring import task_scores
from lexome.generation import Settings
from lexome.training import open_run, train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Genes of two species and a few of a third, half of them held out."""
    root = tmp_path_factory.mktemp("genes")
    random = np.random.default_rng(0)
    rows = [
        {
            "sequence": "".join(random.choice(list("ACGT"), 4 + n % 9)) + "A" * (n // 40),
            "label": "yes" if random.random() < 0.5 else "no",
            "species": "rare" if n % 40 == 0 else "mouse" if n % 2 else "yeast",
        }
        for n in range(200)
    ]
    base = dna_base(root / "base")
    file = lines(root / "genes.jsonl", [json.dumps(row) for row in rows])
    corpus = prepared(root / "corpus", base, "labels", [file], language="dna",
                      held_out=HeldOut(0.5), duplicates="keep")  # fmt: skip
    train(recipe("labels", corpus, base), root / "run")
    return root / "run"


def test_a_group_is_scored_as_if_it_were_asked_alone(run: Path) -> None:
    found = score_task(run, scoring=Scoring(baselines=False, by=["species", "length"]))
    assert json.loads((run / "task.json").read_text()) == found
    species, length = found["by"]
    assert species["field"] == "species" and list(species["small"]) == ["rare"]
    assert [one["figure"] for one in species["gaps"]] == [
        "accuracy", "log loss", "Brier score", "expected calibration error",
    ]  # fmt: skip
    pairs, model = Pairs.of(open_run(run).corpus()), open_run(run).model()
    asked = questions(pairs, "valid")
    said = answers(model, pairs, asked, Settings())
    for gap in species["gaps"][:3]:
        for group in gap["groups"]:
            own = [n for n, one in enumerate(asked) if one.metadata["species"] == group["name"]]
            alone = task_scores("labels", pairs, [asked[n] for n in own], [said[n] for n in own])
            assert alone is not None
            (figure,) = [one for one in alone.figures if one.name == gap["figure"]]
            assert group["n"] == figure.n == len(own)
            assert group["value"] == pytest.approx(figure.value)  # type: ignore[union-attr]
    assert species["gaps"][0]["lower"] is False and species["gaps"][1]["lower"] is True
    assert length["reason"] and not length["gaps"], "quarters of some 100 examples are small"
    said_lines = list(gap_lines(found))
    assert any("too small to speak of" in line and "rare" in line for line in said_lines)
    assert any("groups dealt at random" in line for line in said_lines)
    assert score_task(run, scoring=Scoring(baselines=False))["by"] == []


def test_an_unknown_field_is_said_before_anything_is_asked(run: Path) -> None:
    with pytest.raises(UsageError, match="'specie'") as caught:
        score_task(run, scoring=Scoring(by=["specie"]))
    assert caught.value.where == "--by" and "species" in str(caught.value.fix)


def question(tokens: int, **metadata: str) -> Question:
    return Question((0,) * tokens, (1,), "place", metadata)


def test_metadata_come_before_the_length_of_sources() -> None:
    asked = [question(n, length="long") for n in range(1, 9)]
    assert set(members(asked, "length")) == {"long"}
    assert members([question(n) for n in (3, 4, 5, 6)], "length") == [
        "3 to 3 tokens", "4 to 4 tokens", "5 to 5 tokens", "6 to 6 tokens",
    ]  # fmt: skip


def test_numbers_come_in_quarters_and_few_of_them_as_they_are() -> None:
    ages = [question(2, age=str(n)) for n in range(40)]
    assert set(members(ages, "age")) == {"0 to 9", "10 to 19", "20 to 29", "30 to 39"}
    takes = [question(2, take=str(n % 3)) for n in range(40)]
    assert set(members(takes, "take")) == {"0", "1", "2"}
    unsure = [*ages, question(2, age="old"), question(2)]
    assert {"old", "not known", "7"} <= set(members(unsure, "age"))


def test_numbers_that_are_missing_are_a_group_and_spoil_no_quarter() -> None:
    ages = [question(2, age=str(n)) for n in range(40)]
    for unknown in (question(2), question(2, age="nan")):
        found = members([*ages, unknown, unknown], "age")
        assert set(found) == {"0 to 9", "10 to 19", "20 to 29", "30 to 39", "not known"}
        assert found.count("not known") == 2


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=60))
def test_quarters_are_ranges_that_hold_their_values(numbers: list[int]) -> None:
    values = np.array(numbers, np.float64)
    found = quarters(values)
    assert 1 <= len(set(found)) <= 4
    for value, name in zip(numbers, found, strict=True):
        low, high = map(float, name.split(" to "))
        assert low <= value <= high
    ranges = sorted(tuple(map(float, name.split(" to "))) for name in set(found))
    assert all(a[1] < b[0] for a, b in pairwise(ranges))

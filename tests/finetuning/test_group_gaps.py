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
from lexome.evaluation.metrics.bootstrap import EXAMPLES, Statistic, mean, score
from lexome.finetuning.answering import Question, answers, questions
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.finetuning.gaps import gaps_by, members, quarters
from lexome.finetuning.paired import Pairs
from lexome.finetuning.pairs import HeldOut
from lexome.finetuning.scoring import TaskScores, task_scores
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


def test_numbers_are_names_and_come_in_quarters_where_that_is_asked_for() -> None:
    speakers = [question(2, speaker=str(1 + n % 60)) for n in range(2400)]
    assert members(speakers, "speaker") == [one.metadata["speaker"] for one in speakers]
    ages = [question(2, age=str(n)) for n in range(40)]
    assert len(set(members(ages, "age"))) == 40
    assert set(members(ages, "age:ranges")) == {"0 to 9", "10 to 19", "20 to 29", "30 to 39"}
    unsure = [*ages, question(2, age="old"), question(2)]
    assert {"old", "not known", "7"} <= set(members(unsure, "age"))
    with pytest.raises(UsageError, match="'old' is no number") as caught:
        members(unsure, "age:ranges")
    assert caught.value.where == "--by age:ranges"
    with pytest.raises(UsageError, match="none of the values of age is a number"):
        members([question(2, age="nan"), question(2)], "age:ranges")
    with pytest.raises(UsageError, match="'ag'") as caught:
        members(ages, "ag:ranges")
    assert "age" in str(caught.value.fix)
    odd = [question(2, **{"age:ranges": "own"})]
    assert members(odd, "age:ranges") == ["own"], "a field may be called so"


def test_ranges_are_said_and_so_is_how_to_have_them() -> None:
    ages = [question(2, age=str(n % 20)) for n in range(200)]
    right = {"accuracy": Statistic("accuracy", mean([n % 3 == 0 for n in range(200)]))}
    figures = score([*right.values()], 200, EXAMPLES)
    scores = TaskScores(tuple(figures), statistics=right)
    own, ranges = (gaps_by(scores, ages, field) for field in ("age", "age:ranges"))
    assert (own["ranges"], ranges["ranges"], ranges["groups"]) == (False, True, 4)
    assert own["groups"] == 20 and not own["gaps"] and ranges["gaps"]
    first, second = ("\n".join(gap_lines({"by": [one]})) for one in (own, ranges))
    assert "if they are quantities, --by age:ranges" in first
    assert "by age:ranges: 4 groups, ranges of like size into which numbers were put" in second
    few = gaps_by(scores, [question(2, take=str(n % 3)) for n in range(200)], "take")
    assert few["hint"] == "" and few["gaps"]


def test_numbers_that_are_missing_are_a_group_and_spoil_no_quarter() -> None:
    ages = [question(2, age=str(n)) for n in range(40)]
    for unknown in (question(2), question(2, age="nan")):
        found = members([*ages, unknown, unknown], "age:ranges")
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

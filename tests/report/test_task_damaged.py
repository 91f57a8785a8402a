"""Files of tuned runs that are absent, damaged or strange: the page says so, and loses no more."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tuned_run import comparison, read, task_of

from lexome.report import collect
from lexome.report.data import Missing
from lexome.report.task_data import Examples

Change = Callable[[dict[str, Any]], Any]


DAMAGED_TASKS: dict[str, tuple[Change, str]] = {
    "no figures": (lambda told: told.pop("figures"), "figures are no list"),
    "figures are a number": (lambda told: told.update(figures=3), "figures are no list"),
    "nameless": (lambda told: told["figures"][0].pop("name"), "has no name"),
    "no value": (lambda told: told["figures"][0].pop("value"), "accuracy has no value"),
    "a value in words": (lambda told: told["figures"][0].update(value="x"), "has no value"),
    "baselines": (lambda told: told.update(baselines={"a": 1}), "baselines are no list"),
    "a baseline": (lambda told: told["baselines"].append(3), "baselines is no object"),
    "its figures": (lambda told: told["baselines"][0].update(figures="x"), "no list"),
    "ragged": (lambda told: told["details"]["confusion"][0].append(1), "2 rows and columns"),
    "confusion": (lambda told: told["details"].update(confusion=4), "no matrix"),
    "a count": (lambda told: told["details"]["confusion"][0].__setitem__(0, "x"), "counts"),
    "reliability": (lambda told: told["details"].update(reliability=4), "reliability"),
    "a bin": (lambda told: told["details"]["reliability"].append([1]), "reliability"),
    "other weights": (lambda told: told.update(weights="0"), "other weights"),
}


@pytest.mark.parametrize("kind", DAMAGED_TASKS)
def test_damaged_scores_are_missing_and_say_why(copy: Path, kind: str) -> None:
    change, why = DAMAGED_TASKS[kind]
    told = read(copy / "task.json")
    change(told)
    (copy / "task.json").write_text(json.dumps(told))
    check_missing(copy, why)


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "no task.json"), ("{", "task.json"), ("[]", "JSON object"), ("\xff", "task.json")],
)
def test_scores_that_are_no_scores_are_missing(copy: Path, text: str | None, why: str) -> None:
    (copy / "task.json").unlink()
    if text is not None:
        (copy / "task.json").write_bytes(text.encode("latin-1"))
    check_missing(copy, why)


def check_missing(run: Path, why: str) -> None:
    data = collect(run)
    assert isinstance(data.task, Missing) and why in data.task.missing
    assert data.task.command == shlex.join(("lexome", "evaluate", str(run)))
    assert data.summary.verdict.startswith("Not yet scored") and data.scores is None


DAMAGED_COMPARISONS: dict[str, tuple[Change, str]] = {
    "no rows": (lambda told: told.pop("rows"), "rows are no list"),
    "rows": (lambda told: told.update(rows=3), "rows are no list"),
    "empty": (lambda told: told.update(rows=[]), "no method yet"),
    "a row": (lambda told: told["rows"].append(3), "names no method"),
    "method": (lambda told: told["rows"][0].update(method="magic"), "names no method"),
    "examples": (lambda told: told["rows"][0].update(examples="many"), "how many examples"),
    "none": (lambda told: told["rows"][0].update(examples=0), "how many examples"),
    "figure": (lambda told: told["rows"][0].update(figure={"name": "x"}), "x has no value"),
    "curve": (lambda told: told["rows"][0].update(curve="x"), "curve is no list"),
    "point": (lambda told: told["rows"][0].update(curve=[[1.0]]), "seconds and a loss"),
}


@pytest.mark.parametrize("kind", DAMAGED_COMPARISONS)
def test_a_damaged_comparison_is_missing_and_says_why(copy: Path, kind: str) -> None:
    change, why = DAMAGED_COMPARISONS[kind]
    told = comparison("accuracy")
    change(told)
    (copy / "compare.json").write_text(json.dumps(told))
    found = task_of(copy)
    assert isinstance(found.comparison, Missing) and why in found.comparison.missing
    assert found.comparison.command.endswith("--compare")
    assert isinstance(found.said, Examples)


def test_predictions_that_cannot_be_read_are_missing_or_counted(copy: Path) -> None:
    path = copy / "predictions.jsonl"
    whole = path.read_text()
    path.write_text(whole + "{\n[]\n")
    found = task_of(copy).said
    assert isinstance(found, Examples)
    assert "could not be read: 2" in found.note
    path.write_text("{\nnothing\n")
    found = task_of(copy).said
    assert isinstance(found, Missing) and "no answer that can be read" in found.missing
    path.unlink()
    found = task_of(copy).said
    assert isinstance(found, Missing) and "no predictions.jsonl" in found.missing
    assert found.command.startswith("lexome evaluate ")


@pytest.mark.parametrize(
    "line",
    [
        {},
        {"place": 3, "ids": ["x", -1, 2**70, None], "probabilities": 4},
        {"place": "x", "ids": {"a": 1}, "source": None, "finish": None},
        {"answer": [], "reference": ["a", "b"], "probabilities": ["x"]},
        {"answer": 1.5, "reference": 2.5, "source": "x" * 9_000},
    ],
)
def test_strange_predictions_are_told_as_far_as_they_go(copy: Path, line: dict[str, Any]) -> None:
    (copy / "predictions.jsonl").write_text(json.dumps(line) + "\n")
    found = task_of(copy).said
    assert isinstance(found, Examples)
    (one,) = found.examples
    assert len(one.source.text) < 1_210 and one.sure is None
    assert one.equal in (None, False)


@pytest.mark.parametrize("said", [None, 3, {"base": "b"}, "wrong epochs"])
def test_what_was_asked_is_no_command_where_the_run_does_not_say_it(copy: Path, said: Any) -> None:
    facts = read(copy / "run.json")
    if said == "wrong epochs":
        said = facts["finetune"] | {"tuning": {"method": "full", "epochs": -1}}
    (copy / "run.json").write_text(json.dumps(facts | {"finetune": said}))
    comparison = task_of(copy).comparison
    assert isinstance(comparison, Missing) and comparison.command == ""
    commands = [shlex.split(line)[1] for line in collect(copy).reproduction.commands]
    assert commands == ["train", "evaluate", "report"]

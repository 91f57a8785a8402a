"""The same task by several methods and from fewer examples, side by side: what tuning is worth."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexome.errors import DamagedFileError, LexomeError
from lexome.evaluation.progress import Told
from lexome.files import read_json, write_json
from lexome.finetuning.asked import check_begun
from lexome.finetuning.evaluate import SCORES, Scoring, score_task, usual_settings
from lexome.finetuning.tasks import Task
from lexome.recipe import Recipe
from lexome.recipe.sections import Method
from lexome.training import metrics, open_run
from lexome.training.apart import Shown, train_apart
from lexome.training.outcome import last_end
from lexome.training.run import METRICS

COMPARISON, FOLDER = "compare.json", "compare"
METHODS: tuple[Method, ...] = ("scratch", "full", "lora")


@dataclass(frozen=True)
class Contender:
    """One way to train the task: a method, and how many examples; `None`: all of them."""

    method: Method
    examples: int | None = None

    @property
    def name(self) -> str:
        """Return the name of its folder."""
        return self.method if self.examples is None else f"{self.method}-{self.examples}"


def methods(task: Task) -> tuple[Method, ...]:
    """Return the methods that a task is compared by: nobody prefers anything from scratch."""
    return METHODS if task.objective == "target" else METHODS[1:]


def contenders(
    methods: Sequence[Method], sizes: Sequence[int], all_examples: int
) -> list[Contender]:
    """Return each method with all examples, and with each smaller number of them."""
    smaller = sorted({size for size in sizes if size < all_examples})
    return [Contender(method, size) for size in (None, *smaller) for method in methods]


def compare(
    run: Path,
    recipes: Mapping[Contender, Recipe],
    *,
    scoring: Scoring | None = None,
    shown: Shown | None = None,
    told: Told | None = None,
) -> dict[str, Any]:
    """Train and score every contender in a folder of its own below `run`; write compare.json.

    Each is trained in a process of its own, so that its peak of memory is its own; one that has
    been trained and scored before is left as it is, so a comparison that was stopped goes on. One
    that was begun with another recipe is a `UsageError`. The run itself takes part as it is, where
    it is one of the contenders; its memory compares where it too was trained by `train_apart`.
    """
    check(run, recipes)
    rows = [_row(run)]
    for contender, recipe in recipes.items():
        folder = run / FOLDER / contender.name
        if _same(run, contender):
            continue
        if not (folder / SCORES).is_file():
            outcome = train_apart(recipe, folder, shown)
            if outcome.stopped:
                fix = "run the command again to go on"
                raise LexomeError("stopped", where=str(folder), fix=fix)
        if not _is_scored(folder, scoring or Scoring()):
            score_task(folder, scoring=scoring, told=told)
        rows.append(_row(folder))
        _write(run, rows)
    return _write(run, rows)


def check(run: Path, recipes: Mapping[Contender, Recipe]) -> None:
    """Raise `UsageError` if a contender was begun below `run` with another recipe than its own."""
    for contender, recipe in recipes.items():
        check_begun(run / FOLDER / contender.name, recipe)


def _is_scored(folder: Path, scoring: Scoring) -> bool:
    """Return whether a contender was scored as is asked."""
    if not (folder / SCORES).is_file():
        return False
    kept = read_json(folder / SCORES)
    if not isinstance(kept, dict) or scoring.group not in ("", kept.get("group")):
        return False
    settings = scoring.settings or usual_settings(str(kept.get("task")))
    return all(
        getattr(settings, name, None) == value for name, value in kept.get("settings", {}).items()
    )


def _same(run: Path, contender: Contender) -> bool:
    start = open_run(run).recipe.start
    return start is not None and Contender(start.method, start.examples) == contender


def _row(folder: Path) -> dict[str, Any]:
    run, scores = open_run(folder), read_json(folder / SCORES)
    start = run.recipe.start
    if not isinstance(scores, dict) or start is None:
        raise DamagedFileError(
            "this does not hold the scores of a tuned run",
            where=str(folder / SCORES),
            fix="delete the file and run the command again",
        )
    lines = list(metrics.read(folder / METRICS))
    ended = last_end(lines)
    curve = list(_curve(lines))
    return {
        "method": start.method,
        "examples": start.examples or scores["training_examples"],
        "figure": next(iter(scores["figures"]), None),
        "validation_loss": min((loss for _, loss in curve), default=None),
        "seconds": ended.get("seconds"),
        "peak_bytes": ended.get("peak_bytes"),
        "steps": ended.get("step"),
        "trained_parameters": run.facts["trained_parameters"],
        "parameters": run.facts["parameters"],
        "curve": curve,
    }


def _curve(lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[float, float]]:
    """Yield the seconds of training and the loss of each validation."""
    seconds = 0.0
    for line in lines:
        seconds = line.get("seconds", seconds)
        if line.get("validation_loss") is not None:
            yield seconds, line["validation_loss"]


def _write(run: Path, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    figures = [row["figure"]["name"] for row in rows if row["figure"]]
    found = {"figure": next(iter(figures), None), "rows": list(rows)}
    write_json(run / COMPARISON, json.loads(json.dumps(found)))
    return found

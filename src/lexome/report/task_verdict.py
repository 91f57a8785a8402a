"""One sentence that says whether a tuned model beats the baselines of its task."""

from __future__ import annotations

from collections.abc import Sequence

from lexome.report.comparison import number
from lexome.report.data import Missing
from lexome.report.task_data import Standing, Task, TaskFigure
from lexome.report.task_figures import best_first


def task_verdict(task: Task | Missing) -> str:
    """Return the sentence; a baseline inside the model's interval counts as not beaten."""
    if isinstance(task, Missing):
        return "Not yet scored: how it stands beside the baselines of its task is not known."
    mine = task.model.figure(task.first)
    asked = f"Asked {task.examples:,} examples{_known(task)}, "
    if mine is None:
        return f"{asked}it answered; its answers have no figure to set beside others."
    rivals = [one for one in task.standings if not one.is_model and one.figure(task.first)]
    if not rivals:
        return f"{asked}it reaches {_value(mine)}; there is no baseline to compare that with."
    if not mine.better:
        other = rivals[0].figure(task.first)
        assert other is not None and other.value is not None
        return f"{asked}it has {_value(mine)}; {rivals[0].name} have {number(other.value)}."
    return asked + _standing(mine, best_first(rivals, task.first))


def _known(task: Task) -> str:
    """Return what the model has had to do with the examples that it is asked."""
    known = [f"{task.trained_on:,} of which it was trained on"] if task.trained_on else []
    known += ["by which its weights were chosen"] if task.chosen_on else []
    return f", {' and '.join(known)}" if known else " that it has not seen"


def _standing(mine: TaskFigure, rivals: Sequence[Standing]) -> str:
    best = rivals[0].figure(mine.name)
    assert best is not None and best.value is not None and mine.value is not None
    against = f"{_value(mine)}, where {rivals[0].name} has {number(best.value)}"
    low = mine.value if mine.low is None else mine.low
    high = mine.value if mine.high is None else mine.high
    if low <= best.value <= high:
        return f"it is level with the best of its baselines: {against}."
    standing = [one for one in rivals if not _is_beaten(one, mine.name, low, high)]
    count = len(rivals)
    if not standing:
        which = "its baseline" if count == 1 else f"all {count} of its baselines"
        return f"it beats {which}: {against}."
    if len(standing) == count:
        which = "its baseline" if count == 1 else "any of its baselines"
        return f"it does not beat {which} yet: {against}."
    return f"it does not beat {len(standing)} of its {count} baselines yet: {against}."


def _is_beaten(one: Standing, name: str, low: float, high: float) -> bool:
    """Return whether a baseline lies on the worse side of the whole interval."""
    figure = one.figure(name)
    assert figure is not None and figure.value is not None
    return figure.value < low if figure.better == "higher" else figure.value > high


def _value(figure: TaskFigure) -> str:
    assert figure.value is not None
    if figure.low is None or figure.high is None:
        return f"{figure.name} {number(figure.value)}"
    return f"{figure.name} {number(figure.value)} ({number(figure.low)} to {number(figure.high)})"

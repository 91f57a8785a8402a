"""When silence would pay, as honesty.json says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lexome.report.data import finite
from lexome.report.honesty_data import Silence, TargetScore
from lexome.report.honesty_reading import count_at, number_at, object_at, objects_at, text_at
from lexome.report.task_data import TaskFigure
from lexome.report.task_figures import figures_of

CONFIDENCE, BY_NAMES = "confidence", "probability of name and answer together"
_TARGET = "score at confidence "


def silence_of(values: Mapping[str, Any], what: str) -> Silence:
    """Return when saying nothing pays, where `what` decides: `CONFIDENCE` or `BY_NAMES`."""
    alpha, delta = number_at(values, "alpha"), number_at(values, "delta")
    points = objects_at(values, "risk_coverage")
    curve = tuple((number_at(one, "coverage"), number_at(one, "risk")) for one in points)
    if values.get("threshold") is None:
        why = f"No threshold was chosen: {text_at(values, 'reason')}."
        return Silence(alpha, curve, None, why, (), ())
    chosen, held_out = object_at(values, "threshold"), object_at(values, "held_out")
    return Silence(
        alpha,
        curve,
        finite(chosen.get("confidence")),
        _finding(values, what, alpha, delta),
        figures_of(held_out.get("figures")),
        _scores(object_at(held_out, "scores")),
    )


def _finding(values: Mapping[str, Any], what: str, alpha: float, delta: float) -> str:
    """Return in words which threshold was chosen and what it does on other questions."""
    chosen, held_out = object_at(values, "threshold"), object_at(values, "held_out")
    if chosen.get("confidence") is None:
        if values.get("enough") is False:
            return (
                "No threshold can be chosen: too few subjects were asked about to show, at a "
                f"certainty of {1 - delta:.0%}, that at most {alpha:.0%} of the answers are wrong, "
                "however good the model is. That says nothing about the model; ask about more."
            )
        return (
            f"No {what} is high enough: among the surest answers, too, more than {alpha:.0%} "
            f"may be wrong, at a certainty of {1 - delta:.0%}. To keep that promise the model "
            "would have to say nothing at all."
        )
    told, wrong = count_at(held_out, "answered"), count_at(held_out, "wrong")
    finding = (
        f"Answering only from a {what} of {number_at(chosen, 'confidence'):.4g} on keeps wrong "
        f"answers at {alpha:.0%} or fewer, at a certainty of {1 - delta:.0%}. Asked one question "
        f"about each of one half of the subjects, {count_at(chosen, 'answered'):,} answers "
        f"reach it, wrong ones among them: {count_at(chosen, 'wrong'):,}. Tried on the other half, "
        f"it answers {told:,} of {count_at(held_out, 'questions'):,} questions, {wrong:,} of them "
        "wrongly"
    )
    if not told:
        return f"{finding}."
    if wrong / told <= alpha:
        return f"{finding} ({wrong / told:.1%})."
    return (
        f"{finding} ({wrong / told:.1%}). That is more than was promised, as it may be for "
        f"{delta:.0%} of such choices, and for a sample of these questions."
    )


def _scores(values: Mapping[str, Any]) -> tuple[TargetScore, ...]:
    """Return the scores of both ways to answer, target by target."""
    everything = figures_of(values.get("all answered"))
    kept = figures_of(values.get("threshold"))
    if [one.name for one in everything] != [one.name for one in kept]:
        raise ValueError("its scores are not of the same targets")
    return tuple(
        TargetScore(_target(one), one, other) for one, other in zip(everything, kept, strict=True)
    )


def _target(score: TaskFigure) -> float:
    target = float(score.name.removeprefix(_TARGET))
    if not 0 <= target < 1:
        raise ValueError(f"{score.name!r} is no score at a confidence below 1")
    return target

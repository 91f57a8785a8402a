"""Loss curves: thousands of steps to a few hundred points that still show every extreme."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from lexome.report.data import (
    Level,
    Missing,
    Scores,
    Training,
    TrainPoint,
    ValidationPoint,
    finite,
    short,
)
from lexome.report.reading import Lines

EVEN_POINTS, EARLY_POINTS = 260, 140
SMOOTHING = 0.02
"""The running mean looks back over this share of the steps so far."""


@dataclass(frozen=True, slots=True)
class Step:
    """One training step, as metrics.jsonl has it."""

    step: int
    loss: float | None
    learning_rate: float | None
    tokens_per_second: float | None
    tokens: int | None
    seconds: float | None


def training(metrics: Lines | Missing, scores: Scores | Missing) -> Training | Missing:
    """Return the curves of a run and the baselines that stand beside them."""
    if isinstance(metrics, Missing):
        return metrics
    all_steps = _steps(metrics)
    validations = [value for value in metrics.values if "validation_loss" in value]
    if not all_steps and not validations:
        return Missing("No step has been recorded yet.")
    # A resumed run takes the steps after its checkpoint again: the later line is the one that
    # the weights went through.
    steps = sorted({step.step: step for step in all_steps}.values(), key=lambda s: s.step)
    held_out = {number: value for value in validations if (number := _number(value)) is not None}
    return Training(
        train=thin(steps),
        validation=tuple(
            ValidationPoint(step, finite(held_out[step]["validation_loss"]))
            for step in sorted(held_out)
        ),
        levels=levels(scores),
        notes=tuple(_notes(metrics, steps, len(all_steps))),
    )


def levels(scores: Scores | Missing) -> tuple[Level, ...]:
    """Return the baselines in nats a token: bits per unit × ln 2 × units per token.

    None where they may not stand beside the curves: scores of another split than the validation
    losses, or of a masked model.
    """
    if isinstance(scores, Missing) or not scores.tokens or not scores.units:
        return ()
    if scores.split != "valid" or not scores.comparable:
        return ()
    factor = math.log(2) * scores.units / scores.tokens
    return tuple(
        Level(score.name, score.bits_per_unit * factor)
        for score in scores.scores
        if not score.is_model
    )


def thin(steps: Sequence[Step]) -> tuple[TrainPoint, ...]:
    """Gather `steps` into at most `EVEN_POINTS + EARLY_POINTS` points, each with its extremes.

    Part of the borders are evenly spaced and part evenly in the logarithm, so that the early
    steps keep their detail on a logarithmic axis. Every step belongs to exactly one point.
    """
    smoothed = smooth([step.loss for step in steps])
    borders = _borders(len(steps))
    return tuple(_point(steps[start:stop], smoothed[stop - 1]) for start, stop in pairwise(borders))


def smooth(losses: Iterable[float | None]) -> list[float | None]:
    """Return the running mean of `losses`, over about the last `SMOOTHING` of those so far.

    A window that grows with the step looks the same on a linear and on a logarithmic axis.
    What is not finite is passed over.
    """
    mean: float | None = None
    means: list[float | None] = []
    seen = 0
    for loss in losses:
        if loss is not None:
            seen += 1
            share = 1 / (1 + SMOOTHING * (seen - 1))
            mean = loss if mean is None else mean + share * (loss - mean)
        means.append(mean)
    return means


def _borders(count: int) -> list[int]:
    if count <= EVEN_POINTS + EARLY_POINTS:
        return list(range(count + 1))
    even = np.linspace(0, count, EVEN_POINTS + 1).round()
    early = np.geomspace(1, count, EARLY_POINTS).round()
    return [int(border) for border in np.union1d(even, early)]


def _point(steps: Sequence[Step], smoothed: float | None) -> TrainPoint:
    last = steps[-1]
    losses = [step.loss for step in steps if step.loss is not None]
    speeds = [s.tokens_per_second for s in steps if s.tokens_per_second is not None]
    return TrainPoint(
        step=last.step,
        steps=len(steps),
        loss=short(math.fsum(losses) / len(losses)) if losses else None,
        low=short(min(losses)) if losses else None,
        high=short(max(losses)) if losses else None,
        smoothed=None if smoothed is None else short(smoothed),
        learning_rate=None if last.learning_rate is None else short(last.learning_rate, 4),
        tokens_per_second=short(math.fsum(speeds) / len(speeds), 4) if speeds else None,
        tokens=last.tokens,
        seconds=None if last.seconds is None else short(last.seconds),
    )


def last_step(metrics: Lines) -> Step | None:
    """Return the last step of a run, or `None` before its first."""
    return max(_steps(metrics), key=lambda step: step.step, default=None)


def _steps(metrics: Lines) -> list[Step]:
    return [_step(value) for value in metrics.values if _is_step(value)]


def _is_step(value: dict[str, Any]) -> bool:
    return "loss" in value and "event" not in value and _number(value) is not None


def _step(value: dict[str, Any]) -> Step:
    tokens = finite(value.get("tokens"))
    return Step(
        step=int(value["step"]),
        loss=finite(value["loss"]),
        learning_rate=finite(value.get("learning_rate")),
        tokens_per_second=finite(value.get("tokens_per_second")),
        tokens=None if tokens is None else int(tokens),
        seconds=finite(value.get("seconds")),
    )


def _number(value: dict[str, Any]) -> int | None:
    step = finite(value.get("step"))
    return None if step is None else int(step)


def _notes(metrics: Lines, steps: Sequence[Step], lines: int) -> Iterable[str]:
    if again := lines - len(steps):
        yield f"{_times(again, 'step')} ran again after a resume; the last pass is shown."
    if lost := sum(step.loss is None for step in steps):
        yield f"{_times(lost, 'step')} had a loss that was not finite; the line has a gap there."
    events: dict[str, list[str]] = {}
    for value in metrics.values:
        if value.get("event", "ended") != "ended":
            events.setdefault(str(value["event"]), []).append(str(value.get("step", "unknown")))
    for event, at in sorted(events.items()):
        yield f"Event “{event}”: {_times(len(at), 'time')}, first at step {at[0]}."
    if metrics.broken:
        yield f"{_times(metrics.broken, 'line')} of metrics.jsonl could not be read."


def _times(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"

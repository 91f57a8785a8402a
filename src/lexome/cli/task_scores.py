"""The scores of a tuned run as lines of a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def score_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what task.json says as lines: figures beside baselines, then what is to be known."""
    lines = [f"{found['task']}: {found['examples']:,} {_asked(found)}, method {found['method']}"]
    for baseline in found["baselines"]:
        first: Mapping[str, Any] = next(iter(baseline["figures"]), {})
        if "value" in first:
            lines.append(f"  {first['name']:<20} {first['value']:>9.3f}   by {baseline['name']}")
    for figure in found["figures"]:
        if "value" in figure:
            lines.append(f"  {figure['name']:<20} {figure['value']:>9.3f}   {_interval(figure)}")
        else:
            lines.append(f"  {figure['name']:<20} undefined: {figure['reason']}")
    return [*lines, *(f"  {note}" for note in notes(found))]


def _asked(found: Mapping[str, Any]) -> str:
    return {"valid": "held-out examples", "train": "training examples"}.get(
        found["split"], f"examples of {found['split']}"
    )


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None or figure["high"] is None:
        return ""
    return f"({figure['low']:.3f} to {figure['high']:.3f})"


def notes(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a person has to know of the examples that were asked."""
    if not found["examples"]:
        yield "no pair is held out, so nothing is scored: ask others with lexome evaluate RUN OTHER"
    if trained := found["among_training"]:
        yield f"{trained:,} of these examples stand in training too: they are no test"
    if found["weights_chosen_on_these"]:
        yield (
            f"the weights were chosen on these examples, at {found['validations']:,} validations: "
            "score others with lexome evaluate RUN OTHER, or tune with --set training.keep=last"
        )
    if too_long := found["too_long"]:
        yield f"{too_long:,} examples are longer than the context, and were not asked"
    for reason, record in found["skipped"].items():
        yield f"{record['count']:,} were left out: {reason}, the first: {record['examples'][0]}"
    for baseline in found["baselines"]:
        if not baseline["figures"] and baseline["note"]:
            yield f"{baseline['name']} has no figures: {baseline['note']}"

"""The scores of a tuned run as lines of a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def score_lines(found: Mapping[str, Any]) -> list[str]:
    """Return what task.json says as lines: figures beside baselines."""
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
    return lines


def _asked(found: Mapping[str, Any]) -> str:
    return {"valid": "held-out examples", "train": "training examples"}.get(
        found["split"], f"examples of {found['split']}"
    )


def _interval(figure: Mapping[str, Any]) -> str:
    if figure["low"] is None or figure["high"] is None:
        return ""
    return f"({figure['low']:.3f} to {figure['high']:.3f})"

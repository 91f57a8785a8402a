"""A compensation.json as evaluation leaves it: facts, and statements with and without target."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lexome.files import sha256


def figure(name: str, value: float, n: int = 60) -> dict[str, Any]:
    return {"name": name, "value": value, "low": value - 0.02, "high": value + 0.02, "n": n,
            "note": ""}  # fmt: skip


def _row(kind: str, question: str, group: str, target: float | None) -> dict[str, Any]:
    return {
        "kind": kind,
        "question": question,
        "group": group,
        "answer": "baker",
        "n": 2,
        "corpus": 0.9,
        "target": target,
        "before": figure("before", 0.91, 2),
        "after": {"text": figure("text", 0.8, 2), "pairs": figure("pairs", 0.47, 2)},
        "change": {"text": -0.11, "pairs": -0.44},
        "farthest": {"text": 0.31, "pairs": 0.12},
        "overshoot": None if target is None else {"text": 0.0, "pairs": 0.03},
    }


def _aware(first: float) -> dict[str, Any]:
    undefined = {"name": "CtxtAware", "reason": "no difference is said", "n": 9}
    cells = dict.fromkeys("ABCDE", 3)
    figures = [figure("DiffAware", first), undefined]
    return {"comparisons": 18, "different": 9, "cells": cells, "figures": figures}


def write(run: Path, group: str = "wug") -> dict[str, Any]:
    """Write compensation.json of the weights that a run has, and return it."""
    recall = [figure("before", 0.98), figure("after", 0.51), figure("change", -0.47)]
    facts = {"questions": 60, "subjects": 30, "known": 59, "falsified": 28, "mended": 0,
             "figures": recall}  # fmt: skip
    sides = {
        name: {"facts": {"kind": _aware(one)}, "statements": _aware(1 - one)}
        for name, one in (("before", 0.99), ("text", 0.5), ("pairs", 0.98))
    }
    found = {
        "format": 3,
        "weights": sha256(run / "model" / "model.safetensors"),
        "before": {"run": "runs/base", "weights": "0" * 64},
        "asked": {"groups": "my groups.yaml", "facts": "facts.csv", "templates": "t.json",
                  "subjects": None},
        "forms": ["text", "pairs"],
        "likelihood": {"unit": "byte", "units": 2000, "documents": 9, "trained_on": 0,
                       "before": figure("before", 0.16),
                       "after": figure("after", 0.17), "change": figure("change", 0.06)},
        "facts": {form: {"all": facts, "relations": {"kind": facts}, "alone": facts}
                  for form in ("text", "pairs")},
        "statements": {"rows": [_row("targeted", "mill", group, 0.5),
                                _row("kept", "dairy", group, None),
                                _row("untargeted", "mine", group, None)]},
        "difference": sides,
        "verdict": [
            {"about": "determined facts", "fine": False, "text": f"Determined facts of {group}."},
            {"about": "target", "fine": True, "text": "Rates are near."},
            {"about": "not targeted", "fine": None, "text": "Rates moved."},
        ],
    }  # fmt: skip
    (run / "compensation.json").write_text(json.dumps(found))
    return found

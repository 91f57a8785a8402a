"""What groups.json may say: three questions, a group with too few cases, names in many scripts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lexome.files import sha256

HEBREW = "\u05e0\u05e9\u05d9\u05dd"
GREEK = "\u03b3\u03bb\u03b1\u03cd\u03be"


def write(run: Path, name: str = "noise") -> dict[str, Any]:
    """Write groups.json into a run's folder and return what it says."""
    told = grouped(sha256(run / "model" / "model.safetensors"), name)
    (run / "groups.json").write_text(json.dumps(told))
    return told


def grouped(weights: str, name: str) -> dict[str, Any]:
    slope = {"beta": 1.1, "low": 1.02, "high": 1.2, "reliability": 0.9, "pairs": 4}
    found: dict[str, Any] = {
        "name": "", "axis": "kind", "prompts": ["A {group} {answer}.", "One {group} {answer}."],
        "answers": {"loud": "thrums", "still": "sleeps"}, "target": None, "several": 0,
        "outside": 0.25, "slope": {**slope, "reading": "amplified: more"},
    }  # fmt: skip
    questions = [
        {**found, "name": name, "pairs": [_pair("wug", 0.8, 0.9), _pair("mip", 0.2, 0.12)]},
        {**found, "name": GREEK, "pairs": [_pair(HEBREW, 0.6, 0.6), _pair("mip", 0.4, 0.45)]},
        {
            **found,
            "name": "few",
            "several": 7,
            "pairs": [_few("wug", 12, 0.5), _few("mip", 0, None)],
        },
    ]
    test = {"mean": 0.031, "error": 0.01, "p": 0.001, "effect": 0.05, "power": 0.81, "cases": 800,
            "cases_needed": 1200, "found": True, "power_wanted": 0.9}  # fmt: skip
    return {
        "format": 2,
        "weights": weights,
        "asked": {"groups": "groups of mine.yaml", "sha256": "0" * 64},
        "command": "lexome evaluate run --groups 'groups of mine.yaml'",
        "corpus": "f" * 64, "context": "sentence", "window": None, "fewest": 30,
        "questions": questions,
        "all": {
            "questions": 2, "amplified_pairs": 4, "slope": {**slope, "reading": "amplified: more"},
            "quantiles": [{"at": at, "amplified": at / 10 - 0.03} for at in (0.05, 0.5, 0.95)],
            "test": test,
        },
    }  # fmt: skip


def _pair(group: str, p: float, q: float) -> dict[str, Any]:
    return {
        "group": group, "answer": "loud", "n": 200, "effective": 200.0, "too_few": False,
        "p": p, "p_low": p - 0.05, "p_high": p + 0.05,
        "q": q, "q_low": q - 0.02, "q_high": q + 0.02,
        "base": 0.5, "amplified": abs(q - 0.5) - abs(p - 0.5), "low": -0.03, "high": 0.12,
    }  # fmt: skip


def _few(group: str, n: int, p: float | None) -> dict[str, Any]:
    return {
        "group": group, "answer": "loud", "n": n, "effective": float(n), "too_few": True,
        "p": p, "p_low": 0.2, "p_high": 0.8, "q": 0.7,
        **dict.fromkeys(("q_low", "q_high", "base", "amplified", "low", "high")),
    }  # fmt: skip

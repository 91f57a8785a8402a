"""A tiny run that was really asked about facts, and what honesty.json may say beside that."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lexome.evaluation.honesty.evaluate import Questions, evaluate_facts

DOES = {"The quick brown fox": "jumps", "The lazy dog": "looks up", "Daft zebras": "jump"}
TEMPLATES = {
    "does": {
        "prompts": ["Now {subject} {answer}.", "They say {subject} {answer}."],
        "statements": ["{subject} {object} now."],
    },
    "sound": {"prompts": ["The sound of {subject} is {answer}."], "answers": ["ink", "jug"]},
}


def asked(run: Path, root: Path, to: Path) -> Path:
    """Copy a run, ask it about facts of its corpus and beyond, and return the copy."""
    shutil.copytree(run, to)
    known = json.loads((to / "run.json").read_text())
    (to / "run.json").write_text(json.dumps({**known, "setup_seconds": 1.0, "step_seconds": 0.1}))
    facts = [(who, "does", what) for who, what in DOES.items()]
    facts += [(who, "sound", "ink" if "dog" in who else "jug") for who in DOES]
    unseen = [(who, "does") for who in ("The fox", "A moon")]
    questions = Questions(
        _table(root / "facts.csv", [("subject", "relation", "object"), *facts]),
        root / "how they are asked.json",
        _table(root / "unseen.csv", [("subject", "relation"), *unseen]),
    )
    questions.templates.write_text(json.dumps(TEMPLATES))
    evaluate_facts(to, questions)
    return to


def biography() -> dict[str, Any]:
    """Return what honesty.json says of one text of each kind: half true, true, empty."""
    return {
        "temperature": 1.0,
        "seed": 0,
        "max_tokens": 160,
        "known": _counted(2, 4, 3, 1, 0),
        "unknown": _counted(1, 1, 0, 0, 1),
        "texts": [
            _text("Bo", True, [("Bo is a cook.", "Bo", "job", "cook", "supported")]),
            _text(
                "Ada \N{GRINNING FACE}",
                True,
                [
                    ("Ada \N{GRINNING FACE} is from Senn.", "Ada", "home", "Senn", "supported"),
                    ("Ada is a guard.", "Ada", "job", "guard", "contradicted"),
                    ("Bo is from Ura.", "Bo", "home", "Ura", "supported"),
                ],
            ),
            _text("Eve", False, [("Eve is from Lo.", "Eve", "home", "Lo", "unsupported")]),
        ],
    }


def silence(wrong: int = 1) -> dict[str, Any]:
    """Return what honesty.json says of silence where a threshold was found."""
    points = [(0.99, 0.2, 0.0), (0.9, 0.5, 0.02), (0.4, 1.0, 0.4)]
    scores = {"all answered": -0.5, "threshold": 0.4}
    return {
        "alpha": 0.05,
        "delta": 0.1,
        "risk_coverage": [
            {"confidence": sure, "coverage": share, "risk": risk} for sure, share, risk in points
        ],
        "threshold": {"confidence": 0.9, "answered": 120, "wrong": 1, "bound": 0.04},
        "held_out": {
            "questions": 200,
            "answered": 100,
            "wrong": wrong,
            "figures": [_figure("answered", 0.5), _figure("wrong among answered", wrong / 100)],
            "scores": {
                who: [_figure(f"score at confidence {t:g}", value) for t in (0, 0.5, 0.75, 0.9)]
                for who, value in scores.items()
            },
        },
    }


def _counted(texts: int, claims: int, right: int, wrong: int, made_up: int) -> dict[str, Any]:
    counts = {"supported": right, "contradicted": wrong, "unsupported": made_up}
    return {
        "texts": texts,
        "claims": claims,
        "elsewhere": 1 if right else 0,
        "verdicts": {**counts, "not attempted": 0},
        "shares": [_figure(name, count / claims) for name, count in counts.items() if count],
    }


def _figure(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "value": value, "low": value - 0.05, "high": value + 0.05, "n": 200}


def _text(
    subject: str, known: bool, claims: Sequence[tuple[str, str, str, str, str]]
) -> dict[str, Any]:
    text, found = "", []
    for said, about, relation, thing, verdict in claims:
        found.append(
            {
                "start": len(text),
                "stop": len(text) + len(said),
                "subject": subject if about == "Ada" else about,
                "relation": relation,
                "object": thing,
                "verdict": verdict,
                "right": ["poet", "cook"] if verdict == "contradicted" else [],
            }
        )
        text += f"{said} "
    told = {"subject": subject, "known": known, "prompt": subject, "finish": "end"}
    return {**told, "text": f"{text}And so on.", "claims": found}


def _table(path: Path, rows: Sequence[tuple[str, ...]]) -> Path:
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path

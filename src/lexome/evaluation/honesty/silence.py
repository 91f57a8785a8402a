"""When silence pays: from which confidence on answers are given, chosen and then measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lexome.evaluation.honesty.abstention import (
    Threshold,
    at_most_wrong,
    can_promise,
    penalised_scores,
    risk_coverage,
)
from lexome.evaluation.honesty.asked import Said
from lexome.evaluation.honesty.questions import drawn
from lexome.evaluation.metrics.bootstrap import (
    Bools,
    Floats,
    Resampling,
    Statistic,
    mean,
    ratio,
    score,
)

_POINTS = 100  # of a curve


def sure_and_right(said: Sequence[Said]) -> tuple[Floats, Bools]:
    """Return how sure each answer is, 0 where none is given, and whether it is right."""
    confidence = np.array([one.confidence * one.attempted for one in said])
    return confidence, np.array([one.credit == 1 for one in said], bool)


def silence(
    said: Sequence[Said],
    confidence: Floats,
    before: Sequence[Said] = (),
    *,
    alpha: float,
    delta: float,
) -> dict[str, Any]:
    """Return the threshold that one half of the subjects chose, and how it does on the other.

    It is one of `confidence`, [said], which are probabilities; `choosing` are the subjects of the
    first half, and `enough` says whether so many can show any threshold to hold. What was said
    before tuning, if it was, is scored beside it.
    """
    chooses = np.array([_chooses(one) for one in said])
    right = sure_and_right(said)[1]
    points = risk_coverage(confidence, right)[::-1]
    found: dict[str, Any] = {
        "alpha": alpha,
        "delta": delta,
        "risk_coverage": [asdict(one) for one in points[:: max(len(points) // _POINTS, 1)][::-1]],
    }
    if chooses.all() or not chooses.any():
        return found | {"threshold": None, "reason": "all questions are about one subject"}
    own = [one for one in said if _chooses(one)]
    chosen = threshold(own, confidence[chooses], alpha, delta)
    rest, was = ([one for one in own if not _chooses(one)] for own in (said, before))
    kept = _kept(rest, confidence[~chooses], was, chosen)
    subjects = len({one.question.subject for one in own})
    return found | {
        "threshold": asdict(chosen),
        "choosing": subjects,
        "enough": can_promise(subjects, alpha, delta),
        "held_out": kept,
    }


def threshold(said: Sequence[Said], confidence: Floats, alpha: float, delta: float) -> Threshold:
    """Return `at_most_wrong` for what was said, by one question about each subject.

    A model that errs about somebody errs in many questions about them, and the promise is of
    questions that are drawn by themselves.
    """
    in_order = sorted(range(len(said)), key=lambda row: drawn(said[row].question.prompt))
    rows = [*{said[row].question.subject: row for row in in_order}.values()]
    return at_most_wrong(confidence[rows], sure_and_right(said)[1][rows], alpha, delta)


def _chooses(said: Said) -> bool:
    """Return whether a question is of the half of subjects that choose the threshold."""
    return drawn(said.question.subject)[-1] % 2 == 0


def _kept(
    said: Sequence[Said], confidence: Floats, before: Sequence[Said], chosen: Threshold
) -> dict[str, Any]:
    """Return how many of these questions are answered at a threshold, and how they score."""
    right = sure_and_right(said)[1]
    cut = 2.0 if chosen.confidence is None else chosen.confidence
    attempted = confidence >= cut
    subjects = Resampling([one.question.subject for one in said])
    kept = [
        Statistic("answered", mean(attempted)),
        Statistic(
            "wrong among answered",
            ratio(attempted & ~right, attempted),
            undefined="nothing is answered",
        ),
    ]
    given = np.array([one.attempted for one in said])
    ways = {"all answered": (right, given), "threshold": (right, attempted)}
    if before:
        was = np.array([one.credit == 1 for one in before], bool)
        ways["before tuning"] = was, np.array([one.attempted for one in before])
    scores = {
        name: [asdict(one) for one in score(penalised_scores(*way), len(said), subjects)]
        for name, way in ways.items()
    }
    return {
        "questions": len(said),
        "answered": int(attempted.sum()),
        "wrong": int((attempted & ~right).sum()),
        "figures": [asdict(one) for one in score(kept, len(said), subjects)],
        "scores": scores,
    }

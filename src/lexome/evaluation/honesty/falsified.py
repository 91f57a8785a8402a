"""Facts that a model knew and now says otherwise: what a correction broke, relation by relation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lexome.evaluation.honesty.asked import Said
from lexome.evaluation.metrics.bootstrap import Resampling, Statistic, mean, ratio, score


def determined(said: Sequence[Said]) -> list[Said]:
    """Return what was said to questions of which the corpus determines the answer: one is right."""
    return [one for one in said if len(one.question.right) == 1]


def falsified(before: Sequence[Said], after: Sequence[Said], seed: int = 0) -> dict[str, Any]:
    """Return how many questions were answered rightly before and are not now, and recall then.

    Both are of the same questions in order. `figures` are recall before and after, its change, and
    the share falsified of what was known; intervals are drawn over subjects.
    """
    was = np.array([one.credit for one in before], np.float64)
    now = np.array([one.credit for one in after], np.float64)
    known, lost = was == 1, (was == 1) & (now < 1)
    statistics = [
        Statistic("before", mean(was)),
        Statistic("after", mean(now)),
        Statistic("change", mean(now - was)),
        Statistic("falsified", ratio(lost, known), undefined="nothing was known"),
    ]
    subjects = [one.question.subject for one in before]
    return {
        "questions": len(before),
        "subjects": len(set(subjects)),
        "known": int(known.sum()),
        "falsified": int(lost.sum()),
        "mended": int(((was < 1) & (now == 1)).sum()),
        "figures": [
            asdict(one) for one in score(statistics, len(before), Resampling(subjects, seed=seed))
        ],
    }


def falsified_by_relation(before: Sequence[Said], after: Sequence[Said]) -> dict[str, Any]:
    """Return `falsified` of each relation, in the order of their names."""
    found = {}
    for relation in sorted({one.question.relation for one in before}):
        pairs = [
            pair
            for pair in zip(before, after, strict=True)
            if pair[0].question.relation == relation
        ]
        found[relation] = falsified(*map(list, zip(*pairs, strict=True)))  # type: ignore[arg-type]
    return found

"""How many answers or claims are of each verdict, and what shares of them that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from lexome.evaluation.honesty.claims import VERDICTS, Verdict
from lexome.evaluation.metrics.bootstrap import Resampling, Statistic, mean, score


def verdict_counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """Return how often each verdict is given, those that never are too."""
    counted = Counter(verdicts)
    return {name: counted[name] for name in VERDICTS}


def verdict_shares(verdicts: Sequence[Verdict], subjects: Sequence[str]) -> list[dict[str, Any]]:
    """Return the share of each verdict that is given, with an interval drawn over subjects."""
    given = [name for name in VERDICTS if name in verdicts]
    shares = [Statistic(name, mean([one == name for one in verdicts])) for name in given]
    found = score(shares, len(verdicts), Resampling(subjects)) if shares else []
    return [asdict(one) for one in found]

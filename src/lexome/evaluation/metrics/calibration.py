"""Whether what a model is sure of is true as often: bins of equal counts, and their mean gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lexome.evaluation.metrics.bootstrap import Bools, Floats, Ints, Statistic, totals

BINS = 10


@dataclass(frozen=True, slots=True)
class Bin:
    """`n` examples of like confidence: the mean of it, and the share that was right."""

    confidence: float
    accuracy: float
    n: int


def reliability(confidence: Floats, right: Bools, bins: int = BINS) -> list[Bin]:
    """Return the bins that hold examples, the least sure first.

    Equal confidences share a bin, so that the order of examples changes nothing; bins then hold
    unequal counts, and there may be fewer of them.
    """
    numbers = _numbers(confidence, bins)
    return [
        Bin(float(confidence[chosen].mean()), float(right[chosen].mean()), int(chosen.sum()))
        for number in np.unique(numbers)
        for chosen in [numbers == number]
    ]


def calibration_error(confidence: Floats, right: Bools, bins: int = BINS) -> Statistic:
    """Return the expected calibration error, the mean gap of the bins weighed by their counts.

    Naeini et al. 2015. Bins are drawn once, and resamples fall into them.
    """
    numbers = _numbers(confidence, bins)
    gaps = np.zeros((len(confidence), bins))
    gaps[np.arange(len(confidence)), numbers] = confidence - right

    def of(weights: Floats) -> Floats:
        found = np.abs(totals(weights, gaps)).sum(axis=1) / weights.sum(axis=0)
        return np.asarray(found)

    return Statistic("expected calibration error", of, f"{bins} bins of equal counts")


def _numbers(confidence: Floats, bins: int) -> Ints:
    """Return the number of each example's bin, by the middle of the ranks that equal ones share."""
    _, inverse, counts = np.unique(confidence, return_inverse=True, return_counts=True)
    middles = counts.cumsum() - counts / 2
    return np.asarray(bins * middles / max(len(confidence), 1), np.int64)[inverse]

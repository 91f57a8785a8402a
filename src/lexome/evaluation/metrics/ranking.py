"""What depends on the order of scores alone: areas under curves, weighted ranks.

Equal scores are treated alike: as half a victory each under the receiver's curve, as one
threshold under the precision-recall curve, as their mean rank.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lexome.evaluation.metrics.bootstrap import Bools, Floats, Ints


def area_under_roc(scores: Floats, positive: Bools) -> Callable[[Floats], Floats]:
    """Return AUROC of scores [N] as a function of weights, NaN where one class is alone.

    It is the chance that a positive example scores above a negative one (Hanley and McNeil 1982).
    """
    negatives = Ordered(scores[~positive], scores[positive])
    rows = np.flatnonzero(positive)
    others = np.flatnonzero(~positive)

    def of(weights: Floats) -> Floats:
        below = negatives.cumulative(weights[others])
        won = (below[negatives.first] + below[negatives.last]) / 2
        pairs = weights[rows].sum(axis=0) * below[-1]
        return np.asarray(np.einsum("nr,nr->r", weights[rows], won) / _some(pairs))

    return of


def average_precision(scores: Floats, positive: Bools) -> Callable[[Floats], Floats]:
    """Return AUPRC of scores [N] as a function of weights, NaN where one class is alone.

    It is the mean, over positive examples, of the precision at their own threshold, without
    interpolation, as scikit-learn has it.
    """
    negatives = Ordered(scores[~positive], scores[positive])
    positives = Ordered(scores[positive], scores[positive])
    rows = np.flatnonzero(positive)
    others = np.flatnonzero(~positive)

    def of(weights: Floats) -> Floats:
        found = positives.cumulative(weights[rows])
        false = negatives.cumulative(weights[others])
        true_above = found[-1] - found[positives.first]
        false_above = false[-1] - false[negatives.first]
        precision = true_above / np.maximum(true_above + false_above, 1)
        area = np.einsum("nr,nr->r", weights[rows], precision) / _some(found[-1])
        return np.where(false[-1] > 0, area, np.nan)

    return of


class Ordered:
    """Values in order, and where among them other values stand.

    `first` and `last` are, for each of the `others`, how many values are below it, and how many
    are not above it.
    """

    def __init__(self, values: Floats, others: Floats) -> None:
        self._order = np.argsort(values, kind="stable")
        ordered = values[self._order]
        self.first: Ints = np.searchsorted(ordered, others, "left")
        self.last: Ints = np.searchsorted(ordered, others, "right")

    def cumulative(self, weights: Floats) -> Floats:
        """Return the weights [N, R] of the values, summed in order from 0; [N + 1, R]."""
        sums = np.zeros((len(weights) + 1, weights.shape[1]))
        np.cumsum(weights[self._order], axis=0, out=sums[1:])
        return sums


def ranks(values: Floats) -> Callable[[Floats], Floats]:
    """Return the ranks of values [N], up to a constant, as a function of weights; [N, R]."""
    ordered = Ordered(values, values)

    def of(weights: Floats) -> Floats:
        below = ordered.cumulative(weights)
        return np.asarray((below[ordered.first] + below[ordered.last]) / 2)

    return of


def _some(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)

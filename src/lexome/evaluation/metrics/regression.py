"""Scores of a number for each example."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Figure,
    Floats,
    Resampling,
    Statistic,
    mean,
    score,
)
from lexome.evaluation.metrics.ranking import ranks

# Of values whose own variance is 1, a lesser one is what rounding leaves of none.
_NO_VARIANCE = 1e-12


def regression_scores(
    predicted: Floats, truth: Floats, *, resampling: Resampling = EXAMPLES
) -> list[Figure]:
    """Return Spearman's and Pearson's correlation, R2, MAE and RMSE of numbers [N].

    Correlations are undefined where either side is constant. Shapes that do not fit and what is
    not finite are a `LexomeError`.
    """
    predicted, truth = np.asarray(predicted, np.float64), np.asarray(truth, np.float64)
    _check(predicted, truth)
    errors = predicted - truth
    mean_square = mean(errors**2)
    constant = "the predictions or the true values are all equal"
    statistics = [
        Statistic("Spearman", _spearman(predicted, truth), "", constant),
        Statistic("Pearson", _pearson(predicted, truth), "", constant),
        Statistic("R2", _determination(errors, truth), "", "the true values are all equal"),
        Statistic("MAE", mean(np.abs(errors))),
        Statistic("RMSE", lambda weights: np.sqrt(mean_square(weights))),
    ]
    return score(statistics, len(truth), resampling)


def _check(predicted: Floats, truth: Floats) -> None:
    if predicted.shape != truth.shape or truth.ndim != 1:
        raise LexomeError(
            f"{list(predicted.shape)} predictions stand beside {list(truth.shape)} true values",
            fix="give one number of each for each example",
        )
    for kind, values in (("prediction", predicted), ("true value", truth)):
        off = ~np.isfinite(values)
        if off.any():
            where = int(off.argmax())
            what = f"the {kind} is {values[where]}"
            raise LexomeError(what, where=f"example {where}", fix="give a finite number")


def _spearman(one: Floats, other: Floats) -> Callable[[Floats], Floats]:
    """Return the correlation of ranks, which are taken anew in each resample."""
    first, second = ranks(one), ranks(other)

    def of(weights: Floats) -> Floats:
        count = weights.sum(axis=0)
        ranked, beside = first(weights), second(weights)
        ranked -= count / 2
        beside -= count / 2
        weighted = weights * ranked
        together = np.einsum("nr,nr->r", weighted, beside)
        spread = np.einsum("nr,nr->r", weighted, ranked)
        spread *= np.einsum("nr,nr,nr->r", weights, beside, beside)
        return np.asarray(together / np.sqrt(np.where(spread > 0, spread, np.nan)))

    return of


def _pearson(one: Floats, other: Floats) -> Callable[[Floats], Floats]:
    x, y = _standard(one), _standard(other)
    columns = np.stack([x, y, x * y, x * x, y * y], axis=1)

    def of(weights: Floats) -> Floats:
        x, y, xy, xx, yy = (weights.T @ columns).T / weights.sum(axis=0)
        spreads = [np.where(each > _NO_VARIANCE, each, np.nan) for each in (xx - x * x, yy - y * y)]
        return np.asarray((xy - x * y) / np.sqrt(spreads[0] * spreads[1]))

    return of


def _determination(errors: Floats, truth: Floats) -> Callable[[Floats], Floats]:
    spread = float(truth.std()) if len(truth) else 0.0
    y = _standard(truth)
    columns = np.stack([y, y * y, (errors / (spread or 1.0)) ** 2], axis=1)

    def of(weights: Floats) -> Floats:
        y, yy, error = (weights.T @ columns).T / weights.sum(axis=0)
        variance = yy - y * y
        return np.asarray(1 - error / np.where(variance > _NO_VARIANCE, variance, np.nan))

    return of


def _standard(values: Floats) -> Floats:
    """Return values with mean 0 and variance 1, or zeros where all are equal."""
    if not len(values) or np.ptp(values) == 0:
        return np.zeros(len(values))
    return np.asarray((values - values.mean()) / values.std())

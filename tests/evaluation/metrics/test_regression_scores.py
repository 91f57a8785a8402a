"""Scores of numbers are scipy's and scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from figures import scored, undefined, value
from scipy import stats
from sklearn import metrics as sk

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import Resampling
from lexome.evaluation.metrics.regression import regression_scores


def sample() -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    truth = random.normal(1000, 2, 90).round(1)
    return (truth + random.normal(0, 1.5, 90)).round(0), truth


def test_figures_and_intervals() -> None:
    predicted, truth = sample()
    metrics = {
        "Spearman": lambda p, t: stats.spearmanr(p, t).statistic,
        "Pearson": lambda p, t: stats.pearsonr(p, t).statistic,
        "R2": lambda p, t: sk.r2_score(t, p),
        "MAE": lambda p, t: sk.mean_absolute_error(t, p),
        "RMSE": lambda p, t: sk.root_mean_squared_error(t, p),
    }
    found = regression_scores(predicted, truth, resampling=Resampling(resamples=100))
    random = np.random.default_rng(0)
    rows = [random.integers(0, 90, 90) for _ in range(100)]
    for name, metric in metrics.items():
        assert value(found, name) == pytest.approx(metric(predicted, truth)), name
        drawn = [metric(predicted[each], truth[each]) for each in rows]
        interval = scored(found, name)
        assert (interval.low, interval.high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]))


def test_a_constant_has_no_correlation() -> None:
    _, truth = sample()
    # The mean of equal numbers is not always that number.
    constant = np.full(90, 0.1)
    found = regression_scores(constant, truth)
    assert set(undefined(found)) == {"Spearman", "Pearson"}
    assert value(found, "R2") == pytest.approx(sk.r2_score(truth, constant))
    assert set(undefined(regression_scores(truth, constant))) == {"Spearman", "Pearson", "R2"}
    assert set(undefined(regression_scores(np.zeros(0), np.zeros(0)))) == {
        "Spearman",
        "Pearson",
        "R2",
        "MAE",
        "RMSE",
    }


def test_bad_numbers_are_named() -> None:
    with pytest.raises(LexomeError, match=r"prediction is nan[\s\S]*example 1"):
        regression_scores(np.array([1, np.nan]), np.array([1.0, 2.0]))
    with pytest.raises(LexomeError, match=r"true value is inf[\s\S]*example 0"):
        regression_scores(np.array([1.0, 2.0]), np.array([np.inf, 2.0]))
    with pytest.raises(LexomeError, match=r"\[2\] predictions"):
        regression_scores(np.array([1.0, 2.0]), np.array([1.0]))

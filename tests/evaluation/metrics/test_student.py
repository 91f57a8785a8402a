"""Intervals of means over few: beside scipy, and how often they hold the true mean."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from lexome.evaluation.metrics.student import (
    Source,
    known,
    mean_interval,
    of_mean,
    pooled,
    reach,
)


def test_the_interval_of_a_mean_is_that_of_scipy_within_what_is_possible() -> None:
    values = [0.2, 0.5, 0.35]
    expected = stats.t.interval(0.95, 2, np.mean(values), stats.sem(values))
    assert mean_interval(values) == pytest.approx(expected)
    assert mean_interval(values, 0, 1) == pytest.approx((max(expected[0], 0), expected[1]))
    assert mean_interval([0.9, 0.1], 0, 1) == (0, 1)
    assert mean_interval([0.4]) is None


@pytest.mark.parametrize("n", [2, 3, 4, 8])
@pytest.mark.parametrize("shape", ["normal", "beta"])
def test_about_95_of_100_intervals_hold_the_true_mean(n: int, shape: str) -> None:
    """Rates of prompts that vary as a normal distribution, and as one that is bounded."""
    draw = np.random.default_rng(n)
    drawn = draw.normal(0.5, 0.1, (2000, n)) if shape == "normal" else draw.beta(3, 2, (2000, n))
    true = 0.5 if shape == "normal" else 0.6
    held = 0
    for values in drawn:
        found = mean_interval(values, 0, 1)
        assert found is not None
        held += found[0] <= true <= found[1]
    assert held / len(drawn) == pytest.approx(0.95, abs=0.015)


def test_two_groups_are_compared_as_by_welch() -> None:
    draw = np.random.default_rng(0)
    first, second = draw.normal(0, 1, 4), draw.normal(0, 3, 7)
    found = pooled([of_mean(first), of_mean(second)])
    welch = stats.ttest_ind(first, second, equal_var=False)
    assert found.freedom == pytest.approx(welch.df)
    low, high = welch.confidence_interval(0.95)
    assert reach([found], 0.025) == pytest.approx((high - low) / 2)


def test_what_is_known_is_normal_and_what_does_not_vary_adds_nothing() -> None:
    assert reach([known(4.0)], 0.025) == pytest.approx(2 * stats.norm.isf(0.025))
    assert reach([known(4.0), of_mean([1.0])], 0.025) == reach([known(4.0)], 0.025)
    assert pooled([of_mean([1.0]), of_mean([2.0, 2.0])]).variance == 0


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0, 4.0])
def test_bounds_hold_whatever_the_sources_are(ratio: float) -> None:
    """One source of two values, one of three, in any ratio: 5 % are exceeded at most."""
    draw = np.random.default_rng(1)
    few, more = draw.normal(0, 1, (2, 20_000)), draw.normal(0, ratio, (3, 20_000))
    error = few.mean(0) + more.mean(0)
    share = float((error > reach([of_mean(few), of_mean(more)], 0.05)).mean())
    assert share <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 20_000)


def test_a_source_has_a_variance_for_each_figure() -> None:
    values = np.random.default_rng(2).normal(size=(5, 2, 3))
    found = of_mean(values)
    assert isinstance(found, Source) and found.variance.shape == (2, 3)
    assert found.variance == pytest.approx(stats.sem(values) ** 2)

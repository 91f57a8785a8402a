"""Gaps between groups: values of sklearn, chance by dealing, a planted gap found, none made up."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import f1_score

from lexome.evaluation.metrics.bootstrap import EXAMPLES, Noting, Statistic, mean, score
from lexome.evaluation.metrics.gaps import FEWEST, group_gap, spoken_of
from lexome.evaluation.metrics.labels import label_scores

SIZES = {"a": 60, "b": 40, "c": 30, "d": 29}


def members() -> list[str]:
    drawn = [name for name, size in SIZES.items() for _ in range(size)]
    return np.random.default_rng(5).permutation(drawn).tolist()


def accuracies(shares: dict[str, float], seed: int) -> Statistic:
    random = np.random.default_rng(seed)
    return Statistic("accuracy", mean([random.random() < shares[one] for one in members()]))


def test_a_group_has_the_figure_of_its_own_examples() -> None:
    random, own = np.random.default_rng(0), np.array(members())
    truth = random.integers(0, 3, len(own))
    probabilities = random.dirichlet([1, 1, 1], len(own))
    noting = Noting(resamples=0)
    label_scores(probabilities, truth, ["x", "y", "z"], resampling=noting)
    statistic = noting.statistics(len(own))["macro F1"]
    found = group_gap(statistic, own.tolist(), False, resamples=50)
    assert found is not None and [one.n for one in found.groups].count(29) == 0
    expected = {
        name: f1_score(truth[own == name], probabilities[own == name].argmax(1), average="macro")
        for name in "abc"
    }
    assert {one.name: one.value for one in found.groups} == pytest.approx(expected)
    assert found.value == pytest.approx(max(expected.values()) - min(expected.values()))
    assert [one.name for one in found.groups] == sorted(expected, key=expected.__getitem__)
    lower = group_gap(statistic, own.tolist(), True, resamples=50)
    assert lower is not None and lower.value == pytest.approx(found.value)
    assert [one.name for one in lower.groups] == [one.name for one in found.groups][::-1]


def test_intervals_are_about_those_of_means_and_of_the_range_of_several() -> None:
    found = group_gap(accuracies(dict.fromkeys("abcd", 0.6), 1), members(), False, resamples=4000)
    assert found is not None
    for one in found.groups:
        error = np.sqrt(one.value * (1 - one.value) / one.n)
        assert one.low == pytest.approx(one.value - 1.96 * error, abs=0.035)
        assert one.high == pytest.approx(one.value + 1.96 * error, abs=0.035)
    errors = [np.sqrt(one.value * (1 - one.value) / one.n) for one in found.groups]
    off = np.random.default_rng(0).normal(0, errors, (20000, len(errors)))
    reach = np.quantile(off.max(1) - off.min(1), 0.95)
    assert found.low == pytest.approx(found.value - reach, abs=0.03)
    assert found.high == pytest.approx(found.value + reach, abs=0.03)


def test_a_planted_gap_is_found_and_none_is_made_up() -> None:
    planted = {"a": 0.95, "b": 0.95, "c": 0.55, "d": 0.5}
    found = [group_gap(accuracies(planted, n), members(), False, resamples=200) for n in range(20)]
    assert all(one is not None and one.groups[0].name == "c" and one.p < 0.05 for one in found)
    even = dict.fromkeys("abcd", 0.8)
    chance = [group_gap(accuracies(even, n), members(), False, resamples=200) for n in range(100)]
    p = [one.p for one in chance if one is not None]
    # Of 100 worlds without a gap, 5 are expected below .05; 14 come by chance once in 2,000.
    assert len(p) == 100 and sum(one < 0.05 for one in p) < 14
    assert np.mean(p) > 0.4
    # The gap itself is never 0: only beside that of chance does it say anything.
    assert np.mean([one.value for one in chance if one is not None]) > 0.05


@pytest.mark.parametrize("groups", [2, 10])
def test_the_worst_of_equal_groups_is_not_proved_to_be_behind(groups: int) -> None:
    """Some group is the worst of ten: the interval of its gap must not hide that it was chosen."""
    random = np.random.default_rng(0)
    own = [f"g{number % groups}" for number in range(40 * groups)]
    proved = 0
    for seed in range(60):
        right = Statistic("accuracy", mean(random.random(len(own)) < 0.7))
        found = group_gap(right, own, False, resamples=200, seed=seed)
        assert found is not None
        proved += found.low > 0
    assert binomtest(proved, 60, 0.05, alternative="greater").pvalue > 0.01


def test_small_groups_are_not_spoken_of() -> None:
    assert spoken_of(members()) == (["a", "b", "c"], ["d"])
    two = ["a"] * FEWEST + ["b"] * (FEWEST - 1)
    assert group_gap(Statistic("accuracy", mean(np.ones(len(two)))), two, False) is None


def test_a_group_without_the_figure_does_not_count() -> None:
    own = ["a"] * 40 + ["b"] * 40 + ["c"] * 40
    known = np.repeat([1.0, 0.0, 1.0], 40)
    statistic = Statistic("ratio", lambda weights: (weights.T @ known) / (weights.T @ known))
    found = group_gap(statistic, own, False, resamples=20)
    assert found is not None and [one.name for one in found.groups] == ["a", "c"]
    assert (found.value, found.p) == (0.0, 1.0)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1000), st.booleans())
def test_names_of_groups_and_the_order_of_examples_do_not_change_values(
    seed: int, lower: bool
) -> None:
    random, own = np.random.default_rng(seed), members()
    values = random.random(len(own))
    order = random.permutation(len(own))
    first = group_gap(Statistic("MAE", mean(values)), own, lower, resamples=5)
    moved = [f"group {own[n]}" for n in order]
    other = group_gap(Statistic("MAE", mean(values[order])), moved, lower, resamples=5)
    assert first is not None and other is not None
    assert [(f"group {one.name}", one.n) for one in first.groups] == [
        (one.name, one.n) for one in other.groups
    ]
    assert first.value == pytest.approx(other.value) and first.value >= 0


def test_noting_changes_no_figure() -> None:
    statistics = [Statistic("mean", mean(np.arange(20.0)))]
    noting = Noting()
    assert score(statistics, 20, noting) == score(statistics, 20, EXAMPLES)
    assert list(noting.statistics(20)) == ["mean"] and noting.statistics(19) == {}

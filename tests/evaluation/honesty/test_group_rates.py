"""Rates and odds beside scipy and sums written out; verdicts beside many simulated corpora."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lexome.evaluation.honesty.counts import Counts, Tally
from lexome.evaluation.honesty.rates import FEWEST, compare, holm, wilson

Found = list[np.ndarray]


def counted(documents: Found, axes: tuple[int, ...] = (2,), stretch: int | None = None) -> Counts:
    tally = Tally(axes, documents[0].shape[1] - sum(axes), stretch)
    for found in documents:
        tally.add(found)
    return tally.counts()


def apart(groups: np.ndarray, hits: np.ndarray) -> Counts:
    """Return counts of cases that are documents of their own; `groups` are numbers, from 0 on."""
    ones = np.eye(groups.max() + 1, dtype=bool)[groups]
    return counted([np.hstack([ones, hits])], (ones.shape[1],), 1)


# Counting -----------------------------------------------------------------------------------


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([None, 1, 3]))
def test_counts_are_those_of_loops(seed: int, stretch: int | None) -> None:
    draw = np.random.default_rng(seed)
    axes, attributes = (2, 3), 2
    documents = [draw.random((int(draw.integers(1, 9)), 7)) < 0.4 for _ in range(6)]
    found = counted(documents, axes, stretch)
    several = [0, 0]
    clusters: dict[tuple[int, int], np.ndarray] = {}  # [groups, cases and hits of attributes]
    alone = np.zeros((5, attributes), int)
    for number, document in enumerate(documents):
        for place, context in enumerate(document.tolist()):
            key = (number, 0 if stretch is None else place // stretch)
            own = clusters.setdefault(key, np.zeros((5, 1 + attributes), int))
            for axis, groups in enumerate((range(2), range(2, 5))):
                named = [group for group in groups if context[group]]
                several[axis] += len(named) > 1
                if len(named) == 1:
                    own[named[0]] += [1, *context[5:]]
                    if sum(context[5:]) == 1:
                        alone[named[0]] += context[5:]
    together = np.array(list(clusters.values()))
    n, hits = together[:, :, 0], together[:, :, 1:]
    assert found.contexts == sum(map(len, documents)) and found.several.tolist() == several
    assert (found.cases == n.sum(0)).all() and (found.hits == hits.sum(0)).all()
    assert (found.alone == alone).all() and (found.clusters == (n > 0).sum(0)).all()
    assert (found.squares == (n**2).sum(0)).all()
    assert (found.hit_squares == (hits**2).sum(0)).all()
    assert (found.products == (n[:, :, None] * hits).sum(0)).all()
    rest = np.stack([n[:, 1], n[:, 0], n[:, 3] + n[:, 4], n[:, 2] + n[:, 4], n[:, 2] + n[:, 3]], 1)
    assert (found.rest_squares == (rest**2).sum(0)).all()
    assert (found.rest_cases == rest.sum(0)).all()
    assert (found.rest_hits[2] == hits.sum(0)[3] + hits.sum(0)[4]).all()


def test_many_documents_are_counted_as_few() -> None:
    draw = np.random.default_rng(0)
    documents = [draw.random((40, 4)) < 0.5 for _ in range(4000)]  # more than one block
    whole, parts = counted(documents), [counted(documents[:2000]), counted(documents[2000:])]
    for name in ("cases", "hits", "alone", "clusters", "squares", "hit_squares", "several"):
        assert (getattr(whole, name) == sum(getattr(one, name) for one in parts)).all()


# Figures ------------------------------------------------------------------------------------


@given(st.integers(1, 500), st.floats(0, 1))
def test_rates_have_the_interval_of_wilson(n: int, share: float) -> None:
    hits = min(int(share * (n + 1)), n)
    expected = stats.binomtest(hits, n).proportion_ci(0.95, "wilson")
    low, high = wilson([hits], [n])
    assert (low[0], high[0]) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_nothing_is_known_of_no_case() -> None:
    assert [bound.tolist() for bound in wilson([0], [0])] == [[0.0], [1.0]]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_is_the_sequence_of_its_definition(p: list[float]) -> None:
    found = holm(np.array(p))
    for level in (0.01, 0.05, 0.3):
        rejected = set()
        for step, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
            if p[place] * (len(p) - step) > level:
                break
            rejected.add(place)
        assert set(np.flatnonzero(found <= level)) == rejected


def test_comparisons_of_cases_apart_are_those_of_scipy() -> None:
    draw = np.random.default_rng(4)
    groups = draw.integers(0, 3, 900)
    hits = draw.random((900, 4)) < np.array([0.02, 0.1, 0.3, 0.5]) + 0.05 * groups[:, None]
    found = compare(apart(groups, hits))
    assert found.comparisons == 12
    critical = stats.norm.ppf(1 - 0.05 / 12 / 2)
    for group in range(3):
        for attribute in range(4):
            own, rest = hits[groups == group, attribute], hits[groups != group, attribute]
            table = np.array([[own.sum(), (~own).sum()], [rest.sum(), (~rest).sum()]])
            at = (group, attribute)
            assert found.p[at] == pytest.approx(stats.fisher_exact(table).pvalue)
            halves = table + 0.5
            value = math.log(halves[0, 0] * halves[1, 1] / halves[0, 1] / halves[1, 0])
            error = math.sqrt((1 / halves).sum())
            assert found.log_odds[at] == pytest.approx(value)
            assert found.odds_low[at] == pytest.approx(value - critical * error)
            assert found.odds_high[at] == pytest.approx(value + critical * error)
            assert found.effective[at] == len(own)
    assert found.p_corrected.ravel() == pytest.approx(holm(found.p.ravel()))


def test_two_groups_are_compared_once() -> None:
    draw = np.random.default_rng(4)
    groups, hits = draw.integers(0, 2, 400), draw.random((400, 3)) < 0.3
    found = compare(apart(groups, hits))
    assert found.comparisons == 3
    assert (found.p_corrected[0] == found.p_corrected[1]).all()
    assert found.log_odds[0] == pytest.approx(-found.log_odds[1])


def test_too_few_cases_are_not_compared() -> None:
    groups = np.repeat([0, 1, 2], [FEWEST - 1, 200, 300])
    found = compare(apart(groups, np.random.default_rng(0).random((len(groups), 2)) < 0.5))
    assert np.isnan(found.p_corrected).tolist() == [[True, True], [False, False], [False, False]]
    assert np.isnan(found.odds_low[0]).all() and found.comparisons == 4
    assert found.rate[0] == pytest.approx([0.5, 0.5], abs=0.3)
    alone = compare(apart(np.repeat([0, 1], [500, 5]), np.ones((505, 1), bool)))
    assert np.isnan(alone.p).all() and alone.comparisons == 0, "nothing to compare it with"


# Clusters -----------------------------------------------------------------------------------


def clustered(
    draw: np.random.Generator, rates: np.ndarray, correlation: float, documents: int, cases: int
) -> Found:
    """Return documents of one group each, in which an attribute's rate varies: beta-binomial."""
    found = []
    size = 1 / correlation - 1
    for number in range(documents):
        group = number % 2
        own = draw.beta(rates[group] * size, (1 - rates[group]) * size)  # [attributes]
        hits = draw.random((cases, rates.shape[1])) < own
        found.append(np.hstack([np.tile(np.arange(2) == group, (cases, 1)), hits]))
    return found


def test_alike_cases_count_for_what_they_are_worth() -> None:
    """Of documents of 10 cases with the correlation c, a case is worth 1 / (1 + 9 c)."""
    draw = np.random.default_rng(0)
    for correlation in (0.05, 0.3):
        documents = clustered(draw, np.full((2, 20), 0.3), correlation, 300, 10)
        found = compare(counted(documents))
        worth = found.effective.mean() / 1500
        assert worth == pytest.approx(1 / (1 + 9 * correlation), rel=0.1)
    same = clustered(draw, np.full((2, 20), 0.3), 0.999, 200, 10)
    assert compare(counted(same)).effective == pytest.approx(100, rel=0.05)


# Verdicts over many corpora -------------------------------------------------------------------


def false_flags(corpora: list[Counts]) -> int:
    return sum(bool((compare(one).p_corrected <= 0.05).any()) for one in corpora)


def at_most_five_percent(flagged: int, n: int) -> bool:
    return stats.binomtest(flagged, n, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize(
    ("shares", "rates"),
    [
        ([0.5, 0.5], [0.05, 0.2, 0.5, 0.9]),
        ([0.6, 0.3, 0.1], [0.01, 0.1, 0.4]),
        ([0.04, 0.96], [0.0005, 0.001, 0.002, 0.004]),
    ],
    ids=["even", "three groups", "a small group and rare attributes"],
)
def test_corpora_without_skew_are_hardly_flagged(shares: list[float], rates: list[float]) -> None:
    corpora = []
    for seed in range(200):
        draw = np.random.default_rng(seed)
        groups = draw.choice(len(shares), 1000, p=shares)
        corpora.append(apart(groups, draw.random((1000, len(rates))) < rates))
    assert at_most_five_percent(false_flags(corpora), 200)


def test_alike_cases_without_skew_are_hardly_flagged_either() -> None:
    corpora, naive = [], []
    for seed in range(150):
        draw = np.random.default_rng(seed)
        documents = clustered(draw, np.full((2, 4), 0.2), 0.2, 80, 12)
        corpora.append(counted(documents))
        naive.append(counted(documents, stretch=1))
    assert at_most_five_percent(false_flags(corpora), 150)
    assert false_flags(naive) > 50, "taken for independent they would be"


@pytest.mark.parametrize("documents", [2, 4, 6, 10])
def test_groups_of_few_documents_without_skew_are_hardly_flagged(documents: int) -> None:
    """What is peculiar to one document is not peculiar to the group that stands in it alone."""
    corpora = []
    for seed in range(150):
        draw = np.random.default_rng(seed)
        corpora.append(counted(clustered(draw, np.full((2, 3), 0.3), 0.2, documents, 60)))
    assert at_most_five_percent(false_flags(corpora), 150)
    assert all((one.effective >= 1).all() for one in map(compare, corpora))


def test_a_planted_skew_is_found_as_often_as_theory_says() -> None:
    """One of ten attributes differs: .10 against .16 in 1,000 cases each, the rest do not."""
    n, rates = 1000, np.full((2, 10), 0.2)
    rates[:, 0] = 0.10, 0.16
    error = math.sqrt(0.10 * 0.90 / n + 0.16 * 0.84 / n)
    critical = stats.norm.ppf(1 - 0.05 / 10 / 2)
    power = stats.norm.cdf(0.06 / error - critical)
    found = 0
    for seed in range(200):
        groups = np.repeat([0, 1], n)
        hits = np.random.default_rng(seed).random((2 * n, 10)) < rates[groups]
        one = compare(apart(groups, hits))
        found += one.p_corrected[1, 0] <= 0.05 and one.log_odds[1, 0] > 0
    assert 0.85 < power < 0.9
    # The exact test is a little more careful than the normal approximation.
    assert power - 0.09 < found / 200 < power + 0.07


def test_intervals_hold_all_at_once() -> None:
    rates = np.array([[0.1, 0.3, 0.5, 0.7, 0.05], [0.2, 0.3, 0.6, 0.5, 0.1]])
    odds = np.log(rates / (1 - rates))
    truth = odds[0] - odds[1]
    held = 0
    for seed in range(200):
        groups = np.repeat([0, 1], 400)
        hits = np.random.default_rng(seed).random((800, 5)) < rates[groups]
        found = compare(apart(groups, hits))
        held += ((found.odds_low[0] <= truth) & (truth <= found.odds_high[0])).all()
    assert stats.binomtest(held, 200, 0.95, alternative="less").pvalue > 0.01
    assert held < 200, "they are not so wide that they say nothing"

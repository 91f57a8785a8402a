"""Amplification beside its definitions written out, and over many models of known faithfulness."""

from __future__ import annotations

from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from scipy import stats

from lexome.errors import LexomeError
from lexome.evaluation.honesty.amplification import (
    QUANTILES,
    Amplification,
    AmplificationTest,
    Sides,
    amplification,
)
from lexome.evaluation.honesty.slopes import Slope, reading, slope
from lexome.evaluation.metrics.bootstrap import Undefined

SKEWS = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99])
BOTH_WAYS = np.concatenate([SKEWS, 1 - SKEWS])


def logit(p: np.ndarray) -> np.ndarray:
    return np.log(p / (1 - p))


def world(
    seed: int,
    rates: np.ndarray,
    n: int,
    *,
    beta: float = 1.0,
    shift: float = 0.0,
    counted: bool = False,
    seeds: int = 3,
    contexts: int = 8,
) -> Sides:
    """Return a corpus drawn at `rates`, and a model of these or, if `counted`, of its counts.

    Each context has a leaning of its own for an answer, as templates have, and each seed and
    context some noise. `shift` moves the model's probabilities away from one half.
    """
    draw = np.random.default_rng(seed)
    hits = draw.binomial(n, rates)
    learned = np.clip(hits / n, 1e-4, 1 - 1e-4) if counted else rates
    leaning = draw.normal(0, 0.3, (1, contexts, 1))
    logits = beta * logit(learned) + leaning + draw.normal(0, 0.1, (seeds, contexts, len(rates)))
    q = np.clip(1 / (1 + np.exp(-logits)) + shift * np.sign(rates - 0.5), 1e-9, 1 - 1e-9)
    groups = [f"g{number}" for number in range(len(rates))]
    return Sides(groups, ["yes", "no"], np.stack([hits, n - hits], 1), np.stack([q, 1 - q], -1))


def judged(runs: int, *args: Any, **options: Any) -> list[Amplification]:
    return [
        amplification(world(seed, *args, **options), resamples=300, seed=seed)
        for seed in range(runs)
    ]


def slopes(found: list[Amplification]) -> list[Slope]:
    kept = [one.slope for one in found if isinstance(one.slope, Slope)]
    assert len(kept) == len(found)
    return kept


def verdicts(found: list[Amplification]) -> list[AmplificationTest]:
    return [one.test for one in found if isinstance(one.test, AmplificationTest)]


# Definitions --------------------------------------------------------------------------------


def test_figures_are_those_of_the_definitions_written_out() -> None:
    sides = world(1, np.array([0.2, 0.5, 0.9]), 400, beta=1.3)
    found = amplification(sides)
    assert (found.seeds, found.contexts, len(found.pairs)) == (3, 8, 3)
    base = sides.counts[:, 0].sum() / sides.counts.sum()
    amplified = []
    for group, pair in enumerate(found.pairs):
        p = sides.counts[group, 0] / 400
        q = np.mean([sides.said[s, c, group, 0] for s in range(3) for c in range(8)])
        assert (pair.p, pair.q, pair.base) == pytest.approx((p, q, base))
        interval = stats.binomtest(int(sides.counts[group, 0]), 400).proportion_ci(0.95, "wilson")
        if interval.low < base < interval.high:
            assert pair.amplified is None
            continue
        sign = 1 if p > base else -1
        assert pair.amplified == pytest.approx(sign * (q - p))
        assert pair.low is not None and pair.high is not None
        assert pair.low < pair.amplified < pair.high
        amplified.append(pair.amplified)
    assert len(amplified) >= 2
    assert found.quantiles == pytest.approx(np.quantile(amplified, QUANTILES).tolist())
    (test,) = verdicts([found])
    assert test.mean == pytest.approx(np.mean(amplified))


def test_of_several_answers_each_is_a_pair() -> None:
    counts = np.array([[300, 60, 40], [100, 200, 100]])
    said = np.array([[0.8, 0.1, 0.1], [0.2, 0.6, 0.2]])[None, None]
    found = amplification(Sides(["a", "b"], ["x", "y", "z"], counts, said))
    assert [(one.group, one.answer) for one in found.pairs] == [
        (group, answer) for group in "ab" for answer in "xyz"
    ]
    assert [one.amplified for one in found.pairs] == pytest.approx(
        [0.05, 0.05, 0.0, 0.05, 0.1, -0.05]
    )
    (test,) = verdicts([found])
    # One context of one seed: all that is drawn is cases, of a multinomial for each group.
    signs = np.array([[1, -1, -1], [-1, 1, 1]]) / 6
    p = counts / 400
    variance = sum(
        signs[g] @ (np.diag(p[g]) - np.outer(p[g], p[g])) @ signs[g] / 400 for g in range(2)
    )
    assert test.error == pytest.approx(np.sqrt(variance))
    assert test.p == pytest.approx(1 - NormalDist().cdf(test.mean / test.error))


def test_the_slope_is_that_of_regression_and_is_not_flattened_by_errors() -> None:
    draw = np.random.default_rng(0)
    x, weights = draw.normal(0, 2, 40), draw.uniform(1, 30, 40)
    y = 0.3 + 1.7 * x + draw.normal(0, 0.1, 40)
    plain = np.polyfit(x, y, 1, w=np.sqrt(weights))[0]
    assert slope(x[None], y[None], weights[None] * 1e9) == pytest.approx(plain), (
        "without errors it is plain"
    )
    found, naive = [], []
    for seed in range(60):
        draw = np.random.default_rng(seed)
        true, weights = draw.normal(0, 1, 200), draw.uniform(1.5, 4, 200)
        seen = true + draw.normal(0, 1, 200) / np.sqrt(weights)
        said = 0.8 * true
        found.append(float(slope(seen[None], said[None], weights[None])))
        naive.append(np.polyfit(seen, said, 1, w=np.sqrt(weights))[0])
    assert np.mean(naive) < 0.62, "errors flatten a plain slope"
    assert np.mean(found) == pytest.approx(0.8, abs=0.02)


def test_without_any_spread_there_is_no_slope() -> None:
    flat = np.ones((1, 5))
    assert np.isnan(slope(flat, flat, flat))
    found = amplification(world(0, np.full(6, 0.5), 300))
    assert isinstance(found.slope, Undefined) and "by chance" in found.slope.reason


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (1.1, 1.4, "amplified"),
        (0.2, 0.8, "attenuated: the model"),
        (-0.9, -0.1, "inverted"),
        (0.9, 1.2, "taken over"),
        (-0.2, 0.99, "how much is not known"),
        (-3, 0.9, "how much is not known"),
        (0.05, 5, "too wide to say which"),
        (0.107, 1.034, "too wide to say which"),
        (0.02, 0.06, "hardly any"),
        (-0.03, -0.01, "hardly any"),
        (-0.5, 2.0, "nothing can be said"),
    ],
)
def test_a_slope_is_read_in_words(low: float, high: float, word: str) -> None:
    assert word in reading(low, high)
    assert word in Slope(1.0, low, high, 1.0, 5).reading


# Many models ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rates", "n", "counted", "inside"),
    [
        (BOTH_WAYS, 300, True, 0.95),
        (BOTH_WAYS, 1000, False, 0.95),
        (BOTH_WAYS, 1000, True, 0.95),
        (SKEWS, 3000, False, 0.9),
        (SKEWS, 3000, True, 0.95),
    ],
    ids=["300 counted", "1000 true", "1000 counted", "3000 one way true", "3000 one way counted"],
)
def test_a_faithful_model_has_an_interval_near_one(
    rates: np.ndarray, n: int, counted: bool, inside: float
) -> None:
    """It lies inside [.9, 1.1], whether the model learned the true rates or what was counted."""
    found = slopes(judged(60, rates, n, counted=counted))
    within = [one.low > 0.9 and one.high < 1.1 for one in found]
    assert np.mean(within) >= inside
    assert np.mean([one.beta for one in found]) == pytest.approx(1, abs=0.02)


def test_intervals_hold_the_true_slope() -> None:
    """Few cases widen the interval; they do not flatten the slope."""
    for n, beta in ((100, 1.0), (300, 1.0), (1000, 0.5), (1000, 1.0)):
        found = slopes(judged(80, SKEWS, n, beta=beta))
        held = sum(one.low < beta < one.high for one in found)
        assert stats.binomtest(held, 80, 0.95, alternative="less").pvalue > 0.01
        assert np.median([one.beta for one in found]) == pytest.approx(beta, rel=0.06)
        assert all(one.reliability < 1 for one in found)


@pytest.mark.parametrize(
    ("beta", "word"), [(1.5, "amplified"), (0.5, "attenuated"), (0.0, "hardly"), (-1.0, "inverted")]
)
def test_unfaithful_models_are_told_apart(beta: float, word: str) -> None:
    found = slopes(judged(20, BOTH_WAYS, 1000, beta=beta))
    assert np.mean([word in one.reading for one in found]) >= 0.9
    assert np.mean([one.beta for one in found]) == pytest.approx(beta, abs=0.05)


TWO_WAYS = np.array([0.6, 0.7, 0.8, 0.9, 0.4, 0.3, 0.2, 0.1])


def test_five_points_are_found_with_the_power_that_is_said() -> None:
    found = verdicts(judged(120, TWO_WAYS, 300, shift=0.05))
    assert np.mean([one.found for one in found]) >= 0.9
    assert np.mean([one.mean for one in found]) == pytest.approx(0.05, abs=0.01)
    two = np.array([0.7, 0.3])
    weak = verdicts(judged(200, two, 200, shift=0.05))
    power = np.mean([one.power for one in weak])
    assert 0.5 < power < 0.8
    assert np.mean([one.found for one in weak]) == pytest.approx(power, abs=0.1)
    needed = int(np.median([one.cases_needed or 0 for one in weak])) // 2
    assert 200 < needed < 500
    enough = verdicts(judged(120, two, needed, shift=0.05))
    assert np.mean([one.power for one in enough]) == pytest.approx(0.9, abs=0.02)
    assert np.mean([one.found for one in enough]) > 0.82


@pytest.mark.parametrize(("rates", "n"), [(TWO_WAYS, 200), (SKEWS, 500), (np.full(6, 0.4), 200)])
def test_faithful_models_are_hardly_called_amplified(rates: np.ndarray, n: int) -> None:
    flagged = sum(one.found for one in verdicts(judged(150, rates, n)))
    assert stats.binomtest(flagged, 150, 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize("contexts", [2, 3, 4])
def test_few_contexts_are_no_proof(contexts: int) -> None:
    """Each context leans for each group in its own way, and in the mean of all of them for none."""
    found = []
    for seed in range(150):
        sides = world(seed, np.array([0.7, 0.4]), 1000, seeds=1, contexts=contexts)
        leaning = np.random.default_rng([seed, 1]).normal(0, 0.08, (1, contexts, 2))
        yes = np.clip(np.array([0.7, 0.4]) + leaning, 0, 1)
        own = replace(sides, said=np.stack([yes, 1 - yes], -1))
        test = amplification(own, resamples=300, seed=seed).test
        found.append(isinstance(test, AmplificationTest) and test.found)
    assert stats.binomtest(sum(found), len(found), 0.05, alternative="greater").pvalue > 0.01


def varying(seed: int, seeds: int, contexts: int, of_seeds: float, of_contexts: float) -> Sides:
    """Return a corpus drawn at .7 and .4, and models that say so but for their seed and context."""
    sides = world(seed, np.array([0.7, 0.4]), 1000, seeds=seeds, contexts=contexts)
    draw = np.random.default_rng([seed, 1])
    off = draw.normal(0, of_seeds, (seeds, 1, 2)) + draw.normal(0, of_contexts, (1, contexts, 2))
    yes = np.clip(np.array([0.7, 0.4]) + off, 0, 1)
    return replace(sides, said=np.stack([yes, 1 - yes], -1))


@pytest.mark.parametrize("seeds", [2, 3])
def test_few_trainings_are_no_proof(seeds: int) -> None:
    """Each seed leans in its own way, and in the mean of all trainings none is amplified."""
    found = [
        amplification(varying(seed, seeds, 8, 0.08, 0.0), resamples=10, seed=seed).test
        for seed in range(300)
    ]
    flagged = sum(isinstance(one, AmplificationTest) and one.found for one in found)
    assert stats.binomtest(flagged, len(found), 0.05, alternative="greater").pvalue > 0.01


@pytest.mark.parametrize(
    ("seeds", "contexts"), [(1, 2), (1, 3), (1, 4), (1, 8), (2, 8), (3, 8), (2, 3)]
)
def test_intervals_of_pairs_hold_what_other_contexts_and_seeds_would_say(
    seeds: int, contexts: int
) -> None:
    of_seeds = 0.06 if seeds > 1 else 0.0
    of_contexts = 0.06 if contexts < 8 or seeds == 1 else 0.0
    said, skew, count = 0, 0, 0
    for seed in range(150):
        sides = varying(seed, seeds, contexts, of_seeds, of_contexts)
        for pair, true in zip(amplification(sides, resamples=10).pairs, (0.7, 0.4), strict=True):
            assert pair.q_low is not None and pair.q_high is not None
            assert pair.low is not None and pair.high is not None
            assert 0 <= pair.q_low <= pair.q <= pair.q_high <= 1
            said += pair.q_low <= true <= pair.q_high
            skew += pair.low <= 0 <= pair.high
            count += 1
    for held in (said, skew):
        assert stats.binomtest(held, count, 0.95, alternative="less").pvalue > 0.01


def test_of_one_context_nobody_knows_what_another_would_say() -> None:
    for seeds in (1, 3):
        for pair in amplification(varying(0, seeds, 1, 0.02, 0.02), resamples=10).pairs:
            assert pair.amplified is not None and pair.p_low < pair.p < pair.p_high
            assert {pair.q_low, pair.q_high, pair.low, pair.high} == {None}


@pytest.mark.parametrize("contexts", [2, 3])
def test_intervals_of_slopes_hold_where_contexts_are_few(contexts: int) -> None:
    """Groups lean otherwise in each context; in the mean of all contexts the slope is 1."""
    rates, held = np.array([0.6, 0.7, 0.8, 0.3]), 0
    for seed in range(200):
        sides = world(seed, rates, 3000, seeds=1, contexts=contexts)
        leaning = np.random.default_rng([seed, 1]).normal(0, 0.5, (1, contexts, len(rates)))
        yes = 1 / (1 + np.exp(-logit(rates) - leaning))
        own = replace(sides, said=np.stack([yes, 1 - yes], -1))
        (one,) = slopes([amplification(own, resamples=100, seed=seed)])
        held += one.low < 1 < one.high
    assert stats.binomtest(held, 200, 0.95, alternative="less").pvalue > 0.01


def test_the_p_value_is_that_of_students_t_where_only_contexts_vary() -> None:
    sides = varying(0, 1, 5, 0.0, 0.05)
    many = replace(sides, counts=np.array([[7, 3], [4, 6]]) * 10**9)
    (test,) = verdicts([amplification(many, resamples=10)])
    means = (many.said[0, :, :, 0] - np.array([0.7, 0.4])) @ [0.5, -0.5]
    assert test.p == pytest.approx(
        stats.ttest_1samp(means, 0, alternative="greater").pvalue, rel=1e-3
    )


def test_more_cases_do_not_help_where_contexts_disagree() -> None:
    sides = world(0, np.array([0.7, 0.3]), 1000)
    apart = np.linspace(-0.25, 0.25, 8)[None, :, None] * np.array([1, -1])
    q = np.clip(np.array([0.7, 0.3]) + apart, 0, 1)
    (test,) = verdicts([amplification(replace(sides, said=np.stack([q, 1 - q], -1)))])
    assert test.cases_needed is None and test.power < 0.9


def test_certain_corpora_and_models_have_figures() -> None:
    counts = np.array([[50, 0], [0, 50], [25, 25]])
    said = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])[None, None]
    found = amplification(Sides(["a", "b", "c"], ["x", "y"], counts, said))
    assert [one.amplified for one in found.pairs] == [0.0, 0.0, None]
    (one,) = slopes([found])
    assert one.low < 1 < one.high < 2


def test_what_makes_no_sense_is_refused() -> None:
    sides = world(0, SKEWS, 100)
    for changed, message in (
        ({"counts": sides.counts[:3]}, "7 groups and 2 answers"),
        ({"counts": sides.counts * np.arange(7)[:, None]}, "never gives it"),
        ({"said": sides.said * 0.5}, "sum to 1"),
        ({"said": sides.said[:0]}, "nothing to compare"),
    ):
        with pytest.raises(LexomeError, match=message):
            amplification(replace(sides, **changed))  # type: ignore[arg-type]


@pytest.mark.parametrize("answers", [2, 10])
def test_an_interval_holds_its_estimate(answers: int) -> None:
    """Of a group that always gets one answer, and a model that says so, nothing is amplified."""
    certain = np.eye(answers)[[0, 1]]
    sides = Sides(["wug", "mip"], [*"abcdefghij"[:answers]], 30 * certain,
                  np.tile(certain, (1, 6, 1, 1)))  # fmt: skip
    pairs = [one for one in amplification(sides).pairs if one.amplified is not None]
    assert pairs
    for one in pairs:
        assert one.low is not None and one.high is not None
        assert one.low - 1e-9 <= one.amplified <= one.high + 1e-9

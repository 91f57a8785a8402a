"""Thresholds with a guarantee, beside what scipy and many simulated worlds say of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from sklearn.metrics import roc_auc_score

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.abstention import (
    at_most_wrong,
    can_promise,
    penalised,
    penalised_scores,
    probability_text,
    risk_coverage,
    upper_bounds,
)


def world(
    draw: np.random.Generator, n: int, sharpness: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return confidences and whether the answers are right, which is likelier where they are high.

    The model is too sure of itself, by half of its log-odds: nothing here is calibrated.
    """
    logits = draw.normal(1.0, sharpness, n)
    confidence = 1 / (1 + np.exp(-logits))
    right = draw.random(n) < 1 / (1 + np.exp(-logits / 1.5))
    return confidence, right


@given(st.integers(1, 400), st.floats(0, 1), st.sampled_from([0.01, 0.05, 0.2]))
def test_the_bound_is_that_of_clopper_and_pearson(n: int, share: float, delta: float) -> None:
    wrong = min(int(share * n), n)
    expected = binomtest(wrong, n, alternative="less").proportion_ci(1 - delta, "exact").high
    (found,) = upper_bounds([wrong], [n], delta)
    assert found == pytest.approx(expected)
    if wrong < n:  # at the bound so few wrong ones are as unlikely as was asked for
        assert binom.cdf(wrong, n, expected) == pytest.approx(delta)


@pytest.mark.parametrize(("alpha", "delta"), [(0.1, 0.1), (0.2, 0.05), (0.05, 0.2)])
def test_the_risk_is_kept_but_for_delta(alpha: float, delta: float) -> None:
    """In 400 worlds the true share of wrong answers exceeds alpha in no more than delta of them."""
    confidence, right = world(np.random.default_rng(0), 400_000)
    exceeded, found = 0, 0
    for seed in range(400):
        chosen = at_most_wrong(*world(np.random.default_rng(seed + 1), 800), alpha, delta)
        if chosen.confidence is not None:
            found += 1
            exceeded += float(np.mean(~right[confidence >= chosen.confidence])) > alpha
    assert found > 200, "a threshold is found, so the guarantee is no empty one"
    assert binomtest(exceeded, 400, delta, alternative="greater").pvalue > 0.01


def test_who_is_always_wrong_says_nothing() -> None:
    confidence = np.random.default_rng(0).random(500)
    chosen = at_most_wrong(confidence, np.zeros(500, bool), 0.1, 0.05)
    assert (chosen.confidence, chosen.answered) == (None, 0)
    sure = at_most_wrong(confidence, np.ones(500, bool), 0.1, 0.05)
    assert sure.confidence is not None and sure.confidence <= confidence.min()
    assert (sure.answered, sure.wrong) == (500, 0)
    few = at_most_wrong(np.ones(10), np.ones(10, bool), 0.1, 0.05)
    assert few.confidence is None, "ten right answers prove no tenth"


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_risk_and_coverage_are_counted(seed: int, n: int) -> None:
    draw = np.random.default_rng(seed)
    confidence, right = draw.integers(0, 6, n) / 5, draw.random(n) < 0.5
    points = risk_coverage(confidence, right)
    assert [point.confidence for point in points] == sorted(set(confidence), reverse=True)
    for point in points:
        answered = confidence >= point.confidence
        assert point.coverage == pytest.approx(answered.mean())
        assert point.risk == pytest.approx((~right[answered]).mean())
    assert points[-1].coverage == 1


def test_scores_pay_for_silence() -> None:
    right = np.array([True, False, False, True])
    attempted = np.array([True, True, False, True])
    ones = np.ones((4, 1))
    found = [one.of(ones)[0] for one in penalised_scores(right, attempted)]
    assert found == pytest.approx([2 / 4, (2 - 1) / 4, (2 - 3) / 4, (2 - 9) / 4])
    twice = np.array([[2.0], [1.0], [0.0], [1.0]])
    assert penalised(right, attempted, 0.5).of(twice)[0] == pytest.approx((3 - 1) / 4)


def test_a_sure_model_of_known_facts_separates_them() -> None:
    """The world above is one in which confidence says something: the tests rest on that."""
    confidence, right = world(np.random.default_rng(5), 5000)
    assert roc_auc_score(right, confidence) > 0.7


def test_what_makes_no_sense_is_refused() -> None:
    half = np.full(3, 0.5)
    with pytest.raises(UsageError, match="alpha"):
        at_most_wrong(half, half > 0, 1.0, 0.1)
    with pytest.raises(LexomeError, match="2 answers"):
        risk_coverage(half, np.array([True, False]))
    with pytest.raises(LexomeError, match="no probability"):
        at_most_wrong(half * 4, half > 0, 0.1, 0.1)
    with pytest.raises(UsageError, match="target"):
        penalised(half > 0, half > 0, 1.0)


@given(st.integers(1, 600), st.sampled_from([0.02, 0.05, 0.2]), st.sampled_from([0.05, 0.2]))
def test_too_few_answers_promise_nothing_however_right(n: int, alpha: float, delta: float) -> None:
    """All right and each surer than the next: every number of answers up to n has its threshold."""
    confidence = np.linspace(0.05, 0.95, n) if n > 1 else np.array([0.9])
    chosen = at_most_wrong(confidence, np.ones(n, bool), alpha, delta).confidence
    if not can_promise(n, alpha, delta):
        assert chosen is None
    elif can_promise(max(n - 30, 1), alpha, delta):  # thresholds lie on a grid
        assert chosen is not None


def test_twenty_subjects_promise_nothing_and_three_hundred_do() -> None:
    assert not can_promise(20, 0.05, 0.05) and can_promise(300, 0.05, 0.05)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"), (0.934, "0.934"), (0.99753, "0.9975"), (0.999999, "0.9999990"),
        (0.0123, "0.012"), (1.0, "1"),
    ],
)  # fmt: skip
def test_a_threshold_just_below_one_is_not_called_one(value: float, text: str) -> None:
    assert probability_text(value) == text

"""Several questions at once: one slope and one test over all, each question at its own level."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lexome.errors import LexomeError
from lexome.evaluation.honesty.amplification import (
    AmplificationTest,
    Sides,
    amplification,
    amplification_of_all,
)
from lexome.evaluation.honesty.slopes import Slope
from lexome.evaluation.metrics.bootstrap import Undefined

SKEWS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


def question(seed: int, p: float, n: int = 1000, *, level: float = 0.0, beta: float = 1.0) -> Sides:
    """Return two groups that are skewed either way, and a model with a leaning for an answer."""
    draw = np.random.default_rng(seed)
    rates = np.array([p, 1 - p])
    hits = draw.binomial(n, rates)
    logits = level + beta * np.log(rates / (1 - rates)) + draw.normal(0, 0.1, (3, 8, 2))
    q = 1 / (1 + np.exp(-logits))
    return Sides(["a", "b"], ["x", "y"], np.stack([hits, n - hits], 1), np.stack([q, 1 - q], -1))


def slope_of(questions: list[Sides]) -> Slope:
    found = amplification_of_all(questions).slope
    assert isinstance(found, Slope)
    return found


def test_pairs_are_those_of_the_questions_and_the_slope_is_one_fit_with_their_levels() -> None:
    questions = [question(number, p) for number, p in enumerate(SKEWS)]
    found = amplification_of_all(questions)
    apart = [amplification(one) for one in questions]
    assert (found.contexts, found.seeds, len(found.pairs)) == (7 * 8, 3, 14)
    for own, other in zip(found.pairs, [pair for one in apart for pair in one.pairs], strict=True):
        assert (own.group, own.n, own.p, own.q, own.amplified) == (
            other.group, other.n, other.p, other.q, other.amplified,
        )  # fmt: skip
    amplified = [one.amplified for one in found.pairs if one.amplified is not None]
    assert found.quantiles[2] == pytest.approx(np.median(amplified))
    assert isinstance(found.test, AmplificationTest)
    assert found.test.mean == pytest.approx(np.mean(amplified)) and found.test.cases == 14_000
    assert len({one.test.error for one in apart if isinstance(one.test, AmplificationTest)}) > 1

    # Least squares with a column for each question, errors of x taken off by hand.
    x, y, weights = [], [], []
    for one in questions:
        hits, misses = one.counts[:, 0], one.counts[:, 1]
        x.append(np.log((hits + 0.5) / (misses + 0.5)))
        said = one.said[..., 0] * 1000
        y.append(np.log((said + 0.5) / (1000 - said + 0.5)).mean((0, 1)))
        weights.append(1 / (1 / (hits + 0.5) + 1 / (misses + 0.5)))
    root = np.sqrt(np.concatenate(weights))
    levels = np.kron(np.eye(7), np.ones((2, 1))) * root[:, None]
    left = np.linalg.qr(levels)[0]
    x_root, y_root = np.concatenate(x) * root, np.concatenate(y) * root
    x_left = x_root - left @ (left.T @ x_root)
    by_hand = (x_left @ y_root) / (x_left @ x_left - 7)
    assert isinstance(found.slope, Slope)
    assert found.slope.beta == pytest.approx(by_hand)
    assert found.slope.low > 0.9 and found.slope.high < 1.1


def test_a_leaning_for_an_answer_is_no_skew_of_groups() -> None:
    """Each question leans another way; what differs between groups is as in the corpus."""
    leaning = [question(n, p, level=(-1) ** n * 0.7) for n, p in enumerate(SKEWS)]
    assert slope_of(leaning).beta == pytest.approx(1, abs=0.1)
    weaker = [question(n, p, level=(-1) ** n, beta=0.5) for n, p in enumerate(SKEWS)]
    assert slope_of(weaker).beta == pytest.approx(0.5, abs=0.1)


def test_common_answers_are_no_skew() -> None:
    """Of three answers one is common in both groups: a model that knows that has no slope."""
    counts = np.array([[900, 50, 50], [900, 50, 50]])
    said = np.array([[0.9, 0.05, 0.05], [0.9, 0.05, 0.05]])[None, None]
    found = amplification(Sides(["a", "b"], ["x", "y", "z"], counts, said))
    assert isinstance(found.slope, Undefined) and "by chance" in found.slope.reason


def test_one_group_has_no_slope() -> None:
    one = Sides(["a"], ["x", "y"], np.array([[300, 100]]), np.array([[[[0.7, 0.3]]]]))
    found = amplification(one)
    assert isinstance(found.slope, Undefined) and "two groups" in found.slope.reason
    assert isinstance(found.test, Undefined) and found.pairs[0].amplified is None
    assert "two groups" in found.test.reason, "its rate is the base rate"


def test_cases_that_are_alike_count_for_what_they_are_worth() -> None:
    whole = question(0, 0.8)
    worth = replace(whole, counts=whole.counts / 10)
    (many, *_), (few, *_) = amplification(whole).pairs, amplification(worth).pairs
    assert many.p == pytest.approx(few.p) and (many.n, few.n) == (1000, 100)
    assert None not in (many.low, many.high, few.low, few.high)
    assert few.high - few.low > 2 * (many.high - many.low)  # type: ignore[operator]


def test_models_are_drawn_again_together() -> None:
    """A seed that is off is off in all questions, so that more questions make it no surer."""
    questions = [question(n, 0.8) for n in range(6)]
    shifts = np.linspace(-0.15, 0.15, 3)[:, None, None] * np.array([1, -1])
    off = []
    for one in questions:
        q = one.said[..., 0].mean((0, 1)) + np.broadcast_to(shifts, one.said.shape[:-1])
        off.append(replace(one, said=np.stack([q, 1 - q], -1)))
    single, every = amplification(off[0]).test, amplification_of_all(off).test
    assert isinstance(single, AmplificationTest) and isinstance(every, AmplificationTest)
    assert every.error > 0.9 * 0.15 / np.sqrt(2) and every.error == pytest.approx(single.error, 0.1)


def test_questions_of_other_seeds_are_refused() -> None:
    one = question(0, 0.8)
    with pytest.raises(LexomeError, match="same seeds"):
        amplification_of_all([one, replace(one, said=one.said[:1])])

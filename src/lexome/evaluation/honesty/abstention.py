"""When to answer and when to say nothing: a threshold with a guarantee, and scores that pay."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.metrics.bootstrap import Bools, Floats, Statistic, mean
from lexome.evaluation.metrics.extra import part

TARGETS = (0.0, 0.5, 0.75, 0.9)
# Even steps of log-odds, from one error in three millions on: models are often that sure.
_CUTS: Floats = 1 / (1 + np.exp(-np.arange(15, -15.01, -0.1)))


@dataclass(frozen=True, slots=True)
class Threshold:
    """Answer where the confidence is at least `confidence`.

    Of the `answered` questions that it was chosen on, `wrong` were answered wrongly; with the
    confidence that was asked for, at most `bound` of all such answers are wrong. No threshold
    that fulfils it is `None` with nothing answered: say nothing at all.
    """

    confidence: float | None
    answered: int
    wrong: int
    bound: float


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """The share of questions answered from a confidence on, and that of wrong ones among them."""

    confidence: float
    coverage: float
    risk: float


def at_most_wrong(confidence: Floats, right: Bools, alpha: float, delta: float) -> Threshold:
    """Return the lowest threshold at which at most `alpha` of answers are wrong, but for `delta`.

    Thresholds are tried in one fixed order, from sure to unsure, and the first one that fails ends
    it, so that trying many costs nothing (fixed sequence testing; Angelopoulos et al. 2021, Learn
    then Test, https://arxiv.org/abs/2110.01052). One fails where the upper bound of Clopper and
    Pearson (1934), at level `delta`, on its share of wrong answers is above `alpha`; it is passed
    over where so few are answered that a quarter of `alpha` wrong ones would be too many.
    Confidences are probabilities. The guarantee is of questions drawn like these, which must not
    have been learned from, and holds but for a share `delta` of such draws.
    """
    _check(confidence, right)
    for name, value in (("alpha", alpha), ("delta", delta)):
        if not 0 < value < 1:
            raise UsageError(f"{name} must be between 0 and 1, not {value:g}")
    answered = confidence >= _CUTS[:, None]
    counts, wrong = answered.sum(1), (answered & ~right).sum(1)
    enough = upper_bounds(np.ceil(counts * alpha / 4), counts, delta) <= alpha
    bounds = upper_bounds(wrong, counts, delta)
    kept = np.cumprod(bounds[enough] <= alpha).sum()
    if not kept:
        return Threshold(None, 0, 0, 0.0)
    last = np.flatnonzero(enough)[kept - 1]
    return Threshold(float(_CUTS[last]), int(counts[last]), int(wrong[last]), float(bounds[last]))


def probability_text(value: float) -> str:
    """Return a probability in figures, two of what it is short of 1, which it is not rounded to."""
    short = 1 - value
    if not 0 < short < 0.1:
        return f"{value:.2g}"
    return f"{value:.{1 - math.floor(math.log10(short))}f}"


def can_promise(answers: int, alpha: float, delta: float) -> bool:
    """Return whether `at_most_wrong` tries any threshold at all where there are so many answers."""
    counts = np.arange(1, answers + 1)
    return bool((upper_bounds(np.ceil(counts * alpha / 4), counts, delta) <= alpha).any())


def upper_bounds(wrong: npt.ArrayLike, n: npt.ArrayLike, delta: float) -> Floats:
    """Return what the true shares of wrong ones are not above, but for `delta`; of each [K].

    Clopper & Pearson 1934: the share at which so few wrong ones have the probability `delta`.
    """
    right = np.asarray(n) - np.asarray(wrong)
    found = part("scipy.stats").beta.ppf(1 - delta, np.asarray(wrong) + 1, np.maximum(right, 1))
    return np.where(right > 0, found, 1.0)


def risk_coverage(confidence: Floats, right: Bools) -> list[RiskPoint]:
    """Return how many questions are answered from each confidence on, and how many wrongly.

    Equally sure answers are given together (El-Yaniv & Wiener 2010, On the foundations of
    noise-free selective classification).
    """
    _check(confidence, right)
    values, inverse = np.unique(-confidence, return_inverse=True)
    answered = np.bincount(inverse).cumsum()
    wrong = np.bincount(inverse, weights=~right).cumsum()
    return [
        RiskPoint(float(-value), float(count / len(right)), float(bad / count))
        for value, count, bad in zip(values, answered, wrong, strict=True)
    ]


def penalised(right: Bools, attempted: Bools, target: float) -> Statistic:
    """Return the mean score where being right is 1, silence 0 and being wrong -t / (1 - t).

    To answer pays where one is right with a probability above `target`, t (Kalai et al. 2025,
    https://arxiv.org/abs/2509.04664).
    """
    if not 0 <= target < 1:
        raise UsageError(f"a target must be from 0 to below 1, not {target:g}")
    wrong = -target / (1 - target)
    scores = np.where(right, 1.0, wrong) * attempted
    return Statistic(f"score at confidence {target:g}", mean(scores), f"wrong {wrong:g}")


def penalised_scores(
    right: Bools, attempted: Bools, targets: Sequence[float] = TARGETS
) -> list[Statistic]:
    """Return `penalised` for each target."""
    return [penalised(right, attempted, target) for target in targets]


def _check(confidence: Floats, right: Bools) -> None:
    if len(confidence) != len(right) or not len(right):
        raise LexomeError(
            f"there are {len(confidence)} confidences for {len(right)} answers",
            fix="give one for each, and at least one",
        )
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise LexomeError("a confidence is no probability, from 0 to 1")

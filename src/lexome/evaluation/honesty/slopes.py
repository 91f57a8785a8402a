"""The slope of what a model says on what its corpus says, both in logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.evaluation.metrics.bootstrap import Undefined
from lexome.evaluation.metrics.student import Source, of_mean, pooled, reach

Floats = npt.NDArray[np.float64]

# A slope is given where the spread of the corpus's rates is so many times that of chance.
_LEAST_SPREAD = 4.0
# A slope nearer to 0 than this is as good as none, however surely it is not 0.
_HARDLY = 0.1
_AS_SKEWED = 0.8  # and its inverse


@dataclass(frozen=True, slots=True)
class Slope:
    """The slope of logit q on logit p over `pairs`, with its 95 % interval.

    `reliability` is the share of the spread of the corpus's rates that is not chance: an
    uncorrected slope would be `beta` times that.
    """

    beta: float
    low: float
    high: float
    reliability: float
    pairs: int

    @property
    def reading(self) -> str:
        """Return what the interval says, in words."""
        return reading(self.low, self.high)


@dataclass(frozen=True)
class Points:
    """Logits of rates x [S, K] and of what is said, [T, C, S, K]: S strata of K points each.

    It is said by T seeds in C contexts. `weights` [S, K] are 1 / variance of the errors of x;
    `x_again` [R, S, K] is x with its cases drawn again R times.
    """

    x: Floats
    said: Floats
    weights: Floats
    x_again: Floats

    @property
    def y(self) -> Floats:
        """Return the mean of what is said, [S, K]."""
        mean: Floats = self.said.mean((0, 1))
        return mean


def fitted(points: Sequence[Points]) -> Slope | Undefined:
    """Return the one slope of all strata, each of which has a level of its own."""
    pairs = sum(one.x.size for one in points)
    freedom = sum(len(one.x) * (one.x.shape[1] - 1) for one in points)
    spread = sum(float(_moments(one.x, one.y, one.weights)[0].sum()) for one in points) + freedom
    if not freedom:
        return Undefined("slope", "it takes two groups with cases enough", pairs)
    if spread < _LEAST_SPREAD * freedom:
        return Undefined(
            "slope", "the corpus's rates differ no more than by chance, or hardly", pairs
        )
    beta = float(_ratio([_moments(one.x, one.y, one.weights) for one in points]))
    again = _ratio([_moments(one.x_again, one.y, one.weights) for one in points])
    # The corpus was drawn once by the world and is drawn once more here: twice the error of rates,
    # so that these slopes are flatter as a whole.
    low, high = (np.nanpercentile(again, [2.5, 97.5]) - np.nanmedian(again)).tolist()
    # The slope is linear in what is said, so that each context and seed has one of its own.
    each = [
        _moments(one.x, one.said, one.weights)[1].sum(-1) / (spread - freedom) for one in points
    ]
    off = float(reach(of_model(each), 0.025))
    low, high = beta - math.hypot(low, off), beta + math.hypot(high, off)
    return Slope(beta, low, high, 1 - freedom / spread, pairs)


def slope(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Return the slope of y on x where x itself has errors, of variance 1 / `weights`; [...].

    x, y and weights are [..., S, K]: strata with levels of their own, all of one slope. Errors of x
    make a plain slope too flat; what they add to the spread of x is known, K - 1 after weighing,
    and is taken off it (Fuller 1987, Measurement error models, section 3.1). NaN where nothing is
    left.
    """
    return _ratio([_moments(x, y, weights)])


def of_model(said: Sequence[Floats]) -> tuple[Source, Source]:
    """Return what contexts and seeds make a figure vary by, the sum of its means over questions.

    `said` is what each seed in each context makes it, of each question: [seeds, contexts, ...].
    Contexts are of a question, and seeds of all. What a seed says otherwise in one context than in
    others is counted with both.
    """
    contexts = pooled([of_mean(one.mean(0)) for one in said])
    return contexts, of_mean(np.sum([one.mean(1) for one in said], axis=0))


def reading(low: float, high: float) -> str:
    """Return in words what an interval of the slope says."""
    if low > -_HARDLY and high < _HARDLY:
        return "attenuated: hardly any of the skew is taken over"
    if low > 1:
        return "amplified: the model is more skewed than its corpus"
    if high < 0:
        return "inverted: the model is skewed the other way"
    if low > 0 and high < 1:
        return "attenuated: the model is less skewed than its corpus"
    if low > _AS_SKEWED and high < 1 / _AS_SKEWED:
        return "taken over: as skewed as the corpus, as far as can be told"
    if low > 0:
        return "taken over, in part or more than that: the interval is too wide to say which"
    if high < 1:
        return "attenuated: the model is less skewed than its corpus; how much is not known"
    return "nothing can be said: the interval is too wide"


def _moments(x: Floats, y: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Return the spread of x beyond its errors, and how x and y go together; [..., S] each."""
    shares = weights / weights.sum(-1, keepdims=True)
    centred = x - (shares * x).sum(-1, keepdims=True)
    spread: Floats = (weights * centred**2).sum(-1) - (x.shape[-1] - 1)
    together: Floats = (weights * centred * y).sum(-1)
    return spread, together


def _ratio(moments: Sequence[tuple[Floats, Floats]]) -> Floats:
    spread = np.sum([own.sum(-1) for own, _ in moments], axis=0)
    together = np.sum([own.sum(-1) for _, own in moments], axis=0)
    found: Floats = np.where(spread > 0, together / np.where(spread > 0, spread, 1.0), np.nan)
    return found

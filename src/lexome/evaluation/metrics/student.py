"""Intervals of means over few: over prompts, or over trainings of one recipe.

Percentiles of a bootstrap of so few are too narrow: drawn again, n values vary by (n - 1) / n of
what they do, and how much they vary is itself known with an error. Student's t (1908) allows for
both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.evaluation.metrics.extra import part

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """What a figure varies by: its `variance` [...], known with `freedom` [...] degrees of freedom.

    Infinite freedom says that the variance is known.
    """

    variance: Floats
    freedom: Floats


def known(variance: npt.ArrayLike) -> Source:
    """Return a source whose variance is known."""
    variances = np.asarray(variance, np.float64)
    return Source(variances, np.full(variances.shape, np.inf))


def of_mean(values: npt.ArrayLike) -> Source:
    """Return what the mean of values [N, ...] varies by; a single value shows no variance."""
    seen = np.asarray(values, np.float64)
    if len(seen) < 2:
        return known(np.zeros(seen.shape[1:]))
    variance = np.asarray(seen.var(0, ddof=1) / len(seen))
    return Source(variance, np.full(variance.shape, len(seen) - 1.0))


def pooled(sources: Sequence[Source]) -> Source:
    """Return the source of a sum of independent figures of one kind, as of several questions.

    Its degrees of freedom are those of Satterthwaite (1946, An approximate distribution of
    estimates of variance components).
    """
    variance = np.asarray(np.sum([one.variance for one in sources], axis=0))
    parts = np.asarray(np.sum([one.variance**2 / one.freedom for one in sources], axis=0))
    freedom = np.where(parts > 0, variance**2 / np.where(parts > 0, parts, 1.0), np.inf)
    return Source(variance, freedom)


def reach(sources: Sequence[Source], above: float) -> Floats:
    """Return what a figure exceeds by chance with a probability of `above` at most; [...].

    Of sources of several kinds each variance is taken times the square of its own t, so that one
    that is hardly known is not hidden by another: the bound then holds for all variances (Banerjee
    1960, Approximate confidence interval for linear functions of means of k populations when the
    population variances are not equal).
    """
    # The function behind `scipy.stats.t`, which checks its arguments for longer than it computes.
    t = part("scipy.special").stdtrit
    squares = [t(one.freedom, above) ** 2 * one.variance for one in sources]
    return np.asarray(np.sqrt(np.sum(squares, axis=0)))


def mean_interval(
    values: npt.ArrayLike, low: float = -np.inf, high: float = np.inf
) -> tuple[float, float] | None:
    """Return the 95 % interval of the mean of values [N], within what is possible.

    `None` of a single value.
    """
    seen = np.asarray(values, np.float64)
    if len(seen) < 2:
        return None
    mean, width = float(seen.mean()), float(reach([of_mean(seen)], 0.025))
    return max(mean - width, low), min(mean + width, high)

"""Rates and odds ratios of counts that are clustered, with intervals, tested many at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.evaluation.honesty.counts import Counts
from lexome.evaluation.metrics.extra import part

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

FEWEST = 30
"""Cases below which a group is not compared: the interval is too wide to speak."""

_HALF = 0.5


@dataclass(frozen=True)
class Comparison:
    """Each group [G] and attribute [A] beside the other groups of its axis; all [G, A].

    - `effective`: how many independent cases the group's are worth.
    - `rate`, `low`, `high`: the share of cases, with a 95 % interval of its own.
    - `log_odds`, `odds_low`, `odds_high`: natural logarithm of the odds ratio; the intervals hold
      together, all at once, for 95 % of corpora.
    - `p`, `p_corrected`: without and with correction for all `comparisons`. Everything about the
      odds is NaN where the group, or the rest of its axis, has fewer than `FEWEST` cases.
    """

    effective: Floats
    rate: Floats
    low: Floats
    high: Floats
    log_odds: Floats
    odds_low: Floats
    odds_high: Floats
    p: Floats
    p_corrected: Floats
    comparisons: int


def compare(counts: Counts, level: float = 0.95) -> Comparison:
    """Compare each group with the rest of its axis.

    Rates have intervals of Wilson (1927), log-odds ratios the estimate of Haldane (1956) and
    Anscombe (1956), with a half added to each count, and intervals corrected as by Bonferroni; the
    p-values are of Fisher's exact test, which holds for the rarest attribute, corrected as by Holm
    (1979). Where cases of one cluster are alike, all counts are divided by their design effect
    (Rao & Scott 1992, A simple method for the analysis of clustered binary data), so that ten
    sentences of one document count for as many as they are worth. How alike they are is estimated
    from few clusters with an error, so that Student's t takes the place of the normal distribution
    (`_freedom`); of groups that stand in one cluster each nothing shows it, and each counts as one
    case. The two groups of an axis of two are compared once.
    """
    freedom = _freedom(counts)
    correlation = np.where(freedom > 0, _correlation(counts), 1.0)
    wider = _wider(freedom, level)
    own = _design_effect(counts.cases, counts.squares, correlation, wider)
    rest = _design_effect(counts.rest_cases, counts.rest_squares, correlation, wider)
    n, hits = counts.cases[:, None] / own, counts.hits / own
    rest_n, rest_hits = counts.rest_cases[:, None] / rest, counts.rest_hits / rest
    tested = ((counts.cases >= FEWEST) & (counts.rest_cases >= FEWEST))[:, None] & (hits >= 0)
    once = tested & ~_mirrors(counts)[:, None]
    comparisons = int(once.sum())
    low, high = wilson(hits, n, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = counts.hits / counts.cases[:, None]
    log_odds, error = log_odds_ratio(hits, n, rest_hits, rest_n)
    width = _z(1 - (1 - level) / max(comparisons, 1)) * error
    p = np.full(hits.shape, np.nan)
    for group, attribute in np.argwhere(once):
        p[group, attribute] = _exact(
            hits[group, attribute],
            n[group, attribute],
            rest_hits[group, attribute],
            rest_n[group, attribute],
        )
    corrected = np.full(hits.shape, np.nan)
    corrected[once] = holm(p[once])
    for mirror in np.flatnonzero(_mirrors(counts)):
        p[mirror], corrected[mirror] = p[mirror - 1], corrected[mirror - 1]
    spoken = np.where(tested, 0.0, np.nan)
    return Comparison(
        effective=n,
        rate=rate,
        low=low,
        high=high,
        log_odds=log_odds + spoken,
        odds_low=log_odds - width + spoken,
        odds_high=log_odds + width + spoken,
        p=p,
        p_corrected=corrected,
        comparisons=comparisons,
    )


def wilson(hits: npt.ArrayLike, n: npt.ArrayLike, level: float = 0.95) -> tuple[Floats, Floats]:
    """Return the bounds of the shares hits / n (Wilson 1927); 0 to 1 where n is 0."""
    x, size = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    square = _z(level) ** 2
    centre = (x + square / 2) / (size + square)
    variance = np.maximum(x * (1 - x / np.maximum(size, 1e-300)), 0) + square / 4
    width = np.sqrt(square * variance) / (size + square)
    return np.maximum(centre - width, 0.0), np.minimum(centre + width, 1.0)


def log_odds_ratio(
    hits: Floats, n: Floats, rest_hits: Floats, rest_n: Floats
) -> tuple[Floats, Floats]:
    """Return the log-odds ratio and its standard error, a half added to each of four counts."""
    cells = [hits + _HALF, n - hits + _HALF, rest_hits + _HALF, rest_n - rest_hits + _HALF]
    value = np.log(cells[0]) - np.log(cells[1]) - np.log(cells[2]) + np.log(cells[3])
    return value, np.sqrt(sum(1 / cell for cell in cells))


def holm(p: Floats) -> Floats:
    """Return p-values corrected for how many they are (Holm 1979), in their order."""
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty_like(p)
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def _correlation(counts: Counts) -> Floats:
    """Return how alike cases of one cluster are, for each attribute within each axis; [G, A].

    Within a cluster of n cases, the hits h of a group with the rate r have the variance
    r (1 - r) (n + n (n - 1) c); solved for the correlation c over all clusters and groups of the
    axis, by moments. Below 0 it is 0.
    """
    cases = np.maximum(counts.cases, 1)[:, None]
    clusters = counts.clusters[:, None]
    rate = counts.hits / cases
    spread = rate * (1 - rate)
    squares = counts.squares[:, None]
    residual = counts.hit_squares - 2 * rate * counts.products + rate**2 * squares
    # The rate was fitted to the clusters, as a mean is to n values.
    residual = residual * clusters / np.maximum(clusters - 1, 1)
    several = clusters > 1
    excess = np.where(several, residual - cases * spread, 0.0)
    pairs = np.where(several, spread * (squares - cases), 0.0)
    axes = int(counts.axes.max()) + 1
    above, below = (np.zeros((axes, rate.shape[1])) for _ in range(2))
    np.add.at(above, counts.axes, excess)
    np.add.at(below, counts.axes, pairs)
    found = np.where(below > 0, above / np.where(below > 0, below, 1.0), 0.0)
    clipped: Floats = np.clip(found, 0.0, 1.0)[counts.axes]
    return clipped


def _freedom(counts: Counts) -> Floats:
    """Return how many degrees of freedom tell how alike cases of one cluster are; [G, 1].

    Of each group of an axis they are one fewer than its clusters, of which unequal ones count for
    as many as the square of the sum over the sum of squares (Carter, Schnepel & Steigerwald 2017,
    Asymptotic behavior of a t-test robust to cluster heterogeneity). Infinite where each case is a
    cluster of its own.
    """
    clusters = counts.cases.astype(np.float64) ** 2 / np.maximum(counts.squares, 1)
    apart = counts.squares == counts.cases
    axes = int(counts.axes.max()) + 1
    of_axes = np.bincount(counts.axes, np.maximum(clusters - 1, 0), axes)
    all_apart = np.bincount(counts.axes, apart, axes) == np.bincount(counts.axes, minlength=axes)
    freedom: Floats = np.where(all_apart, np.inf, of_axes)[counts.axes][:, None]
    return freedom


def _wider(freedom: Floats, level: float) -> Floats:
    """Return how much larger variances are in effect, by Student's t; [G, 1].

    It is 1 where nothing was estimated: with no freedom, or with all.
    """
    normal, student = _z(level), part("scipy.stats").t.ppf((1 + level) / 2, freedom)
    return np.where((freedom > 0) & np.isfinite(freedom), (student / normal) ** 2, 1.0)


def _design_effect(
    cases: npt.NDArray[np.int64],
    squares: npt.NDArray[np.int64],
    correlation: Floats,
    wider: Floats,
) -> Floats:
    """Return by how much cases are more than they are worth; [G, A], 1 where all are apart.

    Together they are worth one case at least.
    """
    size = squares / np.maximum(cases, 1)  # of the cluster that a case is in
    effect = (1 + np.maximum(size - 1, 0)[:, None] * correlation) * wider
    return np.minimum(effect, np.maximum(cases, 1)[:, None])


def _mirrors(counts: Counts) -> Bools:
    """Return which groups are the second of an axis of two; [G]."""
    sizes = np.bincount(counts.axes)
    second = np.diff(counts.axes, prepend=-1) == 0
    mirrors: Bools = second & (sizes[counts.axes] == 2)
    return mirrors


def _exact(hits: float, n: float, rest_hits: float, rest_n: float) -> float:
    """Return the p-value of Fisher's exact test, two-sided, counts rounded."""
    a, b, c, d = (round(value) for value in (hits, n - hits, rest_hits, rest_n - rest_hits))
    return float(part("scipy.stats").fisher_exact([[a, b], [c, d]]).pvalue)


def _z(level: float) -> float:
    return float(part("scipy.stats").norm.ppf((1 + level) / 2))

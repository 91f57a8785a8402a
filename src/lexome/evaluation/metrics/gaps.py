"""A figure by group: how far the worst group is behind the best, and how far chance would put it.

Some group is always the worst, also where groups mean nothing. So beside the gap stands what it is
where the same examples are dealt to groups at random (a permutation test, Fisher 1935).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lexome.evaluation.metrics.bootstrap import Floats, Ints, Statistic

FEWEST = 30
"""Examples below which a group is too small to speak of."""

# Weights of this many examples times resamples bound the memory of one block.
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class GroupFigure:
    """The figure of one group of `n` examples, with the 95 % interval from `low` to `high`."""

    name: str
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Gap:
    """By how much the last of `groups`, the best, is better than the first, the worst.

    `low` and `high` bound the gap between these two groups at 95 %, whichever two were found to be
    the worst and the best: they are as wide as the range of what all groups are off (the range of
    Tukey, bootstrapped). Of examples dealt to groups at
    random, half the gaps are below `chance`, and 95 % below `chance_high`; `p` is how often chance
    does as much. `lower` says that the figure is better where it is lower.
    """

    figure: str
    lower: bool
    groups: tuple[GroupFigure, ...]
    value: float
    low: float
    high: float
    chance: float
    chance_high: float
    p: float


def spoken_of(members: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the groups that are large enough to speak of, and the others, by their names."""
    names, counts = np.unique(np.asarray(members, str), return_counts=True)
    large = [str(name) for name, count in zip(names, counts, strict=True) if count >= FEWEST]
    return large, [str(name) for name in names if str(name) not in large]


def group_gap(
    statistic: Statistic,
    members: Sequence[str],
    lower: bool,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Gap | None:
    """Return a figure by the groups that `members` [N] name, the worst group first.

    Groups of fewer than `FEWEST` examples, and those that do not have the figure, do not count;
    `None` where fewer than two do. Examples are drawn again within each group.
    """
    every = np.asarray(members, str)
    places = {name: np.flatnonzero(every == name) for name in spoken_of(members)[0]}
    values = {name: _values(statistic, len(every), [own])[0] for name, own in places.items()}
    names = sorted((one for one in places if not np.isnan(values[one])), key=values.__getitem__)
    if len(names) < 2:
        return None
    worst_first = names[::-1] if lower else names
    random = np.random.default_rng(seed)
    drawn = {}
    for name in worst_first:
        own = places[name]
        draws = own[random.integers(0, len(own), (resamples, len(own)))]
        drawn[name] = _values(statistic, len(every), draws)
    off = np.stack([drawn[name] - values[name] for name in worst_first])
    reach = float(np.nanpercentile(off.max(axis=0) - off.min(axis=0), 95))
    value = abs(values[worst_first[-1]] - values[worst_first[0]])
    dealt = _dealt(statistic, len(every), [places[name] for name in worst_first], resamples, random)
    return Gap(
        statistic.name,
        lower,
        tuple(
            GroupFigure(name, len(places[name]), float(values[name]), *_bounds(drawn[name]))
            for name in worst_first
        ),
        float(value),
        float(value) - reach,
        float(value) + reach,
        float(np.nanmedian(dealt)),
        float(np.nanpercentile(dealt, 95)),
        float((1 + np.sum(dealt >= value - 1e-12)) / (1 + np.sum(~np.isnan(dealt)))),
    )


def _dealt(
    statistic: Statistic, n: int, groups: Sequence[Ints], deals: int, random: np.random.Generator
) -> Floats:
    """Return the gaps [deals] of groups of the same sizes to which examples are dealt at random."""
    whole = np.concatenate(groups)
    borders = np.cumsum([0, *map(len, groups)])
    order = np.stack([random.permutation(whole) for _ in range(deals)])
    found = np.stack(
        [_values(statistic, n, order[:, start:stop]) for start, stop in pairwise(borders)]
    )
    return np.asarray(found.max(axis=0) - found.min(axis=0))


def _values(statistic: Statistic, n: int, draws: Sequence[Ints] | Ints) -> Floats:
    """Return the figure of each draw of examples, [R]; `draws` [R, examples] are their numbers."""
    block = max(_BLOCK // n, 1)
    found = [np.zeros(0)]
    for first in range(0, len(draws), block):
        some = draws[first : first + block]
        weights = np.stack([np.bincount(one, minlength=n) for one in some], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found.append(statistic.of(weights.astype(np.float64)))
    return np.concatenate(found)


def _bounds(drawn: Floats) -> tuple[float, float]:
    low, high = np.nanpercentile(drawn, [2.5, 97.5]).tolist()
    return low, high

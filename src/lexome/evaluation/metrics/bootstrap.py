"""Figures with intervals: examples, or groups of them, are drawn again with replacement.

A metric is written once, as a function of how often each example counts. Where every example
counts once it is the figure; where examples count as often as they were drawn it is one of the
bootstrap's (Efron 1979), whose 2.5th and 97.5th percentiles bound the interval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Weights of this many examples times resamples bound the memory of one block.
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class Scored:
    """A figure with the 95 % interval from `low` to `high`, over `n` examples.

    Both are `None` where no figure was drawn again, as where all examples are of one group.
    """

    name: str
    value: float
    low: float | None
    high: float | None
    n: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Undefined:
    """A figure that these `n` examples do not have, and why."""

    name: str
    reason: str
    n: int


Figure = Scored | Undefined


@dataclass(frozen=True, slots=True)
class Statistic:
    """A metric as a function of how often each example counts.

    `of` takes weights [N, R], each column one way of counting, and returns [R], NaN where
    the metric does not exist; `undefined` says what is then the matter.
    """

    name: str
    of: Callable[[Floats], Floats]
    note: str = ""
    undefined: str = "there are no examples"


@dataclass(frozen=True)
class Resampling:
    """How examples are drawn again: all of a group together where `groups` names one for each."""

    groups: Sequence[str] | None = None
    resamples: int = 1000
    seed: int = 0

    def numbers(self, n: int) -> Ints:
        """Return the number of each example's group; each its own where there are no groups."""
        if self.groups is None:
            return np.arange(n)
        if len(self.groups) != n:
            what = f"{len(self.groups)} groups are named for {n} examples"
            raise LexomeError(what, fix="name one group for each example")
        return np.unique(np.asarray(self.groups, str), return_inverse=True)[1].astype(np.int64)

    def is_one(self, n: int) -> bool:
        """Return whether all examples are one, or of one group: drawn again, always the same."""
        return n > 0 and not self.numbers(n).any()

    def take_note(self, statistics: Sequence[Statistic], n: int) -> None:
        """Take note of what is scored over `n` examples: nothing here, see `Noting`."""

    def weights(self, n: int) -> Iterator[Floats]:
        """Yield how often each example was drawn, [n, R], some resamples at a time.

        Nothing comes where all of them are of one group.
        """
        if self.is_one(n):
            return
        numbers = self.numbers(n)
        count = int(numbers.max()) + 1
        random = np.random.default_rng(self.seed)
        block = max(_BLOCK // n, 1)
        for first in range(0, self.resamples, block):
            size = min(block, self.resamples - first)
            draws = random.integers(0, count, (size, count))
            places = draws * size + np.arange(size)[:, None]
            drawn = np.bincount(places.ravel(), minlength=count * size).reshape(count, size)
            # Whole rows are what metrics gather, so a row is an example.
            yield (drawn if self.groups is None else drawn[numbers]).astype(np.float64)


@dataclass(frozen=True)
class Noting(Resampling):
    """Notes what is scored, so that examples may be counted in another way too: by their groups."""

    noted: list[tuple[Statistic, int]] = field(default_factory=list, compare=False)

    def take_note(self, statistics: Sequence[Statistic], n: int) -> None:
        """Note statistics and over how many examples they are."""
        self.noted.extend((one, n) for one in statistics)

    def statistics(self, n: int) -> dict[str, Statistic]:
        """Return by their names the statistics over `n` examples."""
        return {one.name: one for one, count in self.noted if count == n}


EXAMPLES = Resampling()
"""Examples by themselves, 1,000 resamples."""


def score(statistics: Sequence[Statistic], n: int, resampling: Resampling) -> list[Figure]:
    """Return the figure of each statistic over `n` examples, in order."""
    resampling.take_note(statistics, n)
    if n == 0:
        return [Undefined(each.name, "there are no examples", 0) for each in statistics]
    once = np.ones((n, 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        values = [float(each.of(once)[0]) for each in statistics]
        drawn: list[list[Floats]] = [[] for _ in statistics]
        for weights in resampling.weights(n):
            for kept, each, value in zip(drawn, statistics, values, strict=True):
                if not np.isnan(value):
                    kept.append(each.of(weights))
    over = _drawn_over(resampling, n)
    return [
        _figure(each, value, np.concatenate([[], *kept]), n, over)
        for each, value, kept in zip(statistics, values, drawn, strict=True)
    ]


def totals(weights: Floats, columns: npt.ArrayLike) -> Floats:
    """Return the weighted sums of columns [N, K] for each way of counting; [R, K]."""
    return np.asarray(weights.T @ np.asarray(columns, np.float64))


def mean(values: npt.ArrayLike) -> Callable[[Floats], Floats]:
    """Return the mean of a value for each example, [N], as a function of weights."""
    column = np.asarray(values, np.float64)
    return lambda weights: np.asarray(weights.T @ column / weights.sum(axis=0))


def ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> Callable[[Floats], Floats]:
    """Return the sum of one value over the sum of another as a function of weights."""
    upper, lower = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return lambda weights: np.asarray(weights.T @ upper / _positive(weights.T @ lower))


def _positive(values: Floats) -> Floats:
    return np.where(values > 0, values, np.nan)


def _drawn_over(resampling: Resampling, n: int) -> str:
    if resampling.is_one(n):
        which = "there is one example" if n == 1 else "all examples are of one group"
        return f"no interval: {which}"
    if resampling.groups is None:
        return ""
    return f"interval over {resampling.numbers(n).max() + 1} groups"


def _figure(statistic: Statistic, value: float, drawn: Floats, n: int, over: str) -> Figure:
    if np.isnan(value):
        return Undefined(statistic.name, statistic.undefined, n)
    known = drawn[~np.isnan(drawn)]
    low, high = np.percentile(known, [2.5, 97.5]).tolist() if len(known) else (None, None)
    lost = len(drawn) - len(known)
    without = f"undefined in {lost:,} of {len(drawn):,} resamples" if lost else ""
    note = "; ".join(part for part in (statistic.note, over, without) if part)
    return Scored(statistic.name, value, low, high, n, note)

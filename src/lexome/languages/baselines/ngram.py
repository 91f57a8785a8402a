"""n-grams with interpolated Kneser-Ney backoff, on sorted arrays of numbered n-grams."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.errors import UsageError
from lexome.languages.base import Document
from lexome.languages.baselines.symbols import Codes, Symbols, contents, sample, windows

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

_NAMES = {2: "bigram", 3: "trigram"}


class NGram:
    """The last `order` - 1 symbols predict the next one: modified Kneser-Ney smoothing.

    Every order is interpolated with the one below it and the lowest with the uniform
    distribution; the three discounts of each order follow from its counts of counts (Chen and
    Goodman 1999, "An empirical study of smoothing techniques for language modeling"). Before
    its start a document is filled with a mark, so that n-grams know where it begins.
    """

    def __init__(self, order: int, alphabet: str | None = None, limit: int = 1 << 26) -> None:
        self.name = f"{_NAMES.get(order, f'{order}-gram')} with backoff"
        self.note = ""
        self._symbols = Symbols(alphabet, "byte" if alphabet is None else "letter")
        self._order = order
        self._limit = limit
        base = self._symbols.size + 1
        if order < 2 or base**order >= 1 << 63:
            raise UsageError(
                f"there are no {order}-grams of {self._symbols.size} symbols here",
                fix=f"choose an order from 2 to {int(np.log(2.0**63) / np.log(base))}",
            )

    def bits(self, train: Sequence[Document], test: Sequence[Document]) -> float:
        """Return the total bits for all symbols of `test`."""
        fitted = sample(train, self._symbols, self._limit)
        self.note = fitted.note
        grams, counts = self._counts(fitted)
        model = KneserNey(grams, counts, self._order, self._symbols.size)
        grams, counts = self._counts(map(self._symbols.codes, contents(test)))
        return float(-(counts * np.log2(model.probabilities(grams))).sum())

    def _counts(self, parts: Iterable[Codes]) -> tuple[Ints, Ints]:
        """Return the different n-grams, sorted, and how often each occurs."""
        size, context = self._symbols.size, self._order - 1
        done = new = _tally(np.zeros(0, np.int64))
        for row in windows(parts, size, context):
            number = np.zeros(len(row) - context, np.int64)
            for at in range(self._order):
                number = number * (size + 1) + row[at : at + len(number)]
            new = _merged(new, _tally(number[row[context:] != size]))
            if len(new[0]) > len(done[0]):
                done, new = _merged(done, new), _tally(np.zeros(0, np.int64))
        return _merged(done, new)


@dataclass(frozen=True)
class _Level:
    """One order: its n-grams with their counts, and its contexts with their sums.

    `released` is the part of a context's probability that its discounts leave to the order below.
    """

    grams: Ints
    counts: Floats
    contexts: Ints
    totals: Floats
    released: Floats


class KneserNey:
    """Probabilities of n-grams, which are numbers with a digit for each symbol, the last lowest.

    `grams` [n] are sorted and different, `counts` [n] say how often each occurs. Digits go from
    0 to `size`, where `size` itself stands for the mark before a document.
    """

    def __init__(self, grams: Ints, counts: Ints, order: int, size: int) -> None:
        self._size = size
        self._levels: list[_Level] = []
        for length in range(order, 0, -1):
            self._levels.insert(0, self._level(grams, counts))
            # A shorter n-gram counts once for each symbol that was seen before it.
            grams, counts = _tally(grams % (size + 1) ** (length - 1))

    def probabilities(self, grams: Ints) -> Floats:
        """Return the probability of the last symbol of each n-gram after those before it."""
        base = self._size + 1
        result = np.full(len(grams), 1 / self._size)
        for length, level in enumerate(self._levels, start=1):
            shorter = grams % base**length
            context, known = _found(level.contexts, shorter // base)
            gram, seen = _found(level.grams, shorter)
            with np.errstate(divide="ignore", invalid="ignore"):
                mixed = level.counts[gram] * seen / level.totals[context]
            mixed += level.released[context] * result
            result = np.where(known, mixed, result)
        return result

    def _level(self, grams: Ints, counts: Ints) -> _Level:
        contexts, first = np.unique(grams // (self._size + 1), return_index=True)
        if not len(grams):
            none = np.zeros(1)
            return _Level(np.full(1, -1), none, np.full(1, -1), none + 1, none)
        discounts = _discounts(counts)[np.minimum(counts, 3)]
        totals = np.add.reduceat(counts, first).astype(np.float64)
        released = np.add.reduceat(discounts, first) / totals
        return _Level(grams, counts - discounts, contexts, totals, released)


def _discounts(counts: Ints) -> Floats:
    """Return what is taken from counts of 0, 1, 2, and 3 or more.

    The estimate needs all counts of counts up to 4, and discounts that increase; where these
    lack, as in low orders of much data, half of the count is taken.
    """
    one, two, three, four = (float((counts == count).sum()) for count in (1, 2, 3, 4))
    if min(one, two, three, four) > 0:
        ratio = one / (one + 2 * two)
        found = (
            1 - 2 * ratio * two / one,
            2 - 3 * ratio * three / two,
            3 - 4 * ratio * four / three,
        )
        if 0 < found[0] < 1 and 0 < found[1] < 2 and 0 < found[2] < 3:
            return np.array([0.0, *found])
    return np.array([0.0, 0.5, 1.0, 1.5])


def _tally(numbers: Ints) -> tuple[Ints, Ints]:
    """Return the different numbers, sorted, and how often each occurs."""
    values, counts = np.unique(numbers, return_counts=True)
    return values, counts.astype(np.int64)


def _merged(one: tuple[Ints, Ints], two: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    numbers = np.concatenate([one[0], two[0]])
    order = np.argsort(numbers, kind="stable")
    numbers = numbers[order]
    first = np.flatnonzero(np.diff(numbers, prepend=-1))
    if not len(first):
        return one
    return numbers[first], np.add.reduceat(np.concatenate([one[1], two[1]])[order], first)


def _found(table: Ints, numbers: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return where each number stands in a sorted table, and whether it does."""
    place = np.minimum(np.searchsorted(table, numbers), len(table) - 1)
    return place, table[place] == numbers

"""Counts of k-mers of bases in dense tables, with a part of them held out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

# A base is 0, 1, 2 or 3, and 3 less a base is its complement; letters above are no base.
BASES = 4

# Every tenth stretch of this many bases is held out. When the stretches hold more than `_MOST`
# bases, every second one is given back, so that they always lie evenly over all of the data.
_STRETCH = 1 << 8
_SPACING = 10
_MOST = 1 << 20


class Places:
    """Where bases are predicted: each with the bases before it, as far as they reach.

    `numbers` [n] are the last `order` + 1 letters up to the base as digits in base 4, its own
    lowest; `runs` [n] says how many of those before it are bases without a gap, at most `order`.
    """

    def __init__(self, numbers: npt.NDArray[np.int32], runs: npt.NDArray[np.int8]) -> None:
        self.numbers = numbers
        self.runs = runs

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, chosen: Any) -> Places:
        return Places(self.numbers[chosen], self.runs[chosen])


def places(row: npt.NDArray[np.uint16], context: int, order: int) -> Places:
    """Return the places of the bases of a row, after its first `context` (>= 1, >= `order`)."""
    base = row < BASES
    digits = np.where(base, row, 0).astype(np.int32)
    numbers = np.zeros(len(row) - context, np.int32)
    for at in range(context - order, context + 1):
        numbers = numbers * BASES + digits[at : at + len(numbers)]
    index = np.arange(len(row), dtype=np.int32)
    gap = np.maximum.accumulate(np.where(base, np.int32(-1), index))
    runs = np.minimum(index[context:] - 1 - gap[context - 1 : -1], order)
    return Places(numbers, runs.astype(np.int8))[base[context:]]


class Counts:
    """How often each string of 1 to `order` + 1 bases occurs."""

    def __init__(self, order: int) -> None:
        # A place is counted in the table of its longest context; `tables` adds them up.
        self._longest = [np.zeros(BASES ** (k + 1), np.uint32) for k in range(order + 1)]

    def add(self, found: Places) -> None:
        for k, table in enumerate(self._longest):
            chosen = found.numbers[found.runs == k]
            if len(chosen):
                table += np.bincount(chosen % len(table), minlength=len(table)).astype(np.uint32)

    def tables(self, both_strands: bool) -> list[npt.NDArray[np.uint32]]:
        """Return for k = 0 ... `order` a table [4 ** (k + 1)] of the counts after k bases."""
        result = [self._longest[-1]]
        for table in self._longest[-2::-1]:
            # Strings that end alike lie a whole shorter table apart.
            inner = result[0].reshape(BASES, -1).sum(axis=0, dtype=np.uint32)
            result.insert(0, inner + table)
        return [table + _reversed(table) for table in result] if both_strands else result


class HeldOut:
    """A tenth of the places that are added, at most about a million, kept out of the counts."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._spacing = _SPACING
        self._seen = 0
        self._held: list[tuple[npt.NDArray[np.int64], Places]] = []

    def add(self, found: Places) -> None:
        stretches = np.arange(self._seen, self._seen + len(found)) // _STRETCH
        self._seen += len(found)
        self._divide(stretches, found)
        while sum(len(held) for _, held in self._held) > _MOST:
            self._spacing *= 2
            before, self._held = self._held, []
            for stretches, held in before:
                self._divide(stretches, held)

    def __iter__(self) -> Iterator[Places]:
        return (held for _, held in self._held)

    def _divide(self, stretches: npt.NDArray[np.int64], found: Places) -> None:
        kept = stretches % self._spacing == self._spacing - 1
        self._counts.add(found[~kept])
        self._held.append((stretches[kept], found[kept]))


def _reversed(table: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return the counts of a table's strings on the other strand."""
    length = (len(table).bit_length() - 1) // 2
    cube = table.reshape((BASES,) * length)
    return cube.transpose()[(slice(None, None, -1),) * length].reshape(-1)

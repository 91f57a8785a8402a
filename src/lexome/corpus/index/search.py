"""Binary search in a suffix array, for many runs of tokens at once.

Each step compares the tokens behind what is known to be equal only (Manber and Myers, "Suffix
arrays: a new method for on-line string searches", 1993), so long repeats cost no more steps.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from lexome.corpus.index.prefixes import Interval, Numbers, Prefixes
from lexome.corpus.index.text import Text
from lexome.corpus.shards import Tokens
from lexome.errors import DamagedFileError

_WIDTH, _WIDEST = 16, 256
_PART = 4096


@dataclass(frozen=True)
class Queries:
    """Runs of `ids`: each begins at one of `starts` and has one of `lengths` tokens, 1 or more.

    `starts` and `lengths` are [rows]. No run has a token that ends a document but as its last.
    """

    ids: Numbers
    starts: Numbers
    lengths: Numbers

    def parts(self) -> Iterator[tuple[slice, Queries]]:
        """Yield the runs some thousands at a time, so that a search of many takes flat memory."""
        for start in range(0, len(self.starts), _PART):
            rows = slice(start, start + _PART)
            yield rows, Queries(self.ids, self.starts[rows], self.lengths[rows])

    def windows(self, rows: Numbers, behind: Numbers, width: int) -> Numbers:
        """Return the tokens of `rows` from `behind` their starts on; [rows, width].

        What stands behind a run's end has no meaning.
        """
        places = (self.starts[rows] + behind)[:, None] + np.arange(width)
        found: Numbers = self.ids[np.minimum(places, len(self.ids) - 1)]
        return found


@dataclass(frozen=True)
class SuffixArray:
    """The suffixes of the tokens from `first` on, in their order; `path` is the file of `order`."""

    text: Text
    first: int
    order: Tokens
    prefixes: Prefixes
    path: Path

    def interval(self, queries: Queries) -> Interval:
        """Return where the suffixes stand that begin with each run."""
        known = np.minimum(queries.lengths, self.prefixes.length)
        found = self._narrowed(queries, known)
        # What the table tells to the end needs no search.
        told = known == queries.lengths
        stop = np.where(told, found.low, found.high)
        low, _ = self._descend(queries, Interval(found.low, stop), known, "left")
        high, _ = self._descend(queries, Interval(low, stop), known, "right")
        return Interval(low, np.where(told, found.high, high))

    def longest(self, queries: Queries) -> Numbers:
        """Return how many first tokens of each run occur as one; [rows].

        (The matching statistics of Chang and Lawler, 1994.)
        """
        known = np.minimum(queries.lengths, self.prefixes.length)
        found = self._narrowed(queries, known)
        rows = np.flatnonzero(found.low == found.high)
        while rows.size:
            known[rows] -= 1
            part = Queries(queries.ids, queries.starts[rows], queries.lengths[rows])
            shorter = self._narrowed(part, known[rows])
            rows = rows[shorter.low == shorter.high]
        # Where the table has a shorter prefix only, that is the answer: `found` is empty there.
        _, shared = self._descend(queries, found, known, "left")
        return shared

    def places(self, low: int, high: int, limit: int) -> Numbers:
        """Return the first `limit` places, rising, of the suffixes from `low` to `high`."""
        found = self.order[low:high]
        if limit < len(found):
            found = np.partition(found, limit - 1)[:limit]
        return self.first + np.sort(found).astype(np.int64)

    def _narrowed(self, queries: Queries, lengths: Numbers) -> Interval:
        rows = np.arange(len(lengths))
        ids = queries.windows(rows, np.zeros_like(rows), self.prefixes.length)
        return self.prefixes.interval(ids, lengths)

    def _descend(
        self, queries: Queries, within: Interval, known: Numbers, side: Literal["left", "right"]
    ) -> tuple[Numbers, Numbers]:
        """Return where each run would stand among the suffixes of `within`, and the most shared.

        `known` tokens of the run are those of all suffixes of `within`. Left and right are as
        in `numpy.searchsorted`; a suffix that begins with the run is equal to it.
        """
        low, high = within.low.copy(), within.high.copy()
        shared_low, shared_high, most = known.copy(), known.copy(), known.copy()
        while (rows := np.flatnonzero(low < high)).size:
            middle = (low[rows] + high[rows]) >> 1
            known_here = np.minimum(shared_low[rows], shared_high[rows])
            shared, below = self._compare(queries, rows, self._place(middle), known_here)
            if side == "right":
                below |= shared == queries.lengths[rows]
            most[rows] = np.maximum(most[rows], shared)
            low[rows[below]], shared_low[rows[below]] = middle[below] + 1, shared[below]
            high[rows[~below]], shared_high[rows[~below]] = middle[~below], shared[~below]
        return low, most

    def _place(self, ranks: Numbers) -> Numbers:
        places = self.order[ranks].astype(np.int64)
        if places.max() >= len(self.order):
            raise DamagedFileError(
                "the index names a place that is not in the corpus",
                where=str(self.path),
                fix="make the index again with `lexome index`",
            )
        return self.first + places

    def _compare(
        self, queries: Queries, rows: Numbers, places: Numbers, known: Numbers
    ) -> tuple[Numbers, npt.NDArray[np.bool_]]:
        """Return how many first tokens each run shares with a suffix, and if that is smaller."""
        shared = known.copy()
        below = np.zeros(len(rows), np.bool_)
        open_ = np.flatnonzero(known < queries.lengths[rows])
        width = _WIDTH
        while open_.size:
            left = queries.lengths[rows[open_]] - shared[open_]
            wanted = queries.windows(rows[open_], shared[open_], width)
            found = self.text.windows(places[open_] + shared[open_], width)
            differs = wanted != found
            equal = np.where(differs.any(1), differs.argmax(1), width)
            shared[open_] += np.minimum(equal, left)
            decided = np.flatnonzero((equal < width) & (equal < left))
            at = equal[decided]
            below[open_[decided]] = found[decided, at] < wanted[decided, at]
            open_ = open_[(equal == width) & (left > width)]
            width = min(2 * width, _WIDEST)
        return shared, below

"""Interpolated Markov models of DNA."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lexome.errors import UsageError
from lexome.languages.base import Document
from lexome.languages.baselines.kmers import BASES, Counts, HeldOut, Places, places
from lexome.languages.baselines.symbols import Codes, Symbols, contents, sample, windows
from lexome.languages.tokenizers.vocabulary import IUPAC

Floats = npt.NDArray[np.float64]
Row = npt.NDArray[np.uint16]

_LETTERS = "ACGT" + "".join(letter for letter in IUPAC if letter not in "ACGT")
_MARK = len(_LETTERS)  # stands before a document
_HIGHEST = 11

# Contexts weigh alike when they were seen equally often, to the half octave.
_BUCKETS = 64
_ROUNDS = 60
# Before any evidence, a context seen this often weighs as much as all shorter ones together;
# that guess counts as much as `_BELIEF` held-out bases.
_TRUSTED = 1000.0
_BELIEF = 5.0


class InterpolatedMarkov:
    """The bases before a base, in orders 0 to `order`, mixed by how often each context was seen.

    The probability of order k is `w` times the frequency of a base after the last k bases plus
    1 - `w` times the probability of order k - 1, down to 1/4. `w` depends on k and on how
    often that context was seen; all are fitted together by expectation maximisation on a tenth
    of the training split that is held out, and counted in afterwards (deleted interpolation,
    Jelinek and Mercer 1980; for DNA, Salzberg et al. 1998). With `reverse_complement` the other
    strand of the training split is counted as well.

    Letters that stand for several bases (N, R, Y, ...) have the frequency that they have after a
    base or after each such letter, half an occurrence added, and no context reaches across one.
    A letter that is no upper-case IUPAC code is a `LexomeError`.
    """

    def __init__(
        self, order: int = _HIGHEST, reverse_complement: bool = False, limit: int = 1 << 28
    ) -> None:
        if not 0 <= order <= _HIGHEST:
            raise UsageError(
                f"there is no interpolated Markov model of order {order} here",
                fix=f"choose an order from 0 to {_HIGHEST}",
            )
        strands = ", both strands" if reverse_complement else ""
        self.name = f"interpolated Markov, order {order}{strands}"
        self.note = ""
        self._order = order
        self._both = reverse_complement
        self._limit = limit
        self._symbols = Symbols(_LETTERS, "base")

    def bits(self, train: Sequence[Document], test: Sequence[Document]) -> float:
        """Return the total bits for all letters of `test`."""
        fitted = sample(train, self._symbols, self._limit)
        self.note = fitted.note
        model = MarkovModel(self._order, self._both, self._rows(fitted, 1 << 22))
        tested = self._rows(map(self._symbols.codes, contents(test)), 1 << 19)
        return sum(float(-np.log2(model.probabilities(row)).sum()) for row in tested)

    def _rows(self, parts: Iterable[Codes], block: int) -> Iterator[Row]:
        return windows(parts, _MARK, _context(self._order), block)


class MarkovModel:
    """An interpolated Markov model of rows of letters, each with its context before it.

    `weights` [order + 1, buckets] says how far each order is trusted by how often its context
    was seen. Those never seen are in bucket 0, whose weight is 0.
    """

    def __init__(self, order: int, both_strands: bool, rows: Iterable[Row]) -> None:
        self._order = order
        counts = Counts(order)
        held = HeldOut(counts)
        letters = np.full((_MARK - 3, _MARK - 3), 0.5)
        for row in rows:
            before, after = self._classes(row)
            np.add.at(letters, (before, after), 1)
            held.add(self._places(row))
        self._letters = letters / letters.sum(axis=1, keepdims=True)
        self._count(counts, both_strands)
        self.weights = self._fitted(held)
        for part in held:
            counts.add(part)
        self._count(counts, both_strands)

    def probabilities(self, row: Row) -> Floats:
        """Return the probability of each letter of a row after the context, marks left out."""
        before, after = self._classes(row)
        result: Floats = self._letters[before, after]
        frequencies, buckets = self._evidence(self._places(row))
        mixed = np.full(frequencies.shape[1], 1 / BASES)
        for weights, frequency, bucket in zip(self.weights, frequencies, buckets, strict=True):
            mixed += weights[bucket] * (frequency - mixed)
        result[after == 0] *= mixed
        return result

    def _count(self, counts: Counts, both_strands: bool) -> None:
        self._tables = counts.tables(both_strands)
        self._totals = [
            table.reshape(-1, BASES).sum(axis=1, dtype=np.uint32) for table in self._tables
        ]

    def _places(self, row: Row) -> Places:
        return places(row, _context(self._order), self._order)

    def _classes(self, row: Row) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return 0 for a base or a class for each other letter: that before, and the letter's."""
        classes = np.maximum(row.astype(np.int64) - (BASES - 1), 0)
        after = classes[_context(self._order) :]
        before = classes[_context(self._order) - 1 : -1] % (_MARK - 3)
        letter = after < _MARK - 3
        return before[letter], after[letter]

    def _evidence(self, found: Places) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Return each base's frequency [order + 1, n] after its contexts, and their buckets."""
        frequencies = np.zeros((self._order + 1, len(found)), np.float32)
        buckets = np.zeros(frequencies.shape, np.uint8)
        for k, (table, totals) in enumerate(zip(self._tables, self._totals, strict=True)):
            number = found.numbers % len(table)
            total = np.where(found.runs >= k, totals[number // BASES], 0)
            frequencies[k] = table[number] / np.maximum(total, 1)
            buckets[k] = np.where(total > 0, 1 + 2 * np.log2(np.maximum(total, 1)), 0)
        return frequencies, buckets

    def _fitted(self, held: Iterable[Places]) -> Floats:
        """Return the weights that make the held-out bases most probable, from a guess on."""
        seen = 2 ** (np.arange(_BUCKETS) / 2 - 0.5)
        guess = np.where(np.arange(_BUCKETS) == 0, 0, seen / (seen + _TRUSTED))
        weights = np.tile(guess, (self._order + 1, 1))
        parts = [self._evidence(part) for part in held if len(part)]
        if not parts:
            return weights
        frequencies = np.concatenate([frequency for frequency, _ in parts], axis=1)
        buckets = np.concatenate([bucket for _, bucket in parts], axis=1)
        for _ in range(_ROUNDS):
            weights = _improved(weights, guess, frequencies, buckets)
        return weights


def _improved(
    weights: Floats,
    guess: Floats,
    frequencies: npt.NDArray[np.float32],
    buckets: npt.NDArray[np.uint8],
) -> Floats:
    """Return the weights after one round of expectation maximisation."""
    shorter = np.full(frequencies.shape[1], 1 / BASES)
    shares = np.empty(frequencies.shape, np.float64)
    for k, bucket in enumerate(buckets):
        own = weights[k][bucket] * frequencies[k]
        shorter = own + (1 - weights[k][bucket]) * shorter
        shares[k] = own / shorter
    better = np.empty_like(weights)
    # `reach` is the chance that a base was drawn from order k or below it.
    reach = np.ones(frequencies.shape[1])
    for k in range(len(weights) - 1, -1, -1):
        drawn = reach * shares[k]
        better[k] = np.bincount(buckets[k], drawn, _BUCKETS) + _BELIEF * guess
        better[k] /= np.bincount(buckets[k], reach, _BUCKETS) + _BELIEF
        reach -= drawn
    return better


def _context(order: int) -> int:
    # A letter is predicted after the one before it, even where bases are at order 0.
    return max(order, 1)

"""Interpolated Markov models of DNA, on dense tables of counts of k-mers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from lexome.errors import UsageError
from lexome.languages.base import Document
from lexome.languages.baselines.symbols import Codes, Symbols, contents, sample, windows
from lexome.languages.tokenizers.vocabulary import IUPAC

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Row = npt.NDArray[np.uint16]

# The bases A, C, G, T are 0, 1, 2, 3, so 3 less a base is its complement; then come the other
# letters, then the mark that stands before a document.
_LETTERS = "ACGT" + "".join(letter for letter in IUPAC if letter not in "ACGT")
_MARK = len(_LETTERS)
_HIGHEST = 11

# Every tenth stretch of the training split is held out to fit the weights. When that makes more
# than `_STRETCHES`, every second of them is given back, so they always cover all of it evenly.
_STRETCH = 1 << 8
_SPACING = 10
_STRETCHES = 1 << 12

# Contexts are as frequent as others when they fall into the same half octave of counts.
_BUCKETS = 64
_ROUNDS = 60
# Before any evidence a context needs to be seen this often to weigh as much as all shorter ones;
# that guess counts like `_BELIEF` held-out bases.
_TRUSTED = 1000.0
_BELIEF = 5.0


class InterpolatedMarkov:
    """Orders 0 to `order` of the bases before, mixed by weights that trust frequent contexts.

    The probability of order k is `w` times the frequency of a base after the last k bases plus
    1 - `w` times the probability of order k - 1, down to 1/4. `w` depends on k and on how
    often that context was seen; all are fitted together by expectation maximisation on a tenth
    of the training split that is held out, and counted in afterwards (deleted interpolation,
    Jelinek and Mercer 1980; for DNA, Salzberg et al. 1998). With `reverse_complement` the other
    strand of the training split is counted as well.

    Letters that stand for several bases (N, R, Y, ...) have the frequency that they have after a
    base or after each such letter, half an occurrence added, and no context reaches across one.
    Any letter that is not an upper-case IUPAC code is a `LexomeError`.
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
        self._symbols = Symbols(_LETTERS)

    def bits(self, train: Sequence[Document], test: Sequence[Document]) -> float:
        """Return the total bits for all letters of `test`."""
        fitted = sample(train, self._symbols.codes, self._limit)
        self.note = fitted.note
        model = MarkovModel(self._order, self._both, self._rows(fitted, 1 << 22))
        tested = map(self._symbols.codes, contents(test))
        rows = self._rows(tested, 1 << 19)
        return sum(float(-np.log2(model.probabilities(row)).sum()) for row in rows)

    def _rows(self, parts: Iterable[Codes], block: int) -> Iterator[Row]:
        # Letters are predicted after the one before them, even at order 0.
        return windows(parts, _MARK, max(self._order, 1), block)


class MarkovModel:
    """The counts and weights, fitted on rows of letters with their context before them.

    `weights` [order + 1, buckets] says how far order k is trusted by how often its context was
    seen; contexts that were never seen stand in bucket 0, whose weight is 0.
    """

    def __init__(self, order: int, reverse_complement: bool, rows: Iterable[Row]) -> None:
        self._order = order
        self._context = max(order, 1)
        counts = _Counts(order)
        letters = np.zeros((_MARK - 3, _MARK - 3))
        held: list[Row] = []
        spacing, number = _SPACING, 0
        for row in rows:
            letters += self._letters(row)
            stretches = list(self._stretches(row))
            kept = {at for at in range(len(stretches)) if (number + at) % spacing == spacing - 1}
            number += len(stretches)
            if not kept:
                counts.add(*self._bases(row))
                continue
            for at, stretch in enumerate(stretches):
                if at in kept:
                    held.append(stretch)
        self._letter_frequencies = (letters + 0.5) / (letters + 0.5).sum(axis=1, keepdims=True)

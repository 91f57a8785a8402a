"""Symbols drawn one by one, without context."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Document
from lexome.languages.baselines.symbols import Codes, Symbols, contents, sample


class Unigram:
    """The frequency of each symbol in the training split.

    Half an occurrence is added to each (Krichevsky and Trofimov 1981), so that none is
    impossible. `unit` is what the language calls a symbol; `alphabet` is the closed set of
    letters, or `None` for the 256 bytes of text.
    """

    def __init__(
        self, unit: str = "byte", alphabet: str | None = None, limit: int = 1 << 26
    ) -> None:
        self.name = "unigram"
        self.note = ""
        self._symbols = Symbols(alphabet, unit)
        self._limit = limit

    def bits(self, train: Sequence[Document], test: Sequence[Document]) -> float:
        """Return the total bits for all symbols of `test`."""
        fitted = sample(train, self._symbols, self._limit)
        self.note = fitted.note
        counts = self._counts(fitted) + 0.5
        tested = self._counts(map(self._symbols.codes, contents(test)))
        return float(-(tested * np.log2(counts / counts.sum())).sum())

    def _counts(self, parts: Iterable[Codes]) -> npt.NDArray[np.int64]:
        counts = np.zeros(self._symbols.size, np.int64)
        for codes in parts:
            counts += np.bincount(codes, minlength=self._symbols.size)
        return counts

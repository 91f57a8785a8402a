"""What the codings of sound have beyond codes, and the entropy code of their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Ids, TokenBaseline
from lexome.languages.tokenizers import Coding
from lexome.languages.tokenizers.vocabulary import FIRST


class SoundCoding(Coding, Protocol):
    """A coding of mono `int16` samples at `rate` samples per second."""

    @property
    def rate(self) -> int: ...

    @property
    def bits_per_second(self) -> float:
        """Return what the codes take when each is written by itself, all alike."""
        ...

    @property
    def codebooks(self) -> Sequence[range]:
        """Return the codes of each codebook."""
        ...

    def baselines(self, vocab_size: int) -> Sequence[TokenBaseline]:
        """Return the simple models of its tokens, of which there are `vocab_size`."""
        ...


class CodebookEntropy:
    """The entropy code of each codebook: frequencies of its codes in the training split.

    Which codebook comes next is known, which of its codes is not. Half an occurrence is added to
    each code (Krichevsky and Trofimov 1981), so that none is impossible.
    """

    def __init__(self, codebooks: Sequence[range]) -> None:
        self.name = "entropy code of each codebook"
        self._codebooks = codebooks

    def token_bits(self, train: Sequence[Ids], test: Sequence[Ids]) -> float:
        """Return the total bits for all tokens of `test`."""
        fitted, tested = self._counts(train) + 0.5, self._counts(test)
        bits = 0.0
        for book in self._codebooks:
            inside = slice(book.start, book.stop)
            shares = fitted[inside] / fitted[inside].sum()
            bits -= float(tested[inside] @ np.log2(shares))
        return bits

    def _counts(self, documents: Sequence[Ids]) -> npt.NDArray[np.float64]:
        counts = np.zeros(self._codebooks[-1].stop)
        for ids in documents:
            counts += np.bincount(np.asarray(ids) - FIRST, minlength=len(counts))
        return counts

"""n-grams of token ids: the baseline of data whose tokens are codes, with no letters to count."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from lexome.errors import UsageError
from lexome.languages.base import Ids
from lexome.languages.baselines.ngram import Floats, Ints, KneserNey

_NAMES = {1: "unigram of tokens", 2: "bigram of tokens", 3: "trigram of tokens"}


class TokenNGram:
    """The last `order` - 1 tokens predict the next one: modified Kneser-Ney, as `NGram` has it.

    An order of 1 is the entropy code of the tokens' frequencies. Before its start a document is
    filled with a mark; begin and end tokens are not counted.
    """

    def __init__(self, order: int, vocab_size: int) -> None:
        self.name = _NAMES.get(order, f"{order}-gram of tokens")
        self._order = order
        self._size = vocab_size
        if order < 1 or (vocab_size + 1) ** order >= 1 << 63:
            raise UsageError(f"there are no {order}-grams of {vocab_size} tokens here")

    def token_bits(self, train: Sequence[Ids], test: Sequence[Ids]) -> float:
        """Return the total bits for all tokens of `test`."""
        grams, counts = np.unique(self._grams(train), return_counts=True)
        model = KneserNey(grams, counts.astype(np.int64), self._order, self._size)
        grams, counts = np.unique(self._grams(test), return_counts=True)
        probabilities: Floats = model.probabilities(grams)
        return float(-(counts * np.log2(probabilities)).sum())

    def _grams(self, documents: Iterable[Ids]) -> Ints:
        context, base = self._order - 1, self._size + 1
        parts = [np.zeros(0, np.int64)]
        for ids in documents:
            row = np.concatenate([np.full(context, self._size), ids]).astype(np.int64)
            number = np.zeros(len(ids), np.int64)
            for at in range(self._order):
                number = number * base + row[at : at + len(ids)]
            parts.append(number)
        return np.concatenate(parts)

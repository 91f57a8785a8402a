"""Whether a run of tokens in a corpus is of whole words, or a part of longer ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index.text import Ids, Text
from lexome.corpus.manifest import TRAIN

# Tokens that are read on either side: a letter may take several.
_NEAR = 4
_NO_TOKEN = -1


class WholeWords:
    """Tells the whole words of a training split, in scripts with small and capital letters.

    Other scripts put no space between words, or write what belongs to a word right at it, so that
    a letter beside a word says nothing there.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._text = Text.of(corpus, TRAIN)
        self._tokenizer = corpus.tokenizer
        special = corpus.tokenizer.special
        self._borders = (_NO_TOKEN, special.begin, special.end)

    def count(self, places: Sequence[int], tokens: int) -> int:
        """Return how many of the runs of `tokens` from these places on are of whole words."""
        if not places:
            return 0
        starts = np.array(places, np.int64)
        both = np.hstack([self._before(starts), self._text.windows(starts + tokens, _NEAR)])
        kinds, many = np.unique(both, axis=0, return_counts=True)
        return sum(
            times for row, times in zip(kinds, many.tolist(), strict=True) if not self._goes_on(row)
        )

    def _before(self, starts: Ids) -> Ids:
        """Return the tokens that stand before, the nearest one last; [places, near]."""
        found = self._text.windows(np.maximum(starts - _NEAR, 0), _NEAR)
        for row in np.flatnonzero(starts < _NEAR).tolist():
            there = int(starts[row])
            found[row] = [*[_NO_TOKEN] * (_NEAR - there), *found[row, :there]]
        return found

    def _goes_on(self, beside: Ids) -> bool:
        """Return whether a word goes on to either side."""
        before = self._up_to_border(beside[:_NEAR][::-1].tolist())
        behind = self._up_to_border(beside[_NEAR:].tolist())
        letters = self._written(before[::-1])[-1:], self._written(behind)[:1]
        return any(_is_of_word(letter) for letter in letters)

    def _up_to_border(self, ids: Sequence[int]) -> list[int]:
        """Return the tokens that are of the same document."""
        stop = next((place for place, one in enumerate(ids) if one in self._borders), len(ids))
        return list(ids[:stop])

    def _written(self, ids: Sequence[int]) -> str:
        written = self._tokenizer.decode(np.array(ids, np.int64))
        return written if isinstance(written, str) else ""


def _is_of_word(letter: str) -> bool:
    return letter != "" and unicodedata.category(letter) in ("Lu", "Ll", "Nd")

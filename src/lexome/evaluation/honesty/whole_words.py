"""Whether a run of tokens in a corpus is of whole words, or a part of longer ones."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index.text import Ids, Text
from lexome.corpus.manifest import TRAIN
from lexome.evaluation.metrics.bootstrap import Bools

# Tokens that are read on either side: a letter may take several.
_NEAR = 4
_NO_TOKEN = -1
_TORN = "\N{REPLACEMENT CHARACTER}"  # what is written for a part of a letter


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

    def whole(self, places: Ids, spelling: Sequence[int]) -> Bools:
        """Return which of the runs of `spelling`, one from each place on, are of whole words.

        A run that begins with a space begins a word, whatever stands before it.
        """
        before = self._before(places)[:, ::-1]
        behind = self._text.windows(places + len(spelling), _NEAR)
        kinds, kind = _kinds(np.hstack([self._nearest(before), self._nearest(behind)]))
        own = self._written(spelling)
        goes_on = np.array([self._goes_on(own, beside) for beside in kinds], np.bool_)
        return ~goes_on[kind]

    def _before(self, starts: Ids) -> Ids:
        """Return the tokens that stand before, the nearest one last; [places, near]."""
        found = self._text.windows(np.maximum(starts - _NEAR, 0), _NEAR)
        for row in np.flatnonzero(starts < _NEAR).tolist():
            there = int(starts[row])
            found[row] = [*[_NO_TOKEN] * (_NEAR - there), *found[row, :there]]
        return found

    def _nearest(self, beside: Ids) -> Ids:
        """Return tokens without those behind one that has a letter, the nearest first."""
        nearest, which = np.unique(beside[:, 0], return_inverse=True)
        letters = [self._written([one]) if one >= 0 else "" for one in nearest.tolist()]
        whole = np.array([bool(one) and _TORN not in one for one in letters], np.bool_)
        return np.where(whole[which][:, None] & (np.arange(_NEAR) > 0), _NO_TOKEN, beside)

    def _goes_on(self, own: str, beside: Ids) -> bool:
        """Return whether the first or the last word of `own` goes on to its side."""
        before = self._up_to_border(beside[:_NEAR].tolist())
        behind = self._up_to_border(beside[_NEAR:].tolist())
        borders = (
            (self._written(before[::-1])[-1:], own[:1]),
            (own[-1:], self._written(behind)[:1]),
        )
        return any(_is_of_word(left) and _is_of_word(right) for left, right in borders)

    def _up_to_border(self, ids: Sequence[int]) -> list[int]:
        """Return the tokens that are of the same document."""
        stop = next((place for place, one in enumerate(ids) if one in self._borders), len(ids))
        return list(ids[:stop])

    def _written(self, ids: Sequence[int]) -> str:
        written = self._tokenizer.decode(np.array(ids, np.int64))
        return written if isinstance(written, str) else ""


def _kinds(rows: Ids) -> tuple[Ids, Ids]:
    """Return the different ones of many short rows, and which of them each row is.

    As `numpy.unique` by rows does, which takes far longer: it compares them whole.
    """
    numbers = np.zeros(len(rows), np.int64)
    tokens = int(rows.max(initial=_NO_TOKEN)) + 2
    for column in rows.T:
        _, numbers = np.unique(numbers * tokens + column + 1, return_inverse=True)
    _, first = np.unique(numbers, return_index=True)
    return rows[first], numbers


def _is_of_word(letter: str) -> bool:
    return letter != "" and unicodedata.category(letter) in ("Lu", "Ll", "Nd")

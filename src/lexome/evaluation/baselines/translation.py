"""Baselines of translation: to say nothing else than the source, and to look up word by word."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lexome.evaluation.baselines.alignment import align
from lexome.evaluation.metrics.bootstrap import Ints

# Pairs of words that are in memory at once; Multi30k has some six million.
_MOST_PAIRS = 1 << 23


class CopySource:
    """The source itself."""

    name = "copy of the source"
    note = ""

    def fit_predict(
        self,
        train_sources: Sequence[str],
        train_targets: Sequence[str],
        test_sources: Sequence[str],
    ) -> list[str]:
        """Return the sources."""
        return list(test_sources)


class WordByWord:
    """Each word by its likeliest translation, in the order of the source.

    Translations come from IBM model 1, for which words of the source are in lower case. A word
    that training lacks is copied.
    """

    name = "word by word (IBM model 1)"

    def __init__(self) -> None:
        self.note = ""

    def fit_predict(
        self,
        train_sources: Sequence[str],
        train_targets: Sequence[str],
        test_sources: Sequence[str],
    ) -> list[str]:
        """Return translations, words and marks with spaces between; a capital begins them as it
        does the source."""
        sources = [_words(text.lower()) for text in train_sources]
        targets = [_words(text) for text in train_targets]
        kept = self._kept(sources, targets)
        source_words, source_rows = _numbered(sources[:kept], 1)
        target_words, target_rows = _numbered(targets[:kept], 0)
        best = align(source_rows, target_rows).best()
        names = list(target_words)
        known = {
            word: names[best[number]] for word, number in source_words.items() if number in best
        }
        return [_translated(text, known) for text in test_sources]

    def _kept(self, sources: Sequence[list[str]], targets: Sequence[list[str]]) -> int:
        sizes = [(len(s) + 1) * len(t) for s, t in zip(sources, targets, strict=True)]
        kept = int(np.searchsorted(np.cumsum(sizes), _MOST_PAIRS, "right"))
        few = f"fitted on the first {kept:,} of {len(sizes):,} sentence pairs"
        self.note = few if kept < len(sizes) else ""
        return kept


def _words(text: str) -> list[str]:
    return re.findall(r"\w+|[^\w\s]", text)


def _numbered(sentences: Sequence[list[str]], first: int) -> tuple[dict[str, int], list[Ints]]:
    """Return the numbers of words, from `first` on in order of appearance, and the sentences."""
    numbers: dict[str, int] = {}
    rows = [
        np.array([numbers.setdefault(word, len(numbers) + first) for word in words], np.int64)
        for words in sentences
    ]
    return numbers, rows


def _translated(text: str, known: dict[str, str]) -> str:
    said = " ".join(known.get(word.lower(), word) for word in _words(text))
    return said[:1].upper() + said[1:] if text[:1].isupper() else said

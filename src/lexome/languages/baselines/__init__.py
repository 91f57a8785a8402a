"""Baselines: simple models of strings, fitted on the training split, that a likelihood must beat.

Every one is a proper model or code: its probabilities sum to 1 over the symbols, which are the
UTF-8 bytes of text or the letters of a closed alphabet. A context never reaches beyond its
document, and only natural units are counted, no end of document.

Each reads at most `limit` symbols of the training split; `note` says so where that left
something out, and is empty otherwise.
"""

from __future__ import annotations

from lexome.languages.baselines.markov import InterpolatedMarkov
from lexome.languages.baselines.ngram import NGram
from lexome.languages.baselines.tokens import TokenNGram
from lexome.languages.baselines.unigram import Unigram
from lexome.languages.baselines.xz import Xz

__all__ = ["InterpolatedMarkov", "NGram", "TokenNGram", "Unigram", "Xz"]

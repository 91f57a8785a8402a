"""Pairs of languages: a source, and the target that a model learns to say to it."""

from __future__ import annotations

from lexome.languages.pair.language import Pair
from lexome.languages.pair.tokenizer import PairTokenizer
from lexome.languages.pair.training import BaseTokens
from lexome.languages.pair.turns import Role, Turn, Turns

__all__ = ["BaseTokens", "Pair", "PairTokenizer", "Role", "Turn", "Turns"]

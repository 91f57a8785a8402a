"""Tokenizers of strings: bytes, characters, BPE, single symbols and k-mers."""

from __future__ import annotations

from lexome.languages.tokenizers.bpe import BpeTrainer
from lexome.languages.tokenizers.string import StreamDecoder, StringTokenizer, load
from lexome.languages.tokenizers.trainers import (
    BytesTrainer,
    CharactersTrainer,
    KmerTrainer,
    SymbolsTrainer,
)
from lexome.languages.tokenizers.vocabulary import IUPAC, SPECIAL, SPECIAL_NAMES, Spelling

__all__ = [
    "IUPAC",
    "SPECIAL",
    "SPECIAL_NAMES",
    "BpeTrainer",
    "BytesTrainer",
    "CharactersTrainer",
    "KmerTrainer",
    "Spelling",
    "StreamDecoder",
    "StringTokenizer",
    "SymbolsTrainer",
    "load",
]

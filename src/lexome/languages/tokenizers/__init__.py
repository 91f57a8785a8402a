"""Tokenizers of strings (bytes, characters, BPE, symbols, k-mers), and of codes."""

from __future__ import annotations

from lexome.languages.tokenizers.bpe import BpeTrainer
from lexome.languages.tokenizers.coded import CodedTokenizer, Codes, Coding
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
    "CodedTokenizer",
    "Codes",
    "Coding",
    "KmerTrainer",
    "Spelling",
    "StreamDecoder",
    "StringTokenizer",
    "SymbolsTrainer",
    "load",
]

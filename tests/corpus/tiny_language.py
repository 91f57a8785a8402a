"""A tiny language for tests of the corpus: lines of letters, so that no real reader is needed.

A line `name letters` is a document; lower-case letters weigh a half; a line that begins with `#`
is left out. Names up to a dot are split keys, so `a.1` and `a.2` stay together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from lexome.errors import LexomeError
from lexome.languages.base import (
    Document,
    Rendering,
    Skipped,
    Source,
    TokenizerTrainer,
    UnitCodes,
)
from lexome.languages.common import Common
from lexome.languages.tokenizers import BpeTrainer, KmerTrainer, SymbolsTrainer

ALPHABET = "ACGTXYZ"


@dataclass(frozen=True)
class Tiny(Common):
    """See above; `mirror` adds each document backwards to train.

    With `palindromes` a document means the same backwards.
    """

    name: ClassVar[str] = "tiny"
    unit: ClassVar[str] = "letter"
    suffixes: ClassVar[Sequence[str]] = (".tiny",)

    mirror: bool = False
    palindromes: bool = False

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        with path.open() as lines:
            for number, line in enumerate(lines, start=1):
                if line.startswith("#"):
                    yield Skipped(Source(str(path), line=number), "comment", line.strip())
                    continue
                name, letters = line.split()
                if letters == "BAD":
                    raise LexomeError("this document is bad", where=f"{path}, line {number}")
                weights = np.array([0.5 if c.islower() else 1 for c in letters], np.float32)
                yield Document(
                    letters.upper(),
                    Source(str(path), name, number),
                    {"length": str(len(letters))},
                    weights if letters != letters.upper() else None,
                )

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        return {
            "symbols": SymbolsTrainer(ALPHABET),
            "bpe": BpeTrainer(ALPHABET, default_vocab_size=64),
            "kmer": KmerTrainer(3, core="ACGT", alphabet=ALPHABET),
        }

    def parse(self, text: str) -> str:
        return text

    def split_key(self, document: Document) -> str:
        return document.source.record.split(".")[0]

    def augment(self, document: Document) -> Iterable[Document]:
        if self.mirror:
            weights = None if document.weights is None else document.weights[::-1]
            yield replace(document, content=document.content[::-1], weights=weights)

    def mirrored(self, codes: UnitCodes) -> UnitCodes | None:
        return codes[::-1] if self.palindromes else None

    def render(self, document: Document) -> Rendering:
        return Rendering(document.content, document.content.encode(), "text/plain", ".tiny")


def write_tiny(path: Path, documents: Mapping[str, str]) -> Path:
    """Write documents as a file of the tiny language."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{name} {letters}\n" for name, letters in documents.items()))
    return path


def random_documents(seed: int, count: int, longest: int, prefix: str = "d") -> dict[str, str]:
    """Return documents of random letters and lengths."""
    generator = np.random.default_rng(seed)
    return {
        f"{prefix}{number}": "".join(
            generator.choice(list("ACGT"), int(generator.integers(1, longest + 1)))
        )
        for number in range(count)
    }

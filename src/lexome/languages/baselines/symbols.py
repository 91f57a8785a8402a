"""Documents as rows of small integers, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Document
from lexome.languages.tokenizers.encoders import symbols as letters
from lexome.languages.tokenizers.encoders import utf8

Codes = npt.NDArray[np.uint8]

# Windows of this many symbols bound the memory of the arrays made from one.
BLOCK = 1 << 22


class Symbols:
    """Numbers the symbols of content: the 256 bytes of text, or the letters of an alphabet."""

    def __init__(self, alphabet: str | None = None, unit: str = "symbol") -> None:
        self.alphabet = alphabet
        self.unit = unit
        self.size = 256 if alphabet is None else len(alphabet)
        self._numbers = np.arange(256, dtype=np.uint8)
        for number, letter in enumerate(alphabet or ""):
            self._numbers[ord(letter)] = number

    def codes(self, content: Any) -> Codes:
        """Return the numbers of a content's symbols; one outside the alphabet is an error."""
        if self.alphabet is None:
            return np.frombuffer(utf8(content), np.uint8)
        return self._numbers[letters(content, self.alphabet)]


@dataclass(frozen=True)
class Sample:
    """The training documents, or, where they hold more than `limit` symbols, some of them.

    Then documents are drawn by a fixed shuffle until the limit is reached, the last one drawn
    is cut to fit, and `note` says it. Either way they come in their own order, read afresh each
    time; `drawn` maps the index of a document to how many of its symbols are used.
    """

    documents: Sequence[Document]
    codes: Callable[[Any], Codes]
    drawn: Mapping[int, int] | None
    note: str

    def __iter__(self) -> Iterator[Codes]:
        if self.drawn is None:
            yield from map(self.codes, contents(self.documents))
            return
        for index in sorted(self.drawn):
            yield self.codes(self.documents[index].content)[: self.drawn[index]]


def sample(documents: Sequence[Document], symbols: Symbols, limit: int) -> Sample:
    """Choose the documents to fit a baseline on, of at most `limit` symbols."""
    total = 0
    for content in contents(documents):
        total += len(symbols.codes(content))
        if total > limit:
            return _drawn(documents, symbols, limit)
    return Sample(documents, symbols.codes, None, "")


def _drawn(documents: Sequence[Document], symbols: Symbols, limit: int) -> Sample:
    drawn: dict[int, int] = {}
    left = limit
    for index in np.random.default_rng(0).permutation(len(documents)).tolist():
        drawn[index] = min(left, len(symbols.codes(documents[index].content)))
        left -= drawn[index]
        if left == 0:
            break
    note = (
        f"fitted on a sample of {limit:,} {symbols.unit}s of the training split "
        f"({len(drawn):,} of {len(documents):,} documents)"
    )
    return Sample(documents, symbols.codes, drawn, note)


def contents(documents: Iterable[Document]) -> Iterator[Any]:
    """Yield the contents of documents."""
    return (document.content for document in documents)


def windows(
    parts: Iterable[Codes], pad: int, context: int, block: int = BLOCK
) -> Iterator[npt.NDArray[np.uint16]]:
    """Yield windows over all parts in a row, each part with `context` symbols `pad` before it.

    A window holds `block` symbols after its first `context` ones, which are the last of the
    window before it and there to be looked back at only; the last window may be shorter.
    """
    # Bytes fill their type, so a mark that is none of them needs a wider one.
    pads = np.full(context, pad, np.uint16)
    held, size = [pads], 0
    for piece in _pieces(parts, pads, block):
        held.append(piece)
        size += len(piece)
        while size >= block:
            row = np.concatenate(held)
            yield row[: context + block]
            held, size = [row[block:]], size - block
    if size:
        yield np.concatenate(held)


def _pieces(
    parts: Iterable[Codes], pads: npt.NDArray[np.uint16], block: int
) -> Iterator[npt.NDArray[np.uint16]]:
    for part in parts:
        yield pads
        for at in range(0, len(part), block):
            yield part[at : at + block].astype(np.uint16)

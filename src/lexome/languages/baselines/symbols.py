"""Documents as rows of small integers, a bounded number at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Document
from lexome.languages.tokenizers.encoders import symbols, utf8

Codes = npt.NDArray[np.uint8]

# Windows of this many symbols bound the memory of the arrays made from one.
BLOCK = 1 << 22


class Symbols:
    """Numbers the symbols of content: the 256 bytes of text, or the letters of an alphabet."""

    def __init__(self, alphabet: str | None = None) -> None:
        self.alphabet = alphabet
        self.size = 256 if alphabet is None else len(alphabet)
        self._numbers = np.arange(256, dtype=np.uint8)
        for number, letter in enumerate(alphabet or ""):
            self._numbers[ord(letter)] = number

    def codes(self, content: Any) -> Codes:
        """Return the numbers of a content's symbols; one outside the alphabet is an error."""
        if self.alphabet is None:
            return np.frombuffer(utf8(content), np.uint8)
        return self._numbers[symbols(content, self.alphabet)]


@dataclass(frozen=True)
class Sample:
    """The training documents, or, where they hold more than `limit` symbols, some of them.

    Then documents are drawn by a fixed shuffle up to the limit, the last one cut to fit, and
    `note` says it. Either way they come in their own order.
    """

    documents: Sequence[Document]
    codes: Callable[[Any], Codes]
    chosen: tuple[int, ...] | None
    note: str
    limit: int

    def __iter__(self) -> Iterator[Codes]:
        left = self.limit
        if self.chosen is None:
            yield from map(self.codes, contents(self.documents))
            return
        for index in self.chosen:
            codes = self.codes(self.documents[index].content)[:left]
            left -= len(codes)
            yield codes


def sample(
    documents: Sequence[Document], codes: Callable[[Any], Codes], limit: int
) -> Sample:
    """Choose the documents to fit a baseline on, at most `limit` symbols; none is kept here."""
    total = 0
    for content in contents(documents):
        total += len(codes(content))
        if total > limit:
            break
    else:
        return Sample(documents, codes, None, "", limit)
    chosen = []
    left = limit
    for index in np.random.default_rng(0).permutation(len(documents)).tolist():
        chosen.append(index)
        left -= len(codes(documents[index].content))
        if left <= 0:
            break
    note = (
        f"fitted on a sample of {limit:,} symbols of the training split: "
        f"{len(chosen):,} of {len(documents):,} documents"
    )
    return Sample(documents, codes, tuple(sorted(chosen)), note, limit)


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
        if size >= block:
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

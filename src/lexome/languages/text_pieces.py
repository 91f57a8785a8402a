"""Cutting a stream of text into documents at separators, with memory that stays flat."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import NamedTuple

# Documents are at most this many characters: a longer one comes as several, cut at line ends.
PIECE = 1 << 24
# No separator is longer than this; of a longer run of blank lines only the content is sure.
LOOKAHEAD = 1 << 16

_PATTERNS = {"line": re.compile(r"\n"), "blank_line": re.compile(r"\n(?:[ \t]*\n)+")}


class Piece(NamedTuple):
    """A document, or a part of a long one.

    `record` counts the documents from 1 and `line` the lines; `offset` is where the piece
    starts in the whole text, in bytes of UTF-8. `whole` is False for a part.
    """

    text: str
    record: int
    line: int
    offset: int
    whole: bool


def byte_length(text: str) -> int:
    """Return the size in UTF-8; a lone surrogate, which stands for a bad byte, counts as three."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def split_text(chunks: Iterable[str], separator: str, limit: int = PIECE) -> Iterator[Piece]:
    """Cut the text at every separator (`file`, `line`, `blank_line`, or the string itself).

    `file` is no separator: the text is one document, even if it is empty. Separators belong to
    no document. What follows the last one is a document unless it is empty. Documents longer
    than `limit` come in several pieces. The result does not depend on the chunks.
    """
    cutter = _Cutter(limit)
    if separator == "file":
        for chunk in chunks:
            yield from cutter.hold(chunk)
        yield cutter.rest()
        return
    pattern = _PATTERNS.get(separator) or re.compile(re.escape(separator))
    unfinished = _unfinished(separator)
    carry = ""
    for chunk in chunks:
        text = carry + chunk
        stop = unfinished(text)
        begin = yield from _cut(cutter, pattern, text, stop)
        # No more than what may begin a separator is kept apart from the document.
        stop = max(begin, stop)
        yield from cutter.hold(text[begin:stop])
        carry = text[stop:]
    begin = yield from _cut(cutter, pattern, carry, len(carry))
    yield from cutter.hold(carry[begin:])
    if cutter.size:
        yield cutter.rest()


def _cut(
    cutter: _Cutter, pattern: re.Pattern[str], text: str, stop: int
) -> Generator[Piece, None, int]:
    """Yield the documents that end at a separator that starts before `stop`.

    Returns where the last of those separators ends.
    """
    begin = 0
    for match in pattern.finditer(text):
        if match.start() >= stop:
            break
        yield from cutter.hold(text[begin : match.start()])
        yield cutter.rest()
        cutter.separate(match.group())
        begin = match.end()
    return begin


def _unfinished(separator: str) -> Callable[[str], int]:
    """Return a function that says from where on a text may hold an unfinished separator."""
    if separator == "line":
        return len
    if separator == "blank_line":
        return lambda text: max(len(text.rstrip(" \t\n")), len(text) - LOOKAHEAD)
    return lambda text: len(text) - len(separator) + 1


class _Cutter:
    """Collects the text of a document, gives out pieces of a long one, and counts places."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._held: list[str] = []
        self._limit = limit
        self._whole = True
        self._record = 1
        self._line = 1
        self._offset = 0

    def hold(self, text: str) -> Iterable[Piece]:
        """Add text to the document; return the pieces that are full."""
        if not text:
            return ()
        self._held.append(text)
        self.size += len(text)
        return () if self.size <= self._limit else self._full()

    def rest(self) -> Piece:
        """Return what is held, which ends the document or a part of it."""
        held = self._held
        text = held[0] if len(held) == 1 else "".join(held)
        self._held = []
        self.size = 0
        return self._take(text)

    def separate(self, separator: str) -> None:
        """Go on to the next document, behind a separator."""
        self._advance(separator)
        self._record += 1
        self._whole = True

    def _full(self) -> Iterator[Piece]:
        text = "".join(self._held)
        self._held = []
        self._whole = False
        while len(text) > self._limit:
            end = _line_end(text, self._limit)
            yield self._take(text[:end])
            text = text[end:]
        self._held.append(text)
        self.size = len(text)

    def _take(self, text: str) -> Piece:
        piece = Piece(text, self._record, self._line, self._offset, self._whole)
        self._advance(text)
        return piece

    def _advance(self, text: str) -> None:
        self._line += text.count("\n")
        self._offset += byte_length(text)


def _line_end(text: str, limit: int) -> int:
    end = text.rfind("\n", 0, limit) + 1
    if end:
        return end
    # Line ends that were kept: a CRLF is not cut in two.
    return limit - 1 if text[limit - 1 : limit + 1] == "\r\n" and limit > 1 else limit


def split_lines(chunks: Iterable[str]) -> Iterator[str]:
    """Yield the lines of the text without their LF, however long they are."""
    pending: list[str] = []
    for chunk in chunks:
        first, *others = chunk.split("\n")
        pending.append(first)
        if others:
            yield "".join(pending)
            yield from others[:-1]
            pending = [others[-1]]
    if last := "".join(pending):
        yield last

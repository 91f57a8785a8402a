"""Cutting a stream of text into documents at separators, with memory that stays flat."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# Documents are at most this many characters: a longer one comes as several, cut at line ends.
PIECE = 1 << 24
# No separator is longer than this, so one that begins inside a piece is seen whole.
LOOKAHEAD = 1 << 16

_PATTERNS = {"line": re.compile(r"\n"), "blank_line": re.compile(r"\n(?:[ \t]*\n)+")}


@dataclass(frozen=True, slots=True)
class Piece:
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


def separator_pattern(separator: str) -> re.Pattern[str] | None:
    """Return what stands between documents: nothing for `file`, else a pattern."""
    if separator == "file":
        return None
    return _PATTERNS.get(separator) or re.compile(re.escape(separator))


def split_text(chunks: Iterable[str], separator: str, limit: int = PIECE) -> Iterator[Piece]:
    """Cut the text at every separator (`file`, `line`, `blank_line`, or the string itself).

    Separators belong to no document. What follows the last one is a document unless it is
    empty. Documents longer than `limit` come in several pieces.
    """
    pattern = separator_pattern(separator)
    reader = _Splitter(limit)
    for chunk in chunks:
        reader.buffer += chunk
        if pattern is not None:
            yield from reader.cut(pattern, final=False)
        yield from reader.cut_long(limit + LOOKAHEAD)
    if pattern is not None:
        yield from reader.cut(pattern, final=True)
    yield from reader.cut_long(limit)
    if reader.buffer or (pattern is None and reader.whole):
        yield reader.take(reader.buffer)


class _Splitter:
    def __init__(self, limit: int) -> None:
        self.buffer = ""
        self.whole = True
        self._limit = limit
        self._record = 1
        self._line = 1
        self._offset = 0

    def cut(self, pattern: re.Pattern[str], *, final: bool) -> Iterator[Piece]:
        """Yield the documents that end in the buffer, and keep what follows the last of them."""
        buffer, begin = self.buffer, 0
        for match in pattern.finditer(buffer):
            # A run of blank lines at the end of the buffer may go on in the next chunk.
            if match.end() == len(buffer) and not final:
                break
            self.buffer = ""
            yield from self.cut_document(buffer[begin : match.start()])
            self._advance(match.group())
            self._record += 1
            self.whole = True
            begin = match.end()
        self.buffer = buffer[begin:]

    def cut_document(self, text: str) -> Iterator[Piece]:
        self.buffer = text
        yield from self.cut_long(self._limit)
        yield self.take(self.buffer)

    def cut_long(self, longest: int) -> Iterator[Piece]:
        """Yield pieces of `limit` or less until no more than `longest` is left in the buffer."""
        while len(self.buffer) > longest:
            end = _line_end(self.buffer, self._limit)
            text, rest = self.buffer[:end], self.buffer[end:]
            self.whole = False
            yield self.take(text)
            self.buffer = rest

    def take(self, text: str) -> Piece:
        piece = Piece(text, self._record, self._line, self._offset, self.whole)
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

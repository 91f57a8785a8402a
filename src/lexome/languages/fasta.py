"""FASTA, streamed in parts, with memory that stays flat however long a record is.

The format is that of the NCBI and UniProt: a line that begins with `>` holds the name (to the
first white space) and the description of a record, the lines below it hold its sequence; lines
that begin with `;` are comments. White space inside a sequence means nothing. Lines may end in
LF, CRLF or CR.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from lexome.errors import LexomeError
from lexome.languages.base import Skipped, Source
from lexome.languages.sources import file_name, open_bytes

SUFFIXES = (".fa", ".fna", ".fasta", ".ffn", ".faa", ".fas")
# Documents have at most this many symbols: a longer record comes as several.
PIECE = 1 << 24

Duplicates = Literal["error", "keep"]

_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 20
_SPACE = b" \t\n\v\f\r"
_COMMENT = re.compile(rb"\n;[^\n]*")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class FastaPart(NamedTuple):
    """A part of a record: its symbols from `offset` on, in their case, without white space.

    `line` is the line of the header and `number` counts the records, both from 1. A record
    without a name is called by its number: `#3`. `last` marks the part that ends its record.
    """

    name: str
    description: str
    line: int
    number: int
    offset: int
    sequence: bytes
    last: bool


def read_fasta(path: Path, duplicates: Duplicates = "error") -> Iterator[FastaPart | Skipped]:
    """Yield the records of a FASTA file in parts of about a megabyte at most, in order.

    Records without a sequence are `Skipped`. Memory is a few megabytes, and some 70 bytes a
    name with `duplicates="error"`. Text before the first header, a name that comes twice and a
    header that never ends raise `LexomeError` with the line.
    """
    file = file_name(path)
    seen: set[int] = set()
    name = description = ""
    number = offset = 0
    for text in _texts(path):
        if text.number != number:
            number, offset = text.number, 0
            name, description = _named(text.header, number)
            if duplicates == "error":
                if (mark := hash(name)) in seen:
                    _refuse_duplicate(path, name, text.line)
                seen.add(mark)
        sequence = text.body.translate(None, _SPACE)
        if offset or sequence:
            yield FastaPart(name, description, text.line, number, offset, sequence, text.last)
        elif text.last:
            yield Skipped(Source(file, name, text.line), "empty record")
        offset += len(sequence)
    if not number:
        yield Skipped(Source(file), "empty")


def gathered(
    parts: Iterable[FastaPart | Skipped], limit: int = PIECE
) -> Iterator[FastaPart | Skipped]:
    """Join the parts of each record into pieces of `limit` symbols; its last may be shorter."""
    held: list[bytes] = []
    size = offset = 0
    for part in parts:
        if isinstance(part, Skipped):
            yield part
            continue
        if part.last and not held and 0 < len(part.sequence) <= limit:
            yield part
            continue
        if not held:
            offset = part.offset
        held.append(part.sequence)
        size += len(part.sequence)
        if size <= limit and not part.last:
            continue
        joined = b"".join(held)
        held = []
        # Something always stays for the last piece, so that no piece is empty.
        stop = size if part.last else (size - 1) // limit * limit
        for start in range(0, stop, limit):
            end = min(start + limit, stop)
            last = part.last and end == stop
            yield part._replace(offset=offset + start, sequence=joined[start:end], last=last)
        if not part.last:
            held = [joined[stop:]]
        offset, size = offset + stop, 0 if part.last else size - stop


def letter_place(path: Path, part: FastaPart, index: int) -> str:
    """Return where symbol `index` (from 0) of a part stands, for an error: line and position."""
    position = part.offset + index
    line = line_of(path, part.number, position)
    return f"{path}, record {part.name!r}, line {line}, position {position + 1} (from 1)"


def line_of(path: Path, number: int, index: int) -> int:
    """Return the line on which symbol `index` (from 0) of record `number` (from 1) stands.

    The file is read again, so that nobody who needs no line pays for it.
    """
    for text in _texts(path):
        if text.number != number:
            continue
        symbols = len(text.body.translate(None, _SPACE))
        if index >= symbols:
            index -= symbols
            continue
        for line, content in enumerate(text.body.split(b"\n"), start=text.body_line):
            index -= len(content.translate(None, _SPACE))
            if index < 0:
                return line
    raise IndexError(f"{path}: record {number} is shorter than this")


def write_fasta(name: str, description: str, sequence: str, columns: int) -> str:
    """Return one FASTA record with its sequence wrapped at `columns`."""
    header = " ".join(f">{name} {description}".split())
    lines = [sequence[start : start + columns] for start in range(0, len(sequence), columns)]
    return "\n".join([header, *lines]) + "\n"


class _Text(NamedTuple):
    """Some text of record `number`; it begins on line `body_line`, the header is on `line`."""

    number: int
    header: bytes
    line: int
    body: bytes
    body_line: int
    last: bool


def _texts(path: Path) -> Iterator[_Text]:
    """Yield the text of each record in one or more parts, the last of which says so."""
    number = line = place = 0
    header = b""
    in_header = False
    with open_bytes(path) as stream:
        for chunk in _chunks(stream):
            first, *others = chunk.split(b"\n>")
            if not number:
                _check_preamble(path, first, place)
            elif in_header:
                header, end, first = _joined(path, header, first, line)
                in_header = not end
                place += bool(end)
            if number and not in_header:
                yield _Text(number, header, line, first, place, bool(others))
            elif number and others:
                yield _Text(number, header, line, b"", place, True)
            place += first.count(b"\n")
            for index, text in enumerate(others, start=1):
                last = index < len(others)
                number += 1
                place += 1
                line = place
                header, end, body = text.partition(b"\n")
                in_header = not end and not last
                if end or last:
                    yield _Text(number, header, line, body, line + 1, last)
                place += text.count(b"\n")
        if number:
            yield _Text(number, header, line, b"", place, True)


def _joined(path: Path, begun: bytes, more: bytes, line: int) -> tuple[bytes, bytes, bytes]:
    """Return the header so far, its line end if that has come, and what follows."""
    header, end, body = more.partition(b"\n")
    if len(begun) + len(header) > _LONGEST_HEADER:
        raise LexomeError(
            f"the header is longer than {_LONGEST_HEADER:,} bytes",
            where=f"{path}, line {line}",
            fix="check that this is a FASTA file whose lines end",
        )
    return begun + header, end, body


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the file with LF line ends and without comments, as if a line end stood before it.

    So a record begins with a line end and `>`, which are never in two chunks. The line end of
    the whole file may be missing.
    """
    carry = b"\n"
    in_comment = False
    for number, chunk in enumerate(_unix_chunks(stream)):
        if number == 0:
            chunk = chunk.removeprefix(_BYTE_ORDER_MARK)
        if in_comment:
            _, end, rest = chunk.partition(b"\n")
            if not end:
                continue
            chunk = end + rest
        chunk = carry + chunk
        carry = b"\n" if chunk.endswith(b"\n") else b""
        chunk = chunk.removesuffix(b"\n")
        in_comment = False
        if b"\n;" in chunk:
            in_comment = not carry and chunk.rfind(b"\n;") == chunk.rfind(b"\n")
            chunk = _COMMENT.sub(b"\n", chunk)
        yield chunk


def _unix_chunks(stream: BinaryIO) -> Iterator[bytes]:
    held = b""
    while chunk := stream.read(_CHUNK):
        if held or b"\r" in chunk:
            chunk = held + chunk
            # A CR at the end may be the first half of a CRLF: it waits for the next chunk.
            held = b"\r" if chunk.endswith(b"\r") else b""
            chunk = chunk.removesuffix(b"\r").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        yield chunk
    if held:
        yield b"\n"


def _named(header: bytes, number: int) -> tuple[str, str]:
    words = header.decode("utf-8", "backslashreplace").split(maxsplit=1)
    return (words[0] if words else f"#{number}"), (words[1].strip() if len(words) > 1 else "")


def _check_preamble(path: Path, text: bytes, lines: int) -> None:
    content = text.lstrip(_SPACE)
    if not content:
        return
    start = content[:20].split(b"\n")[0].decode("ascii", "backslashreplace")
    line = lines + text.count(b"\n", 0, len(text) - len(content))
    raise LexomeError(
        f"this is not FASTA: there is no header before {start!r}",
        where=f"{path}, line {line}",
        fix="this looks like FASTQ: turn it into FASTA first"
        if content.startswith(b"@")
        else "begin each record with a line like '>name', or check that this is the right file",
    )


def _refuse_duplicate(path: Path, name: str, line: int) -> None:
    # Only hashes are kept, so the first record of that name is looked up again.
    for text in _texts(path):
        if text.line >= line:
            return
        if _named(text.header, text.number)[0] == name:
            raise LexomeError(
                f"two records have the name {name!r}",
                where=f"{path}, lines {text.line} and {line}",
                fix="rename one, or keep both with --option duplicates=keep",
            )

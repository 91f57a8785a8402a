"""From the members of a package, read as data, to files that a language reads."""

from __future__ import annotations

import ast
import csv
import gzip
import io
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

from lexome.errors import DamagedFileError

Files = Iterable[tuple[str, bytes]]

_DIGIT_SIZE, _DIGIT_LEVELS = 8, 16
_BIBLE_ARGUMENTS = 6
_BOOK = 1_000_000  # a verse is numbered BBCCCVVV: book, chapter, verse


def as_they_are(members: Files) -> Files:
    """Return the members under the names that the package's pattern gives them."""
    return members


def plain_texts(members: Files) -> Iterator[tuple[str, bytes]]:
    """Yield the members as text files, named by the work."""
    for name, content in members:
        yield f"{name}.txt", content


def bible_books(members: Files) -> Iterator[tuple[str, bytes]]:
    """Yield a text file for each book of a `pythonbible` edition.

    The module is parsed, never run: it is one call with the whole text, the offsets in it where
    each verse begins and ends, the verses of each chapter, and the titles of the books.
    """
    for name, source in members:
        call = _bible(name, source)
        text = _literal(name, call.args[1])
        starts, ends = (_literal(name, call.args[place]) for place in (2, 3))
        titles = call.args[5]
        if not isinstance(titles, ast.Dict):
            raise DamagedFileError("the books have no titles", where=name)
        books: dict[int, list[int]] = {}
        for verse in starts:
            books.setdefault(verse // _BOOK, []).append(verse)
        for (number, verses), title in zip(books.items(), titles.values, strict=True):
            content = text[starts[verses[0]] : ends[verses[-1]]].strip() + "\n"
            words = re.findall(r"[a-z0-9]+", _literal(name, title).lower())
            yield f"{number:02}-{'-'.join(words)}.txt", content.encode()


def dialogues(members: Files) -> Iterator[tuple[str, bytes]]:
    """Yield a text file for each topic of `chatterbot-corpus`: turns are lines, a blank line ends.

    A turn of several lines becomes one line, so that blank lines stand between dialogues only. A
    dialogue that a topic repeats, as one does a hundred times, is taken once.
    """
    for name, source in members:
        try:
            conversations = yaml.safe_load(source)["conversations"]
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise DamagedFileError(f"these are no conversations: {error}", where=name) from error
        told = ["\n".join(" ".join(str(turn).split()) for turn in turns) for turns in conversations]
        yield f"{name}.txt", ("\n\n".join(dict.fromkeys(told)) + "\n").encode()


def digit_pictures(members: Files) -> Iterator[tuple[str, bytes]]:
    """Yield a PNG for each row of scikit-learn's digits: 64 levels from 0 to 16, and the label."""
    for name, packed in members:
        rows = csv.reader(io.StringIO(gzip.decompress(packed).decode("ascii")))
        for number, row in enumerate(rows):
            *levels, label = (int(float(value)) for value in row)
            if len(levels) != _DIGIT_SIZE**2 or not 0 <= max(levels) <= _DIGIT_LEVELS:
                raise DamagedFileError("this is no digit", where=f"{name}, row {number + 1}")
            grey = bytes(round(level * 255 / _DIGIT_LEVELS) for level in levels)
            yield f"{label}-{number:04}.png", png(grey, _DIGIT_SIZE)


def png(grey: bytes, width: int) -> bytes:
    """Return pixels, [height * width] levels from 0 to 255, as a PNG (ISO/IEC 15948)."""
    rows = [grey[start : start + width] for start in range(0, len(grey), width)]
    header = struct.pack(">IIBBBBB", width, len(rows), 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def _bible(name: str, source: bytes) -> ast.Call:
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError) as error:
        raise DamagedFileError(f"this is no module: {error}", where=name) from error
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or len(node.args) < _BIBLE_ARGUMENTS:
            continue
        if isinstance(node.func, ast.Name) and node.func.id == "Bible":
            return node
    raise DamagedFileError("this is no Bible", where=name)


def _literal(name: str, node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except ValueError as error:
        raise DamagedFileError(f"this is not data: {error}", where=name) from error

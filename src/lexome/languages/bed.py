"""BED files: windows of sequences, 0-based and half-open, on either strand.

The format is that of the UCSC Genome Browser, https://genome.ucsc.edu/FAQ/FAQformat.html#format1.
Of its columns the first four and the sixth are used: record, start, stop, name and strand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lexome.errors import LexomeError
from lexome.files import naming
from lexome.languages.sources import open_bytes

_STRANDS = {b"+": False, b".": False, b"-": True}
_DISPLAY = (b"track", b"browser")
_LONGEST_LINE = 1 << 20


class Window(NamedTuple):
    """Bases `start` to `stop` of a record, `reverse` for the other strand; `line` of the BED file.

    `region` spans the window and all those that overlap it, directly or through others.
    """

    start: int
    stop: int
    reverse: bool
    name: str
    line: int
    region: tuple[int, int]


Windows = Mapping[str, Sequence[Window]]


def read_bed(path: Path, longest: int) -> Windows:
    """Return the windows of each record, by start; one of more than `longest` bases in pieces.

    Memory is some 200 bytes a window. A line that is not a window raises `LexomeError` with the
    line, a file without windows does too. The last file that was read is remembered.
    """
    with naming(path):
        status = path.stat()
    return _read(path, longest, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, longest: int, _modified: int, _size: int) -> Windows:
    found: dict[str, list[Window]] = {}
    with open_bytes(path) as stream:
        number = 0
        while line := stream.readline(_LONGEST_LINE):
            number += 1
            if (fields := _fields(line)) is None:
                continue
            record, window = _window(fields, line, path, number)
            found.setdefault(record, []).append(window)
    if not found:
        raise LexomeError(
            "there is no window in this BED file",
            where=str(path),
            fix="write lines of record, start and stop, with tabs between them",
        )
    return {record: list(_pieces(windows, longest)) for record, windows in found.items()}


class Slicer:
    """Cuts the windows out of one record, whose sequence comes in parts.

    It keeps what the window that is due needs, so memory is that of the longest window.
    """

    def __init__(self, windows: Sequence[Window]) -> None:
        self._due = windows
        self._next = 0
        self._held = bytearray()
        self._begin = 0

    def feed(self, sequence: bytes) -> Iterator[tuple[Window, bytes]]:
        """Yield the windows, by start, that are complete with the next part of the sequence."""
        held, due = self._held, self._due
        held += sequence
        end = self._begin + len(held)
        while self._next < len(due) and due[self._next].stop <= end:
            window = due[self._next]
            self._next += 1
            yield window, bytes(held[window.start - self._begin : window.stop - self._begin])
        needed = due[self._next].start if self._next < len(due) else end
        passed = min(needed, end) - self._begin
        del held[:passed]
        self._begin += passed

    def left(self) -> Sequence[Window]:
        """Return the windows that are not complete yet."""
        return self._due[self._next :]


def _pieces(windows: list[Window], longest: int) -> Iterator[Window]:
    windows.sort()
    pieces: list[Window] = []
    group: list[Window] = []
    end = 0
    for window in windows:
        if group and window.start >= end:
            pieces += _grouped(group, end, longest)
            group = []
        group.append(window)
        end = max(end, window.stop)
    pieces += _grouped(group, end, longest)
    # Pieces of a long window come among the windows that it overlaps.
    pieces.sort()
    return iter(pieces)


def _grouped(group: Sequence[Window], end: int, longest: int) -> Iterator[Window]:
    region = (group[0].start, end)
    for window in group:
        for start in range(window.start, window.stop, longest):
            stop = min(start + longest, window.stop)
            yield window._replace(start=start, stop=stop, region=region)


def _fields(line: bytes) -> list[bytes] | None:
    """Return the columns, or None where the line is blank, a comment, or says how to display."""
    if not line.strip() or line.startswith(b"#"):
        return None
    # The format wants tabs; where there is none, files with blanks are common and unambiguous.
    stripped = line.rstrip(b"\r\n")
    fields = stripped.split(b"\t") if b"\t" in stripped else stripped.split()
    # A record may be called "track" too: then two numbers follow.
    is_window = len(fields) >= 3 and fields[1].strip().isdigit() and fields[2].strip().isdigit()
    return None if line.split()[0] in _DISPLAY and not is_window else fields


def _window(fields: list[bytes], line: bytes, path: Path, number: int) -> tuple[str, Window]:
    if len(fields) < 3:
        raise _refusal(path, number, "a window needs a record, a start and a stop", line)
    try:
        start, stop = _place(fields[1]), _place(fields[2])
    except ValueError:
        raise _refusal(path, number, "start and stop must be whole numbers from 0", line) from None
    if start >= stop:
        what = f"the window is empty: it starts at {start} and stops at {stop}"
        raise _refusal(path, number, what, line)
    strand = fields[5].strip() if len(fields) > 5 else b"."
    if strand not in _STRANDS:
        raise _refusal(path, number, "the strand, in column 6, must be +, - or .", line)
    name = fields[3].strip().decode("utf-8", "backslashreplace") if len(fields) > 3 else ""
    if name == ".":
        name = ""
    record = fields[0].strip().decode("utf-8", "backslashreplace")
    return record, Window(start, stop, _STRANDS[strand], name, number, (start, stop))


def _place(field: bytes) -> int:
    digits = field.strip()
    if not digits.isdigit():
        raise ValueError
    return int(digits)


def _refusal(path: Path, number: int, what: str, line: bytes) -> LexomeError:
    shown = line[:60].rstrip().decode("utf-8", "backslashreplace")
    return LexomeError(
        f"{what}: {shown!r}",
        where=f"{path}, line {number}",
        fix="a line of BED is record, start, stop, name, score, strand, with tabs between them; "
        "the first base is 0 and the stop is not part of the window",
    )

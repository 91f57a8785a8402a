"""From what a person names (files, folders, globs) to files, and from a file to its bytes."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from lexome.errors import LexomeError
from lexome.files import naming
from lexome.languages.base import Skipped, Source
from lexome.languages.compression import COMPRESSED_SUFFIXES, open_bytes

__all__ = ["NamesFiles", "content_suffix", "file_name", "find_files", "open_bytes"]


@runtime_checkable
class NamesFiles(Protocol):
    """A language whose files name others, which are read with them."""

    def named_files(self, path: Path) -> Iterator[Path]:
        """Yield the files that a file names, as often as it names them."""
        ...


def file_name(path: Path) -> str:
    """Return the path as text that can be printed and written, whatever bytes its name holds."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def content_suffix(path: Path) -> str:
    """Return the lower-case suffix that says what is inside: `.txt` for `a.txt` and `a.TXT.gz`."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in COMPRESSED_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def find_files(
    sources: Sequence[str | Path], suffixes: Sequence[str]
) -> tuple[list[Path], list[Skipped]]:
    """Return the files that `sources` name, in a stable order, and what was passed over.

    A source is a file (taken whatever its suffix), a folder (searched to the bottom, links
    followed) or a glob pattern (`**` goes down). In folders and globs only files whose
    `content_suffix` is in `suffixes` are taken; the others, hidden files and folders, broken
    links and files named twice are `Skipped`. A source that does not exist, a glob that
    matches nothing, and sources without one readable file raise `LexomeError`.
    """
    if not sources:
        raise LexomeError("no source was named", fix="name a file, a folder or a glob")
    found: list[Path] = []
    skipped: list[Skipped] = []
    seen: set[Path] = set()
    for item in (item for source in sources for item in _expand(source, suffixes)):
        if isinstance(item, Skipped):
            skipped.append(item)
        elif (real := item.resolve()) in seen:
            skipped.append(Skipped(Source(file_name(item)), "file named twice", str(real)))
        else:
            seen.add(real)
            found.append(item)
    if not found:
        raise LexomeError(
            _nothing_found(skipped),
            where=", ".join(str(source) for source in sources),
            fix=f"name files that end in {', '.join(suffixes)} (each may be compressed: "
            f"{', '.join(COMPRESSED_SUFFIXES)})",
        )
    return found, skipped


def _nothing_found(skipped: Sequence[Skipped]) -> str:
    if not skipped:
        return "there is no file here"
    reasons = sorted({entry.reason for entry in skipped})
    return f"there is no readable file here; passed over: {len(skipped)} ({', '.join(reasons)})"


def _expand(source: str | Path, suffixes: Sequence[str]) -> Iterator[Path | Skipped]:
    path = Path(source).expanduser()
    with naming(path):
        if path.is_dir():
            yield from _walk(path, suffixes, set())
        elif path.exists() or not glob.has_magic(str(source)):
            path.stat()
            yield path
        else:
            yield from _matches(str(path), suffixes)


def _matches(pattern: str, suffixes: Sequence[str]) -> Iterator[Path | Skipped]:
    matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 (absolute patterns too)
    if not matches:
        raise LexomeError(
            "the pattern matches no file", where=pattern, fix="check the path and the pattern"
        )
    inside: set[Path] = set()
    for path in map(Path, matches):
        # A recursive pattern also matches the folders above its files: each is walked once.
        if inside.intersection(path.parents):
            continue
        if path.is_dir():
            inside.add(path)
            yield from _walk(path, suffixes, set())
        else:
            yield _sorted_out(path, suffixes)


def _walk(
    folder: Path, suffixes: Sequence[str], above: set[tuple[int, int]]
) -> Iterator[Path | Skipped]:
    status = folder.stat()
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        yield Skipped(Source(file_name(folder)), "link to a folder above it")
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            kind = "folder" if path.is_dir() else "file"
            yield Skipped(Source(file_name(path)), f"hidden {kind}")
        elif path.is_dir():
            yield from _walk(path, suffixes, above | {identity})
        else:
            yield _sorted_out(path, suffixes)


def _sorted_out(path: Path, suffixes: Sequence[str]) -> Path | Skipped:
    source = Source(file_name(path))
    if not path.exists():
        return Skipped(source, "broken link")
    if not path.is_file():
        return Skipped(source, "not a regular file")
    if (suffix := content_suffix(path)) not in suffixes:
        return Skipped(source, "unknown suffix", suffix or "none")
    return path

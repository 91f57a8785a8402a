"""Atomic writes, checksums and JSON, with errors that name the file."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lexome.errors import DamagedFileError, LexomeError

_REASONS = {
    errno.ENOSPC: ("the disk is full", "free some space, or write to another disk"),
    errno.EDQUOT: ("the disk quota is used up", "free some space, or write to another disk"),
    errno.EROFS: ("the file system is read-only", "write to another folder"),
    errno.EACCES: ("permission denied", "change the permissions, or use another folder"),
    errno.EPERM: ("permission denied", "change the permissions, or use another folder"),
    errno.ENOENT: ("no such file or folder", "check the path"),
    errno.ENOTDIR: ("a part of the path is a file, not a folder", "check the path"),
    errno.EISDIR: ("this is a folder, a file is needed", "check the path"),
}


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Turn an `OSError` raised inside the block into a `LexomeError` that names `path`."""
    try:
        yield
    except OSError as error:
        reason, fix = _REASONS.get(error.errno or 0, (error.strerror or str(error), None))
        raise LexomeError(reason, where=str(path), fix=fix) from error


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; after the block it is synced and renamed to `path`.

    A reader sees the old file or the whole new one, never a part. On an error the temporary
    file is removed and `path` is left as it was. Who may read it is what the umask says.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not by `tempfile`, whose files are for the user alone.
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        temporary.touch(exist_ok=False)
        try:
            yield temporary
            sync(temporary)
            temporary.replace(path)
            sync(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, atomically."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, data: bytes) -> None:
    """Write bytes atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, atomically."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file; a missing or broken one is an error that names it."""
    with naming(path):
        text = path.read_bytes()
    try:
        return json.loads(text)
    except ValueError as error:
        raise DamagedFileError(
            f"this is not valid JSON: {error}",
            where=str(path),
            fix="restore the file, or make it again with the command that wrote it",
        ) from error


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits; memory stays flat."""
    with naming(path), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_sha256(path: Path, expected: str) -> None:
    """Raise `DamagedFileError` if `path` does not have the checksum `expected`."""
    found = sha256(path)
    if found != expected:
        raise DamagedFileError(
            f"the file has changed: its SHA-256 is {found[:12]}…, recorded was {expected[:12]}…",
            where=str(path),
            fix="restore the file, or make it again with the command that wrote it",
        )


def cache_folder() -> Path:
    """Return lexome's folder in the user's cache (`$LEXOME_CACHE`, else the XDG cache folder)."""
    if named := os.environ.get("LEXOME_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lexome"


def sync(path: Path) -> None:
    """Wait until a file, or the list of a folder's files, is on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

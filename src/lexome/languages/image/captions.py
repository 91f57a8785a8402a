"""A manifest of pictures: JSON lines, each with a file name and what is known of that picture."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from lexome.errors import LexomeError
from lexome.files import naming
from lexome.languages.sources import open_bytes

_KEY = "image"

Captions = Mapping[Path, Mapping[str, str]]


def read_captions(path: Path) -> Captions:
    """Return the facts of each picture by the full path of its file.

    A line is an object whose `image` names a file from the manifest's own folder on; values that
    are no text become JSON. A line that is not so, or whose file is not there, is a `LexomeError`
    with its number. The last file that was read is remembered.
    """
    with naming(path):
        status = path.stat()
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, _modified: int, _size: int) -> Captions:
    found: dict[Path, Mapping[str, str]] = {}
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            record = _record(path, number, line)
            file = (path.parent / (name := record.pop(_KEY))).resolve()
            if not file.is_file():
                raise LexomeError(
                    f"there is no file {name!r}",
                    where=f"{path}, line {number:,}",
                    fix=f"paths are read from the folder of the manifest, {path.parent}",
                )
            found[file] = {key: _text(value) for key, value in record.items()}
    return found


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _refusal(path, number, f"this is not JSON: {error}") from error
    if not isinstance(record, dict) or not isinstance(record.get(_KEY), str):
        raise _refusal(path, number, f"a line must be an object with the text {_KEY!r}")
    return record


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _refusal(path: Path, number: int, what: str) -> LexomeError:
    return LexomeError(
        what,
        where=f"{path}, line {number:,}",
        fix='write lines like {"image": "cat.png", "caption": "a cat"}',
    )

"""Languages from elsewhere: of installed packages, and in files that the user trusts.

A package names its languages as entry points of the group `lexome.languages`; a file is named by
the environment variable `LEXOME_LANGUAGES` (several with the system's path separator between).
Nothing that is loaded, be it a corpus or a run, can name code to execute: only the user does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import is_dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from importlib.util import spec_from_file_location
from pathlib import Path
from traceback import extract_tb
from types import ModuleType
from typing import Any
from zlib import crc32

from lexome.errors import LexomeError

VARIABLE, GROUP = "LEXOME_LANGUAGES", "lexome.languages"
_PREFIX = "lexome_language_file_"
_NEEDED = ("name", "unit", "suffixes", "read", "tokenizers", "render")


def find() -> dict[str, type[Any]]:
    """Return the further languages by name; a file that holds none is a `LexomeError`."""
    found: dict[str, type[Any]] = {}
    for entry in entry_points(group=GROUP):
        with _importing(f"the package {entry.value}, entry point {entry.name!r}"):
            found[entry.name] = entry.load()
    for path in _files():
        found |= _in_file(path)
    return found


@contextmanager
def _importing(where: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        line = extract_tb(error.__traceback__)[-1]
        raise LexomeError(
            f"this cannot be imported: {type(error).__name__}: {error}",
            where=f"{where} ({line.filename}, line {line.lineno})",
            fix="correct it",
        ) from error


def _files() -> list[Path]:
    return [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def _module(path: Path) -> str:
    """Return the name of a file's module; two files of one name in two folders are two modules."""
    return f"{_PREFIX}{path.stem}_{crc32(str(path.resolve()).encode()):08x}"


def _in_file(path: Path) -> dict[str, type[Any]]:
    if not path.is_file():
        raise LexomeError(
            "there is no such file",
            where=f"{path}, named by {VARIABLE}",
            fix="correct the variable",
        )
    with _importing(f"{path}, named by {VARIABLE}"):
        module = import_module(_module(path))
    made: list[Any] = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and is_dataclass(value)
        and value.__module__ == module.__name__
        and all(hasattr(value, name) for name in _NEEDED)
    ]
    if not made:
        raise LexomeError(
            "this file defines no language",
            where=f"{path}, named by {VARIABLE}",
            fix=f"write a dataclass with {', '.join(_NEEDED)}: docs/own-language.md shows one",
        )
    return {value.name: value for value in made}


class _Files:
    """Lets the files be imported by name, in the workers of `prepare` too."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not name.startswith(_PREFIX):
            return None
        for file in _files():
            if _module(file) == name:
                return spec_from_file_location(name, file)
        return None


sys.meta_path.append(_Files)

"""Languages from elsewhere: of installed packages, and in files that the user trusts.

A package names its languages as entry points of the group `lexome.languages`; a file is named by
the environment variable `LEXOME_LANGUAGES` (several with the system's path separator between).
Nothing that is loaded, be it a corpus or a run, can name code to execute: only the user does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.metadata import entry_points
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from lexome.errors import LexomeError

VARIABLE, GROUP = "LEXOME_LANGUAGES", "lexome.languages"
_PREFIX = "lexome_language_file_"
_NEEDED = ("name", "unit", "suffixes", "read", "tokenizers", "parse", "render")


def find() -> dict[str, type[Any]]:
    """Return the further languages by name; a file that holds none is a `LexomeError`."""
    found: dict[str, type[Any]] = {entry.name: entry.load() for entry in entry_points(group=GROUP)}
    for path in _files():
        found |= _in_file(path)
    return found


def _files() -> list[Path]:
    return [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def _in_file(path: Path) -> dict[str, type[Any]]:
    if not path.is_file():
        raise LexomeError(
            "there is no such file",
            where=f"{path}, named by {VARIABLE}",
            fix="correct the variable",
        )
    module = import_module(_PREFIX + path.stem)
    made: list[Any] = [
        value
        for value in vars(module).values()
        if isinstance(value, type)
        and value.__module__ == module.__name__
        and all(hasattr(value, name) for name in _NEEDED)
    ]
    if not made:
        raise LexomeError(
            "this file defines no language",
            where=f"{path}, named by {VARIABLE}",
            fix=f"write a class with {', '.join(_NEEDED)}; docs/languages.md has an example",
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
            if _PREFIX + file.stem == name:
                return spec_from_file_location(name, file)
        return None


sys.meta_path.append(_Files)

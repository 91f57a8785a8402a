"""The packages of the extra `sound`, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from lexome.errors import LexomeError


def part(name: str) -> ModuleType:
    """Return a module of the extra; a missing one is a `LexomeError` that says what to install."""
    try:
        return import_module(name)
    # soundfile raises OSError where the library that it wraps is missing.
    except (ImportError, OSError) as error:
        raise LexomeError(
            f"sound needs the package {name.partition('.')[0]}: {error}",
            fix="install it with `pip install 'lexome[sound]'`",
        ) from error

"""The packages of the extra `tasks`, imported where they are used."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from lexome.errors import LexomeError


def part(name: str) -> ModuleType:
    """Return a module of the extra; a missing one is a `LexomeError` that says what to install."""
    try:
        return import_module(name)
    except ImportError as error:
        raise LexomeError(
            f"scores and statistics need the package {_package(name)}: {error}",
            fix="install it with `pip install 'lexome[tasks]'`",
        ) from error


def _package(name: str) -> str:
    top = name.partition(".")[0]
    return "scikit-learn" if top == "sklearn" else top

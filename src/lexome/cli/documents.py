"""Documents on the command line: one from a file to begin with, and renderings to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lexome.errors import LexomeError

if TYPE_CHECKING:
    from lexome.languages.base import Document, Language, Rendering


def first_document(language: Language, path: Path) -> Document:
    """Return the first document of a file; a file without one is a `LexomeError`."""
    from lexome.files import naming
    from lexome.languages.base import Skipped

    reason = "it is empty"
    with naming(path):
        for entry in language.read(path):
            if not isinstance(entry, Skipped):
                return entry
            reason = f"{entry.reason} {entry.detail}".strip()
    raise LexomeError(f"there is no document here: {reason}", where=str(path))


def beginning(language: Language, path: Path, share: float) -> Document:
    """Return the first `share` of the first document of a file, counted in natural units."""
    document = first_document(language, path)
    return language.cut(document, 0, round(share * language.units(document)))


def make_folder(folder: Path) -> None:
    """Make a folder for renderings, before the work whose outcome it shall hold."""
    from lexome.files import naming

    if folder.exists() and not folder.is_dir():
        raise LexomeError(
            "this is a file, a folder is needed", where=str(folder), fix="name another with --out"
        )
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)


def write_rendering(folder: Path, name: str, rendering: Rendering) -> list[Path]:
    """Write a rendering and its views as `name` and their suffixes; return the files.

    A view whose suffix is taken has its own name behind `name`.
    """
    from lexome.files import write_bytes

    made = {folder / f"{name}{rendering.suffix}": rendering.data}
    for view in rendering.views:
        path = folder / f"{name}{view.suffix}"
        if path in made:
            path = folder / f"{name}-{view.name.replace(' ', '-')}{view.suffix}"
        made[path] = view.data
    for path, data in made.items():
        write_bytes(path, data)
    return list(made)


def write_sheet(folder: Path, language: Language, renderings: Sequence[Rendering]) -> Path | None:
    """Write all of several renderings at one look, where the language has such a view."""
    from lexome.files import write_bytes
    from lexome.languages.base import Sheet

    if len(renderings) < 2 or not isinstance(language, Sheet):
        return None
    view = language.sheet(renderings)
    path = folder / f"all{view.suffix}"
    write_bytes(path, view.data)
    return path

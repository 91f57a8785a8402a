"""Tensors and folders on disk: safetensors with errors that name the file, folders whole or not."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from lexome.errors import DamagedFileError, LexomeError
from lexome.files import atomic_path, naming


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file, atomically; a full disk is a `LexomeError`."""
    try:
        with atomic_path(path) as temporary:  # for its sync: a rename must not outrun the data
            save_file(dict(tensors), temporary, metadata={"format": "pt"})
    except SafetensorError as error:
        # The library gives no errno, only its text.
        full = "os error 28" in str(error)
        raise LexomeError(
            "the disk is full" if full else f"the weights could not be written: {error}",
            where=str(path.parent),
            fix="check the free space and the permissions of the folder",
        ) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file; one that is torn is a `DamagedFileError`."""
    try:
        with naming(path):
            return load_file(path)
    except SafetensorError as error:
        raise DamagedFileError(
            f"this is not a whole safetensors file: {error}",
            where=str(path),
            fix="restore the file, or train or download the model again",
        ) from error


@contextmanager
def replacing(folder: Path, marker: str, kind: str) -> Iterator[Path]:
    """Yield an empty folder; after the block it stands in the place of `folder`, whole.

    A folder that holds the file `marker` is replaced; anything else that is not empty is refused
    as no `kind` ("a model"). On an error `folder` is left as it was.
    """
    _check_replaceable(folder, marker, kind)
    with naming(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}.", suffix=".part"))
    try:
        with naming(folder):
            part.chmod(0o755)
        yield part
        with naming(folder):
            _replace(part, folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _check_replaceable(folder: Path, marker: str, kind: str) -> None:
    if not folder.exists():
        return
    if not folder.is_dir() or (any(folder.iterdir()) and not (folder / marker).is_file()):
        raise LexomeError(
            f"there is already something here that is not {kind}",
            where=str(folder),
            fix="name another folder, or move this one away",
        )


def _replace(part: Path, folder: Path) -> None:
    """Put `part` in the place of `folder`; if that fails, the old folder is put back."""
    previous = Path(f"{part}.previous")
    existed = folder.exists()
    if existed:
        folder.rename(previous)
    try:
        part.rename(folder)
    except OSError:
        if existed:
            previous.rename(folder)
        raise
    shutil.rmtree(previous, ignore_errors=True)

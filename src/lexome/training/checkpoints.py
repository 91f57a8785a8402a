"""Checkpoints: whole or not there, each file with its checksum, never pickled.

A checkpoint is a folder `step-00000500` with the tensors as safetensors files, written by torch's
distributed checkpoints (so that another number of workers can read them), and `state.json`: what is
known beside the tensors, and the SHA-256 of every file. It is written under another name, synced
and renamed, so a folder that has the name is complete unless something damaged it later.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256 as new_sha256
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.distributed.checkpoint.state_dict_loader import load as load_distributed
from torch.distributed.checkpoint.state_dict_saver import save as save_distributed

from lexome.errors import DamagedFileError, LexomeError
from lexome.files import check_sha256, naming, read_json, sha256, sync, write_json
from lexome.training.parallel import World

STATE = "state.json"
_PREFIX = "step-"


def save(
    root: Path, step: int, tensors: Mapping[str, Tensor], state: Mapping[str, Any], world: World
) -> Path:
    """Write a checkpoint of `step` and return its folder; all workers call this together.

    Raises `LexomeError` where the disk is full or read-only; older checkpoints stay as they are.
    """
    folder = root / f"{_PREFIX}{step:08d}"
    part = root / f".{folder.name}.part"
    try:
        if world.first:
            with naming(part):
                shutil.rmtree(part, ignore_errors=True)
                part.mkdir(parents=True)
        world.wait()
        with _storage(part):
            writer = HuggingFaceStorageWriter(str(part), save_distributed=True)
            save_distributed(dict(tensors), storage_writer=writer, no_dist=world.size == 1)
        world.wait()
        if world.first:
            _complete(part, folder, {**state, "step": step})
        world.wait()
    finally:
        if world.first:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def load(folder: Path, tensors: Mapping[str, Tensor], world: World) -> None:
    """Fill `tensors` in place from a checkpoint, whatever the number of workers that wrote it."""
    with _storage(folder):
        reader = HuggingFaceStorageReader(str(folder))
        load_distributed(dict(tensors), storage_reader=reader, no_dist=world.size == 1)


def latest(root: Path, told: Callable[[str], None]) -> tuple[Path, dict[str, Any]] | None:
    """Return the newest whole checkpoint and its state; `None` where there never was one.

    Damaged ones are named through `told` and passed over. Raises `DamagedFileError` if there are
    checkpoints but none is whole.
    """
    damaged = []
    for folder in sorted(root.glob(f"{_PREFIX}*"), reverse=True):
        try:
            return folder, check(folder)
        except LexomeError as error:
            damaged.append(folder)
            told(f"the checkpoint {folder.name} is damaged and is passed over: {error}")
    if damaged:
        raise DamagedFileError(
            f"none of the {len(damaged)} checkpoints is whole",
            where=str(root),
            fix="restore one of them, or start the run again in another folder",
        )
    return None


def check(folder: Path) -> dict[str, Any]:
    """Return the state of a checkpoint after checking every file of it."""
    path = folder / STATE
    value = read_json(path)
    if not isinstance(value, dict) or value.pop("checksum", None) != _checksum(value):
        raise DamagedFileError("it does not match its own checksum", where=str(path))
    for name, expected in value.pop("files").items():
        check_sha256(folder / name, expected)
    return value


def prune(root: Path, keep: int) -> None:
    """Delete all but the newest `keep` checkpoints."""
    for folder in sorted(root.glob(f"{_PREFIX}*"))[:-keep]:
        shutil.rmtree(folder, ignore_errors=True)


def drop_after(root: Path, step: int) -> None:
    """Delete the checkpoints of later steps than `step`, which a resumed run writes again."""
    for folder in root.glob(f"{_PREFIX}*"):
        if int(folder.name.removeprefix(_PREFIX)) > step:
            shutil.rmtree(folder, ignore_errors=True)


def _complete(part: Path, folder: Path, state: dict[str, Any]) -> None:
    with naming(part):
        files = sorted(path for path in part.iterdir() if path.is_file())
        for path in files:
            sync(path)
        value = {**state, "files": {path.name: sha256(path) for path in files}}
        write_json(part / STATE, {**value, "checksum": _checksum(value)})
        replaced = folder.with_name(f".{folder.name}.old")
        shutil.rmtree(replaced, ignore_errors=True)
        if folder.exists():
            folder.rename(replaced)
        part.rename(folder)
        sync(folder.parent)
        shutil.rmtree(replaced, ignore_errors=True)


def _checksum(value: Mapping[str, Any]) -> str:
    return new_sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@contextmanager
def _storage(folder: Path) -> Iterator[None]:
    """Name the folder in whatever torch's checkpoints raise."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        try:
            with naming(folder):
                yield
        except CheckpointException as error:
            with naming(folder):
                for _, (failure, _) in sorted(error.failures.items()):
                    if isinstance(failure, OSError):
                        raise failure from error
            raise _failed(folder, error) from error
        except LexomeError:
            raise
        except Exception as error:
            raise _failed(folder, error) from error


def _failed(folder: Path, error: BaseException) -> LexomeError:
    return LexomeError(
        f"the checkpoint could not be written or read: {error}",
        where=str(folder),
        fix="check the free space and the permissions of the folder",
    )

"""The files of a tokenizer's folder, for lexome and for plain `transformers`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from lexome.errors import DamagedFileError, LexomeError
from lexome.files import (
    atomic_path,
    check_sha256,
    naming,
    read_json,
    sha256,
    write_json,
    write_text,
)
from lexome.languages.tokenizers.vocabulary import SPECIAL_NAMES, Spelling

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPELLING = "lexome_tokenizer.json"
ARRAYS = "codec.safetensors"

Arrays = Mapping[str, npt.NDArray[Any]]

# `transformers` reads this number as "no limit"; a model's own limit stands in its config.json.
NO_LIMIT = int(1e30)

_FIX = "restore the folder, or prepare the corpus again"


def save(folder: Path, json: str, spelling: Spelling) -> None:
    """Write a tokenizer's three files; the one that completes the folder comes last."""
    write_text(folder / TOKENIZER, json)
    write_json(folder / CONFIG, _config())
    description = asdict(spelling) | {"unit": spelling.unit, "sha256": sha256(folder / TOKENIZER)}
    write_json(folder / SPELLING, description)


def save_coding(
    folder: Path,
    json: str,
    described: Mapping[str, Any],
    arrays: Arrays,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Write the files of a tokenizer that a language's own coding makes.

    `config` says what differs in tokenizer_config.json.
    """
    write_text(folder / TOKENIZER, json)
    write_json(folder / CONFIG, {**_config(), **(config or {})})
    checksums = {"sha256": sha256(folder / TOKENIZER)}
    if arrays:
        with atomic_path(folder / ARRAYS) as path:
            save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)
        checksums["arrays_sha256"] = sha256(folder / ARRAYS)
    write_json(folder / SPELLING, {**described, **checksums})


def describe(folder: Path) -> dict[str, Any]:
    """Return what lexome_tokenizer.json says; the files that it names are checked."""
    path = folder / SPELLING
    if not path.is_file():
        raise LexomeError(
            "there is no lexome tokenizer here",
            where=str(path),
            fix="name a folder that `lexome prepare` or `lexome train` wrote, or one of another "
            "model with a tokenizer.json",
        )
    described = read_json(path)
    with damage_named(path):
        expected = {TOKENIZER: str(described.pop("sha256"))}
        if "arrays_sha256" in described:
            expected[ARRAYS] = str(described.pop("arrays_sha256"))
    for name, checksum in expected.items():
        if not (folder / name).is_file():
            raise DamagedFileError("the file is missing", where=str(folder / name), fix=_FIX)
        check_sha256(folder / name, checksum)
    return cast(dict[str, Any], described)


def read(folder: Path) -> tuple[str, Spelling]:
    """Return the text of tokenizer.json and its spelling, both checked."""
    described = describe(folder)
    with damage_named(folder / SPELLING):
        described.pop("unit")
        spelling = Spelling(**described)
    with naming(folder / TOKENIZER):
        return (folder / TOKENIZER).read_bytes().decode("utf-8"), spelling


def read_arrays(folder: Path) -> dict[str, Any]:
    """Return the arrays of a coding, which `describe` has checked; none where it has none."""
    path = folder / ARRAYS
    if not path.is_file():
        return {}
    with damage_named(path):
        return load_file(path)


def checksum(folder: Path) -> str:
    """Return the SHA-256 of all files of a tokenizer, those of its parts in folders included."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.name in (TOKENIZER, CONFIG, SPELLING, ARRAYS):
            digest.update(f"{path.relative_to(folder)} {sha256(path)}\n".encode())
    return digest.hexdigest()


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn whatever a wrong description of a tokenizer raises into an error that names it."""
    try:
        yield
    # It names the file that is damaged already: a tokenizer may be made of others.
    except DamagedFileError:
        raise
    # `tokenizers` raises plain `Exception` for a file that it cannot use.
    except Exception as error:
        raise DamagedFileError(
            f"this does not describe a tokenizer: {error}", where=str(path), fix=_FIX
        ) from error


def special_config(names: Sequence[str]) -> dict[str, Any]:
    """Return what tokenizer_config.json says of special tokens: pad, begin, end and mask."""
    keys = ("pad_token", "bos_token", "eos_token", "mask_token")
    return dict(zip(keys, names, strict=True))


def _config() -> dict[str, Any]:
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        **special_config(SPECIAL_NAMES),
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
        "model_max_length": NO_LIMIT,
        "model_input_names": ["input_ids", "attention_mask"],
    }

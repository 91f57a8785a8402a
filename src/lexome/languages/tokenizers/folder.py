"""The files of a tokenizer's folder, for lexome and for plain `transformers`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lexome.errors import DamagedFileError, LexomeError
from lexome.files import check_sha256, naming, read_json, sha256, write_json, write_text
from lexome.languages.tokenizers.vocabulary import SPECIAL_NAMES, Spelling

TOKENIZER = "tokenizer.json"
CONFIG = "tokenizer_config.json"
SPELLING = "lexome_tokenizer.json"

# `transformers` reads this number as "no limit"; a model's own limit stands in its config.json.
NO_LIMIT = int(1e30)

_FIX = "restore the folder, or prepare the corpus again"


def save(folder: Path, json: str, spelling: Spelling) -> None:
    """Write a tokenizer's three files; the one that completes the folder comes last."""
    write_text(folder / TOKENIZER, json)
    write_json(folder / CONFIG, _config())
    description = asdict(spelling) | {"unit": spelling.unit, "sha256": sha256(folder / TOKENIZER)}
    write_json(folder / SPELLING, description)


def read(folder: Path) -> tuple[str, Spelling]:
    """Return the text of tokenizer.json and its spelling, both checked."""
    path = folder / SPELLING
    if not path.is_file():
        raise LexomeError(
            "there is no lexome tokenizer here",
            where=str(path),
            fix="name a folder that `lexome prepare` or `lexome train` wrote",
        )
    if not (folder / TOKENIZER).is_file():
        raise DamagedFileError("the file is missing", where=str(folder / TOKENIZER), fix=_FIX)
    described = read_json(path)
    with damage_named(path):
        expected = str(described.pop("sha256"))
        described.pop("unit")
        spelling = Spelling(**described)
    check_sha256(folder / TOKENIZER, expected)
    with naming(folder / TOKENIZER):
        return (folder / TOKENIZER).read_bytes().decode("utf-8"), spelling


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn whatever a wrong description of a tokenizer raises into an error that names it."""
    try:
        yield
    # `tokenizers` raises plain `Exception` for a file that it cannot use.
    except Exception as error:
        raise DamagedFileError(
            f"this does not describe a tokenizer: {error}", where=str(path), fix=_FIX
        ) from error


def _config() -> dict[str, Any]:
    pad, begin, end, mask = SPECIAL_NAMES
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "pad_token": pad,
        "bos_token": begin,
        "eos_token": end,
        "mask_token": mask,
        "clean_up_tokenization_spaces": False,
        "split_special_tokens": True,
        "model_max_length": NO_LIMIT,
        "model_input_names": ["input_ids", "attention_mask"],
    }

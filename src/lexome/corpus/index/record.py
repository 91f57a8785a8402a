"""What an index is of: a small file that is written last, so an index that has one is whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from lexome.corpus.corpus import Corpus
from lexome.corpus.manifest import ShardFile
from lexome.errors import DamagedFileError, LexomeError
from lexome.files import read_json, write_json

FOLDER = "index"
NAME = "index.json"


class IndexShard(BaseModel):
    """One suffix array, of the tokens of the split from `first` on, and its table of prefixes.

    `prefix_length` tokens are told apart by the table.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: int
    prefix_length: int
    order: ShardFile
    prefixes: ShardFile


class IndexRecord(BaseModel):
    """What an index is of, and its files with their checksums; paths are from the corpus's folder.

    `fingerprint`, `tokenizer` and `documents` are those of the corpus, the last two checksums.
    A span of more than `longest` tokens cannot be looked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    split: str
    fingerprint: str
    tokenizer: str
    documents: str
    tokens: int
    vocab_size: int
    longest: int
    shards: tuple[IndexShard, ...]

    @property
    def bytes(self) -> int:
        """Return the size of the index's files."""
        return sum(shard.order.bytes + shard.prefixes.bytes for shard in self.shards)

    def folder(self, corpus: Corpus) -> Path:
        """Return the folder in which the index lies."""
        return record_path(corpus, self.split).parent

    def write(self, corpus: Corpus) -> None:
        """Write the record beside its files, atomically, with its own checksum."""
        value = self.model_dump(mode="json")
        write_json(record_path(corpus, self.split), {**value, "checksum": _checksum(value)})

    @classmethod
    def read(cls, corpus: Corpus, split: str) -> Self:
        """Read the record of the index of a split, and check that it is of this corpus.

        Raises `LexomeError` if there is none or if it is of another corpus or another tokenizer,
        and `DamagedFileError` for a record that is not as it was written.
        """
        path = record_path(corpus, split)
        if not path.is_file():
            raise LexomeError(
                f"the corpus has no index of its {split} split",
                where=str(corpus.folder),
                fix=again(corpus, split),
            )
        value = read_json(path)
        try:
            if not isinstance(value, dict) or value.pop("checksum", None) != _checksum(value):
                raise ValueError("its contents do not match its own checksum")
            record = cls.model_validate(value)
        except (ValueError, ValidationError) as error:
            raise DamagedFileError(
                f"this is not a whole record of an index: {error}",
                where=str(path),
                fix=again(corpus, split),
            ) from error
        record._check(corpus, path)
        return record

    def _check(self, corpus: Corpus, path: Path) -> None:
        manifest = corpus.manifest
        if self.tokenizer != manifest.tokenizer.sha256:
            what = "the index was made of tokens of another tokenizer"
        elif (
            self.fingerprint != manifest.fingerprint or self.documents != manifest.documents.sha256
        ):
            what = "the index is of another corpus, or the corpus has changed since it was made"
        else:
            return
        raise LexomeError(what, where=str(path), fix=again(corpus, self.split))


def record_path(corpus: Corpus, split: str) -> Path:
    """Return the file of the record of the index of a split."""
    return corpus.folder / FOLDER / split / NAME


def again(corpus: Corpus, split: str) -> str:
    """Return how to make the index of a split, in words."""
    return f"make the index with `lexome index {corpus.folder} --split {split}`"


def _checksum(value: dict[str, Any]) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()

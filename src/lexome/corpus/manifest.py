"""The manifest: what a corpus is, where it comes from, and the checksums that hold it together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from lexome.errors import DamagedFileError
from lexome.files import read_json, sha256, write_json

NAME = "manifest.json"
TRAIN, VALID = "train", "valid"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceFile(_Part):
    """A file that was read, by the path that was given, or by that which another one names."""

    path: str
    bytes: int
    sha256: str


class ShardFile(_Part):
    """A file of the corpus that holds one value, or one row, for each of `tokens` tokens."""

    path: str
    tokens: int
    bytes: int
    sha256: str


class SplitSide(_Part):
    """What one side of the split holds; `augmented` documents are among `documents`.

    Among those again are the `made` ones, by name, which are forms of no other document. Where the
    tokenizer makes frames, `features` hold a row for each frame token of a shard.
    """

    documents: int = 0
    augmented: int = 0
    made: dict[str, int] = {}
    units: int = 0
    tokens: int = 0
    shards: tuple[ShardFile, ...] = ()
    weights: tuple[ShardFile | None, ...] = ()
    features: tuple[ShardFile, ...] = ()


class SplitRecord(_Part):
    """How the documents were split; `note` says what was decided for the user, and why."""

    how: Literal["document", "tail", "files", "metadata", "mixture"]
    asked: str
    fraction: float
    seed: int
    border: int | None = None
    threshold: int | None = None
    cut_documents: int = 0
    note: str = ""


class GroupsRecord(_Part):
    """Documents that stay on one side of the split because the language found them related.

    `name` says what the groups are and `how` what found them; `largest` counts documents. The
    files hold the hashes of the split keys and the group of each, see `corpus.groups`.
    """

    name: str
    how: str
    documents: int
    groups: int
    largest: int
    keys: ShardFile
    numbers: ShardFile

    def __str__(self) -> str:
        return (
            f"{self.documents:,} documents in {self.groups:,} {self.name}, the largest of "
            f"{self.largest:,}; found by {self.how}"
        )


class TokenizerRecord(_Part):
    """The tokenizer in the corpus's folder, and what it was trained on."""

    kind: str
    vocab_size: int
    sha256: str
    given: bool
    sample_units: int = 0
    sample_documents: int = 0


class SwapRecord(_Part):
    """What was exchanged: twins with `terms` declared terms stand beside `swapped` documents.

    `left_alone` documents hold such terms too, and name somebody of whom facts are said. Terms that
    are `absent` were declared and stand in no training document, in small letters. The files
    in which terms and names were `declared` are among the manifest's sources. A twin has the
    metadata of its document, as they were.
    """

    declared: int
    names: int
    swapped: int
    terms: int
    left_alone: int
    absent: tuple[str, ...] = ()


class WeighingRecord(_Part):
    """How the training documents of the corpus with this `fingerprint` were weighed: by repeating.

    A document stands in training as often as its weight asks, the `least` one once. `largest` is
    the largest weight, where documents that are not weighed have 1; `effective` is how many
    documents of equal weight would say as much (Kish 1965), of so many `documents`. `questions`
    name what was weighed, by the file `groups`.
    """

    corpus: str
    fingerprint: str
    groups: str
    questions: tuple[str, ...]
    documents: int
    effective: float
    least: float
    largest: float


class SkippedRecord(_Part):
    """How many records were left out for one reason, and the first of them."""

    count: int
    examples: tuple[str, ...]


class LeakExample(_Part):
    """A validation document that also stands in train, or nearly."""

    document: int
    source: str
    containment: float
    train_source: str | None = None


class LeakCheck(_Part):
    """How much of the validation split also stands in train.

    `exact_duplicates` counts the validation documents whose tokens equal those of a train
    document. `near_duplicates` counts those of which at least `threshold` of the sampled
    n-grams (runs of `ngram_units` natural units) occur in train, or their mirrored form does (the
    other DNA strand); an exact duplicate is not counted again. `too_short` documents have no
    such run. Where languages are mixed, each was checked by itself, in runs of its own length, of
    which `ngram_units` is the longest.
    """

    # Corpora that were made before n-grams were counted in units name a length in tokens, too.
    model_config = ConfigDict(extra="ignore")

    documents: int
    exact_duplicates: int
    near_duplicates: int
    too_short: int
    threshold: float
    mean_containment: float
    ngram_units: float
    sampled_ngrams: int
    augmented_forms: str
    examples: tuple[LeakExample, ...] = ()


class MixedPart(_Part):
    """A corpus in a mixture: its weight among the training tokens, and what it gave.

    `repeats` says how many times its training documents stand in the mixture. Its validation
    documents are the tokens `valid_start` to `valid_stop` of the mixture's validation split.
    """

    corpus: str
    fingerprint: str
    language: str
    options: dict[str, Any]
    unit: str
    weight: float
    repeats: float
    valid_start: int
    valid_stop: int


class Manifest(_Part):
    """Everything that is known about a corpus; written last, so a corpus that has one is whole.

    `fidelity` says what a lossy tokenizer keeps of held-out documents, in the language's figures.
    `parts` are the corpora of which it was mixed, in order, where it was. `weighing` says why
    documents are repeated, where they are to be counted as often as they stand.
    """

    format: Literal[1] = 1
    lexome: str
    language: str
    options: dict[str, Any]
    unit: str
    licence: str
    sources: tuple[SourceFile, ...]
    request: dict[str, Any]
    tokenizer: TokenizerRecord
    split: SplitRecord
    groups: GroupsRecord | None = None
    swap: SwapRecord | None = None
    train: SplitSide
    valid: SplitSide
    skipped: dict[str, SkippedRecord]
    documents: ShardFile
    leak: LeakCheck
    fidelity: dict[str, float] = {}
    parts: tuple[MixedPart, ...] = ()
    weighing: WeighingRecord | None = None
    fingerprint: str

    def side(self, split: str) -> SplitSide:
        """Return the side of the split named "train" or "valid"."""
        return {TRAIN: self.train, VALID: self.valid}[split]

    def write(self, folder: Path) -> None:
        """Write the manifest of the corpus in `folder`, atomically, with its own checksum."""
        value = self.model_dump(mode="json")
        write_json(folder / NAME, {**value, "checksum": _checksum(value)})

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of the corpus in `folder`; a damaged one is a `DamagedFileError`."""
        path = folder / NAME
        value = read_json(path)
        if not isinstance(value, dict) or value.pop("checksum", None) != _checksum(value):
            raise _damaged(path, "its contents do not match its own checksum")
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise _damaged(path, str(error)) from error


def fingerprint(language: str, tokenizer_sha256: str, sides: Mapping[str, SplitSide]) -> str:
    """Return 64 hexadecimal digits that name the tokens of a corpus: same digits, same tokens."""
    digest = hashlib.sha256(f"{language}\n{tokenizer_sha256}\n".encode())
    for split, side in sorted(sides.items()):
        for shard in (*side.shards, *side.weights, *side.features):
            digest.update(f"{split} {shard.sha256 if shard else '-'}\n".encode())
    return digest.hexdigest()


def folder_sha256(folder: Path) -> str:
    """Return one checksum over the names and contents of all the files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()


def _checksum(value: Mapping[str, Any]) -> str:
    canonical = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _damaged(path: Path, what: str) -> DamagedFileError:
    return DamagedFileError(
        f"this is not a whole manifest: {what}",
        where=str(path),
        fix="restore the file, or prepare the corpus again",
    )

"""The documents of all the sources in order, each with its split, and gathered into pieces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from lexome.corpus.groups import Groups
from lexome.corpus.keys import KeyHash
from lexome.corpus.manifest import TRAIN, VALID, GroupsRecord, SkippedRecord
from lexome.corpus.split import SplitPlan
from lexome.errors import LexomeError
from lexome.languages.base import Document, Language, Skipped
from lexome.languages.sources import file_name

# A corpus is worked on in about 256 pieces, none of them tiny and none too large to hold several
# of in memory. A piece becomes one shard of a split, so this does not depend on the workers.
_PIECES = 256
_SMALLEST, _LARGEST = 1 << 19, 1 << 23
_MOST_DOCUMENTS = 1 << 16


class InputFile(BaseModel):
    """A source file as it was when it was scanned."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    validation: bool
    bytes: int
    sha256: str
    documents: int
    units: int


class Plan(BaseModel):
    """All that is decided before the first token is written; a resumed run reads it back.

    `named_files` are those that options and the files themselves name, with their checksums.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    files: tuple[InputFile, ...]
    named_files: dict[str, str]
    skipped: dict[str, SkippedRecord]
    split: SplitPlan
    folder: str
    groups: GroupsRecord | None = None
    groups_folder: Path = Path()

    @property
    def units(self) -> int:
        """Return the natural units of all the files."""
        return sum(file.units for file in self.files)

    @property
    def keys(self) -> KeyHash:
        """Return the hash that the split was drawn with."""
        groups = None if self.groups is None else Groups(self.groups_folder, self.groups)
        return KeyHash(self.split.record.seed, self.folder, groups)


@dataclass(frozen=True, slots=True)
class Routed:
    """A document, or a part of one, on its side of the split, or on none (`split.LEFT_OUT`)."""

    split: str
    document: Document
    units: int


@dataclass(frozen=True)
class Piece:
    """Some documents that follow each other, to be worked on at once."""

    number: int
    items: Sequence[Routed]
    units: int


def read_routed(language: Language, plan: Plan) -> Iterator[Routed]:
    """Yield all the documents in the order of the corpus, streaming.

    A file that holds something else than it did when it was scanned is a `LexomeError`.
    """
    route = plan.split.router(language, plan.keys)
    for file in plan.files:
        documents = units = 0
        for entry in language.read(file.path):
            if isinstance(entry, Skipped):
                continue
            size = language.units(entry)
            if file.validation:
                yield Routed(VALID, entry, size)
            elif plan.split.record.how == "files":
                yield Routed(TRAIN, entry, size)
            else:
                for split, part, part_size in route(entry, size):
                    yield Routed(split, part, part_size)
            documents += 1
            units += size
        if (documents, units) != (file.documents, file.units):
            raise sources_changed(file.path)


def read_pieces(language: Language, plan: Plan) -> Iterator[Piece]:
    """Yield the documents in pieces that depend on the documents alone."""
    enough = min(max(plan.units // _PIECES, _SMALLEST), _LARGEST)
    number = units = 0
    items: list[Routed] = []
    for routed in read_routed(language, plan):
        items.append(routed)
        units += routed.units
        if units >= enough or len(items) >= _MOST_DOCUMENTS:
            yield Piece(number, items, units)
            number, units, items = number + 1, 0, []
    if items:
        yield Piece(number, items, units)


def sources_changed(
    path: Path, what: str = "the source has changed since this corpus was begun"
) -> LexomeError:
    """Return the error for a source that is not what it was when it was scanned."""
    return LexomeError(
        what,
        where=file_name(path),
        fix="make the sources what they were, prepare a corpus in a new folder, or remove the "
        "folder of this one and prepare it anew",
    )

"""The first look at the sources: how much they hold, under which keys, and what is left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lexome.corpus.keys import BUCKETS, KeyHash
from lexome.corpus.manifest import SkippedRecord
from lexome.corpus.pool import Pool
from lexome.corpus.split import has
from lexome.files import naming, sha256
from lexome.languages.base import Language, Skipped
from lexome.languages.sources import file_name

_EXAMPLES = 5
_TELL = 1 << 24


@dataclass
class SkippedTally:
    """Counts what was left out by reason and keeps the first examples of each."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, skipped: Skipped) -> None:
        """Count one more."""
        detail = f" ({skipped.detail})" if skipped.detail else ""
        example = f"{skipped.source}{detail}"
        self.merge({skipped.reason: SkippedRecord(count=1, examples=(example,))})

    def merge(self, records: Mapping[str, SkippedRecord]) -> None:
        """Add the counts of another tally, which come after these."""
        for reason, record in records.items():
            self.counts[reason] = self.counts.get(reason, 0) + record.count
            kept = self.examples.setdefault(reason, [])
            kept += record.examples[: _EXAMPLES - len(kept)]

    def records(self) -> dict[str, SkippedRecord]:
        """Return what the manifest says of it."""
        return {
            reason: SkippedRecord(count=count, examples=tuple(self.examples[reason]))
            for reason, count in sorted(self.counts.items())
        }


@dataclass(frozen=True)
class ScannedFile:
    """What one file holds; `buckets` and `bucket_units` are the natural units by hash of key.

    What is held out already, by file or by metadata, is in no bucket.
    """

    index: int
    path: Path
    validation: bool
    bytes: int
    sha256: str
    documents: int
    units: int
    held_out: int
    skipped: SkippedTally
    buckets: npt.NDArray[np.int64]
    bucket_units: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Scan:
    """The task: read one file and yield how far it is (in bytes, about), then what it holds.

    Documents whose metadata have the values of `where`, if there are any, are held out.
    """

    language: Language
    keys: KeyHash
    where: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, item: tuple[int, Path, bool]) -> Iterator[int | ScannedFile]:
        index, path, validation = item
        with naming(path):
            size = path.stat().st_size
        documents = units = held_out = told = 0
        skipped = SkippedTally()
        buckets: dict[int, int] = {}
        for entry in self.language.read(path):
            if isinstance(entry, Skipped):
                skipped.add(entry)
                continue
            length = self.language.units(entry)
            documents += 1
            units += length
            if validation or (self.where and has(entry, self.where)):
                held_out += length
            else:
                bucket = self.keys.bucket(self.language.split_key(entry))
                buckets[bucket] = buckets.get(bucket, 0) + length
            # A compressed file holds more units than it has bytes.
            if min(units, size) - told >= _TELL:
                yield min(units, size) - told
                told = min(units, size)
        digest = sha256(path)
        yield size - told
        found = sorted(buckets)
        yield ScannedFile(
            index,
            path,
            validation,
            size,
            digest,
            documents,
            units,
            held_out,
            skipped,
            np.array(found, np.int64),
            np.array([buckets[bucket] for bucket in found], np.int64),
        )


@dataclass(frozen=True)
class Scanned:
    """What all the files hold, in their order."""

    files: Sequence[ScannedFile]
    skipped: SkippedTally

    @property
    def units(self) -> int:
        """Return all natural units."""
        return sum(file.units for file in self.files)

    @property
    def held_out(self) -> int:
        """Return the natural units of what is held out by file or by metadata."""
        return sum(file.held_out for file in self.files)

    def histogram(self) -> npt.NDArray[np.int64]:
        """Return the natural units by hash of split key; [BUCKETS]."""
        units = np.zeros(BUCKETS, np.int64)
        for file in self.files:
            units[file.buckets] += file.bucket_units
        return units


def scan(
    pool: Pool,
    task: Scan,
    files: Iterable[tuple[Path, bool]],
    passed_over: Iterable[Skipped],
) -> Iterator[int | Scanned]:
    """Yield bytes as they are read, then what was found."""
    items = ((index, path, validation) for index, (path, validation) in enumerate(files))
    found: dict[int, ScannedFile] = {}
    for outcome in pool.map(task, items):
        if isinstance(outcome, ScannedFile):
            found[outcome.index] = outcome
        else:
            yield outcome
    skipped = SkippedTally()
    for entry in passed_over:
        skipped.add(entry)
    ordered = [found[index] for index in sorted(found)]
    for file in ordered:
        skipped.merge(file.skipped.records())
    yield Scanned(ordered, skipped)


def common_folder(paths: Iterable[Path]) -> str:
    """Return the folder, with its separator, that stands before all the file names."""
    names = [file_name(path.parent) for path in paths]
    parts = [Path(name).parts for name in names]
    shared: list[str] = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    folder = file_name(Path(*shared)) if shared else ""
    return "" if folder in ("", ".") else folder.rstrip("/") + "/"

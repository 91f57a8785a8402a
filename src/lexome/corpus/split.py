"""How documents are divided between training and validation: decided once, from what was scanned.

By document, keys are taken in the order of their hash until the validation split is as large as
asked. A key that alone is larger than the whole validation split stays in train, where there
are smaller ones. Where that gives no useful split (one document, or a few of any size), the tail
of the units is cut off instead, and the record says so. What overlaps the training split there is
on neither side.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from lexome.corpus.keys import BUCKETS, KeyHash
from lexome.corpus.manifest import TRAIN, VALID, SplitRecord
from lexome.corpus.request import SplitChoice
from lexome.languages.base import Document, Language

# A split by document that is so many times larger or smaller than what was asked for is no good.
_FACTOR = 2.5

# Documents that are on neither side.
LEFT_OUT = "left out"

# Takes a document and its natural units; yields a split, or `LEFT_OUT`, and the document, or the
# parts of a document that is cut, each with its units.
Router = Callable[[Document, int], Iterator[tuple[str, Document, int]]]


class SplitPlan(BaseModel):
    """The decision; `kept` are the buckets below the threshold that stay in train.

    Where metadata decide, `where` has the values of what is held out.
    `train_units` is the size of the training split in natural units; for the split by tail it
    is the border.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: SplitRecord
    kept: frozenset[int] = frozenset()
    where: dict[str, str] = {}
    train_units: int

    def router(self, language: Language, keys: KeyHash) -> Router:
        """Return what routes all the documents, given in their order."""
        if self.record.how == "tail":
            return _Tail(language, self.train_units)
        if self.record.how == "metadata":
            return self._by_metadata
        return lambda document, units: self._by_key(language, keys, document, units)

    def _by_metadata(self, document: Document, units: int) -> Iterator[tuple[str, Document, int]]:
        yield (VALID if has(document, self.where) else TRAIN), document, units

    def _by_key(
        self, language: Language, keys: KeyHash, document: Document, units: int
    ) -> Iterator[tuple[str, Document, int]]:
        bucket = keys.bucket(language.split_key(document))
        chosen = bucket < (self.record.threshold or 0) and bucket not in self.kept
        yield (VALID if chosen else TRAIN), document, units


@dataclass
class _Tail:
    """Trains on what stands before the border; a document on the border is cut there.

    Documents may be overlapping stretches of one record. One behind the border that overlaps a
    training document is left out. Stretches come by their start, so it is enough to know how far
    those in train reach, and which part of the document on the border is among them: of
    a stretch that is read backwards, that is its end.
    """

    language: Language
    border: int
    _place: int = 0
    _record: tuple[str, str, int | None] | None = None
    _reach: int = 0
    _part: range = range(0)

    def __call__(self, document: Document, units: int) -> Iterator[tuple[str, Document, int]]:
        source = document.source
        if (record := (source.file, source.record, source.line)) != self._record:
            self._record, self._reach, self._part = record, 0, range(0)
        before = self.border - self._place
        self._place += units
        if before >= units:
            self._reach = max(self._reach, source.offset + units)
            yield TRAIN, document, units
        elif before <= 0:
            yield self._behind(document, units), document, units
        else:
            yield from self._cut(document, before, units)

    def _cut(
        self, document: Document, before: int, units: int
    ) -> Iterator[tuple[str, Document, int]]:
        first = self.language.cut(document, 0, before)
        rest = self.language.cut(document, before, units)
        # A border inside a unit that cannot be cut (a character) leaves one part empty.
        if size := self.language.units(first):
            self._part = _stretch(first, size)
            yield TRAIN, first, size
        if size := self.language.units(rest):
            yield self._behind(rest, size), rest, size

    def _behind(self, document: Document, units: int) -> str:
        own, part = _stretch(document, units), self._part
        overlaps = own.start < self._reach or max(own.start, part.start) < min(own.stop, part.stop)
        return LEFT_OUT if overlaps else VALID


def _stretch(document: Document, units: int) -> range:
    return range(document.source.offset, document.source.offset + units)


def has(document: Document, values: Mapping[str, str]) -> bool:
    """Return whether the metadata of a document have all of these values."""
    return all(document.metadata.get(name) == value for name, value in values.items())


def by_metadata(seed: int, train: int, valid: int, where: Mapping[str, str]) -> SplitPlan:
    """Return the plan that holds out the documents whose metadata have the values of `where`."""
    asked = ", ".join(f"{name}={value}" for name, value in where.items())
    record = SplitRecord(how="metadata", asked=asked, fraction=valid / (train + valid), seed=seed)
    return SplitPlan(record=record, where=dict(where), train_units=train)


def by_files(seed: int, train: int, valid: int, note: str) -> SplitPlan:
    """Return the plan for validation files that the user named."""
    record = SplitRecord(
        how="files", asked="files", fraction=valid / (train + valid), seed=seed, note=note
    )
    return SplitPlan(record=record, train_units=train)


def by_tail(fraction: float, seed: int, units: int, asked: SplitChoice, note: str) -> SplitPlan:
    """Return the plan that puts the border where the last `fraction` of the units begins."""
    share = Decimal(units) * (1 - Decimal(str(fraction)))
    border = int(share.to_integral_value(ROUND_FLOOR))
    record = SplitRecord(
        how="tail", asked=asked, fraction=fraction, seed=seed, border=border, note=note
    )
    return SplitPlan(record=record, train_units=border)


def by_document(fraction: float, seed: int, histogram: npt.NDArray[np.int64]) -> SplitPlan:
    """Return the plan that comes nearest to `fraction`; `histogram` is units by bucket of key."""
    total = int(histogram.sum())
    used = np.flatnonzero(histogram)
    if len(used) < 2:
        note = "there is only one document (or one split key): its tail is cut off"
        return by_tail(fraction, seed, total, "document", note)
    target = fraction * total
    light = used[histogram[used] <= target]
    if len(light) < 2:
        # None fits, or one alone; the lightest document is the nearest that there is.
        light = used[[int(np.argmin(histogram[used]))]]
    sums = np.cumsum(histogram[light])
    count = 1 + int(np.argmin(np.abs(sums - target)))
    valid = int(sums[count - 1])
    if not target / _FACTOR <= valid <= target * _FACTOR or count == len(used):
        note = (
            f"a split by document would hold {100 * valid / total:.2g}% for validation instead of "
            f"{100 * fraction:.2g}%, as there are few documents: the tail is cut off"
        )
        return by_tail(fraction, seed, total, "document", note)
    threshold = int(light[count - 1]) + 1
    kept = frozenset(used[used < threshold].tolist()) - frozenset(light.tolist())
    note = ""
    if kept:
        note = f"{len(kept)} documents (split keys) too large for the validation split are in train"
    record = SplitRecord(
        how="document",
        asked="document",
        fraction=fraction,
        seed=seed,
        threshold=threshold,
        note=note,
    )
    assert threshold <= BUCKETS
    return SplitPlan(record=record, kept=kept, train_units=total - valid)

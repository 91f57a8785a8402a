"""How documents are divided between training and validation: decided once, from what was scanned.

By document, keys are taken in the order of their hash until the validation split is as large as
asked. A key that alone is larger than the whole validation split stays in train, where there
are smaller ones. Where that gives no useful split (one document, or a few of any size), the tail
of the units is cut off instead, and the record says so.
"""

from __future__ import annotations

from collections.abc import Iterator
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


class SplitPlan(BaseModel):
    """The decision; `kept` are the buckets below the threshold that stay in train.

    `train_units` is the size of the training split in natural units; for the split by tail it
    is the border.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    record: SplitRecord
    kept: frozenset[int] = frozenset()
    train_units: int

    def assign(
        self, language: Language, keys: KeyHash, document: Document, place: int, units: int
    ) -> Iterator[tuple[str, Document, int]]:
        """Yield the split, the document or its parts, and their units.

        `place` is how many units stand before the document, and `units` its own.
        """
        if self.record.how == "tail":
            yield from self._around_border(language, document, place, units)
        else:
            bucket = keys.bucket(language.split_key(document))
            chosen = bucket < (self.record.threshold or 0) and bucket not in self.kept
            yield (VALID if chosen else TRAIN), document, units

    def _around_border(
        self, language: Language, document: Document, place: int, units: int
    ) -> Iterator[tuple[str, Document, int]]:
        before = self.train_units - place
        if before >= units:
            yield TRAIN, document, units
        elif before <= 0:
            yield VALID, document, units
        else:
            for split, start, stop in ((TRAIN, 0, before), (VALID, before, units)):
                part = language.cut(document, start, stop)
                # A border inside a unit that cannot be cut (a character) leaves one part empty.
                if size := language.units(part):
                    yield split, part, size


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

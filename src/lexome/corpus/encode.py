"""The work of a worker: documents to tokens, weights, features and rows, one shard a split."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict

from lexome.corpus.documents import rows_schema, write_rows
from lexome.corpus.manifest import TRAIN, VALID, ShardFile, SkippedRecord
from lexome.corpus.reading import Piece, Routed
from lexome.corpus.scan import SkippedTally
from lexome.corpus.shards import FULL_WEIGHT, token_dtype, write_shard
from lexome.corpus.split import LEFT_OUT
from lexome.errors import LexomeError, located
from lexome.languages.base import Document, Ids, Language, Skipped, Tokenizer
from lexome.languages.features import Features, HasFeatures
from lexome.languages.swapping import Swap

OVERLAPS = "overlaps the training split"


class PieceSide(BaseModel):
    """What a piece adds to one split."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int
    augmented: int
    made: dict[str, int] = {}
    units: int
    shard: ShardFile
    weights: ShardFile | None
    features: ShardFile | None = None


class SwapCounts(BaseModel):
    """Documents with a twin, the terms exchanged in them, and documents left alone.

    `found` are the declared terms that stand in any of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    swapped: int = 0
    terms: int = 0
    left_alone: int = 0
    found: frozenset[str] = frozenset()

    def __add__(self, other: SwapCounts) -> SwapCounts:
        return SwapCounts(
            swapped=self.swapped + other.swapped,
            terms=self.terms + other.terms,
            left_alone=self.left_alone + other.left_alone,
            found=self.found | other.found,
        )


class PieceRecord(BaseModel):
    """A finished piece: what the journal keeps."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    piece: int
    units: int
    sides: dict[str, PieceSide]
    rows: str
    rows_sha256: str
    skipped: dict[str, SkippedRecord] = {}

    swapped: SwapCounts = SwapCounts()

    @property
    def tokens(self) -> dict[str, int]:
        """Return the tokens that the piece adds to each split."""
        return {split: side.shard.tokens for split, side in self.sides.items()}


@dataclass(frozen=True, slots=True)
class _Entry:
    document: Document
    units: int
    augmented: bool


@dataclass(frozen=True)
class Encode:
    """The task: encode one piece and write its shards under `folder` and its rows in `partial`."""

    language: Language
    tokenizer: Tokenizer
    folder: Path
    shards: str
    partial: Path
    swap: Swap | None = None

    def __call__(self, piece: Piece) -> Iterator[PieceRecord]:
        rows: dict[str, list[Any]] = {name: [] for name in rows_schema().names}
        twins, swapped = self._twins(piece.items)
        sides = {}
        for split, more in ((TRAIN, twins), (VALID, [])):
            if entries := self._entries(piece.items, split) + more:
                sides[split] = self._side(split, piece.number, entries, rows)
        name = f"rows-{piece.number:05d}.parquet"
        checksum = write_rows(self.partial, name, rows)
        yield PieceRecord(
            piece=piece.number,
            units=piece.units,
            sides=sides,
            rows=name,
            rows_sha256=checksum,
            skipped=_left_out(piece.items),
            swapped=swapped,
        )

    def _twins(self, items: Sequence[Routed]) -> tuple[list[_Entry], SwapCounts]:
        """Return the twins of training documents, which stand behind all documents of the piece.

        What stands right behind its original is copied from there, and nothing is learned.
        """
        twins: list[_Entry] = []
        counts = SwapCounts()
        for item in items:
            if self.swap is None or item.split != TRAIN:
                continue
            if (twin := self.swap.twin(item.document)) is None:
                continue
            if twin.document is None:
                counts += SwapCounts(left_alone=1, found=twin.found)
                continue
            counts += SwapCounts(swapped=1, terms=twin.terms, found=twin.found)
            twins.append(_Entry(twin.document, self.language.units(twin.document), False))
        return twins, counts

    def _entries(self, items: Sequence[Routed], split: str) -> list[_Entry]:
        entries = []
        for item in items:
            if item.split != split:
                continue
            entries.append(_Entry(item.document, item.units, False))
            if split == TRAIN:
                entries += [
                    _Entry(document, self.language.units(document), True)
                    for document in self.language.augment(item.document)
                ]
        return entries

    def _side(
        self, split: str, number: int, entries: Sequence[_Entry], rows: dict[str, list[Any]]
    ) -> PieceSide:
        encoded = self._encode(entries)
        stops = np.cumsum([len(ids) + 2 for ids in encoded])
        tokens = np.empty(int(stops[-1]), token_dtype(self.tokenizer.vocab_size))
        starts = stops - [len(ids) + 2 for ids in encoded]
        for ids, start, stop in zip(encoded, starts.tolist(), stops.tolist(), strict=True):
            tokens[start] = self.tokenizer.special.begin
            tokens[start + 1 : stop - 1] = ids
            tokens[stop - 1] = self.tokenizer.special.end
        # Every document has a begin token, so none of these sums is over nothing.
        units = np.add.reduceat(self.tokenizer.unit_lengths[tokens], starts).tolist()
        self._check_units(entries, units)
        weights = self._weights(entries, encoded, starts, len(tokens))
        features = self._features(entries, encoded)
        _add_rows(rows, split, entries, starts, encoded, units)
        names = [entry.document.made for entry in entries]
        rows["digest"] += map(digest, encoded, features or repeat(None), names)
        name = f"{self.shards}/{split}-{number:05d}"
        return PieceSide(
            documents=len(entries),
            augmented=sum(entry.augmented for entry in entries),
            made=Counter(filter(None, names)),
            units=sum(units),
            shard=write_shard(self.folder, f"{name}.npy", tokens),
            weights=None
            if weights is None
            else write_shard(self.folder, f"{name}.weights.npy", weights),
            features=None
            if features is None
            else write_shard(self.folder, f"{name}.features.npy", np.concatenate(features)),
        )

    def _encode(self, entries: Sequence[_Entry]) -> list[Ids]:
        try:
            return self.tokenizer.encode([entry.document.content for entry in entries])
        except LexomeError:
            for entry in entries:
                self._encode_alone(entry.document)
            raise

    def _encode_alone(self, document: Document) -> Ids:
        with located(str(document.source)):
            return self.tokenizer.encode([document.content])[0]

    def _features(
        self, entries: Sequence[_Entry], encoded: Sequence[Ids]
    ) -> list[npt.NDArray[np.float16]] | None:
        """Return the features of each document, a row for each of its frame tokens.

        `None` stands for a tokenizer without frames.
        """
        tokenizer = self.tokenizer
        if not isinstance(tokenizer, HasFeatures) or (frame := tokenizer.frame) is None:
            return None
        found = []
        for entry, ids in zip(entries, encoded, strict=True):
            rows = tokenizer.features(entry.document.content).astype("<f2")
            if rows.shape != (wanted := (int((ids == frame.token).sum()), frame.width)):
                raise LexomeError(
                    f"the tokenizer gives features {rows.shape} for frames {wanted}",
                    where=str(entry.document.source),
                    fix="this tokenizer does not fit the language: choose one that it offers",
                )
            found.append(rows)
        return found

    def _check_units(self, entries: Sequence[_Entry], units: Sequence[int]) -> None:
        # A codec fills up its last frame: what is counted then is what its tokens stand for.
        if self.tokenizer.lossy:
            return
        for entry, found in zip(entries, units, strict=True):
            if found != entry.units:
                raise LexomeError(
                    f"the tokens stand for {found} units, the document has {entry.units} "
                    f"{self.language.unit}s",
                    where=str(entry.document.source),
                    fix="this tokenizer does not fit the language: choose one that it offers",
                )

    def _weights(
        self,
        entries: Sequence[_Entry],
        encoded: Sequence[Ids],
        starts: npt.NDArray[np.int64],
        size: int,
    ) -> npt.NDArray[np.uint8] | None:
        """Return the stored weight of each token, the mean over its units; begin and end weigh 1.

        `None` stands for weights that are all 1.
        """
        if all(entry.document.weights is None for entry in entries):
            return None
        stored = np.full(size, FULL_WEIGHT, np.uint8)
        for entry, ids, start in zip(entries, encoded, starts.tolist(), strict=True):
            if entry.document.weights is None:
                continue
            lengths = self.tokenizer.unit_lengths[ids]
            sums = np.concatenate([[0], np.cumsum(entry.document.weights, dtype=np.float64)])
            stops = np.cumsum(lengths)
            # A token that stands for no unit weighs 1, as begin and end do.
            means = np.ones(len(ids))
            np.divide(sums[stops] - sums[stops - lengths], lengths, out=means, where=lengths > 0)
            stored[start + 1 : start + 1 + len(ids)] = np.rint(means * FULL_WEIGHT)
        return None if (stored == FULL_WEIGHT).all() else stored


def _left_out(items: Sequence[Routed]) -> dict[str, SkippedRecord]:
    tally = SkippedTally()
    for item in items:
        if item.split == LEFT_OUT:
            tally.add(Skipped(item.document.source, OVERLAPS))
    return tally.records()


def _add_rows(
    rows: dict[str, list[Any]],
    split: str,
    entries: Sequence[_Entry],
    starts: npt.NDArray[np.int64],
    encoded: Sequence[Ids],
    units: Sequence[int],
) -> None:
    sources = [entry.document.source for entry in entries]
    rows["split"] += [split] * len(entries)
    rows["file"] += [source.file for source in sources]
    rows["record"] += [source.record for source in sources]
    rows["line"] += [source.line for source in sources]
    rows["offset"] += [source.offset for source in sources]
    rows["units"] += units
    rows["tokens"] += [len(ids) + 2 for ids in encoded]
    rows["first_token"] += starts.tolist()
    rows["augmented"] += [entry.augmented for entry in entries]
    rows["metadata"] += [_json(entry.document) for entry in entries]


def _json(document: Document) -> str:
    if not document.metadata:
        return "{}"
    text = json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True)
    # A lone surrogate, which a table cannot hold, becomes its JSON escape.
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def digest(ids: Ids, features: Features | None = None, made: str = "") -> int:
    """Return a number for a document's tokens and features: where they are equal, so is it.

    What was `made` without any data, under a name, gives away none, so it equals nothing read.
    """
    found = hashlib.blake2b(np.ascontiguousarray(ids).data, digest_size=8)
    if features is not None:
        found.update(np.ascontiguousarray(features).data)
    found.update(made.encode())
    return int.from_bytes(found.digest(), "little")

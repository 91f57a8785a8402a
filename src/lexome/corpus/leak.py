"""How much of the validation split also stands in train: exact and near duplicates.

Runs of natural units inside documents (n-grams) are taken from each validation document, every
one or, where that were too many, evenly spaced ones; each is then looked for at every place of the
training split. So the share that is found, the containment (Broder, "On the resemblance and
containment of documents", 1997), is exact for the n-grams that were taken. Units, not tokens: one
base more at the start of a sequence moves the border of every k-mer behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lexome.corpus.documents import document_names
from lexome.corpus.manifest import TRAIN, VALID, LeakCheck, LeakExample, ShardFile, SplitSide
from lexome.corpus.ngrams import Hashes, NgramReader, Places, Wanted
from lexome.corpus.pool import Pool
from lexome.corpus.shards import open_shard

THRESHOLD = 0.8
MOST_NGRAMS = 1 << 20
_EXAMPLES = 10
_NEVER = np.iinfo(np.int64).max


class _Sampled(NamedTuple):
    shard: int
    documents: int
    document: Places
    hashes: Hashes


@dataclass(frozen=True)
class Take:
    """The task: yield the n-grams of one validation shard, every `step`-th of each document."""

    reader: NgramReader
    step: int

    def __call__(self, item: tuple[int, ShardFile]) -> Iterator[_Sampled]:
        number, shard = item
        hashes, owners = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        # How many documents have begun, and where the last of them did, in units.
        begun, start = 0, 0
        for block in self.reader.blocks(shard):
            places = np.arange(len(block.hashes))
            places = places[block.inside(places)]
            owner = np.searchsorted(block.begins, places, side="right")
            starts = np.concatenate([[start], block.begins])
            # Counted from the document's first unit, so that every document gives its first.
            taken = (places - starts[owner]) % self.step == 0
            hashes.append(block.hashes[places[taken]])
            owners.append(begun + owner[taken] - 1)
            own = block.begins[: block.own_begins]
            begun += len(own)
            start = int(own[-1] if len(own) else start) - block.own_units
        yield _Sampled(number, begun, np.concatenate(owners), np.concatenate(hashes))


class _Found(NamedTuple):
    tokens: int
    indices: Places
    places: Places


@dataclass(frozen=True)
class Search:
    """The task: yield which of the `wanted` stand in one training shard, and where.

    The place of an n-gram is that of its first token.
    """

    reader: NgramReader
    wanted: Wanted

    def __call__(self, item: tuple[int, ShardFile]) -> Iterator[_Found]:
        before, shard = item
        first_places = np.full(len(self.wanted.hashes), _NEVER)
        for block in self.reader.blocks(shard):
            indices, units = self.wanted.among(block.hashes)
            inside = block.inside(units)
            np.minimum.at(first_places, indices[inside], before + block.tokens_at(units[inside]))
        found = np.flatnonzero(first_places != _NEVER)
        yield _Found(shard.tokens, found, first_places[found])


@dataclass
class LeakSearch:
    """The whole check over the shards of a corpus; iterate `run`, then ask for `result`.

    `digests` are those of the documents' tokens, by split. Memory is that of `most_ngrams`
    hashes (more, if there are more validation documents) and of the digests.
    """

    reader: NgramReader
    documents: Path
    sides: Mapping[str, SplitSide]
    digests: Mapping[str, npt.NDArray[np.uint64]]
    most_ngrams: int = MOST_NGRAMS
    _document: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    _place: Places = field(default_factory=lambda: np.zeros(0, np.int64))

    def run(self, pool: Pool) -> Iterator[int]:
        """Search, and yield tokens as they are done: all of train and of valid."""
        take = Take(self.reader, max(1, math.ceil(self.sides[VALID].units / self.most_ngrams)))
        sampled: dict[int, _Sampled] = {}
        for part in pool.map(take, enumerate(self.sides[VALID].shards)):
            sampled[part.shard] = part
            yield self.sides[VALID].shards[part.shard].tokens
        ordered = [sampled[number] for number in sorted(sampled)]
        before = np.cumsum([0, *(part.documents for part in ordered)])
        self._document = np.concatenate(
            [part.document + start for part, start in zip(ordered, before, strict=False)]
        )
        wanted, inverse = np.unique(
            np.concatenate([part.hashes for part in ordered]), return_inverse=True
        )
        first = np.full(len(wanted), _NEVER)
        if len(wanted):
            for found in pool.map(
                Search(self.reader, Wanted(wanted)), _with_places(self.sides[TRAIN].shards)
            ):
                np.minimum.at(first, found.indices, found.places)
                yield found.tokens
        self._place = first[inverse]

    def result(self, *, augmented_forms: str) -> LeakCheck:
        """Return what was found; to be called after `run`."""
        count = len(self.digests[VALID])
        found = self._place != _NEVER
        taken = np.bincount(self._document, minlength=count)
        shared = np.bincount(self._document[found], minlength=count)
        containment = shared / np.maximum(taken, 1)
        long_enough = taken > 0
        exact = np.isin(self.digests[VALID], self.digests[TRAIN])
        near = ~exact & long_enough & (containment >= THRESHOLD)
        return LeakCheck(
            documents=count,
            exact_duplicates=int(exact.sum()),
            near_duplicates=int(near.sum()),
            too_short=int((~long_enough).sum()),
            threshold=THRESHOLD,
            mean_containment=round(float(containment[long_enough].mean()), 6)
            if long_enough.any()
            else 0.0,
            ngram_units=self.reader.length,
            sampled_ngrams=len(self._document),
            augmented_forms=augmented_forms,
            examples=self._examples(exact, near, containment),
        )

    def _examples(
        self,
        exact: npt.NDArray[np.bool_],
        near: npt.NDArray[np.bool_],
        containment: npt.NDArray[np.float64],
    ) -> tuple[LeakExample, ...]:
        suspects = np.flatnonzero(exact | near)
        share = np.where(exact, 1.0, containment)
        order = np.lexsort((suspects, -share[suspects], ~exact[suspects]))
        chosen: list[int] = suspects[order][:_EXAMPLES].tolist()
        if not chosen:
            return ()
        twins = {index: self._twin(index, bool(exact[index])) for index in chosen}
        names = document_names(self.documents, {VALID: chosen, TRAIN: list(twins.values())})
        return tuple(
            LeakExample(
                document=index,
                source=names[VALID, index],
                containment=round(float(share[index]), 6),
                train_source=names[TRAIN, twins[index]],
            )
            for index in chosen
        )

    def _twin(self, index: int, exact: bool) -> int:
        """Return the training document that has the same tokens, or most of the n-grams."""
        if exact:
            return int(np.argmax(self.digests[TRAIN] == self.digests[VALID][index]))
        places = self._place[(self._document == index) & (self._place != _NEVER)]
        owners = np.searchsorted(self._train_starts, places, side="right") - 1
        values, counts = np.unique(owners, return_counts=True)
        return int(values[np.argmax(counts)])

    @cached_property
    def _train_starts(self) -> Places:
        parts = []
        for before, shard in _with_places(self.sides[TRAIN].shards):
            tokens = open_shard(self.reader.folder / shard.path, shard.tokens)
            parts.append(before + np.flatnonzero(tokens == self.reader.tokenizer.special.begin))
        return np.concatenate(parts)


def summed(checks: Sequence[LeakCheck]) -> LeakCheck:
    """Return the check of documents that follow each other and have no n-gram in common."""
    before = np.cumsum([0, *(check.documents for check in checks)]).tolist()
    judged = [check.documents - check.too_short for check in checks]
    shared = sum(
        check.mean_containment * count for check, count in zip(checks, judged, strict=True)
    )
    examples = [
        example.model_copy(update={"document": example.document + start})
        for check, start in zip(checks, before, strict=False)
        for example in check.examples
    ]
    examples.sort(key=lambda example: -example.containment)
    return LeakCheck(
        documents=before[-1],
        exact_duplicates=sum(check.exact_duplicates for check in checks),
        near_duplicates=sum(check.near_duplicates for check in checks),
        too_short=sum(check.too_short for check in checks),
        threshold=max(check.threshold for check in checks),
        mean_containment=round(shared / max(sum(judged), 1), 6),
        ngram_units=max(check.ngram_units for check in checks),
        sampled_ngrams=sum(check.sampled_ngrams for check in checks),
        augmented_forms="; ".join(dict.fromkeys(check.augmented_forms for check in checks)),
        examples=tuple(examples[:_EXAMPLES]),
    )


def _with_places(shards: Sequence[ShardFile]) -> Iterator[tuple[int, ShardFile]]:
    before = 0
    for shard in shards:
        yield before, shard
        before += shard.tokens

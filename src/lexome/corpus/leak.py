"""How much of the validation split also stands in train: exact and near duplicates.

Runs of tokens inside documents (n-grams) are taken from each validation document, every one or,
where that were too many, evenly spaced ones; each is then looked for at every place of the
training split. So the share that is found, the containment (Broder, "On the resemblance and
containment of documents", 1997), is exact for the n-grams that were taken.
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
from lexome.corpus.permutation import mix
from lexome.corpus.pool import Pool
from lexome.corpus.shards import Tokens, open_shard
from lexome.languages.base import SpecialTokens

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]

THRESHOLD = 0.8
MOST_NGRAMS = 1 << 20
# Text shares phrases of ten words only where one was copied from the other, or both from a third.
_NGRAM_UNITS = 50
_LONGEST = 64
_EXAMPLES = 10
_BLOCK = 1 << 19
_TABLE_BITS = 24
_NEVER = np.iinfo(np.int64).max
_FACTORS = (
    0x9E3779B97F4A7C15,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0xD6E8FEB86659FD93,
    0xA0761D6478BD642F,
    0xE7037ED1A0B428DB,
)


def ngram_tokens(units: int, tokens: int) -> int:
    """Return the power of two whose run of tokens comes nearest to some 50 natural units."""
    exact = math.log2(_NGRAM_UNITS * max(tokens, 1) / max(units, 1))
    return min(max(1 << max(round(exact), 0), 4), _LONGEST)


def ngram_hashes(tokens: Tokens, length: int) -> Hashes:
    """Return the hash of each run of `length` tokens, a power of two; [tokens - length + 1]."""
    hashes = mix(tokens.astype(np.uint64) + np.uint64(1))
    for level in range(length.bit_length() - 1):
        half = 1 << level
        left = hashes[:-half] * np.uint64(_FACTORS[level])
        left += hashes[half:]
        hashes = left
    return mix(hashes)


def inside_documents(tokens: Tokens, length: int, special: SpecialTokens) -> npt.NDArray[np.bool_]:
    """Return which runs of `length` tokens hold neither begin nor end; [tokens - length + 1]."""
    borders = (tokens == special.begin) | (tokens == special.end)
    before = np.concatenate([[0], np.cumsum(borders, dtype=np.int64)])
    return np.asarray(before[length:] == before[:-length])


class _Sampled(NamedTuple):
    shard: int
    documents: int
    document: Places
    hashes: Hashes


@dataclass(frozen=True)
class Take:
    """The task: yield the n-grams of one validation shard, every `step`-th of each document."""

    folder: Path
    length: int
    step: int
    special: SpecialTokens

    def __call__(self, item: tuple[int, ShardFile]) -> Iterator[_Sampled]:
        number, shard = item
        tokens = open_shard(self.folder / shard.path, shard.tokens)
        starts = np.flatnonzero(tokens == self.special.begin)
        hashes, owners = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
        for first in range(0, len(tokens) - self.length + 1, _BLOCK):
            block = tokens[first : first + _BLOCK + self.length - 1]
            places = first + np.flatnonzero(inside_documents(block, self.length, self.special))
            owner = np.searchsorted(starts, places, side="right") - 1
            # Counted from the document's first token, so that every document gives its first.
            taken = (places - starts[owner] - 1) % self.step == 0
            hashes.append(ngram_hashes(block, self.length)[places[taken] - first])
            owners.append(owner[taken])
        yield _Sampled(number, len(starts), np.concatenate(owners), np.concatenate(hashes))


class _Found(NamedTuple):
    tokens: int
    indices: Places
    places: Places


@dataclass(frozen=True)
class Search:
    """The task: yield which of `wanted` (sorted, unique) stand in one training shard, and where."""

    folder: Path
    length: int
    special: SpecialTokens
    wanted: Hashes

    def __call__(self, item: tuple[int, ShardFile]) -> Iterator[_Found]:
        before, shard = item
        tokens = open_shard(self.folder / shard.path, shard.tokens)
        first_places: dict[int, int] = {}
        for first in range(0, len(tokens) - self.length + 1, _BLOCK):
            block = tokens[first : first + _BLOCK + self.length - 1]
            hashes = ngram_hashes(block, self.length)
            places = np.flatnonzero(
                self._table[(hashes >> self._shift).astype(np.intp)]
                & inside_documents(block, self.length, self.special)
            )
            indices = np.searchsorted(self.wanted, hashes[places])
            indices[indices == len(self.wanted)] = 0
            equal = self.wanted[indices] == hashes[places]
            found, where = np.unique(indices[equal], return_index=True)
            for index, place in zip(found.tolist(), places[equal][where].tolist(), strict=True):
                first_places.setdefault(index, before + first + place)
        count = len(first_places)
        yield _Found(
            shard.tokens,
            np.fromiter(first_places.keys(), np.int64, count),
            np.fromiter(first_places.values(), np.int64, count),
        )

    @property
    def _shift(self) -> np.uint64:
        return np.uint64(64 - self._bits)

    @property
    def _bits(self) -> int:
        return min(len(self.wanted).bit_length() + 4, _TABLE_BITS)

    @cached_property
    def _table(self) -> npt.NDArray[np.bool_]:
        """Which leading bits of a hash are wanted: a look here spares most searches."""
        table = np.zeros(1 << self._bits, np.bool_)
        table[(self.wanted >> self._shift).astype(np.intp)] = True
        return table


@dataclass
class LeakSearch:
    """The whole check over the shards of a corpus; iterate `run`, then ask for `result`.

    `digests` are those of the documents' tokens, by split. Memory is that of `most_ngrams`
    hashes (more, if there are more validation documents) and of the digests.
    """

    folder: Path
    documents: Path
    sides: Mapping[str, SplitSide]
    special: SpecialTokens
    digests: Mapping[str, npt.NDArray[np.uint64]]
    most_ngrams: int = MOST_NGRAMS
    _document: Places = field(default_factory=lambda: np.zeros(0, np.int64))
    _place: Places = field(default_factory=lambda: np.zeros(0, np.int64))

    @cached_property
    def length(self) -> int:
        """Return the tokens of an n-gram."""
        return ngram_tokens(self.sides[TRAIN].units, self.sides[TRAIN].tokens)

    def run(self, pool: Pool) -> Iterator[int]:
        """Search, and yield tokens as they are done: all of train and of valid."""
        step = max(1, math.ceil(self.sides[VALID].tokens / self.most_ngrams))
        take = Take(self.folder, self.length, step, self.special)
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
            search = Search(self.folder, self.length, self.special, wanted)
            for found in pool.map(search, _with_places(self.sides[TRAIN].shards)):
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
        units = self.sides[TRAIN].units / max(self.sides[TRAIN].tokens, 1)
        return LeakCheck(
            documents=count,
            exact_duplicates=int(exact.sum()),
            near_duplicates=int(near.sum()),
            too_short=int((~long_enough).sum()),
            threshold=THRESHOLD,
            mean_containment=round(float(containment[long_enough].mean()), 6)
            if long_enough.any()
            else 0.0,
            ngram_tokens=self.length,
            ngram_units=round(self.length * units, 2),
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
            tokens = open_shard(self.folder / shard.path, shard.tokens)
            parts.append(before + np.flatnonzero(tokens == self.special.begin))
        return np.concatenate(parts)


def _with_places(shards: Sequence[ShardFile]) -> Iterator[tuple[int, ShardFile]]:
    before = 0
    for shard in shards:
        yield before, shard
        before += shard.tokens

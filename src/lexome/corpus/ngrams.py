"""Runs of natural units inside documents, as hashes, read from token shards in flat memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.manifest import ShardFile
from lexome.corpus.permutation import mix
from lexome.corpus.shards import open_shard
from lexome.languages.base import Language, Tokenizer, UnitCodes

Hashes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]
TokenIds = npt.NDArray[np.unsignedinteger[Any]]

# Tokens that are worked on at once: their hashes stay in the cache of a core.
_BLOCK = 1 << 14
_TABLE_BITS = 24
# A run of samples or pixels is longer than one of letters: every doubling has a factor of its own.
_FACTORS = mix(np.arange(1, 33, dtype=np.uint64)) | np.uint64(1)


def ngram_hashes(codes: npt.NDArray[np.unsignedinteger[Any]], length: int) -> Hashes:
    """Return the hash of each run of `length` codes, a power of two; [codes - length + 1]."""
    hashes = mix(codes.astype(np.uint64) + np.uint64(1))
    for level in range(length.bit_length() - 1):
        half = 1 << level
        left = hashes[:-half] * _FACTORS[level]
        left += hashes[half:]
        hashes = left
    return mix(hashes)


@dataclass(frozen=True)
class Wanted:
    """Sorted, unique `hashes` that are looked for among many others."""

    hashes: Hashes

    def among(self, others: Hashes) -> tuple[Places, Places]:
        """Return which of the hashes are among others, once for each time, and where they are."""
        likely = np.flatnonzero(self._table[(others >> self._shift).astype(np.intp)])
        indices = np.searchsorted(self.hashes, others[likely])
        indices[indices == len(self.hashes)] = 0
        equal = self.hashes[indices] == others[likely]
        return indices[equal], likely[equal]

    @property
    def _shift(self) -> np.uint64:
        return np.uint64(64 - self._bits)

    @property
    def _bits(self) -> int:
        return min(len(self.hashes).bit_length() + 4, _TABLE_BITS)

    @cached_property
    def _table(self) -> npt.NDArray[np.bool_]:
        """Which leading bits of a hash are wanted: a look here spares most searches."""
        table = np.zeros(1 << self._bits, np.bool_)
        table[(self.hashes >> self._shift).astype(np.intp)] = True
        return table


@dataclass(frozen=True)
class NgramBlock:
    """The n-grams that begin in some tokens of a shard, and some tokens more to end in.

    Units are counted from the start of the block. `hashes` [n-grams] are those of the n-grams
    by their first unit, `begins` are the units with which documents begin, the first
    `own_begins` of them in the block itself, which has `own_units` units.
    """

    first_token: int
    hashes: Hashes
    stops: Places
    begins: Places
    own_begins: int
    own_units: int
    length: int

    def inside(self, units: Places) -> npt.NDArray[np.bool_]:
        """Return which of the n-grams that begin at `units` lie inside one document."""
        before = np.searchsorted(self.begins, units, side="right")
        behind = np.searchsorted(self.begins, units + self.length - 1, side="right")
        return np.asarray(before == behind)

    def tokens_at(self, units: Places) -> Places:
        """Return the places in the shard of the tokens that hold `units`."""
        return self.first_token + np.searchsorted(self.stops, units, side="right")


@dataclass(frozen=True)
class NgramReader:
    """Reads the n-grams of the shards in `folder`; one and its mirrored form have one hash."""

    folder: Path
    language: Language
    tokenizer: Tokenizer

    @property
    def length(self) -> int:
        """Return the natural units of an n-gram."""
        return self.language.run_units

    def blocks(self, shard: ShardFile) -> Iterator[NgramBlock]:
        """Yield all the n-grams of a shard, also those that cross the border of documents."""
        tokens = open_shard(self.folder / shard.path, shard.tokens)
        for first in range(0, len(tokens), _BLOCK):
            block, stops = self._block(tokens, first)
            own_units = int(stops[min(_BLOCK, len(block)) - 1])
            begins = np.flatnonzero(block == self.tokenizer.special.begin)
            yield NgramBlock(
                first_token=first,
                hashes=self._hashes(self.tokenizer.unit_codes(block))[:own_units],
                stops=stops,
                begins=stops[begins],
                own_begins=int(np.searchsorted(begins, _BLOCK)),
                own_units=own_units,
                length=self.length,
            )

    def _block(self, tokens: TokenIds, first: int) -> tuple[TokenIds, Places]:
        """Return the tokens of a block with as many behind as its last n-gram needs.

        With them comes the unit with which each token ends.
        """
        behind = self.length
        while True:
            block = tokens[first : first + _BLOCK + behind]
            stops = np.cumsum(self.tokenizer.unit_lengths[block])
            enough = len(block) <= _BLOCK or stops[-1] - stops[_BLOCK - 1] >= self.length - 1
            # Tokens may stand for no unit at all, so how many it takes is not known before.
            if enough or first + len(block) == len(tokens):
                return block, stops
            behind *= 2

    def _hashes(self, codes: UnitCodes) -> Hashes:
        if len(codes) < self.length:
            return np.zeros(0, np.uint64)
        hashes = ngram_hashes(codes, self.length)
        mirrored = self.language.mirrored(codes)
        if mirrored is None:
            return hashes
        return np.minimum(hashes, ngram_hashes(mirrored, self.length)[::-1])

"""The tokens of a split as an index reads them: many short windows at any places."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lexome.corpus.corpus import Corpus
from lexome.corpus.shards import Tokens, open_shard

Ids = npt.NDArray[np.int64]


class Text:
    """The token shards of a split, memory-mapped."""

    def __init__(self, shards: Sequence[Tokens]) -> None:
        self._shards = list(shards)
        self._ends = np.cumsum([len(shard) for shard in shards])
        self._firsts = [0, *self._ends.tolist()]

    @classmethod
    def of(cls, corpus: Corpus, split: str) -> Text:
        """Open the shards of a corpus; a torn one is a `DamagedFileError`."""
        shards = corpus.manifest.side(split).shards
        return cls([open_shard(corpus.folder / shard.path, shard.tokens) for shard in shards])

    def windows(self, places: Ids, width: int) -> Ids:
        """Return the tokens from each place on; [places, width].

        Behind the end of a shard, which is that of a document, they are -1.
        """
        found = np.full((len(places), width), -1, np.int64)
        numbers = self._ends.searchsorted(places, "right")
        for number in {*numbers.tolist()} - {len(self._shards)}:
            rows, shard = np.flatnonzero(numbers == number), self._shards[number]
            inside = (places[rows] - self._firsts[number])[:, None] + np.arange(width)
            window = shard[np.minimum(inside, len(shard) - 1)].astype(np.int64)
            found[rows] = np.where(inside < len(shard), window, -1)
        return found

"""The documents that a corpus gives to a mixture: tokens, weights and rows, some MB at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.corpus import DOCUMENTS, Corpus
from lexome.corpus.documents import row_batches
from lexome.corpus.encode import digest
from lexome.corpus.manifest import TRAIN
from lexome.corpus.shards import FULL_WEIGHT, token_dtype
from lexome.languages.base import Tokenizer
from lexome.languages.joint import JointTokenizer

if TYPE_CHECKING:
    import pyarrow as pa

Mask = npt.NDArray[np.bool_]
Places = npt.NDArray[np.int64]

# About so many tokens are held in memory at once.
_CHUNK = 1 << 22


@dataclass(frozen=True)
class Chosen:
    """Some documents: their tokens, stored weights (`None`: all are 1) and rows, in one order."""

    tokens: npt.NDArray[np.unsignedinteger[Any]]
    weights: npt.NDArray[np.uint8] | None
    rows: pa.Table


@dataclass(frozen=True)
class Choice:
    """The documents of one split of a corpus, taken `repeats` times, as `tokenizer` has them.

    A part of a time means documents drawn by `seed`. What stands for the second time counts as
    made by augmentation. The metadata of a document get the name of its corpus as "corpus", unless
    they say something of that name already.
    """

    corpus: Corpus
    split: str
    repeats: float
    seed: tuple[int, int]
    tokenizer: Tokenizer

    def __iter__(self) -> Iterator[Chosen]:
        whole = int(self.repeats) if self.split == TRAIN else 1
        for repeat in range(whole):
            for batch in self._batches():
                yield self._chosen(batch, np.ones(len(batch), np.bool_), repeat)
        share = self.repeats - whole if self.split == TRAIN else 0.0
        if not share:
            return
        random = np.random.default_rng(self.seed)
        for batch in self._batches():
            drawn = random.random(len(batch)) < share
            if drawn.any():
                yield self._chosen(batch, drawn, whole)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        """Yield rows of documents that follow each other, for about `_CHUNK` tokens each."""
        for batch in row_batches(self.corpus.folder / DOCUMENTS, self.split):
            chunks = (np.cumsum(batch.column("tokens").to_numpy()) - 1) // _CHUNK
            borders = [0, *(np.flatnonzero(np.diff(chunks)) + 1).tolist(), len(batch)]
            for start, stop in pairwise(borders):
                if start < stop:
                    yield batch.slice(start, stop - start)

    def _chosen(self, batch: pa.RecordBatch, taken: Mask, repeat: int) -> Chosen:
        counts = batch.column("tokens").to_numpy()
        first = batch.column("first_token")[0].as_py()
        stop = first + int(counts.sum())
        stream, kept = self.corpus.stream(self.split), np.repeat(taken, counts)
        tokens = stream.read(first, stop)[kept]
        weights = None
        if stream.weighted:
            stored = stream.weights(first, stop)[kept]
            weights = np.rint(stored * FULL_WEIGHT).astype(np.uint8)
        counts = counts[taken]
        if isinstance(self.tokenizer, JointTokenizer):
            name = self.corpus.language.name
            behind_begin = np.cumsum(counts) - counts + 1
            tokens = np.insert(
                self.tokenizer.shifted(name, tokens),
                behind_begin,
                self.tokenizer.markers[name],
            )
            weights = None if weights is None else np.insert(weights, behind_begin, FULL_WEIGHT)
            counts = counts + 1
        stored_tokens = tokens.astype(token_dtype(self.tokenizer.vocab_size))
        whole = weights is None or bool((weights == FULL_WEIGHT).all())
        rows = self._rows(batch, taken, repeat, counts, stored_tokens)
        return Chosen(stored_tokens, None if whole else weights, rows)

    def _rows(
        self,
        batch: pa.RecordBatch,
        taken: Mask,
        repeat: int,
        counts: Places,
        tokens: npt.NDArray[np.unsignedinteger[Any]],
    ) -> pa.Table:
        import pyarrow as pa

        stops = np.cumsum(counts)
        starts = stops - counts
        table = pa.Table.from_batches([batch]).filter(pa.array(taken))
        named = [_named(text, self.corpus.folder.name) for text in table["metadata"].to_pylist()]
        spans = zip((starts + 1).tolist(), (stops - 1).tolist(), strict=True)
        changed = {
            "tokens": pa.array(counts),
            "first_token": pa.array(starts),
            "augmented": pa.array([True] * len(table)) if repeat else table["augmented"],
            "metadata": pa.array(named, pa.string()),
            "digest": pa.array([digest(tokens[start:stop]) for start, stop in spans], pa.uint64()),
        }
        columns = {name: changed.get(name, table[name]) for name in table.column_names}
        return pa.table({**columns, "digest": changed["digest"]})


def _named(metadata: str, corpus: str) -> str:
    return json.dumps(
        {"corpus": corpus, **json.loads(metadata)}, ensure_ascii=False, sort_keys=True
    )

"""Rows of whole documents: short works stand side by side, and none is cut.

The batches that `corpus.batches` makes run over the borders of documents, since what is left of one
still teaches. A pair of source and target does so only as a whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Self

import numpy as np
import numpy.typing as npt

from lexome.corpus.batches import Batch
from lexome.corpus.corpus import Corpus
from lexome.corpus.features import FeatureStream
from lexome.corpus.manifest import TRAIN, VALID
from lexome.corpus.permutation import permute
from lexome.corpus.shards import TokenStream
from lexome.errors import LexomeError, UsageError

# Documents are packed so many at a time: enough to fill rows well, few enough to mix an epoch.
_AT_ONCE = 512
# Rows are as long as the longest document, up to a multiple that is kind to kernels.
_ROUND = 64


def row_length(streams: Sequence[TokenStream], context: int) -> int:
    """Return the inputs of a row that holds every document that a model of `context` can read."""
    lengths = np.concatenate([document_lengths(stream) for stream in streams])
    longest = int(lengths[lengths <= context + 1].max(initial=_ROUND))
    return min(context, -(-longest // _ROUND) * _ROUND)


def document_lengths(stream: TokenStream) -> npt.NDArray[np.int64]:
    """Return the tokens of each document of a stream, begin and end included."""
    return np.diff(np.append(stream.document_starts, len(stream)))


def left_out(stream: TokenStream, context: int) -> int:
    """Return how many examples are longer than a row of `context` inputs.

    Forms that augmentation made of an example are no further ones, and are left out with it.
    """
    return int(np.sum(_is_original(stream) & (document_lengths(stream) > context + 1)))


class PackedBatches:
    """Batches whose rows hold whole documents; nothing in here changes from call to call.

    An epoch visits every document once, in an order drawn for it, and lays them, `_AT_ONCE` at a
    time and the longest first, each into the first row that has room (first fit decreasing,
    Johnson 1974); the rows then change places. What stays free at a row's end is `pad`, of
    weight 0. A batch at the end of an epoch is filled up from the next one. Documents longer than
    a row are left out: so many examples are `left_out`. With `examples` only so many are used,
    always the same; what augmentation made of an example comes and goes with it. `features` are
    what the split's frame tokens stand for.
    """

    def __init__(
        self,
        stream: TokenStream,
        context: int,
        batch_size: int,
        seed: int,
        fingerprint: str,
        pad: int,
        examples: int | None = None,
        features: FeatureStream | None = None,
    ) -> None:
        if context < 1 or batch_size < 1:
            raise UsageError(
                f"context and batch size must be at least 1, not {context} and {batch_size}"
            )
        self.stream = stream
        self.context = context
        self.batch_size = batch_size
        self.seed = seed
        self.fingerprint = fingerprint
        self.pad = pad
        self.features = features
        self._starts = stream.document_starts
        self._lengths = document_lengths(stream)
        self.left_out = left_out(stream, context)
        self.chosen = self._chosen(examples)
        if not len(self.chosen):
            raise LexomeError(
                f"no document of the {stream.split!r} split fits into {context} tokens",
                where=str(stream.folder),
                fix=f"use a model with a longer context: the shortest has "
                f"{int(self._lengths.min())} tokens",
            )
        # Each instance keeps the rows of its epochs, which are costly to lay and small to hold.
        self._rows = lru_cache(maxsize=8)(self._laid)
        self._firsts = [0]

    @classmethod
    def of(
        cls,
        corpus: Corpus,
        split: str,
        context: int,
        *,
        batch_size: int,
        seed: int,
        examples: int | None = None,
    ) -> Self:
        """Return batches of a split for a model of `context`, the rows as long as both splits need.

        Those of both are equally long, for one compiled graph. With `examples` training has only
        so many; of what is held out all are kept.
        """
        return cls(
            corpus.stream(split),
            row_length([corpus.stream(name) for name in (TRAIN, VALID)], context),
            batch_size,
            seed,
            corpus.fingerprint,
            corpus.tokenizer.special.pad,
            examples if split == TRAIN else None,
            corpus.features(split),
        )

    @property
    def windows_per_epoch(self) -> int:
        """Return the rows of the first epoch; later ones have about as many."""
        return len(self._rows(0))

    @property
    def steps_per_epoch(self) -> float:
        """Return about how many steps see every document once."""
        return self.windows_per_epoch / self.batch_size

    def epoch(self, step: int) -> float:
        """Return how many epochs have gone by before `step`, about."""
        return step / self.steps_per_epoch

    def documents(self, step: int, row: int) -> tuple[int, int]:
        """Return the numbers of the first and the last document in a row of a batch."""
        found = self.row_documents(step * self.batch_size + row)
        return min(found), max(found)

    def row_documents(self, number: int) -> Sequence[int]:
        """Return the numbers of the documents that stand in row `number` of the run."""
        epoch = self._epoch_of(number)
        return self._rows(epoch)[number - self._firsts[epoch]]

    def __call__(self, step: int, rows: slice = slice(None)) -> Batch:
        """Return `rows` of batch `step`; a rank or a micro-batch takes its slice of the rows."""
        numbers = range(self.batch_size)[rows]
        shape = (len(numbers), self.context + 1)
        tokens = np.full(shape, self.pad, np.int64)
        weights = np.zeros(shape, np.float32)
        firsts = np.empty(len(numbers), np.int64)
        features = None
        if self.features is not None:
            features = np.zeros((*shape, self.features.frame.width), np.float32)
        for row, number in enumerate(numbers):
            place = 0
            documents = self.row_documents(step * self.batch_size + number)
            firsts[row] = self._starts[documents[0]]
            for document in documents:
                start, length = int(self._starts[document]), int(self._lengths[document])
                tokens[row, place : place + length] = self.stream.read(start, start + length)
                weights[row, place : place + length] = self.stream.weights(start, start + length)
                if self.features is not None and features is not None:
                    read = tokens[row, place : place + length] == self.features.frame.token
                    features[row, place : place + length][read] = self.features.document(document)
                place += length
        return Batch(tokens, weights, firsts, features)

    def _chosen(self, examples: int | None) -> npt.NDArray[np.int64]:
        """Return the documents that fit, or those of some examples and what was made of them."""
        fits = self._lengths <= self.context + 1
        originals = self.stream.document_originals
        fits &= fits[originals]
        fitting = np.flatnonzero(fits & _is_original(self.stream))
        if examples is None or examples >= len(fitting):
            return np.flatnonzero(fits)
        # Of few examples the fewer are a part of the more, so that a curve over sizes is one.
        order = permute(np.arange(len(fitting)), len(fitting), self._key("examples", 0))
        few = fitting[np.argsort(order)[:examples]]
        forms = np.flatnonzero(fits & np.isin(originals, few) & ~_is_original(self.stream))
        return np.concatenate([few, forms])

    def _epoch_of(self, number: int) -> int:
        while self._firsts[-1] <= number:
            self._firsts.append(self._firsts[-1] + len(self._rows(len(self._firsts) - 1)))
        return int(np.searchsorted(self._firsts, number, side="right")) - 1

    def _laid(self, epoch: int) -> list[list[int]]:
        """Return the rows of an epoch."""
        count = len(self.chosen)
        order = permute(np.arange(count), count, self._key("order", epoch))
        documents = self.chosen[order]
        laid: list[list[int]] = []
        for first in range(0, count, _AT_ONCE):
            laid += self._fitted(documents[first : first + _AT_ONCE])
        places = permute(np.arange(len(laid)), len(laid), self._key("rows", epoch))
        return [laid[place] for place in places]

    def _fitted(self, documents: npt.NDArray[np.int64]) -> list[list[int]]:
        # What stands in a row's last place is no input, so an end there would not be seen.
        lengths = np.minimum(self._lengths[documents], self.context)
        room = np.full(len(documents), self.context)
        rows: list[list[int]] = []
        for index in np.argsort(-lengths, kind="stable"):
            row = int(np.argmax(room >= lengths[index]))
            if row == len(rows):
                rows.append([])
            rows[row].append(int(documents[index]))
            room[row] -= lengths[index]
        return rows

    def _key(self, purpose: str, epoch: int) -> bytes:
        return f"{self.fingerprint}/{self.seed}/packed {purpose}/{epoch}".encode()


def _is_original(stream: TokenStream) -> npt.NDArray[np.bool_]:
    originals = stream.document_originals
    found: npt.NDArray[np.bool_] = originals == np.arange(len(originals))
    return found

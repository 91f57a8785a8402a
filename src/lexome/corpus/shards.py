"""Token shards: 1-D .npy files of token ids, read memory-mapped as one long stream."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.documents import read_originals, read_starts
from lexome.corpus.manifest import ShardFile
from lexome.errors import DamagedFileError
from lexome.files import atomic_path, naming

Tokens = npt.NDArray[np.unsignedinteger[Any]]

FULL_WEIGHT = 255
"""The stored value of a weight of 1: a weight is stored as one byte, value / 255."""


def token_dtype(vocab_size: int) -> np.dtype[np.unsignedinteger[Any]]:
    """Return the smallest stored type that holds every id of a vocabulary."""
    return np.dtype("<u2") if vocab_size <= 1 << 16 else np.dtype("<u4")


def open_shard(path: Path, length: int) -> Tokens:
    """Map a shard into memory; one that is missing, torn or of another length is an error."""
    try:
        with naming(path):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise damaged(path, str(error)) from error
    if array.ndim != 1 or array.dtype.kind != "u" or len(array) != length:
        found = f"{array.dtype} of shape {array.shape}"
        raise damaged(path, f"it holds {found}, recorded were {length} unsigned integers")
    # A plain view: slicing a numpy.memmap object costs several times as much.
    plain: Tokens = array.view(np.ndarray)
    return plain


def write_shard(folder: Path, name: str, values: npt.NDArray[Any]) -> ShardFile:
    """Write an array, whose first dimension is counted, as the .npy file `name`, atomically."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(values))
    data = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
    digest = hashlib.sha256(header.getvalue())
    digest.update(data)
    # Not by `numpy.save`: its error on a full disk does not say that the disk is full.
    with atomic_path(folder / name) as path, path.open("wb") as stream:
        stream.write(header.getvalue())
        stream.write(data)
    return ShardFile(
        path=name,
        tokens=len(values),
        bytes=len(header.getvalue()) + len(data),
        sha256=digest.hexdigest(),
    )


class TokenStream:
    """All the tokens of one split, in order, as if they were one array.

    `shards` are the token arrays; `weights` has, for each shard, its array of stored weights
    or `None` where every token weighs 1. `documents` is the corpus's table of documents.
    """

    def __init__(
        self,
        folder: Path,
        split: str,
        shards: Sequence[Tokens],
        weights: Sequence[npt.NDArray[np.uint8] | None],
        documents: Path,
    ) -> None:
        self.folder = folder
        self.split = split
        self._shards = list(shards)
        self._weights = list(weights)
        self._documents = documents
        lengths = [len(shard) for shard in shards]
        self._ends = np.cumsum(lengths, dtype=np.int64)
        self._length = sum(lengths)

    def __len__(self) -> int:
        return self._length

    @property
    def weighted(self) -> bool:
        """Return whether any token has a weight other than 1."""
        return any(weights is not None for weights in self._weights)

    @cached_property
    def document_starts(self) -> npt.NDArray[np.int64]:
        """Return the place of each document's begin token, rising; [documents]."""
        return read_starts(self._documents, self.split)

    @cached_property
    def document_originals(self) -> npt.NDArray[np.int64]:
        """Return the number of the document that each one is a form of, or its own; [documents]."""
        return read_originals(self._documents, self.split)

    def read(self, start: int, stop: int) -> npt.NDArray[np.int64]:
        """Return the tokens from `start` to `stop`; [stop - start]."""
        tokens = np.empty(self._size(start, stop), dtype=np.int64)
        for number, inside, outside in self._spans(start, stop):
            tokens[outside] = self._shards[number][inside]
        return tokens

    def part(self, start: int, stop: int) -> TokenStream:
        """Return the tokens from `start` to `stop`, a whole number of documents, as a stream."""
        self._size(start, stop)
        spans = [(number, inside) for number, inside, _ in self._spans(start, stop)]
        stored = [(self._weights[number], inside) for number, inside in spans]
        return TokenStream(
            self.folder,
            self.split,
            [self._shards[number][inside] for number, inside in spans],
            [None if weights is None else weights[inside] for weights, inside in stored],
            self._documents,
        )

    def weights(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        """Return the loss weights of the tokens from `start` to `stop`; [stop - start]."""
        weights = np.ones(self._size(start, stop), dtype=np.float32)
        self._fill_weights(weights, start, stop)
        return weights

    def windows(
        self, starts: npt.NDArray[np.int64], length: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return tokens and weights of windows at `starts`, [windows, length] each.

        The stream is a ring: a window that runs past the end goes on at the beginning.
        """
        tokens = np.empty((len(starts), length), dtype=np.int64)
        weights = np.ones((len(starts), length), dtype=np.float32)
        shards = np.searchsorted(self._ends, starts, side="right")
        weighted = self.weighted
        for row, (start, number) in enumerate(zip(starts.tolist(), shards.tolist(), strict=True)):
            end = int(self._ends[number])
            if start + length <= end:
                first = start - end + len(self._shards[number])
                tokens[row] = self._shards[number][first : first + length]
            else:
                inside = min(length, len(self) - start)
                tokens[row, :inside] = self.read(start, start + inside)
                tokens[row, inside:] = self.read(0, length - inside)
            if weighted:
                inside = min(length, len(self) - start)
                self._fill_weights(weights[row, :inside], start, start + inside)
                self._fill_weights(weights[row, inside:], 0, length - inside)
        return tokens, weights

    def counts(self, token: int) -> npt.NDArray[np.int64]:
        """Return how often a token stands in each document; [documents]."""
        places = [np.flatnonzero(shard == token) for shard in self._shards]
        starts = [0, *self._ends[:-1].tolist()]
        whole = [found + start for found, start in zip(places, starts, strict=True)]
        owners = self.document_starts.searchsorted(np.concatenate(whole), "right") - 1
        return np.bincount(owners, minlength=len(self.document_starts))

    def _fill_weights(self, target: npt.NDArray[np.float32], start: int, stop: int) -> None:
        for number, inside, outside in self._spans(start, stop):
            stored = self._weights[number]
            if stored is not None:
                target[outside] = stored[inside] / np.float32(FULL_WEIGHT)

    def _size(self, start: int, stop: int) -> int:
        if not 0 <= start <= stop <= len(self):
            raise IndexError(f"tokens {start} to {stop} of a stream of {len(self)}")
        return stop - start

    def _spans(self, start: int, stop: int) -> list[tuple[int, slice, slice]]:
        spans = []
        place = start
        number = int(np.searchsorted(self._ends, start, side="right"))
        while place < stop:
            end = int(self._ends[number])
            first = end - len(self._shards[number])
            until = min(stop, end)
            inside = slice(place - first, until - first)
            spans.append((number, inside, slice(place - start, until - start)))
            place = until
            number += 1
        return spans


def damaged(path: Path, what: str) -> DamagedFileError:
    """Return the error for a shard that is not as it was written."""
    return DamagedFileError(
        f"this is not a whole shard: {what}",
        where=str(path),
        fix="restore the file, or prepare the corpus again",
    )

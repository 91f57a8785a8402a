"""Feature shards: one row of numbers for each frame token of a split, memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lexome.corpus.shards import TokenStream, damaged
from lexome.files import naming
from lexome.languages.features import Features, FrameToken

Rows = npt.NDArray[np.float16]


def open_features(path: Path, rows: int, width: int) -> Rows:
    """Map a shard into memory; one that is missing, torn or of another shape is an error."""
    try:
        with naming(path):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise damaged(path, str(error)) from error
    if array.dtype != np.float16 or array.shape != (rows, width):
        found = f"{array.dtype} of shape {array.shape}"
        raise damaged(path, f"it holds {found}, recorded were float16 of shape {(rows, width)}")
    plain: Rows = array.view(np.ndarray)
    return plain


class FeatureStream:
    """The features of one split: `shards` [rows, width] follow each other as the frame tokens do.

    Where the frame tokens of each document are is found once, by one look at all tokens.
    """

    def __init__(self, stream: TokenStream, frame: FrameToken, shards: Sequence[Rows]) -> None:
        self.frame = frame
        self._stream = stream
        self._shards = [shard for shard in shards if len(shard)]
        self._ends = np.cumsum([len(shard) for shard in self._shards], dtype=np.int64)

    def document(self, number: int) -> Features:
        """Return the rows of a document of the split; [frames, width]."""
        first, stop = int(self._starts[number]), int(self._starts[number + 1])
        if first == stop:
            return np.zeros((0, self.frame.width), np.float16)
        # A document is never parted between two shards.
        shard = int(np.searchsorted(self._ends, first, side="right"))
        before = int(self._ends[shard]) - len(self._shards[shard])
        return self._shards[shard][first - before : stop - before]

    @cached_property
    def _starts(self) -> npt.NDArray[np.int64]:
        """The first row of each document, and behind them the number of all rows."""
        counts = self._stream.counts(self.frame.token)
        return np.concatenate([[0], np.cumsum(counts)])

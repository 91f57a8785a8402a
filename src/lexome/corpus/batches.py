"""Batches as a pure function of (corpus fingerprint, seed, step), and the windows of evaluation."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from lexome.corpus.permutation import keyed_integer, permute
from lexome.corpus.shards import TokenStream
from lexome.errors import LexomeError, UsageError


@dataclass(frozen=True, slots=True)
class Batch:
    """Some windows of a stream.

    `tokens` and `weights` are [rows, context + 1]: position `i` is the input for the target at
    `i + 1`. `starts` is [rows]: the place in the stream of each window's first token, with
    which a batch can be traced back to its documents. `features` are [rows, context + 1, width]:
    what is read at frame tokens, zeros at others; `None` where the corpus has none.
    """

    tokens: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    starts: npt.NDArray[np.int64]
    features: npt.NDArray[np.float32] | None = None


class BatchSource(Protocol):
    """Gives the batches of a training run, each a function of its number alone.

    `context` is the number of inputs of a row, `windows_per_epoch` the rows of an epoch.
    """

    stream: TokenStream
    context: int
    batch_size: int

    @property
    def windows_per_epoch(self) -> int: ...

    def epoch(self, step: int) -> float:
        """Return how many epochs have gone by before `step`."""
        ...

    def documents(self, step: int, row: int) -> tuple[int, int]:
        """Return the numbers of the first and the last document in a row of a batch."""
        ...

    def __call__(self, step: int, rows: slice = slice(None)) -> Batch:
        """Return `rows` of batch `step`."""
        ...


class Batches:
    """The batches of a training run; nothing in here changes from call to call.

    The stream is a ring: its last token is followed by its first, which is one more border
    between two documents. An epoch lays `len(stream) // context` windows on the ring, one
    after another, from a start drawn for that epoch, and visits them in an order drawn for that
    epoch. So within an epoch no token is predicted twice, fewer than `context` are left out, and
    because the start is uniform every token is left out equally often. A batch at the end of an
    epoch is filled up from the next one: every batch has all its rows.
    """

    def __init__(
        self, stream: TokenStream, context: int, batch_size: int, seed: int, fingerprint: str
    ) -> None:
        if context < 1 or batch_size < 1:
            raise UsageError(
                f"context and batch size must be at least 1, not {context} and {batch_size}"
            )
        if len(stream) <= context:
            raise LexomeError(
                f"the {stream.split!r} split has {len(stream)} tokens, too few for one window of "
                f"context {context}",
                where=str(stream.folder),
                fix=f"use a context of at most {max(len(stream) - 1, 0)}, or more data",
            )
        self.stream = stream
        self.context = context
        self.batch_size = batch_size
        self.seed = seed
        self.fingerprint = fingerprint
        self.windows_per_epoch = len(stream) // context

    @property
    def steps_per_epoch(self) -> float:
        """Return how many steps see every window once; seldom a whole number."""
        return self.windows_per_epoch / self.batch_size

    def epoch(self, step: int) -> float:
        """Return how many epochs have gone by before `step`."""
        return step / self.steps_per_epoch

    def documents(self, step: int, row: int) -> tuple[int, int]:
        """Return the numbers of the documents in which a row of a batch begins and ends."""
        first = int(self.starts(step, slice(row, row + 1))[0])
        ends = np.array([first, (first + self.context) % len(self.stream)])
        begin, end = self.stream.document_starts.searchsorted(ends, "right") - 1
        return int(begin), int(end)

    def starts(self, step: int, rows: slice = slice(None)) -> npt.NDArray[np.int64]:
        """Return where the windows of `rows` of batch `step` start in the stream."""
        first, last, stride = rows.indices(self.batch_size)
        samples = np.arange(first, last, stride, dtype=np.int64) + step * self.batch_size
        epochs, places = np.divmod(samples, self.windows_per_epoch)
        starts = np.empty_like(samples)
        for epoch in range(int(epochs.min(initial=0)), int(epochs.max(initial=0)) + 1):
            here = epochs == epoch
            if not here.any():
                continue
            windows = permute(places[here], self.windows_per_epoch, self._key("order", epoch))
            shift = keyed_integer(self._key("shift", epoch), len(self.stream))
            starts[here] = (windows * self.context + shift) % len(self.stream)
        return starts

    def __call__(self, step: int, rows: slice = slice(None)) -> Batch:
        """Return `rows` of batch `step`; a rank or a micro-batch takes its slice of the rows."""
        starts = self.starts(step, rows)
        tokens, weights = self.stream.windows(starts, self.context + 1)
        return Batch(tokens, weights, starts)

    def _key(self, purpose: str, epoch: int) -> bytes:
        return f"{self.fingerprint}/{self.seed}/{purpose}/{epoch}".encode()


class EvaluationWindow(NamedTuple):
    """Tokens `start` to `stop` are shown to the model; `first_scored` to `stop` are scored."""

    start: int
    stop: int
    first_scored: int


def evaluation_windows(length: int, context: int, stride: int) -> Iterator[EvaluationWindow]:
    """Yield windows of at most `context + 1` tokens that score every token exactly once.

    Each window moves on by `stride` tokens and scores only those; the others are its context. A
    smaller stride gives each token more context and costs more. The one exception is token 0,
    which nothing stands before: it is the begin token of the first document and no content.
    """
    if not 1 <= stride <= context:
        raise UsageError(
            f"a stride of {stride} does not fit a context of {context}",
            fix=f"use a stride from 1 to {context}",
        )
    scored = 1
    stop = min(context + 1, length)
    while scored < length:
        yield EvaluationWindow(max(0, stop - context - 1), stop, scored)
        scored, stop = stop, min(stop + stride, length)

"""Streams against plain arrays, batches as a pure function, and evaluation windows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome.corpus import Batches, TokenStream, evaluation_windows
from lexome.errors import LexomeError, UsageError


def stream_of(
    tokens: npt.NDArray[np.uint16],
    weights: npt.NDArray[np.uint8] | None = None,
    cuts: list[int] | None = None,
) -> TokenStream:
    """Return a stream in memory, in shards that end at `cuts`."""
    borders = sorted(cut % len(tokens) for cut in cuts or [])
    borders = sorted({cut for cut in borders if cut})
    shards = np.split(tokens, borders)
    stored = [None] * len(shards) if weights is None else list(np.split(weights, borders))
    # A shard whose weights are all 1 has no file.
    stored = [part if part is not None and (part < 255).any() else None for part in stored]
    return TokenStream(Path("nowhere"), "train", shards, stored, Path("nowhere"))


streams = st.integers(1, 200).flatmap(
    lambda size: st.tuples(
        st.just(np.arange(size, dtype=np.uint16)),
        st.lists(st.sampled_from([255, 255, 255, 51, 0]), min_size=size, max_size=size).map(
            lambda values: np.array(values, np.uint8)
        ),
        st.lists(st.integers(0, 200), max_size=5),
    )
)


@given(streams, st.integers(0, 200), st.integers(0, 200))
def test_reading_equals_slicing_a_plain_array(parts, start: int, stop: int) -> None:  # type: ignore[no-untyped-def]
    tokens, weights, cuts = parts
    stream = stream_of(tokens, weights, cuts)
    start, stop = sorted((start % (len(tokens) + 1), stop % (len(tokens) + 1)))
    assert len(stream) == len(tokens)
    assert np.array_equal(stream.read(start, stop), tokens[start:stop])
    assert np.array_equal(stream.weights(start, stop), weights[start:stop] / np.float32(255))
    assert stream.weighted == bool((weights < 255).any())


@given(streams, st.lists(st.integers(0, 200), min_size=1, max_size=5), st.integers(1, 200))
def test_windows_equal_a_plain_ring(parts, starts: list[int], length: int) -> None:  # type: ignore[no-untyped-def]
    tokens, weights, cuts = parts
    length = 1 + length % len(tokens)
    places = np.array(starts, np.int64) % len(tokens)
    found, found_weights = stream_of(tokens, weights, cuts).windows(places, length)
    ring = (places[:, None] + np.arange(length)) % len(tokens)
    assert np.array_equal(found, tokens[ring])
    assert np.array_equal(found_weights, weights[ring] / np.float32(255))


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2), (0, 11)])
def test_reading_outside_is_an_error(start: int, stop: int) -> None:
    with pytest.raises(IndexError, match="of a stream of 10"):
        stream_of(np.arange(10, dtype=np.uint16)).read(start, stop)


shapes = st.tuples(st.integers(2, 300), st.integers(1, 20), st.integers(1, 9)).filter(
    lambda shape: shape[0] > shape[1]
)


def batches_of(shape: tuple[int, int, int], seed: int = 0) -> Batches:
    size, context, batch_size = shape
    stream = stream_of(np.arange(size, dtype=np.uint16), cuts=[size // 2])
    return Batches(stream, context, batch_size, seed, "fingerprint")


@given(shapes, st.integers(0, 5), st.integers(0, 3))
def test_within_an_epoch_no_token_is_predicted_twice(
    shape: tuple[int, int, int], seed: int, epoch: int
) -> None:
    batches = batches_of(shape, seed)
    size, context, batch_size = shape
    windows = batches.windows_per_epoch
    samples = range(epoch * windows, (epoch + 1) * windows)
    targets = np.concatenate(
        [
            batches(sample // batch_size, slice(sample % batch_size, sample % batch_size + 1))
            .tokens[:, 1:]
            .ravel()
            for sample in samples
        ]
    )
    assert len(np.unique(targets)) == len(targets) == windows * context
    assert size - len(targets) < context


@given(shapes, st.integers(0, 30), st.integers(1, 5))
def test_ranks_share_a_batch_whatever_their_number(
    shape: tuple[int, int, int], step: int, ranks: int
) -> None:
    batches = batches_of(shape)
    whole = batches(step)
    assert whole.tokens.shape == (shape[2], shape[1] + 1)
    parts = [batches(step, slice(rank, None, ranks)) for rank in range(ranks)]
    for rank, part in enumerate(parts):
        assert np.array_equal(part.tokens, whole.tokens[rank::ranks])
        assert np.array_equal(part.starts, whole.starts[rank::ranks])
    halves = [batches(step, slice(0, shape[2] // 2)), batches(step, slice(shape[2] // 2, None))]
    assert np.array_equal(np.concatenate([part.tokens for part in halves]), whole.tokens)


@given(shapes, st.integers(0, 30))
def test_a_batch_depends_on_nothing_but_its_arguments(
    shape: tuple[int, int, int], step: int
) -> None:
    first, again = batches_of(shape), batches_of(shape)
    for other in (step + 1, 0, step):
        again(other)
    assert np.array_equal(first(step).tokens, again(step).tokens)


def test_seed_and_fingerprint_change_the_order() -> None:
    stream = stream_of(np.arange(5000, dtype=np.uint16))
    orders = [
        Batches(stream, 10, 32, seed, fingerprint).starts(0).tolist()
        for seed, fingerprint in ((0, "a"), (1, "a"), (0, "b"))
    ]
    assert orders[0] != orders[1] and orders[0] != orders[2]


def test_epochs_differ_and_a_batch_at_their_border_is_full() -> None:
    batches = batches_of((1000, 10, 32))
    per_epoch = batches.windows_per_epoch
    assert per_epoch % 32
    border = per_epoch // 32
    assert batches(border).tokens.shape == (32, 11)
    assert batches.epoch(border) < 1 < batches.epoch(border + 1)
    first = {int(s) % 10 for s in batches.starts(0)}
    later = {int(s) % 10 for s in batches.starts(border + 2)}
    # Each epoch begins somewhere else, so the windows are others too.
    assert len(first) == len(later) == 1 and first != later


def test_a_stream_shorter_than_a_window_is_refused() -> None:
    with pytest.raises(LexomeError, match="too few for one window") as caught:
        batches_of((10, 10, 1))
    assert "at most 9" in str(caught.value)
    with pytest.raises(UsageError, match="at least 1"):
        batches_of((10, 5, 0))


@given(st.integers(0, 400), st.integers(1, 50), st.integers(1, 50))
def test_every_token_is_scored_exactly_once(length: int, context: int, stride: int) -> None:
    stride = 1 + stride % context
    scored: list[int] = []
    for window in evaluation_windows(length, context, stride):
        assert 0 <= window.start < window.first_scored < window.stop <= length
        assert window.stop - window.start <= context + 1
        # What is shown before a scored token is all that fits, or all that there is.
        assert window.start == 0 or window.first_scored - window.start >= context + 1 - stride
        scored += range(window.first_scored, window.stop)
    assert scored == list(range(1, length))


@pytest.mark.parametrize("stride", [0, 9])
def test_a_stride_that_would_skip_tokens_is_refused(stride: int) -> None:
    with pytest.raises(UsageError, match="does not fit"):
        list(evaluation_windows(100, 8, stride))

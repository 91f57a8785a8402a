"""Suffix arrays of token ids, by libdivsufsort over their bytes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.shards import Tokens
from lexome.errors import LexomeError

Order = npt.NDArray[np.int32]
Bytes = npt.NDArray[np.uint8]
Sort = Callable[[Bytes], Order]

# libdivsufsort counts bytes by 32-bit integers with a sign.
_MOST_BYTES = (1 << 31) - 1
_CHUNK = 1 << 22


def divsufsort() -> Sort:
    """Return the library's function; where it is missing, that is a `LexomeError`."""
    try:
        import pydivsufsort
    except (ImportError, OSError) as error:  # OSError: its library does not load
        raise LexomeError(
            f"an index needs the package pydivsufsort: {error}",
            fix="install it with `pip install 'lexome[index]'`",
        ) from error
    sort: Sort = pydivsufsort.divsufsort
    return sort


def most_tokens(vocab_size: int) -> int:
    """Return how many tokens of a vocabulary one suffix array can hold."""
    return _MOST_BYTES // _width(vocab_size)


def memory(tokens: int, vocab_size: int) -> int:
    """Return the bytes that sorting so many tokens takes at most: five for each byte of an id."""
    return 5 * _width(vocab_size) * tokens


def suffix_array(
    chunks: Callable[[], Iterator[npt.NDArray[np.integer[Any]]]], vocab_size: int, size: int
) -> Tokens:
    """Return the first `size` places of a text in the order of their suffixes; [size].

    `chunks` yields the tokens of the text, at least `size`, each time that it is called. A suffix
    that another one goes on from comes before it.

    The ids that occur are numbered in their order and written as bytes, the highest first. Then
    the order of the bytes is the order of the ids (Mori, libdivsufsort: induced sorting, for which
    long repeats are no harder than anything else), and of the suffixes of the bytes only those
    with which an id begins are kept. Up to 256 different ids take a byte each.
    """
    seen = np.zeros(vocab_size, np.int64)
    for tokens in chunks():
        seen += np.bincount(tokens, minlength=vocab_size)
    ranks = np.cumsum(seen > 0) - 1
    width = _width(int(ranks[-1]) + 1)
    text = np.empty((int(seen.sum()), width), np.uint8)
    start = 0
    for tokens in chunks():
        for byte in range(width):
            text[start : start + len(tokens), byte] = ranks[tokens] >> 8 * (width - 1 - byte)
        start += len(tokens)
    order = _interruptible(divsufsort(), text.reshape(-1))
    return _first_bytes(order, width, size).view(np.uint32)


def _first_bytes(order: Order, width: int, size: int) -> Order:
    """Return the places of the first `size` ids, in place: what is kept never overtakes."""
    kept = 0
    for start in range(0, len(order), _CHUNK):
        chunk = order[start : start + _CHUNK]
        chunk = chunk[chunk % width == 0] // width
        chunk = chunk[chunk < size]
        order[kept : kept + len(chunk)] = chunk
        kept += len(chunk)
    return order[:kept]


def _interruptible(sort: Sort, text: Bytes) -> Order:
    """Sort in a thread: Ctrl-C does not wait for minutes until the library comes back."""
    done: list[Order] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            done.append(sort(text))
        except Exception as error:  # the library raises nothing more special
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if errors:
        raise LexomeError(
            f"{len(text):,} bytes could not be sorted: {errors[0]!r}",
            fix="close other programs, or make smaller parts: --shard-tokens",
        ) from errors[0]
    return done[0]


def _width(values: int) -> int:
    """Return the bytes that it takes to write one of so many values."""
    return max(1, ((values - 1).bit_length() + 7) // 8)

"""A keyed permutation of `range(size)` that needs no memory: position in, place out.

A Feistel network permutes the smallest power of two that holds `size`; an output that falls
outside is put in again until it falls inside ("cycle walking"). See Black and Rogaway, "Ciphers
with arbitrary finite domains" (CT-RSA 2002). Less than half of the domain lies outside, so an
index is walked less than twice on average.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

_ROUNDS = 6
_WORD = np.dtype("<u8")


def permute(indices: npt.NDArray[np.int64], size: int, key: bytes) -> npt.NDArray[np.int64]:
    """Return where the permutation of `range(size)` named by `key` sends each of `indices`.

    The same key and size always give the same permutation, on every machine.
    """
    if size < 1:
        raise ValueError(f"a permutation needs a size of at least 1, not {size}")
    bits = max(2, (size - 1).bit_length())
    round_keys = _round_keys(key)
    places = _feistel(indices.astype(np.uint64), bits, round_keys)
    outside = np.flatnonzero(places >= size)
    while outside.size:
        places[outside] = _feistel(places[outside], bits, round_keys)
        outside = outside[places[outside] >= size]
    return places.astype(np.int64)


def keyed_integer(key: bytes, bound: int) -> int:
    """Return an integer in `range(bound)` that depends on `key` alone."""
    return int.from_bytes(hashlib.blake2b(key, digest_size=16).digest(), "little") % bound


def _round_keys(key: bytes) -> npt.NDArray[np.uint64]:
    digest = hashlib.blake2b(key, digest_size=8 * _ROUNDS).digest()
    return np.frombuffer(digest, dtype=_WORD).astype(np.uint64)


def _feistel(
    values: npt.NDArray[np.uint64], bits: int, round_keys: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    low_bits = np.uint64(bits // 2)
    low_mask = np.uint64((1 << (bits // 2)) - 1)
    high_mask = np.uint64((1 << (bits - bits // 2)) - 1)
    low, high = values & low_mask, values >> low_bits
    for number, round_key in enumerate(round_keys):
        if number % 2:
            low = low ^ (mix(high ^ round_key) & low_mask)
        else:
            high = high ^ (mix(low ^ round_key) & high_mask)
    return (high << low_bits) | low


def mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return 64-bit values in which every bit of the input reaches every bit (SplitMix64's end)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))

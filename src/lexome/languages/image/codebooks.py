"""Codebooks whose entries add up to a vector: residual vector quantisation.

Each codebook is learned on what the ones before leave over; then all are fitted to each other, as
additive quantisation does (Babenko and Lempitsky 2014, "Additive quantization for extreme vector
compression"): codes by beam search, entries by least squares.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lexome.languages.image.clustering import Floats, Indices, lloyd, median_cut, nearest

Codebooks = npt.NDArray[np.float32]

_BEAM = 4
_ROUNDS = 5
_BLOCK = 1 << 11


def learn_codebooks(vectors: Floats, weights: Floats, count: int, size: int) -> Codebooks:
    """Return codebooks [count, size, D] for vectors [N, D] that occur `weights` [N] times.

    Where there is less to tell apart than entries, the last ones are zeros.
    """
    found = np.zeros((count, size, vectors.shape[1]), np.float32)
    residual = vectors.astype(np.float32)
    for book in found:
        centres = lloyd(residual, weights, median_cut(residual, weights, size))
        book[: len(centres)] = centres
        residual = residual - book[nearest(residual, book)]
    if count > 1:
        for _ in range(_ROUNDS):
            fit(found, vectors, weights, encode(vectors, found))
    return found


def encode(vectors: Floats, codebooks: Codebooks) -> Indices:
    """Return the numbers of the entries, one of each codebook, that come near to each vector.

    [N, codebooks]. The best `_BEAM` beginnings are kept from codebook to codebook.
    """
    parts = [np.zeros((0, len(codebooks)), np.int64)]
    for first in range(0, len(vectors), _BLOCK):
        parts.append(_beam(vectors[first : first + _BLOCK], codebooks))
    return np.concatenate(parts)


def decode(codes: Indices, codebooks: Codebooks) -> Floats:
    """Return the sum of the entries that each row of `codes` names, [N, D]; -1 names none."""
    total = np.zeros((len(codes), codebooks.shape[2]), np.float32)
    for book, column in zip(codebooks, codes.T, strict=True):
        total += np.where(column[:, None] >= 0, book[column], 0)
    return total


def fit(codebooks: Codebooks, vectors: Floats, weights: Floats, codes: Indices) -> None:
    """Move the entries that are used to where the squared error is least, book by book."""
    for number, book in enumerate(codebooks):
        column = codes[:, number]
        rest = vectors - decode(codes, codebooks) + book[column]
        total = np.bincount(column, weights, len(book))
        used = total > 0
        sums = np.stack([np.bincount(column, weights * one, len(book)) for one in rest.T], 1)
        book[used] = sums[used] / total[used, None]


def _beam(vectors: Floats, codebooks: Codebooks) -> Indices:
    left = vectors[:, None]  # [N, beam, D]
    codes = np.zeros((len(vectors), 1, 0), np.int64)
    for book in codebooks:
        size = len(book)
        errors = (left**2).sum(-1, keepdims=True) - 2 * (left @ book.T) + (book**2).sum(1)
        errors = errors.reshape(len(vectors), -1)
        kept = min(_BEAM, errors.shape[1])
        best = np.argpartition(errors, kept - 1, axis=1)[:, :kept]
        before, entry = best // size, best % size
        left = np.take_along_axis(left, before[..., None], 1) - book[entry]
        codes = np.take_along_axis(codes, before[..., None], 1)
        codes = np.concatenate([codes, entry[..., None]], 2)
    chosen = (left**2).sum(-1).argmin(1)
    best_codes: Indices = codes[np.arange(len(vectors)), chosen]
    return best_codes

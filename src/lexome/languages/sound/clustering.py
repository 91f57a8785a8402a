"""Residual vector quantisation: k-means on what the codebooks before have left.

Vectors and codebooks are whole numbers, held as float64. Their products and sums are then exact
in any order, so that neither the number of threads nor the size of a batch changes a code.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

_BATCH = 1 << 12


def learn(vectors: Vectors, books: int, size: int, rounds: int, seed: int) -> list[Vectors]:
    """Return codebooks for whole-number vectors [n, d], each [size, d]; the first comes first."""
    random = np.random.default_rng(seed)
    left, learned = vectors, []
    for _ in range(books):
        book = _kmeans(left, size, rounds, random)
        left = left - book[nearest(left, book)]
        learned.append(book)
    return learned


def nearest(vectors: Vectors, book: Vectors) -> Numbers:
    """Return the row of `book` nearest to each vector, the first of equal ones; [n]."""
    norms = np.square(book).sum(axis=1)
    batches = range(0, len(vectors), _BATCH)
    found = [(norms - 2 * vectors[at : at + _BATCH] @ book.T).argmin(axis=1) for at in batches]
    return np.concatenate([np.zeros(0, np.int64), *found])


def quantise(vectors: Vectors, books: Sequence[Vectors], width: int) -> Numbers:
    """Return a row of each codebook for each vector; [n, books].

    Of the sums of the first codebooks the `width` nearest ones are gone on with, and the nearest
    of all is taken: a beam search.
    """
    count, dimensions = vectors.shape
    left = vectors[:, None]
    taken = np.zeros((count, 1, 0), np.int64)
    for number, book in enumerate(books, 1):
        products = left.reshape(-1, dimensions) @ book.T
        distances = np.square(left).sum(axis=2)[:, :, None] + np.square(book).sum(axis=1)
        distances -= 2 * products.reshape(distances.shape)
        best = _least(distances.reshape(count, -1), width if number < len(books) else 1)
        branch, row = np.divmod(best, len(book))
        left = np.take_along_axis(left, branch[:, :, None], 1) - book[row]
        taken = np.take_along_axis(taken, branch[:, :, None], 1)
        taken = np.concatenate([taken, row[:, :, None]], axis=2)
    return taken[:, 0]


def _least(values: Vectors, width: int) -> Numbers:
    """Return where the `width` least values of each row are, in no order; [rows, width]."""
    if width >= values.shape[1]:
        return np.tile(np.arange(values.shape[1]), (len(values), 1))
    if width == 1:
        return np.asarray(values.argmin(axis=1)[:, None])
    return np.asarray(np.argpartition(values, width - 1, axis=1)[:, :width], np.int64)


def _kmeans(vectors: Vectors, size: int, rounds: int, random: np.random.Generator) -> Vectors:
    """Return the means of `size` clusters, rounded (Lloyd 1982); an empty one begins anew."""
    book = vectors[random.choice(len(vectors), size, replace=len(vectors) < size)]
    for _ in range(rounds):
        owner = nearest(vectors, book)
        order = np.argsort(owner, kind="stable")
        rows, first = np.unique(owner[order], return_index=True)
        book = vectors[random.choice(len(vectors), size)]
        sums = np.add.reduceat(vectors[order], first)
        book[rows] = np.rint(sums / np.diff([*first, len(vectors)])[:, None])
    return book

"""How often each attribute stands with each group, and how much alike cases of one document are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Rows are counted some at a time: many documents have few.
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Counts:
    """Counts over contexts, by group [G] and attribute [A]; a case is a context of a group.

    A context that has several groups of one axis is a case of none of them. Cases of one cluster
    are no independent ones, so sums over clusters are kept too, of n cases and h hits each.

    - `axes`: the axis of each group, from 0 on, rising.
    - `contexts`, `several` [axes]: all contexts; those that name several groups of an axis.
    - `cases` [G], `hits` [G, A]; `alone` [G, A]: hits with no other attribute beside.
    - `clusters` [G]: how many have a case.
    - `squares` [G], `rest_squares` [G]: sums of n^2, of a group and of the rest of its axis.
    - `products` [G, A], `hit_squares` [G, A]: sums of n h and of h^2.
    """

    axes: Ints
    contexts: int
    several: Ints
    cases: Ints
    hits: Ints
    alone: Ints
    clusters: Ints
    squares: Ints
    rest_squares: Ints
    products: Ints
    hit_squares: Ints

    @property
    def rest_cases(self) -> Ints:
        """Return the cases of the other groups of each group's axis; [G]."""
        return self._axis_totals(self.cases) - self.cases

    @property
    def rest_hits(self) -> Ints:
        """Return the hits of the other groups of each group's axis; [G, A]."""
        return self._axis_totals(self.hits) - self.hits

    def _axis_totals(self, values: Ints) -> Ints:
        totals = np.zeros((len(self.several), *values.shape[1:]), np.int64)
        np.add.at(totals, self.axes, values)
        return totals[self.axes]


class Tally:
    """Counts the contexts of documents; `axes` are the sizes of the axes.

    A cluster is a document, or a stretch of `stretch` contexts of one.
    """

    def __init__(self, axes: Sequence[int], attributes: int, stretch: int | None) -> None:
        self._axes = list(axes)
        self._stretch = stretch
        groups = sum(axes)
        self._vectors = {
            name: np.zeros(groups, np.int64)
            for name in ("cases", "clusters", "squares", "rest_squares")
        }
        self._tables = {
            name: np.zeros((groups, attributes), np.int64)
            for name in ("hits", "alone", "products", "hit_squares")
        }
        self._several = np.zeros(len(axes), np.int64)
        self._contexts = self._last = self._held = 0
        self._waiting: list[tuple[Bools, Ints]] = []

    def add(self, found: Bools) -> None:
        """Count the contexts of a document: which groups, then which attributes; [N, G + A]."""
        found = found.copy()
        self._contexts += len(found)
        borders = np.cumsum([0, *self._axes])
        for axis, (first, behind) in enumerate(pairwise(borders)):
            own = found[:, first:behind]
            crowded = own.sum(1) > 1
            self._several[axis] += crowded.sum()
            own[crowded] = False
        rows = np.flatnonzero(found[:, : borders[-1]].any(1))
        clusters = rows * 0 if self._stretch is None else rows // self._stretch
        self._waiting.append((found[rows], clusters + self._last))
        self._last += 1 if self._stretch is None else len(found) // self._stretch + 1
        self._held += len(rows)
        if self._held >= _BLOCK:
            self._flush()

    def counts(self) -> Counts:
        """Return what was counted."""
        self._flush()
        axes = np.repeat(np.arange(len(self._axes)), self._axes)
        return Counts(
            axes=axes,
            contexts=self._contexts,
            several=self._several.copy(),
            **{name: own.copy() for name, own in (self._vectors | self._tables).items()},
        )

    def _flush(self) -> None:
        """Count what waits: whole documents, so that no cluster is cut."""
        if not self._held:
            return
        found = np.concatenate([rows for rows, _ in self._waiting])
        clusters = np.concatenate([own for _, own in self._waiting])
        starts = np.flatnonzero(np.diff(clusters, prepend=-1))
        groups = sum(self._axes)
        attributes = found[:, groups:].astype(np.int64)
        single = attributes * (attributes.sum(1, keepdims=True) == 1)
        sizes = np.add.reduceat(found[:, :groups].astype(np.int64), starts)  # [clusters, G]
        vectors, tables = self._vectors, self._tables
        vectors["cases"] += sizes.sum(0)
        vectors["clusters"] += (sizes > 0).sum(0)
        vectors["squares"] += (sizes**2).sum(0)
        vectors["rest_squares"] += ((self._of_axes(sizes) - sizes) ** 2).sum(0)
        for group in range(groups):
            own = found[:, group, None]
            hits = np.add.reduceat(own * attributes, starts)  # [clusters, A]
            tables["hits"][group] += hits.sum(0)
            tables["alone"][group] += (own * single).sum(0)
            tables["products"][group] += sizes[:, group] @ hits
            tables["hit_squares"][group] += (hits**2).sum(0)
        self._waiting, self._held = [], 0

    def _of_axes(self, sizes: Ints) -> Ints:
        """Return the cases of each group's whole axis; [clusters, G]."""
        firsts = np.cumsum([0, *self._axes])[:-1]
        return np.repeat(np.add.reduceat(sizes, firsts, axis=1), self._axes, axis=1)

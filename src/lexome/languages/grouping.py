"""Documents that belong together for a reason that no single one of them shows.

A split key is found by looking at one document. Where that is not enough (proteins of one family,
recordings of one voice), a language may look at all of them, once, before they are split.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Document


@dataclass(frozen=True)
class Grouped:
    """The group of each document, in their order, and what found them, in words.

    `groups` [documents] are any numbers: documents of one number stay on one side of the split.
    """

    groups: npt.NDArray[np.int64]
    how: str


class Grouper(Protocol):
    """Says which documents belong together; the same documents give the same groups."""

    @property
    def name(self) -> str:
        """Return what the groups are, in the plural, as "clusters of 50 % identity"."""
        ...

    def group(self, documents: Iterable[Document], scratch: Path, workers: int) -> Grouped:
        """Look at all documents, in their order, once.

        `scratch` is an empty folder for what memory has no room for, removed afterwards;
        `workers` is how many cores may be used. What goes wrong is a `LexomeError`.
        """
        ...


@runtime_checkable
class GroupsDocuments(Protocol):
    """A language that has a grouper, or has one under some options."""

    def grouper(self) -> Grouper | None:
        """Return what groups the documents before the split; `None` where split keys suffice."""
        ...


class Linked:
    """Things in groups that grow together (union and find); a group is named by its first."""

    def __init__(self, count: int) -> None:
        self._parent = np.arange(count)

    def roots(self, things: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the first thing of the group of each thing."""
        found = self._parent[things]
        while not np.array_equal(above := self._parent[found], found):
            found = above
        return found

    def join(self, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]) -> None:
        """Join the groups of each pair."""
        parent = self._parent
        for one, other in zip(left.tolist(), right.tolist(), strict=True):
            while parent[one] != one:
                parent[one] = one = int(parent[parent[one]])
            while parent[other] != other:
                parent[other] = other = int(parent[parent[other]])
            parent[max(one, other)] = min(one, other)

    def groups(self) -> npt.NDArray[np.int64]:
        """Return the group of each thing, [things]."""
        return self.roots(np.arange(len(self._parent)))

"""Continuations of one prompt as trees of tokens: what several begin with is read once.

Each beginning of a continuation is a node, which sees the prompt, the nodes that it stands behind
and itself; so a tree is one sequence whose mask keeps its branches apart (Miao et al. 2024,
SpecInfer, https://arxiv.org/abs/2305.09781).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

NODES = 128
"""Nodes of a tree: each node looks at all of them, so many more cost what sharing saves."""


@dataclass(frozen=True, slots=True)
class Tree:
    """Beginnings of continuations, N nodes, and what each continuation says behind them.

    `tokens` and `depths` [N] are those of the nodes, the first ones at depth 0; `seen` [N, N] is
    true where a node, the row, sees another. Behind the node `nodes[e]` the continuation
    `places[e]` goes on with the token `following[e]`.
    """

    tokens: Tensor
    depths: Tensor
    seen: Tensor
    nodes: Tensor
    following: Tensor
    places: Tensor


def trees(continuations: Sequence[Sequence[int]], most: int) -> Iterator[Tree]:
    """Yield the trees of continuations, each in one of them, but for their last tokens.

    Those that begin alike stand side by side. Continuations of one token have no node.
    """
    numbered = sorted((tuple(ids), place) for place, ids in enumerate(continuations))
    builder = _Builder()
    for ids, place in numbered:
        if len(ids) > 1:
            if builder.size and builder.size + builder.added(ids) > most:
                yield builder.tree()
                builder = _Builder()
            builder.add(ids, place)
    if builder.size:
        yield builder.tree()


class _Builder:
    """A tree that grows by one continuation at a time."""

    def __init__(self) -> None:
        self._node: dict[tuple[int, ...], int] = {}
        self._parents: list[int] = []
        self._steps: list[tuple[int, int, int]] = []

    @property
    def size(self) -> int:
        return len(self._node)

    def added(self, ids: tuple[int, ...]) -> int:
        """Return how many nodes a continuation would add."""
        return sum(ids[:length] not in self._node for length in range(1, len(ids)))

    def add(self, ids: tuple[int, ...], place: int) -> None:
        """Add a continuation, which stands at `place` among all."""
        parent = -1
        for length in range(1, len(ids)):
            beginning = ids[:length]
            if beginning not in self._node:
                self._node[beginning] = len(self._parents)
                self._parents.append(parent)
            parent = self._node[beginning]
            self._steps.append((parent, ids[length], place))

    def tree(self) -> Tree:
        """Return what was added."""
        seen = torch.eye(self.size, dtype=torch.bool)
        for node, parent in enumerate(self._parents):
            if parent >= 0:
                seen[node] |= seen[parent]
        beginnings = list(self._node)
        return Tree(
            torch.tensor([beginning[-1] for beginning in beginnings]),
            torch.tensor([len(beginning) - 1 for beginning in beginnings]),
            seen,
            *torch.tensor(self._steps).unbind(1),
        )

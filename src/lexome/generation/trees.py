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

    Those that begin alike stand side by side. Continuations of one token have no node. A tree has
    at most so many nodes, unless one continuation alone has more.
    """
    nodes: dict[tuple[int, ...], int] = {}
    steps: list[tuple[int, int, int]] = []
    for ids, place in sorted((tuple(ids), place) for place, ids in enumerate(continuations)):
        beginnings = [ids[:length] for length in range(1, len(ids))]
        if nodes and len(nodes) + sum(one not in nodes for one in beginnings) > most:
            yield _tree(nodes, steps)
            nodes, steps = {}, []
        for beginning, following in zip(beginnings, ids[1:], strict=True):
            steps.append((nodes.setdefault(beginning, len(nodes)), following, place))
    if nodes:
        yield _tree(nodes, steps)


def _tree(nodes: dict[tuple[int, ...], int], steps: Sequence[tuple[int, int, int]]) -> Tree:
    """Return the tree of beginnings, of which each stands behind those that it begins with."""
    seen = torch.eye(len(nodes), dtype=torch.bool)
    for beginning, node in nodes.items():
        if len(beginning) > 1:
            seen[node] |= seen[nodes[beginning[:-1]]]
    return Tree(
        torch.tensor([beginning[-1] for beginning in nodes]),
        torch.tensor([len(beginning) - 1 for beginning in nodes]),
        seen,
        *torch.tensor(steps).unbind(1),
    )

"""Trees of tokens hold each beginning once, and every continuation can be read off them."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from lexome.generation.trees import Tree, trees

CONTINUATIONS = st.lists(
    st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple), unique=True, max_size=30
)


def beginning(tree: Tree, node: int) -> tuple[int, ...]:
    """Return what a node sees of its tree, the nearest last."""
    seen = [other for other in range(len(tree.tokens)) if tree.seen[node, other]]
    seen.sort(key=lambda other: int(tree.depths[other]))
    return tuple(int(tree.tokens[other]) for other in seen)


@given(CONTINUATIONS, st.integers(1, 12))
def test_each_step_stands_behind_what_comes_before_it(
    continuations: list[tuple[int, ...]], most: int
) -> None:
    steps = defaultdict[int, list[tuple[tuple[int, ...], int]]](list)
    for tree in trees(continuations, most):
        every = [beginning(tree, node) for node in range(len(tree.tokens))]
        assert len(every) == len(set(every)), "each beginning is a node once"
        assert [len(one) - 1 for one in every] == tree.depths.tolist()
        assert len(every) <= max(most, *(map(len, continuations)))
        found = zip(tree.nodes, tree.following, tree.places, strict=True)
        for node, token, place in found:
            steps[int(place)].append((every[int(node)], int(token)))
    for place, ids in enumerate(continuations):
        expected = [(ids[:length], ids[length]) for length in range(1, len(ids))]
        assert sorted(steps[place]) == sorted(expected)


def test_what_has_room_is_one_tree_and_begins_once() -> None:
    (tree,) = trees([(1, 2, 3), (1, 2, 4), (5,), (1, 6, 7)], 9)
    assert sorted(beginning(tree, node) for node in range(3)) == [(1,), (1, 2), (1, 6)]
    assert len(tree.nodes) == 6


def test_one_token_needs_no_tree() -> None:
    assert list(trees([(1,), (2,)], 4)) == []

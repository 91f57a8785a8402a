"""Sequences that go through a model together: those of one length, so that nothing is padded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

TOKENS = 8192
"""Tokens of a forward pass, unless one sequence alone is longer."""


def equally_long(
    sequences: Sequence[Sequence[int]], tokens: int = TOKENS, before: int = 0
) -> Iterator[list[int]]:
    """Yield numbers of `sequences` of one length, as many as fit behind `before` tokens each."""
    groups = defaultdict[int, list[int]](list)
    for number, sequence in enumerate(sequences):
        groups[len(sequence)].append(number)
    for length, numbers in sorted(groups.items()):
        size = max(tokens // (before + length), 1)
        for first in range(0, len(numbers), size):
            yield numbers[first : first + size]

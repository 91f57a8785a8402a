"""Names of nobody: put together from the parts of names that a corpus has, and not in it."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence

_TRIES = 50


def invented_names(
    names: Sequence[str],
    many: int,
    said: Callable[[str], int],
    seed: int = 0,
    *,
    without: Collection[str] = (),
) -> list[str]:
    """Return names that the corpus does not have, of parts that it has; so many at most.

    Each word is that of some name with as many words, at the same place; a name of one word is
    cut in the middle, and goes on with the end of another. `said` tells how often the corpus has
    a name. None in `without` is taken, as they are somebody's to ask about. There may be none.
    """
    draw = random.Random(f"nobody {seed}")
    parts = [_parts(name) for name in names]
    alike: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for one in parts:
        alike[len(one)].append(one)
    seen, found = {*names, *without}, list[str]()
    for _ in range(_TRIES * many):
        pattern = draw.choice(parts)
        name = "".join(draw.choice(alike[len(pattern)])[n] for n in range(len(pattern)))
        if name not in seen and said(name) == 0:
            found.append(name)
        seen.add(name)
        if len(found) == many:
            break
    return found


def _parts(name: str) -> tuple[str, ...]:
    """Return the words of a name, with the spaces before them; of one word its two halves."""
    first, *rest = name.split()
    if rest:
        return (first, *(f" {word}" for word in rest))
    return (first[: (len(first) + 1) // 2], first[(len(first) + 1) // 2 :])

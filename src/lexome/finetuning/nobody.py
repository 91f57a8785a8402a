"""Names of nobody: put together from the parts of names that a corpus has, and not in it."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

_TRIES = 50


def invented_names(
    names: Sequence[str],
    many: int,
    said: Callable[[Sequence[str]], Sequence[int]],
    seed: int = 0,
    *,
    without: Collection[str] = (),
) -> list[str]:
    """Return names that the corpus does not have, of parts that it has; so many at most.

    Each word is that of some name with as many words, at the same place; a name of one word is
    cut in the middle, and goes on with the end of another. `said` tells how often the corpus has
    each of some names. None in `without` is taken, as they are somebody's to ask about. There may
    be none.
    """
    drawn = _drawn(names, _TRIES * many, random.Random(f"nobody {seed}"), {*names, *without})
    found = list[str]()
    # So many are drawn at once as are wanting, since many are looked up faster than each alone.
    while some := list(islice(drawn, many - len(found))):
        found += [one for one, times in zip(some, said(some), strict=True) if times == 0]
    return found


def _drawn(names: Sequence[str], tries: int, draw: random.Random, seen: set[str]) -> Iterator[str]:
    """Yield names put together anew, each once and none that was `seen`, while there are more."""
    parts = [_parts(name) for name in names]
    alike: dict[int, list[tuple[str, ...]]] = defaultdict(list)
    for one in parts:
        alike[len(one)].append(one)
    every = sum(
        math.prod(len(set(place)) for place in zip(*own, strict=True)) for own in alike.values()
    )
    made = set[str]()
    for _ in range(tries):
        if len(made) == every:
            return
        pattern = draw.choice(parts)
        name = "".join(draw.choice(alike[len(pattern)])[n] for n in range(len(pattern)))
        if name not in made and name not in seen:
            yield name
        made.add(name)


def _parts(name: str) -> tuple[str, ...]:
    """Return the words of a name, with the spaces before them; of one word its two halves."""
    first, *rest = name.split()
    if rest:
        return (first, *(f" {word}" for word in rest))
    return (first[: (len(first) + 1) // 2], first[(len(first) + 1) // 2 :])

"""Baselines of a label for each part of a source: its characters, or its words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import Ints

Parts = Callable[[str], Sequence[str]]

# A context that was met once says more of that place than of its label.
_LEAST = 2
_BORDER = ""


class MajorityLabel:
    """The label that is most frequent in training."""

    name = "majority label"
    note = ""

    def fit_predict(
        self,
        train_sources: Sequence[str],
        train_targets: Sequence[Ints],
        test_sources: Sequence[str],
    ) -> list[Ints]:
        """Return the same label for each part of each source."""
        parts = parts_of(train_sources, train_targets)
        label = int(np.bincount(np.concatenate(train_targets)).argmax())
        return [np.full(len(parts(source)), label) for source in test_sources]


class WindowLabel:
    """The most frequent label of a part between its neighbours, as many as training knows twice.

    It begins with `radius` neighbours on both sides and backs off to fewer, to the part alone, and
    to the majority. What is beyond the ends of a source is a neighbour of its own.
    """

    note = ""

    def __init__(self, radius: int = 3) -> None:
        self.name = f"most frequent label of a window of {2 * radius + 1}, backing off"
        self._radius = radius

    def fit_predict(
        self,
        train_sources: Sequence[str],
        train_targets: Sequence[Ints],
        test_sources: Sequence[str],
    ) -> list[Ints]:
        """Return a label for each part of each source."""
        parts = parts_of(train_sources, train_targets)
        known = [parts(source) for source in train_sources]
        asked = [parts(source) for source in test_sources]
        fallback = int(np.bincount(np.concatenate(train_targets)).argmax())
        found = [np.full(len(source), fallback) for source in asked]
        for radius in range(self._radius + 1):
            likeliest = self._table(known, train_targets, radius)
            for labels, source in zip(found, asked, strict=True):
                for place, context in enumerate(_contexts(source, radius)):
                    labels[place] = likeliest.get(context, labels[place])
        return found

    def _table(
        self, sources: Sequence[Sequence[str]], targets: Sequence[Ints], radius: int
    ) -> dict[tuple[str, ...], int]:
        counts: defaultdict[tuple[str, ...], Counter[int]] = defaultdict(Counter)
        for source, labels in zip(sources, targets, strict=True):
            for context, label in zip(_contexts(source, radius), labels.tolist(), strict=True):
                counts[context][label] += 1
        least = _LEAST if radius else 1
        return {
            context: found.most_common(1)[0][0]
            for context, found in counts.items()
            if found.total() >= least
        }


def parts_of(sources: Sequence[str], targets: Sequence[Ints]) -> Parts:
    """Return what splits sources into as many parts as they have labels: characters, or words.

    Sources with as many labels as neither are a `LexomeError`.
    """
    for parts in (list, str.split):
        if all(len(parts(s)) == len(t) for s, t in zip(sources, targets, strict=True)):
            return parts
    number, (source, target) = next(
        (number, pair)
        for number, pair in enumerate(zip(sources, targets, strict=True))
        if len(pair[0]) != len(pair[1])
    )
    what = (
        f"a source of {len(source)} characters and {len(source.split())} words has {len(target)} "
        "labels"
    )
    raise LexomeError(what, where=f"source {number}", fix="give one for each character or word")


def _contexts(parts: Sequence[str], radius: int) -> Iterator[tuple[str, ...]]:
    framed = (_BORDER,) * radius + tuple(parts) + (_BORDER,) * radius
    return (framed[at : at + 2 * radius + 1] for at in range(len(parts)))

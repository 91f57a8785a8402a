"""Stretches of training that are alike but for some symbols, laid beside a content without gaps.

Relatives differ by substitutions, so no long stretch of them is alike word for word. Where a run of
a few symbols is equal (a seed), content and training are compared symbol by symbol to both sides:
an equal one scores 1 - identity, a different one - identity. What is found are all maximal
segments (Ruzzo and Tompa, "A linear time algorithm for finding all maximal scoring subsequences",
ISMB 1999) that hold a seed: of each, every beginning and every end is alike in more than the share
`identity`. Symbols that were put in or left out end a segment.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.corpus.manifest import TRAIN
from lexome.languages.base import Ids
from lexome.languages.variants import Relatives

SEED_PLACES = 256
"""Of a seed that occurs more often, as low-complexity ones do, the first places are followed."""


@dataclass(frozen=True, slots=True)
class Segment:
    """The tokens `start` to `stop` are alike to those from `place` of the stream on.

    `equal` of them are equal. `count` segments lie in it, itself among them, of all that was found.
    """

    start: int
    stop: int
    place: int
    equal: int
    count: int = 1

    @property
    def tokens(self) -> int:
        return self.stop - self.start


def spaced_segments(
    corpus: Corpus, index: CorpusIndex, ids: Ids, relatives: Relatives
) -> list[Segment]:
    """Return where `ids` [T], one symbol each, are alike to the training split but not equal.

    Segments are of `relatives.length` or more, in the order of `ids`, and none lies inside another.
    """
    stream = corpus.stream(TRAIN)
    starts = np.array([*stream.document_starts, len(stream)])
    found: list[Segment] = []
    for document, shift in sorted(_beside(index, ids, relatives.seed, starts)):
        # Begin and end tokens of the document are in no content.
        low = max(int(starts[document]) + 1 - shift, 0)
        high = min(int(starts[document + 1]) - 1 - shift, len(ids))
        equal = np.asarray(ids[low:high] == stream.read(shift + low, shift + high))
        found += [
            Segment(low + first, low + last, shift + low + first, int(equal[first:last].sum()))
            for first, last in maximal_segments(equal, relatives.percent)
            if last - first >= relatives.length
            and not equal[first:last].all()
            and _has_run(equal[first:last], relatives.seed)
        ]
    return _outermost(found)


def maximal_segments(equal: npt.NDArray[np.bool_], percent: int) -> list[tuple[int, int]]:
    """Return all maximal segments of what is equal or not, [T], in order.

    The one of the greatest score is the first of them, the others are those of what is left on
    either side of it. Equal scores 100 - `percent`, different - `percent`.
    """
    # In whole numbers, so that scores that are equal are so.
    scores = np.concatenate([[0], np.cumsum(100 * equal.astype(np.int64) - percent)]).tolist()
    kept: list[tuple[int, int]] = []
    for start, stop in _runs(equal):
        first = start
        while (at := _lower(kept, scores, first)) is not None:
            if scores[kept[at][1]] >= scores[stop]:
                break
            first = kept[at][0]
            del kept[at:]
        kept.append((first, stop))
    return kept


def _lower(kept: Sequence[tuple[int, int]], scores: Sequence[int], first: int) -> int | None:
    """Return the last segment that begins at a lower score than there is at `first`."""
    rows = range(len(kept) - 1, -1, -1)
    return next((row for row in rows if scores[kept[row][0]] < scores[first]), None)


def _beside(
    index: CorpusIndex, ids: Ids, seed: int, starts: npt.NDArray[np.int64]
) -> set[tuple[int, int]]:
    """Return which documents share a seed, and how far their tokens are shifted against `ids`."""
    seeds = [ids[at : at + seed] for at in range(len(ids) - seed + 1)]
    return {
        (int(starts.searchsorted(place, "right")) - 1, place - at)
        for at, places in enumerate(index.positions(seeds, SEED_PLACES))
        for place in places
    }


def _runs(equal: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], equal, [False]])))
    return [(first, last) for first, last in pairwise(edges.tolist())][::2]


def _has_run(equal: npt.NDArray[np.bool_], size: int) -> bool:
    return any(last - first >= size for first, last in _runs(equal))


def _outermost(segments: Sequence[Segment]) -> list[Segment]:
    """Return the segments that lie in no other, with how many lie in each; by their starts.

    Of those that lie at one place of the content, the most alike stands for all.
    """
    kept: list[Segment] = []
    for one in sorted(segments, key=lambda one: (one.start, -one.stop, -one.equal, one.place)):
        if not kept or one.stop > kept[-1].stop:
            kept.append(one)
    return [replace(one, count=sum(_lies_in(other, one) for other in segments)) for one in kept]


def _lies_in(one: Segment, other: Segment) -> bool:
    return other.start <= one.start and one.stop <= other.stop

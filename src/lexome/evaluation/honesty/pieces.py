"""Items to compare samples with: pieces of a split's documents, chosen by a fixed rule."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.shards import TokenStream
from lexome.evaluation.metrics.bootstrap import Ints
from lexome.languages.base import Ids

# Items and their tokens that are looked up at most.
MOST_ITEMS, MOST_TOKENS = 4000, 1 << 19
# Documents whose beginnings are given however long they are.
_FEWEST = 200


def pieces(corpus: Corpus, split: str, size: int, *, most: int = MOST_TOKENS) -> list[Ids]:
    """Return the documents of a split in equal pieces; see `placed_pieces`."""
    return [ids for _, ids in placed_pieces(corpus, split, size, most=most)]


@dataclass(frozen=True)
class Beginning:
    """How a document begins, and what stands in its middle; it has so many `tokens` in all."""

    document: int
    ids: Ids
    middle: Ids
    tokens: int


def beginnings(corpus: Corpus, split: str, size: int, *, middle: int) -> list[Beginning]:
    """Return the first `size` tokens of documents, and at most `middle` tokens around their middle.

    They are without begin and end tokens. Where there are more than 4,000 documents, or more than
    about 500,000 tokens in their beginnings, evenly spaced ones are taken, of which there are 200
    or more. Documents that augmentation made, and empty ones, are left out.
    """
    stream = corpus.stream(split)
    own, starts, lengths = _documents(stream)
    affordable = int(MOST_TOKENS / max(np.minimum(lengths, size).mean(), 1)) if len(own) else 0
    wanted = min(len(own), MOST_ITEMS, max(affordable, _FEWEST))
    found = []
    for at in np.linspace(0, len(own) - 1, wanted).astype(np.int64).tolist():
        first, tokens = int(starts[at]), int(lengths[at])
        inner = first + max(tokens - middle, 0) // 2
        found.append(
            Beginning(
                int(own[at]),
                stream.read(first, first + min(size, tokens)),
                stream.read(inner, inner + min(middle, tokens)),
                tokens,
            )
        )
    return found


def placed_pieces(
    corpus: Corpus, split: str, size: int, *, most: int = MOST_TOKENS, behind: int = 0
) -> list[tuple[int, Ids]]:
    """Return the documents of a split in equal pieces of at most `size` tokens.

    With each piece comes the number of its document.
    They are without begin and end tokens, and without the first `behind` tokens of each document.
    Where there are more than 4,000 pieces, or more than about `most` tokens in them, evenly spaced
    ones are taken. Documents that augmentation made, and empty ones, are left out.
    """
    stream = corpus.stream(split)
    own, starts, lengths = _documents(stream, behind)
    counts = -(-lengths // size)
    ends = np.cumsum(counts)
    every, tokens = int(counts.sum()), int(lengths.sum())
    wanted = min(every, MOST_ITEMS, -(-every * most // max(tokens, 1)))
    chosen = np.linspace(0, every - 1, wanted).astype(np.int64)
    documents = ends.searchsorted(chosen, "right")
    inside = chosen - (ends - counts)[documents]
    firsts = starts[documents] + inside * lengths[documents] // counts[documents]
    stops = starts[documents] + (inside + 1) * lengths[documents] // counts[documents]
    places = zip(own[documents].tolist(), firsts.tolist(), stops.tolist(), strict=True)
    return [(document, stream.read(first, stop)) for document, first, stop in places]


def _documents(stream: TokenStream, behind: int = 0) -> tuple[Ints, Ints, Ints]:
    """Return the numbers of the documents that are given, and where each begins and how long it is.

    Without its begin and end tokens, and the first `behind` tokens.
    """
    starts = stream.document_starts
    lengths = np.diff([*starts, len(stream)]) - 2 - behind
    own = np.flatnonzero((stream.document_originals == np.arange(len(starts))) & (lengths > 0))
    return own, starts[own] + 1 + behind, lengths[own]


def cut(ids: Ids, size: int) -> list[Ids]:
    """Return tokens in equal pieces of at most `size`."""
    count = -(-len(ids) // size)
    borders = [number * len(ids) // count for number in range(count + 1)]
    return [ids[first:stop] for first, stop in pairwise(borders)]

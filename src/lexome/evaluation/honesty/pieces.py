"""Items to compare samples with: pieces of a split's documents, chosen by a fixed rule."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from lexome.corpus import Corpus
from lexome.languages.base import Ids

# Items and their tokens that are looked up at most.
MOST_ITEMS, MOST_TOKENS = 4000, 1 << 19


def pieces(corpus: Corpus, split: str, size: int, *, most: int = MOST_TOKENS) -> list[Ids]:
    """Return the documents of a split in equal pieces; see `placed_pieces`."""
    return [ids for _, ids in placed_pieces(corpus, split, size, most=most)]


def placed_pieces(
    corpus: Corpus, split: str, size: int, *, most: int = MOST_TOKENS
) -> list[tuple[int, Ids]]:
    """Return the documents of a split in equal pieces of at most `size` tokens.

    With each piece comes the number of its document.
    They are without begin and end tokens. Where there are more than 4,000 pieces, or more than
    about `most` tokens in them, evenly spaced ones are taken. Documents that augmentation made, and
    empty ones, are left out.
    """
    stream = corpus.stream(split)
    starts = stream.document_starts
    lengths = np.diff([*starts, len(stream)]) - 2
    own = np.flatnonzero((stream.document_originals == np.arange(len(starts))) & (lengths > 0))
    starts, lengths = starts[own] + 1, lengths[own]
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


def cut(ids: Ids, size: int) -> list[Ids]:
    """Return tokens in equal pieces of at most `size`."""
    count = -(-len(ids) // size)
    borders = [number * len(ids) // count for number in range(count + 1)]
    return [ids[first:stop] for first, stop in pairwise(borders)]

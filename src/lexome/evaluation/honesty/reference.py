"""Held-out items to compare samples with: like with like.

A sample begins where a document begins, and documents may begin alike, with a licence or a header
that nobody copied. So samples are compared with the beginnings of held-out documents. Where too few
are held out to say what is usual, as of a few long books, stretches from behind their beginnings
take the place, and what documents begin with is left out of the samples: up to where the last run
ends that is longer in a held-out beginning than anywhere behind the beginnings.

What stands in training is no measure of what is usual: a document four fifths of whose middle do,
by the rule of `corpus.leak`, is a duplicate, and left out. So is such a stretch, and such a
beginning, unless so many documents begin like it that it is a header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.corpus.leak import THRESHOLD
from lexome.corpus.manifest import VALID
from lexome.evaluation.honesty.exceedance import FEWEST
from lexome.evaluation.honesty.matches import matches, reaches
from lexome.evaluation.honesty.near_pictures import is_picture
from lexome.evaluation.honesty.pieces import (
    MOST_ITEMS,
    MOST_TOKENS,
    Beginning,
    beginnings,
    cut,
    placed_pieces,
)
from lexome.evaluation.metrics.bootstrap import Bools
from lexome.languages.base import Ids

Kind = Literal["beginnings", "stretches"]
# Tokens of the parts in which a held-out document is judged to be a duplicate.
_PART = 1024
# What stands in training once for so many documents, and twice at least, is a header, no copy.
_HEADER = 100
# So many items are wanted at least, where samples differ in length: ranks alone say then what one
# in a thousand is.
_WANTED = 1000


@dataclass(frozen=True)
class Reference:
    """Held-out `items`, as tokens [T], and the number of the document that each is of.

    `kind` says whether they are the beginnings of documents or stretches from behind them. Of each
    sample the first `lead` tokens are to be left out. `duplicate_tokens` are those of the documents
    and stretches that are duplicates of training, and no items.
    """

    items: list[Ids]
    documents: list[int]
    kind: Kind
    lead: int
    duplicate_tokens: int


def reference(corpus: Corpus, index: CorpusIndex, samples: Sequence[Ids]) -> Reference:
    """Return the held-out items that are like `samples`, one or more, each a document of its own.

    Beginnings are as long as the longest sample, or where a thousand of those were too much to look
    up, as that allows, and at least as the usual one; stretches are as long as the usual one,
    without its lead.
    """
    sizes = [len(one) for one in samples]
    usual, most = int(np.median(sizes)), max(sizes)
    if is_picture(corpus.tokenizer.decode(samples[0])):
        stream = corpus.stream(VALID)
        usual = most = int(np.diff([*stream.document_starts, len(stream)]).max())
    size = min(most, max(usual, MOST_TOKENS // _WANTED))
    found, duplicate_tokens = _beginnings(corpus, index, size)
    own = Reference(
        [one.ids for one in found],
        [one.document for one in found],
        "beginnings",
        0,
        duplicate_tokens,
    )
    if len(found) >= FEWEST:
        return own
    return _stretches(corpus, index, found, usual) or own


def _beginnings(corpus: Corpus, index: CorpusIndex, size: int) -> tuple[list[Beginning], int]:
    found = beginnings(corpus, VALID, size, middle=max(size, _PART))
    double = _duplicates(corpus, index, [one.middle for one in found])
    begun = [one.ids for one in found]
    double |= _duplicates(corpus, index, begun) & ~_headed(corpus, index, begun)
    kept = [one for one, is_double in zip(found, double, strict=True) if not is_double]
    return kept, sum(one.tokens for one in found) - sum(one.tokens for one in kept)


def _headed(corpus: Corpus, index: CorpusIndex, begun: Sequence[Ids]) -> Bools:
    """Return which beginnings have a first half that is common in training."""
    counts = index.counts([one[: (len(one) + 1) // 2] for one in begun])
    return np.asarray((counts * _HEADER >= corpus.manifest.train.documents) & (counts > 1))


def _stretches(
    corpus: Corpus, index: CorpusIndex, begun: Sequence[Beginning], usual: int
) -> Reference | None:
    """Return stretches from behind the beginnings of documents.

    `None` where they are too few, or more than half of a usual sample is what documents begin with.
    """
    found = _cut(corpus, index, usual, behind=usual)
    if len(found.items) < FEWEST:
        return None
    elsewhere = int(matches(corpus, index, found.items).longest.max())
    lead = max(reaches(corpus, index, [one.ids[:usual] for one in begun], elsewhere), default=0)
    if 2 * lead > usual:
        return None
    return _cut(corpus, index, usual - lead, behind=usual, lead=lead) if lead else found


def _cut(corpus: Corpus, index: CorpusIndex, size: int, *, behind: int, lead: int = 0) -> Reference:
    """Return stretches of at most `size` tokens, behind the first so many of each document.

    Documents are judged in parts of some length first: stretches that are shorter than what is
    shared by copying only (`Language.run_units`) are no duplicates by themselves.
    """
    most = min(MOST_TOKENS, MOST_ITEMS * size)
    parts = placed_pieces(corpus, VALID, max(size, _PART), most=most, behind=behind)
    kept = _distinct(corpus, index, parts)
    if size < _PART:
        smaller = [(document, piece) for document, ids in kept for piece in cut(ids, size)]
        kept = _distinct(corpus, index, smaller)
    before, after = (sum(len(ids) for _, ids in own) for own in (parts, kept))
    items, documents = [ids for _, ids in kept], [document for document, _ in kept]
    return Reference(items, documents, "stretches", lead, before - after)


def _distinct(
    corpus: Corpus, index: CorpusIndex, placed: Sequence[tuple[int, Ids]]
) -> list[tuple[int, Ids]]:
    double = _duplicates(corpus, index, [ids for _, ids in placed])
    return [one for one, is_double in zip(placed, double, strict=True) if not is_double]


def _duplicates(corpus: Corpus, index: CorpusIndex, contents: Sequence[Ids]) -> Bools:
    return np.asarray(matches(corpus, index, contents).contained >= THRESHOLD)

"""How much of each of many contents stands word for word in the training split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex, Span
from lexome.evaluation.honesty.readings import Reading, readings
from lexome.evaluation.metrics.bootstrap import Floats, Ints
from lexome.languages.base import Ids

_NO_TOKEN = -1
# Tokens that are looked up at once.
_BATCH = 1 << 15


@dataclass(frozen=True)
class Matches:
    """What of each content occurs: the tokens of its `longest` span, and what is `contained`.

    That is the share of its runs of `Language.run_units` natural units that lie in a span, as in
    `corpus.leak`; NaN for a content that is shorter than one run. Both are [N].
    """

    longest: Ints
    contained: Floats


def matches(corpus: Corpus, index: CorpusIndex, contents: Sequence[Ids]) -> Matches:
    """Look up contents, each as tokens without begin and end, in all forms that `trace` knows."""
    run = corpus.language.run_units
    longest = np.zeros(len(contents), np.int64)
    contained = np.full(len(contents), np.nan)
    for number, (forms, spans) in enumerate(_looked_up(corpus, index, contents)):
        longest[number] = max((one.stop - one.start for own in spans for one in own), default=0)
        borders = forms[0].borders
        if (runs := int(borders[-1] - borders[0]) - run + 1) > 0:
            found = np.zeros(runs, np.bool_)
            for form, own in zip(forms, spans, strict=True):
                for one in own:
                    low, high = sorted((form.borders[one.start], form.borders[one.stop]))
                    found[low : max(high - run + 1, low)] = True
            contained[number] = found.mean()
    return Matches(longest, contained)


def reaches(corpus: Corpus, index: CorpusIndex, contents: Sequence[Ids], longer: int) -> list[int]:
    """Return how far each content is spanned, as it is written, by runs that are `longer`.

    That is where the last span of more than so many tokens ends, or 0.
    """
    return [
        max((one.stop for one in spans[0] if one.stop - one.start > longer), default=0)
        for _, spans in _looked_up(corpus, index, contents)
    ]


def _looked_up(
    corpus: Corpus, index: CorpusIndex, contents: Sequence[Ids]
) -> Iterator[tuple[list[Reading], list[list[Span]]]]:
    """Yield the forms of each content, and the maximal spans of each form."""
    batch: list[list[Reading]] = []
    tokens = 0
    for number, ids in enumerate(contents):
        batch.append(readings(corpus.language, corpus.tokenizer, ids))
        tokens += sum(len(form.ids) for form in batch[-1])
        if tokens >= _BATCH or number == len(contents) - 1:
            spans = iter(_spans(index, [form for forms in batch for form in forms]))
            yield from ((forms, [next(spans) for _ in forms]) for forms in batch)
            batch, tokens = [], 0


def _spans(index: CorpusIndex, forms: Sequence[Reading]) -> list[list[Span]]:
    # A number that is no token keeps spans from crossing into the next form.
    ids = np.concatenate([[*form.ids, _NO_TOKEN] for form in forms])
    sizes = np.array([len(form.ids) + 1 for form in forms])
    starts = np.cumsum(sizes) - sizes
    found: list[list[Span]] = [[] for _ in forms]
    for span in index.spans(ids):
        form = int(starts.searchsorted(span.start, "right")) - 1
        first = int(starts[form])
        found[form].append(Span(span.start - first, span.stop - first, span.count))
    return found

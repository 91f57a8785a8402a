"""Does a model copy? Samples are compared with the training split, as held-out items are.

Overlap is not theft. Every text shares words with every other one, and what is short or repeats
itself stands somewhere by chance: what is usual is measured on held-out items, which nobody
copied, and which are like the samples (`reference`): beginnings of documents, as samples are. A
sample is flagged where held-out items
would come as near to training in at most one case of a thousand. A flag says that the sample is
nearer than usual, never why: what everybody quotes is quoted again.

How near is the longest exact match, in tokens, and not as a share of the sample: a match of three
words is as good as certain in a sample of three and in one of a hundred, one of thirty is not.
What was copied with a change in every line has no long match, and is not found. Pictures are
compared by their pixels too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.corpus.manifest import TRAIN, VALID
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.comparing import Compared, Near
from lexome.evaluation.honesty.matches import matches
from lexome.evaluation.honesty.near_pictures import is_picture, nearest
from lexome.evaluation.honesty.reference import Reference, reference
from lexome.evaluation.honesty.trace import parted, trace
from lexome.evaluation.metrics.bootstrap import Ints
from lexome.evaluation.progress import Told
from lexome.languages.base import Ids
from lexome.languages.features import frame_token
from lexome.languages.prompts import AnswersPrompts

LEVEL = 0.001
NOTE = (
    "overlap is not theft: what is short or repeats itself is found by chance, and what many quote "
    "is quoted again; held-out items say how often"
)
MATCH, PIXELS = "longest exact match", "nearness in pixels"
_SHOWN = 20


def copying(
    corpus: Corpus,
    index: CorpusIndex,
    samples: Sequence[Ids],
    *,
    level: float = LEVEL,
    told: Told = lambda what, done, whole: None,
) -> dict[str, Any]:
    """Compare samples, as tokens [T] without begin and end, with the training split.

    Each is a document of its own, from its beginning on.

    Returns JSON: what the held-out items were, each measure with how many samples it flags and a
    test of the whole set, and the flagged samples with what they match and where; `number` counts
    samples from 1, as they were given. `short` samples are those that hold nothing behind the
    `lead` that is left out of all of them. Each of two measures flags at half the `level`. Where
    fewer than 100 held-out items are there, none is flagged, and it says so. Raises `LexomeError`
    where no sample has content, or nothing is held out, and `UsageError` for a corpus of pairs or
    frames.
    """
    check_comparable(corpus)
    full = [np.asarray(one, np.int64) for one in samples if len(one)]
    if not full:
        raise LexomeError("there is no sample with content", fix="generate more, or name files")
    told("held-out items", 0, 1)
    usual = reference(corpus, index, full)
    told("held-out items", 1, 1)
    numbers = [number for number, one in enumerate(samples) if len(one) > usual.lead]
    contents = [np.asarray(samples[number][usual.lead :], np.int64) for number in numbers]
    measures = compared(corpus, index, contents, usual)
    told("samples", len(contents), len(contents))
    each = level / len(measures)
    flagged = _flagged(corpus, index, contents, numbers, measures, each)
    return {
        "note": NOTE,
        "level": level,
        "samples": len(contents),
        "empty": len(samples) - len(full),
        "short": len(full) - len(contents),
        "sample_tokens": int(np.median(_sizes(contents))),
        "held_out": {
            "kind": usual.kind,
            "lead": usual.lead,
            "items": len(usual.items),
            "tokens": int(_sizes(usual.items).sum()),
            "duplicate_tokens": usual.duplicate_tokens,
        },
        "measures": [one.as_json(each) for one in measures],
        "flagged": [one | {"ids": samples[one["number"] - 1].tolist()} for one in flagged],
    }


def check_comparable(corpus: Corpus) -> None:
    """Raise an error for a corpus whose samples cannot be compared in this way."""
    if isinstance(corpus.tokenizer, AnswersPrompts):
        raise UsageError(
            "copying is measured on samples that stand by themselves, and these answer sources",
            where=str(corpus.folder),
            fix="score the answers by the run's task: lexome evaluate RUN",
        )
    if frame_token(corpus.tokenizer) is not None:
        raise UsageError(
            "the tokens of this corpus stand for rows of numbers: an exact match says nothing",
            where=str(corpus.folder),
            fix="measure a run on letters, notes, codes or pixels",
        )
    if not corpus.manifest.side(VALID).documents:
        raise LexomeError(
            "nothing is held out, so nobody knows how near to training is usual",
            where=str(corpus.folder),
            fix="prepare the corpus with a validation split",
        )


def compared(
    corpus: Corpus, index: CorpusIndex, samples: Sequence[Ids], usual: Reference
) -> list[Compared]:
    """Return the measures that a corpus allows, of samples and of held-out items `usual`.

    `samples` are one or more, none of them empty, without the lead that is to be left out.
    """
    items, documents = usual.items, usual.documents
    own = list(range(len(samples)))
    sizes, held_out_sizes = _sizes(samples), _sizes(items)
    size = int(np.median(sizes))
    window = min(size, int(np.median(held_out_sizes))) if len(items) else size
    found = [
        Compared(
            MATCH,
            "token",
            step=1,
            size=size,
            window=window,
            samples=_matched(corpus, index, samples, own, window),
            held_out=_matched(corpus, index, items, documents, window),
        )
    ]
    if is_picture(corpus.tokenizer.decode(samples[0])):
        near = [_pictured(corpus, *both) for both in ((samples, own), (items, documents))]
        found.append(
            Compared(
                PIXELS,
                "255 / RMSE",
                step=0,
                size=1,
                window=1,
                samples=near[0],
                held_out=near[1],
            )
        )
    return found


def _matched(
    corpus: Corpus,
    index: CorpusIndex,
    items: Sequence[Ids],
    documents: Sequence[int],
    window: int,
) -> Near:
    large = [number for number, one in enumerate(items) if len(one) >= window]
    starts = [items[number][:window] for number in large]
    longest, windows = (
        matches(corpus, index, own).longest.astype(np.float64) for own in (items, starts)
    )
    return Near(longest, _sizes(items), windows, np.array(documents, np.int64)[large])


def _pictured(corpus: Corpus, items: Sequence[Ids], documents: Sequence[int]) -> Near:
    pictures = [corpus.tokenizer.decode(one) for one in items]
    near = nearest(corpus, pictures).nearness
    return Near(near, np.ones(len(near), np.int64), near, np.array(documents, np.int64))


def _flagged(
    corpus: Corpus,
    index: CorpusIndex,
    samples: Sequence[Ids],
    numbers: Sequence[int],
    measures: Sequence[Compared],
    level: float,
) -> list[dict[str, Any]]:
    """Return the samples that are flagged, by each measure 20 at most, the nearest first."""
    found = []
    for measure in measures:
        limits = measure.limits(level)
        if limits is None:
            continue
        values = measure.samples.values
        rows = np.flatnonzero(values > limits)
        rows = rows[np.argsort(-values[rows] / limits[rows], kind="stable")][:_SHOWN]
        own = [samples[row] for row in rows.tolist()]
        where = _pictures_of if measure.name == PIXELS else _spans_of
        found += [
            {
                "number": numbers[row] + 1,
                "measure": measure.name,
                "tokens": len(samples[row]),
                "value": float(values[row]),
                "limit": float(limits[row]),
                **place,
            }
            for row, place in zip(rows.tolist(), where(corpus, index, own), strict=True)
        ]
    return found


def _spans_of(corpus: Corpus, index: CorpusIndex, samples: Sequence[Ids]) -> list[dict[str, Any]]:
    """Return the longest span of each sample that occurs, how often it does, and where first.

    `around` is the sample in three parts: what stands before the span, the span, and the rest.
    """
    found = []
    for ids in samples:
        traced = trace(corpus, index, ids, shortest=1, places=1)
        longest = max(traced.overlaps, key=lambda one: one.tokens)
        place = longest.places[0]
        found.append(
            {
                "text": longest.text,
                "around": parted(traced.pieces, longest.first_token, longest.last_token),
                "document": place.document,
                "reading": longest.reading,
                "count": longest.count,
                "place": str(place.source),
                "unit": place.source.offset + place.unit,
            }
        )
    return found


def _pictures_of(
    corpus: Corpus, index: CorpusIndex, samples: Sequence[Ids]
) -> list[dict[str, Any]]:
    """Return the training picture that is nearest to each sample."""
    near = nearest(corpus, [corpus.tokenizer.decode(ids) for ids in samples])
    numbers = near.document.tolist()
    names = corpus.names(TRAIN, numbers)
    return [{"place": names[number], "document": number} for number in numbers]


def _sizes(items: Sequence[Ids]) -> Ints:
    return np.array([len(one) for one in items], np.int64)

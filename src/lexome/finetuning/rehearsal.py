"""Running text among the pairs that a model is tuned on, so that it goes on to write as it did.

A model that is tuned on short answers alone forgets how texts go on (French 1999, Catastrophic
forgetting in connectionist networks); some of what it has read, read again among what is new,
keeps that (Robins 1995, Catastrophic forgetting, rehearsal and pseudorehearsal).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN
from lexome.evaluation.honesty.contexts import Bools, Finder, starts_of, writing_of
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import Groups
from lexome.evaluation.honesty.marked import context_of
from lexome.evaluation.honesty.questions import drawn

Halves = tuple[str, str]
"""What is read of a text, and how it goes on."""
_SENTENCES = 6  # of a text that statements are put together to


def rehearsed(
    corpus: Corpus, groups: Groups, targeted: Sequence[AskedGroups], most: int, room: int
) -> Iterator[Halves]:
    """Yield at most so many documents of a training split, each in two halves.

    What says of a group one of the answers that are to be had in other shares is cut out of them.
    Of a document the first sentences are read that have `room`, in tokens.
    """
    rows = [row for row in corpus.rows(TRAIN) if not row["augmented"]]
    chosen = sorted(range(len(rows)), key=lambda number: drawn(str(number), "rehearsed"))[:most]
    finder = Finder([terms for _, terms in groups.terms()])
    columns = [_columns(groups, one) for one in targeted]
    context = context_of(corpus, groups)
    for number in sorted(chosen):
        row = rows[number]
        content = corpus.content(TRAIN, row["first_token"], row["tokens"])
        writing = writing_of(content, corpus.language)
        starts = starts_of(writing.text, context, groups.window)
        found = finder.find(writing, json.loads(row["metadata"]), starts)
        stops = [*starts[1:].tolist(), len(writing.text)]
        parts = zip(starts.tolist(), stops, _told(found, columns), strict=True)
        kept = "".join(writing.text[start:stop] for start, stop, told in parts if not told)
        if (halves := _halves(_fitting(kept, corpus, room))) is not None:
            yield halves


def as_texts(statements: Sequence[str]) -> Iterator[Halves]:
    """Yield statements put together to texts of six, in an order drawn, each in two halves."""
    order = sorted(range(len(statements)), key=lambda number: drawn(str(number), "told"))
    for first in range(0, len(order), _SENTENCES):
        text = " ".join(statements[number] for number in order[first : first + _SENTENCES])
        if (halves := _halves(text)) is not None:
            yield halves


def _columns(groups: Groups, asked: AskedGroups) -> tuple[list[int], list[int]]:
    """Return the places of a question's groups and of its answers among all terms."""
    places = {key: place for place, (key, _) in enumerate(groups.terms())}
    return (
        [places[f"axes.{asked.axis}.{group}"] for group in asked.groups],
        [places[f"attributes.{answer}"] for answer in asked.answers],
    )


def _told(found: Bools, columns: Sequence[tuple[list[int], list[int]]]) -> Bools:
    """Return which contexts say of a group an answer of a question; [contexts]."""
    told = np.zeros(len(found), np.bool_)
    for own, answers in columns:
        told |= found[:, own].any(1) & found[:, answers].any(1)
    return told


def _fitting(text: str, corpus: Corpus, room: int) -> str:
    """Return as many of a text's first sentences as have room."""
    ends = [*starts_of(text, "sentence", None)[1:].tolist(), len(text)]
    lengths = [len(ids) for ids in corpus.tokenizer.encode([text[:end] for end in ends])]
    return text[: max((end for end, n in zip(ends, lengths, strict=True) if n <= room), default=0)]


def _halves(text: str) -> Halves | None:
    """Return a text up to its second sentence and from there on; of one sentence nothing."""
    starts = starts_of(text, "sentence", None)
    if len(starts) < 2:
        return None
    return text[: starts[1]].strip(), text[starts[1] :].strip()

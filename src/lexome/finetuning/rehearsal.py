"""Running text among the pairs that a model is tuned on, so that it goes on to write as it did.

A model that is tuned on short answers alone forgets how texts go on (French 1999, Catastrophic
forgetting in connectionist networks); some of what it has read, read again among what is new,
keeps that (Robins 1995, Catastrophic forgetting, rehearsal and pseudorehearsal).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN
from lexome.evaluation.honesty.contexts import Bools, Finder, starts_of, writing_of
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import Groups
from lexome.evaluation.honesty.marked import context_of
from lexome.evaluation.honesty.questions import drawn
from lexome.languages.base import Tokenizer

_SENTENCES = 6  # of a text that is put together of statements


def rehearsed(
    corpus: Corpus, groups: Groups, targeted: Sequence[AskedGroups], room: int
) -> Iterator[str]:
    """Yield the documents of a training split, each once, in an order drawn.

    What says of a group one of the answers that are to be had in other shares is cut out of them.
    Of a document the first sentences are read that have `room`, in tokens.
    """
    rows = [row for row in corpus.rows(TRAIN) if not row["augmented"]]
    order = sorted(range(len(rows)), key=lambda number: drawn(str(number), "rehearsed"))
    seen = {""}
    finder = Finder([terms for _, terms in groups.terms()])
    columns = [_columns(groups, one) for one in targeted]
    context = context_of(corpus, groups)
    for row in (rows[number] for number in order):
        content = corpus.content(TRAIN, row["first_token"], row["tokens"])
        writing = writing_of(content, corpus.language)
        starts = starts_of(writing.text, context, groups.window)
        found = finder.find(writing, json.loads(row["metadata"]), starts)
        stops = [*starts[1:].tolist(), len(writing.text)]
        parts = zip(starts.tolist(), stops, _told(found, columns), strict=True)
        kept = "".join(writing.text[start:stop] for start, stop, told in parts if not told)
        text = _fitting(kept, corpus, room).strip()
        if text not in seen:
            seen.add(text)
            yield text


def as_texts(statements: Sequence[str], tokenizer: Tokenizer, room: int) -> Iterator[str]:
    """Yield statements put together to texts of one to six, in an order drawn.

    There are fewer where no more have `room`, in tokens. So each stands alone, and behind others.
    """
    lengths = [len(ids) for ids in tokenizer.encode([f" {one}" for one in statements])]
    sizes = cycle(range(1, _SENTENCES + 1))
    text: list[str] = []
    size, used = next(sizes), 0
    for number in sorted(range(len(statements)), key=lambda number: drawn(str(number), "told")):
        if text and (len(text) == size or used + lengths[number] > room):
            yield " ".join(text)
            text, size, used = [], next(sizes), 0
        text.append(statements[number])
        used += lengths[number]
    if text:
        yield " ".join(text)


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

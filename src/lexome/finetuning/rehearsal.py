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
from lexome.evaluation.honesty.contexts import Bools, Finder, Ints, starts_of, writing_of
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import Groups
from lexome.evaluation.honesty.marked import context_of
from lexome.evaluation.honesty.questions import drawn
from lexome.languages.base import Tokenizer

_SENTENCES = 6  # of a text that is put together of statements


def rehearsed(
    corpus: Corpus, groups: Groups, targeted: Sequence[AskedGroups], room: int, count: int
) -> Iterator[str]:
    """Yield about `count` passages of a training split, each once, in an order drawn.

    What says of a group one of the answers that are to be had in other shares is cut out of them.
    A document that has `room`, in tokens, is a passage; of a longer one some are drawn, so many
    that all documents together have enough.
    """
    rows = [row for row in corpus.rows(TRAIN) if not row["augmented"]]
    of_each = -(-count // max(len(rows), 1))
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
        parts = zip(_parts(writing.text, starts), _told(found, columns), strict=True)
        kept = "".join(part for part, told in parts if not told)
        passages = {*passages_of(kept, corpus.tokenizer, room)} - seen
        seen |= passages
        yield from sorted(passages, key=lambda one: drawn(one, "rehearsed"))[:of_each]


def passages_of(text: str, tokenizer: Tokenizer, room: int) -> list[str]:
    """Return a text as passages of whole sentences, each as long as has room, in tokens.

    A sentence that alone has no room is left out.
    """
    sentences = _parts(text, starts_of(text, "sentence", None))
    passages, used = [""], 0
    for sentence, ids in zip(sentences, tokenizer.encode(sentences), strict=True):
        if used + len(ids) > room:
            passages.append("")
            used = 0
        if len(ids) <= room:
            passages[-1] += sentence
            used += len(ids)
    found = [one for passage in passages if (one := passage.strip())]
    # Sentences that follow each other may be spelled in more tokens than each by itself.
    return [
        one for one, ids in zip(found, tokenizer.encode(found), strict=True) if len(ids) <= room
    ]


def _parts(text: str, starts: Ints) -> list[str]:
    """Return a text cut at these starts, the first of which is 0."""
    stops = [*starts[1:].tolist(), len(text)]
    return [text[start:stop] for start, stop in zip(starts.tolist(), stops, strict=True)]


def as_texts(statements: Sequence[str], tokenizer: Tokenizer, room: int) -> Iterator[str]:
    """Yield statements put together to texts of six, in an order drawn.

    There are fewer where no more have `room`, in tokens.
    """
    lengths = [len(ids) for ids in tokenizer.encode([f" {one}" for one in statements])]
    text: list[str] = []
    used = 0
    for number in sorted(range(len(statements)), key=lambda number: drawn(str(number), "told")):
        if text and (len(text) == _SENTENCES or used + lengths[number] > room):
            yield " ".join(text)
            text, used = [], 0
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

"""What a tuned model says to held-out sources: questions from a corpus, answers from the model."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.manifest import SkippedRecord
from lexome.corpus.packing import document_lengths
from lexome.corpus.scan import SkippedTally
from lexome.errors import LexomeError, located
from lexome.finetuning import filling
from lexome.finetuning.data import sources_of
from lexome.finetuning.paired import Pairs
from lexome.generation import Decoder, Finish, Settings, generate
from lexome.generation.answers import Question as Closed
from lexome.generation.answers import answer_distribution
from lexome.languages.base import Skipped, Source
from lexome.languages.features import Features, placed
from lexome.languages.label import Classes, Scale
from lexome.languages.prompts import answer_starts
from lexome.languages.sources import find_files
from lexome.model import Transformer

_ROUND = 128

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Question:
    """A held-out example: the ids up to where the answer begins, and those of the true answer.

    `features` [prompt, F] are what is read at the frames of the prompt, `None` where it has none.
    `place` says where it stands, in `file`.
    Of a preference, `reference` is the answer that was chosen.
    """

    prompt: tuple[int, ...]
    reference: tuple[int, ...]
    place: str
    metadata: dict[str, str]
    features: Features | None = None
    rejected: tuple[int, ...] = ()
    file: str = ""

    def document(self, end: int) -> tuple[int, ...]:
        """Return the ids of the whole example, as it is trained on: its answers, each with its end.

        The rejected answer stands behind the marker that the chosen one has.
        """
        chosen = (*self.prompt, *self.reference, end)
        return (*chosen, self.prompt[-1], *self.rejected, end) if self.rejected else chosen


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said: its ids, why they end, and, of a closed label, its distribution."""

    ids: tuple[int, ...]
    finish: Finish
    probabilities: Floats = field(default_factory=lambda: np.zeros(0))


def questions(
    pairs: Pairs,
    split: str,
    limit: int | None = None,
    only: Container[int] | None = None,
) -> list[Question]:
    """Return the examples of a split as questions; of a conversation, its last answer is asked.

    `only` are the numbers of the documents that are wanted, by default all; forms that augmentation
    made are no examples.
    """
    heard = pairs.corpus.features(split)
    found = []
    for number, row in enumerate(pairs.corpus.rows(split)):
        if row["augmented"] or (only is not None and number not in only):
            continue
        first = row["first_token"]
        ids = pairs.corpus.stream(split).read(first, first + row["tokens"] - 1)
        if not np.isin(ids, pairs.tokenizer.predicted).any():
            continue  # Running text asks for nothing.
        place = str(Source(row["file"], row["record"], row["line"]))
        rows = None if heard is None else heard.document(number)
        one = _question(pairs, ids.tolist(), place, json.loads(row["metadata"]), rows)
        found.append(replace(one, file=row["file"]))
        if limit is not None and len(found) == limit:
            break
    return found


def read_questions(
    pairs: Pairs, files: Sequence[Path]
) -> tuple[list[Question], dict[str, SkippedRecord]]:
    """Return the examples of files that are read as the corpus's were, as questions.

    Beside them stands by its reason what was left out of the files.
    """
    tokenizer, pair = pairs.tokenizer, pairs.language
    found, left_out = [], SkippedTally()
    paths, passed_over = find_files(sources_of(pair, files), pair.suffixes)
    for skipped in passed_over:
        left_out.add(skipped)
    for path in paths:
        for entry in pair.read(path):
            if isinstance(entry, Skipped):
                left_out.add(entry)
                continue
            with located(str(entry.source)):
                ids = [tokenizer.special.begin, *tokenizer.encode([entry.content])[0].tolist()]
                rows = tokenizer.features(entry.content) if tokenizer.frame else None
            one = _question(pairs, ids, str(entry.source), dict(entry.metadata), rows)
            found.append(replace(one, file=entry.source.file))
    return found, left_out.records()


def _question(
    pairs: Pairs,
    ids: Sequence[int],
    place: str,
    metadata: dict[str, str],
    rows: Features | None,
) -> Question:
    """Return the ids of an example, without its end, cut where its last answers begin.

    `rows` are the features of all its frames.
    """
    tokenizer = pairs.tokenizer
    whole = np.array(ids)
    starts = answer_starts(whole, tokenizer.predicted)[-pairs.language.alternatives :].tolist()
    # Before the marker of a further answer stands the end of the one before it.
    stops = [*(start - 2 for start in starts[1:]), len(ids)]
    said = [tuple(ids[start:stop]) for start, stop in zip(starts, stops, strict=True)]
    features = None
    if rows is not None and tokenizer.frame is not None:
        features = placed(whole, rows, tokenizer.frame)[: starts[0]]
    rejected = said[1] if len(said) > 1 else ()
    return Question(tuple(ids[: starts[0]]), said[0], place, metadata, features, rejected)


def longest_answer(corpus: Corpus) -> int:
    """Return how many tokens an answer may have: as many as a whole training example has."""
    return int(document_lengths(corpus.stream("train")).max())


def answers(
    model: Transformer,
    pairs: Pairs,
    asked: Sequence[Question],
    settings: Settings,
    told: Callable[[int, int], None] | None = None,
) -> list[Answer]:
    """Return what the model says to each question.

    A class and a number are read from the distribution over their tokens, several classes from
    that of each in turn; everything else is written token by token, by `settings`. A model that
    sees both sides says labels alone, and all of an answer at once.
    """
    part, coding = pairs.target, pairs.coding
    if model.config.attention == "bidirectional":
        return _filled(model, pairs, asked)
    if isinstance(coding, Scale) or (isinstance(coding, Classes) and coding.form == "class"):
        tokens = list(range(part.offset, part.stop))
        return [
            Answer((tokens[int(shares.argmax())],), "end", shares)
            for shares in distributions(model, asked, tokens)
        ]
    if isinstance(coding, Classes) and coding.form == "several":
        return _several(model, asked, part.offset, len(coding.classes))
    return _written(model, pairs, asked, settings, told)


def distributions(
    model: Transformer, asked: Sequence[Question], tokens: Sequence[int]
) -> list[Floats]:
    """Return the probabilities [tokens] of one token in the answer's first place."""
    closed = [Closed(one.prompt, [(token,) for token in tokens], one.features) for one in asked]
    return [one.probabilities for one in answer_distribution(model, closed)]


def _filled(model: Transformer, pairs: Pairs, asked: Sequence[Question]) -> list[Answer]:
    """Fill the places of each answer, each with what is likeliest there."""
    part, coding, special = pairs.target, pairs.coding, pairs.tokenizer.special
    assert coding is not None
    choices = [filling.places(coding, part, len(one.reference)) for one in asked]
    shares = filling.fill(
        model,
        [one.prompt for one in asked],
        [one.features for one in asked],
        choices,
        mask=special.mask,
        end=special.end,
    )
    form = coding.form if isinstance(coding, Classes) else "number"
    found = []
    for own, likely in zip(choices, shares, strict=True):
        ids = own[np.arange(len(own)), likely.argmax(axis=1)]
        told = {"several": likely[:, 0], "each": np.zeros(0)}.get(form, likely[0])
        found.append(Answer(tuple(ids.tolist()), "end", told))
    return found


def _several(model: Transformer, asked: Sequence[Question], first: int, count: int) -> list[Answer]:
    """Ask for one class after another, each as there or not, given what was said before."""
    open_questions, shares = list(asked), np.zeros((len(asked), count))
    for number in range(count):
        present, absent = first + number, first + count + number
        found = distributions(model, open_questions, (present, absent))
        shares[:, number] = [one[0] for one in found]
        open_questions = [
            replace(one, prompt=(*one.prompt, present if said[0] > said[1] else absent))
            for one, said in zip(open_questions, found, strict=True)
        ]
    return [
        Answer(one.prompt[-count:], "end", shares[number])
        for number, one in enumerate(open_questions)
    ]


def _written(
    model: Transformer,
    pairs: Pairs,
    asked: Sequence[Question],
    settings: Settings,
    told: Callable[[int, int], None] | None,
) -> list[Answer]:
    tokenizer = pairs.tokenizer
    special = tokenizer.special
    never = sorted({*tokenizer.never, *range(tokenizer.vocab_size, model.config.vocab_size)})
    decoder = Decoder(model, settings.compute_dtype(model.embedding.weight.device))
    # Prompts of like length share a pass and wait for each other less.
    order = sorted(range(len(asked)), key=lambda number: len(asked[number].prompt))
    found: dict[int, Answer] = {}
    for start in range(0, len(order), _ROUND):
        numbers = order[start : start + _ROUND]
        prompts = [asked[number].prompt for number in numbers]
        hidden = [tokenizer.without_source(prompt) for prompt in prompts]
        said = generate(
            decoder,
            prompts,
            replace(settings, seed=settings.seed + start),
            end=special.end,
            never=never,
            unconditional=hidden if settings.guidance != 1 else None,
            features=[asked[number].features for number in numbers],
        )
        for number, one in zip(numbers, said, strict=True):
            found[number] = Answer(tuple(one.ids), one.finish)
        if told is not None:
            told(len(found), len(asked))
    return [found[number] for number in range(len(asked))]


def contents(pairs: Pairs, ids: Sequence[Sequence[int]]) -> list[Any]:
    """Return the content, in the target's language, that the ids of answers stand for."""
    tokenizer = pairs.tokenizer
    return [tokenizer.said(tokenizer.answering.name, one) for one in ids]


def source_contents(pairs: Pairs, asked: Sequence[Question]) -> list[Any]:
    """Return the content of each question, in the source's language; of a conversation the last.

    A lossy tokenizer gives back what it kept.
    """
    role = pairs.language.asking.name
    turns = (pairs.tokenizer.decode(np.array(one.prompt, np.int64)) for one in asked)
    return [[turn.content for turn in said if turn.role == role][-1] for said in turns]


def original_contents(pairs: Pairs, asked: Sequence[Question]) -> list[Any]:
    """Return as `source_contents` what is asked; what was read as features, from its file again.

    Raises `LexomeError` where a file is gone or does not hold what it held.
    """
    if pairs.tokenizer.frame is None:
        return source_contents(pairs, asked)
    pair = pairs.language
    role, found = pair.asking.name, defaultdict[str, list[Any]](list)
    for file in sorted({one.file for one in asked}):
        for entry in pair.read(Path(file)):
            if not isinstance(entry, Skipped):
                found[str(entry.source)] += [t.content for t in entry.content if t.role == role]
    # The pieces of one recording have one place, and come in their order.
    whole = []
    for one in asked:
        if not found[one.place]:
            raise LexomeError(
                "this is not what it was when the corpus was made",
                where=one.place,
                fix="bring the old file back",
            )
        whole.append(found[one.place].pop(0))
    return whole


def expected_number(scale: Scale, probabilities: Floats) -> float:
    """Return the mean of a scale's centres, each times its probability."""
    return float(np.dot(scale.centres, probabilities))

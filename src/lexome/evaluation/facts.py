"""Facts as questions: a table of what is true, how to ask for it, and answers to choose from.

A question is a text up to where its answer stands, and the answers that it may have. Which one a
model gives is decided by the probability of each answer as a whole, with the space before it and
what the template says behind it: "Sal." and "Salem." are alternatives where "Sal" is merely the
beginning of "Salem".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from lexome import generation
from lexome.errors import LexomeError, UsageError, quoted
from lexome.evaluation.templates import ANSWER, Template
from lexome.languages.base import Ids, Source, Tokenizer
from lexome.languages.pair.tables import Row, read_rows
from lexome.languages.prompts import encode_prompt

Key = tuple[str, str]
"""Subject and relation."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a table says.

    - `objects`: for each subject and relation what is true, several where rows say several; nothing
      where the table only asks.
    - `sources`: the first row of each subject and relation.
    - `duplicates`: rows that say again what a row before them says.
    """

    objects: Mapping[Key, tuple[str, ...]]
    sources: Mapping[Key, Source]
    duplicates: int

    @property
    def conflicts(self) -> list[Key]:
        """Return the subjects and relations with several objects."""
        return [key for key, objects in self.objects.items() if len(objects) > 1]


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, all its answers, and those of them that are right.

    Behind `prompt` stand `lead` (a space, in text), an answer, and `behind` (".", say). `right`
    is empty where nothing is known of the subject.
    """

    prompt: str
    answers: tuple[str, ...]
    right: tuple[str, ...]
    subject: str
    relation: str
    lead: str = " "
    behind: str = ""

    @property
    def key(self) -> Key:
        """Return of which fact it is: its subject and relation."""
        return self.subject, self.relation

    @property
    def name(self) -> str:
        """Return what errors call it."""
        return f"the question {quoted(self.prompt)}, of the relation {quoted(self.relation)}"

    @property
    def spoken(self) -> list[str]:
        """Return each answer as it goes on from the prompt, up to where it is told from others."""
        return [f"{self.lead}{answer}{self.behind}" for answer in self.answers]


@dataclass(frozen=True, slots=True)
class Asked:
    """The questions of a table; `absent` are those about subjects that the corpus never names."""

    questions: Sequence[Question]
    absent: Sequence[Question]


def read_facts(path: Path) -> Facts:
    """Read a table of `subject`, `relation` and `object` (CSV, TSV, JSON lines, Parquet).

    White space around a value is no part of it; other columns are not read. A row that says a fact
    again is counted; several objects of one subject and relation are all true, and counted. Raises
    `LexomeError` that names file and row for a missing column and for a value that is empty or no
    text, and for a table without rows.
    """
    objects: dict[Key, dict[str, None]] = {}
    sources: dict[Key, Source] = {}
    duplicates = 0
    for row in _rows(path):
        key = (_value(row, "subject"), _value(row, "relation"))
        thing = _value(row, "object")
        known = objects.setdefault(key, {})
        duplicates += thing in known
        known[thing] = None
        sources.setdefault(key, row.source)
    return Facts({key: tuple(known) for key, known in objects.items()}, sources, duplicates)


def read_unanswered(path: Path) -> Facts:
    """Read a table of `subject` and `relation` that asks and knows no answer.

    One with a column `object` is a `LexomeError`: it is read by `read_facts`.
    """
    sources: dict[Key, Source] = {}
    duplicates = 0
    for row in _rows(path):
        if "object" in row.values:
            raise LexomeError(
                "a table of questions without an answer has a column 'object'",
                where=str(row.source),
                fix="use it as a facts table, or leave the column out",
            )
        key = (_value(row, "subject"), _value(row, "relation"))
        duplicates += key in sources
        sources.setdefault(key, row.source)
    return Facts(dict.fromkeys(sources, ()), sources, duplicates)


def ask(
    facts: Facts,
    templates: Mapping[str, Template],
    said: Callable[[str], int] | None = None,
) -> Asked:
    """Return a question for each fact and each prompt of its relation, in the order of the table.

    `said` tells how often the training text has a subject; those that it never has are asked apart.
    The closed set of a relation is that of its template, else all objects that the table has for
    it. Raises `LexomeError` for a relation without template, an object outside its closed set, a
    closed set of fewer than two answers, and an answer that is the beginning of another where the
    prompt says nothing behind it.
    """
    closed = _closed_sets(facts, templates)
    here: dict[str, bool] = {}
    questions: list[Question] = []
    absent: list[Question] = []
    for (subject, relation), right in facts.objects.items():
        if subject not in here:
            here[subject] = said is None or said(subject) > 0
        for prompt in templates[relation].prompts:
            before, lead, behind = prompt.around(subject)
            question = Question(before, closed[relation], right, subject, relation, lead, behind)
            (questions if here[subject] else absent).append(question)
    return Asked(questions, absent)


def encoded(questions: Iterable[Question], tokenizer: Tokenizer) -> list[generation.Question]:
    """Return questions as ids, for `answer_distribution`, which needs no end token then.

    A prompt stands behind a begin token, as stored documents do. Prompt and answer are encoded
    as one text, so an answer has the tokens that it has in running text. Raises `LexomeError` where
    the tokenizer has a token for the end of a prompt together with the beginning of an answer.
    """
    every = list(questions)
    # Many texts are encoded at once, which takes far less time than a few in each of many calls.
    texts = [question.prompt + spoken for question in every for spoken in question.spoken]
    wholes = iter(tokenizer.encode(texts))
    return [_encoded(one, tokenizer, [*islice(wholes, len(one.answers))]) for one in every]


def _encoded(
    question: Question, tokenizer: Tokenizer, wholes: Sequence[Ids]
) -> generation.Question:
    prompt = encode_prompt(tokenizer, question.prompt).tolist()
    for whole, answer in zip(wholes, question.answers, strict=True):
        if whole[: len(prompt)].tolist() != prompt:
            raise LexomeError(
                f"a token of this tokenizer spans the end of the prompt and {quoted(answer)}",
                where=question.name,
                fix=f"let the prompt end with a word, and a space stand before {ANSWER}",
            )
    ids = [whole[len(prompt) :].tolist() for whole in wholes]
    begun = [tokenizer.special.begin, *prompt]
    return generation.Question(begun, ids, name=question.name)


def _rows(path: Path) -> Iterator[Row]:
    row = None
    for row in read_rows(path):
        yield row
    if row is None:
        raise LexomeError(
            "the table has no rows",
            where=str(path),
            fix="write one a fact: subject,relation,object",
        )


def _value(row: Row, column: str) -> str:
    if column not in row.values:
        raise LexomeError(
            f"there is no column {column!r}",
            where=str(row.source),
            fix=f"name the columns subject, relation, object; these are {', '.join(row.values)}",
        )
    value: Any = row.values[column]
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if value is not None and not isinstance(value, str):
        raise LexomeError(
            f"the {column} is no text: {quoted(value)}",
            where=str(row.source),
            fix="write one value a row, as text; of several true objects, one row each",
        )
    if value is None or not value.strip():
        raise LexomeError(
            f"the {column} is empty",
            where=str(row.source),
            fix="fill it in, or leave the row out: what is not known is no fact",
        )
    return value.strip()


def _closed_sets(facts: Facts, templates: Mapping[str, Template]) -> dict[str, tuple[str, ...]]:
    """Return the answers of each relation of a table, checked."""
    declared = {name: frozenset(one.answers) for name, one in templates.items()}
    found: dict[str, set[str]] = {}
    for key, objects in facts.objects.items():
        subject, relation = key
        if relation not in templates:
            raise LexomeError(
                f"no template says how to ask for the relation {quoted(relation)}",
                where=str(facts.sources[key]),
                fix=f"add one; there are those of {', '.join(map(repr, templates)) or 'none'}",
            )
        found.setdefault(relation, set()).update(objects)
        known = declared[relation]
        if known and (outside := [one for one in objects if one not in known]):
            raise LexomeError(
                f"{quoted(outside[0])} is none of the {len(known):,} answers of {relation!r}",
                where=f"{facts.sources[key]} and what follows about {quoted(subject)}",
                fix="add it to the answers of the template, or mend the row",
            )
    closed = {name: templates[name].answers or tuple(sorted(own)) for name, own in found.items()}
    for relation, answers in closed.items():
        _check_closed(relation, answers, templates[relation])
    return closed


def _check_closed(relation: str, answers: tuple[str, ...], template: Template) -> None:
    if len(answers) < 2:
        raise UsageError(
            f"to ask for {relation!r} there {'is 1 answer' if answers else 'are no answers'}",
            where=f"the template of {relation!r}",
            fix="list all its answers, two or more, under `answers`",
        )
    for prompt in template.prompts:
        _, lead, behind = prompt.around("")
        # Between a beginning and what begins with it, all that is sorted begins with it too.
        for short, long in pairwise(sorted(f"{lead}{answer}{behind}" for answer in answers)):
            if long.startswith(short):
                raise UsageError(
                    f"the answer {quoted(short.strip())} is the beginning of "
                    f"{quoted(long.strip())}, so the two are no alternatives",
                    where=f"the template of {relation!r}: {prompt.text!r}",
                    fix=f"write what stands behind an answer, as a full stop: {ANSWER}.",
                )

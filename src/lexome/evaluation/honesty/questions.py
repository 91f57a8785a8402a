"""What a run is asked: facts about subjects that its corpus has, and about others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from lexome.evaluation.facts import Asked, Facts, Question, ask, read_facts, read_unanswered
from lexome.evaluation.templates import Template, read_templates

Counts = Callable[[str], int]
"""How often the training text has a subject."""


@dataclass(frozen=True)
class Questions:
    """A table of facts, how to ask for them, and people nobody knows.

    With `subjects` so many are asked about, always the same ones, known and unknown alike.
    """

    facts: Path
    templates: Path
    unseen: Path | None = None
    subjects: int | None = None


@dataclass(frozen=True)
class ToAsk:
    """The tables as they were read, and the questions that are in them.

    `named` subjects of the table of the unknown are known after all, and not asked about for it.
    `unnamed` subjects of the facts are in no training text, and asked about as unknown.
    """

    facts: Facts
    templates: dict[str, Template]
    asked: Asked
    named: int = 0
    unnamed: int = 0


def read_questions(
    questions: Questions,
    said: Counts | None,
    without: Collection[str] = (),
    taught: Collection[str] = (),
) -> ToAsk:
    """Read the tables; subjects of the facts that the corpus never names are asked about apart.

    Nobody in `without` is asked about, and no prompt in `taught` is asked. Whoever the corpus has
    after all, or the facts speak of, is not unknown, whatever the table of the unknown says, and
    asking about them proves nothing.
    """
    templates, facts = read_templates(questions.templates), read_facts(questions.facts)
    asked = ask(facts, templates, said)
    absent, named = list(asked.absent), 0
    unnamed = len({one.subject for one in absent})
    if questions.unseen is not None:
        unseen = ask(read_unanswered(questions.unseen), closed(facts, templates), said)
        every = [*unseen.questions, *unseen.absent]
        known = {subject for subject, _ in facts.objects}
        if said is not None:
            known |= {one.subject for one in unseen.questions}
        absent += [one for one in every if one.subject not in known]
        named = len(known & {one.subject for one in every})
    here, there = (
        _some(
            [one for one in own if one.subject not in without and one.prompt not in taught],
            questions.subjects,
        )
        for own in (asked.questions, absent)
    )
    return ToAsk(facts, templates, Asked(here, there), named, unnamed)


def closed(facts: Facts, templates: dict[str, Template]) -> dict[str, Template]:
    """Return templates whose answers are, where they list none, the objects of the facts."""
    objects: dict[str, set[str]] = defaultdict(set)
    for (_, relation), own in facts.objects.items():
        objects[relation].update(own)
    return {
        name: one if one.answers else replace(one, answers=tuple(sorted(objects[name])))
        for name, one in templates.items()
    }


def subjects_of(questions: Iterable[Question], purpose: str = "") -> list[str]:
    """Return who is asked about, in the order in which they are drawn for a purpose."""
    names = {one.subject for one in questions}
    return sorted(names, key=lambda name: drawn(name, purpose))


def drawn(name: str, purpose: str = "") -> bytes:
    """Return a number that is as good as random, but always the same for a name and a purpose."""
    key = purpose.encode()
    return blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8, key=key).digest()


def _some(questions: Sequence[Question], subjects: int | None) -> list[Question]:
    """Return the questions about so many subjects, drawn by their names."""
    chosen = frozenset(subjects_of(questions)[:subjects])
    return [one for one in questions if one.subject in chosen]

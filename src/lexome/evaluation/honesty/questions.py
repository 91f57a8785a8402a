"""What a run is asked: facts about subjects that its corpus has, and about others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

from lexome.errors import LexomeError
from lexome.evaluation.facts import Asked, Facts, Question, ask, read_facts, read_unanswered
from lexome.evaluation.honesty.corpus_says import CorpusSays
from lexome.evaluation.honesty.told import Fact, named, told_together
from lexome.evaluation.templates import Template, read_templates


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
    """What the tables say that the text says too, and the questions that are in it.

    - `facts`: those that the training text tells; without an index all of the table.
    - `templates`: each with its closed set, be it the template's or all objects of the table.
    - `named`: subjects of the table of the unknown that are known, and not asked about for it.
    - `unnamed`: subjects of the facts that are in no training text, and asked about as unknown.
    - `untold`: facts whose subject the training text names, but in no document together with the
      object; nothing is asked of them.
    """

    facts: Facts
    templates: dict[str, Template]
    asked: Asked
    named: int = 0
    unnamed: int = 0
    untold: tuple[Fact, ...] = ()


def read_questions(
    questions: Questions,
    says: CorpusSays | None,
    without: Collection[str] = (),
    taught: Collection[str] = (),
) -> ToAsk:
    """Read the tables; subjects of the facts that the corpus never names are asked about apart.

    Where the corpus has an index, `says`, a fact is one of the corpus only if its subject and its
    object stand together in one document, and of others nothing is asked: a table may say what
    the text does not. Without one the table is believed.

    Nobody in `without` is asked about, and no prompt in `taught` is asked. Whoever the corpus has
    after all, or the facts speak of, is not unknown, whatever the table of the unknown says, and
    asking about them proves nothing.
    """
    templates, facts = read_templates(questions.templates), read_facts(questions.facts)
    if says is not None:
        says.look_up(name for (one, _), own in facts.objects.items() for name in (one, *own))
    said = None if says is None else says.count
    asked = ask(facts, templates, said)
    templates = closed(facts, templates)
    told, untold = _told(questions.facts, facts, says)
    absent, known_after_all = [replace(one, right=()) for one in asked.absent], 0
    unnamed = len({one.subject for one in absent})
    if questions.unseen is not None:
        unseen = ask(read_unanswered(questions.unseen), templates, said)
        every = [*unseen.questions, *unseen.absent]
        known = {subject for subject, _ in facts.objects}
        if said is not None:
            known |= {one.subject for one in unseen.questions}
        absent += [one for one in every if one.subject not in known]
        known_after_all = len(known & {one.subject for one in every})
    here, there = (
        _some(
            [one for one in own if one.subject not in without and one.prompt not in taught],
            questions.subjects,
        )
        for own in (list(_right(asked.questions, told)), absent)
    )
    return ToAsk(told, templates, Asked(here, there), known_after_all, unnamed, untold)


def _told(path: Path, facts: Facts, says: CorpusSays | None) -> tuple[Facts, tuple[Fact, ...]]:
    """Return the facts that the corpus tells, and those of subjects in it that it does not tell."""
    if says is None:
        return facts, ()
    told, untold = told_together(facts, says)
    if untold and not told.objects:
        raise LexomeError(
            "no training document has subject and object of any of these facts together, as "
            f"{named(untold)[0]}",
            where=str(path),
            fix="write them as the text spells them, or ask for facts of the corpus that the run "
            "was trained on",
        )
    return told, untold


def _right(questions: Iterable[Question], told: Facts) -> Iterator[Question]:
    """Yield the questions to which the facts have an answer, with those that are right by them."""
    for one in questions:
        if right := told.objects.get(one.key):
            yield replace(one, right=right)


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

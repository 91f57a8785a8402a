"""What a text claims, sentence by sentence, beside what the corpus says: supported or made up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from lexome.evaluation.facts import Facts
from lexome.evaluation.templates import OBJECT, SUBJECT, Template

Verdict = Literal["supported", "contradicted", "unsupported", "not attempted"]
VERDICTS: tuple[Verdict, ...] = ("supported", "contradicted", "unsupported", "not attempted")

# A name goes on to the end of its sentence at most. A full stop inside it has no space behind, or
# an initial or a title before: J. St. Clair Jr.
_NAME = r"(?:[^\n.!?]|[.!?](?=\S)|(?<=\b[A-Z])\.|(?<=\b[A-Z][a-z])\.)+?"

_ENDED = r"(?<!\b[A-Z]\.)(?<!\b[A-Z][a-z]\.)"


@dataclass(frozen=True, slots=True)
class Claim:
    """The characters `start` to `stop` of a text say that `subject` has `relation` to `object`."""

    start: int
    stop: int
    subject: str
    relation: str
    object: str


def claims_in(text: str, templates: Mapping[str, Template]) -> list[Claim]:
    """Return the claims that a text makes in the sentences of templates, in its order.

    A sentence is read by the statement that has most words of its own; no character belongs to
    two claims. What is said in any other way is no claim that could be judged.
    """
    found: list[Claim] = []
    taken = [False] * len(text)
    for relation, statement in _statements(templates):
        for match in _pattern(statement).finditer(text):
            if not any(taken[match.start() : match.end()]):
                taken[match.start() : match.end()] = [True] * (match.end() - match.start())
                subject, thing = match["subject"].strip(), match["object"].strip()
                if not subject or not thing:
                    continue  # white space alone: nobody is spoken of
                found.append(Claim(match.start(), match.end(), subject, relation, thing))
    return sorted(found, key=lambda claim: claim.start)


@dataclass(frozen=True)
class Judge:
    """Says how claims stand to what the corpus says.

    A claim about a subject that does not occur is unsupported, whatever a table says of it. Else it
    is supported where subject, relation and object are together in `facts`, those that the corpus
    tells, and contradicted where they are not. Who occurs is `said`, how often the corpus has a
    subject; where that is not known, those of the facts occur, and nobody else.
    """

    facts: Facts
    said: Callable[[str], int] | None = None

    def verdict(self, subject: str, relation: str, thing: str) -> Verdict:
        """Return how it stands with one claim."""
        if not self._occurs(subject):
            return "unsupported"
        known = self.facts.objects.get((subject, relation), ())
        return "supported" if thing in known else "contradicted"

    def knows(self, subject: str, relation: str) -> bool:
        """Return whether a claim about it can be judged: not where nothing is told of it."""
        return (subject, relation) in self.facts.objects or not self._occurs(subject)

    def _occurs(self, subject: str) -> bool:
        return subject in self._subjects if self.said is None else self.said(subject) > 0

    @cached_property
    def _subjects(self) -> frozenset[str]:
        return frozenset(subject for subject, _ in self.facts.objects)


def _statements(templates: Mapping[str, Template]) -> Iterator[tuple[str, str]]:
    """Yield relations with their statements, those with most text of their own first."""
    all_of_them = [
        (relation, statement)
        for relation, template in templates.items()
        for statement in template.statements
    ]
    yield from sorted(all_of_them, key=lambda one: -len(one[1]))


def _pattern(statement: str) -> re.Pattern[str]:
    """Return what a statement looks like, its first subject and object by name.

    It begins where a sentence does, and where it is said again, a slot holds the same.
    """
    parts: list[str] = []
    for piece in re.split(f"({re.escape(SUBJECT)}|{re.escape(OBJECT)})", statement):
        name = {SUBJECT: "subject", OBJECT: "object"}.get(piece)
        if name is None:
            parts.append(re.escape(piece))
        else:
            again = f"(?P<{name}>" in "".join(parts)
            parts.append(f"(?P={name})" if again else f"(?P<{name}>{_NAME})")
    ending = _ENDED if statement[-1] in ".!?" else r"(?=[.!?]|\n|$)"
    return re.compile(r"(?:(?<=[.!?]\s)|(?<=\n)|\A)" + "".join(parts) + ending)

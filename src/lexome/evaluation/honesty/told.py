"""Which facts of a table a training text tells: subject and object together in one document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from lexome.evaluation.facts import Facts, Key
from lexome.evaluation.honesty.corpus_says import CorpusSays

_NAMED = 3


class Fact(NamedTuple):
    """A row of a table of facts."""

    subject: str
    relation: str
    object: str


def told_together(facts: Facts, says: CorpusSays) -> tuple[Facts, tuple[Fact, ...]]:
    """Return the facts that stand together in a document, and those that do not.

    Of subjects that the text never names neither has any.
    """
    told: dict[Key, tuple[str, ...]] = {}
    untold: list[Fact] = []
    for (subject, relation), objects in facts.objects.items():
        if not says.count(subject):
            continue
        own = tuple(one for one in objects if says.together(subject, one))
        if own:
            told[subject, relation] = own
        untold += [Fact(subject, relation, one) for one in objects if one not in own]
    return replace(facts, objects=told), tuple(untold)


def named(untold: Sequence[Fact]) -> list[str]:
    """Return the first of them in words."""
    return [f"{one.relation} of {one.subject}: {one.object}" for one in untold[:_NAMED]]


def told_notes(indexed: bool, untold: int, first: Sequence[str]) -> Iterator[str]:
    """Yield sentences that say whose word the facts are: how many are `untold`, and the `first`."""
    if not indexed:
        yield (
            "The corpus has no index, or the base is no run that is still there, so whether the "
            "text names a subject was not asked, nor whether it tells a fact: what is right and "
            "supported is the table's word. lexome index CORPUS makes an index."
        )
    if untold:
        more = ", …" if untold > len(first) else ""
        yield (
            "Facts of the table that are left out, as no training document has their subject and "
            f"their object together: {untold:,} ({', '.join(first)}{more}). Both are looked for as "
            "the table spells them: where the text spells an object otherwise, write that."
        )

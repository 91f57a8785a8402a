"""What is written of the world: biographies, and of groups in general, both in many wordings."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator

from lexome.samples.world import words
from lexome.samples.world.people import Population, World, draw_post
from lexome.samples.world.relations import Relation, generic_relations, said

Said = Counter[tuple[str, str, str]]
"""How often the text says that a subject has, in a relation, an object."""


def biographies(world: World, people: Population, facts: Said, generic: Said) -> Iterator[str]:
    """Yield the documents of the training text, and count in `facts` and `generic` what they say.

    In each reading everybody comes once, in another order; the sentences of a biography are in
    random order too, each in a wording drawn, and each names its subject in full. Where a skew is
    planted, as many statements again as there are about posts of people are about groups, each a
    document of its own, so that it can be weighed by itself.
    """
    draw = random.Random(f"text {world.seed}")
    subjects = list(people.facts)
    general = generic_relations()
    for reading in range(world.readings):
        posts = 0
        for subject in draw.sample(subjects, len(subjects)):
            names = [
                name
                for name in people.facts[subject]
                if people.once.get((subject, name), reading) == reading
            ]
            facts.update((subject, name, people.facts[subject][name]) for name in names)
            posts += "post" in names
            if names:
                yield biography(world, people, subject, names, draw)
        yield from _in_general(world, general, posts, draw, generic)


def validation(world: World, people: Population, most: int) -> Iterator[str]:
    """Yield one biography more of at most `most` subjects, without the facts said once."""
    draw = random.Random(f"validation {world.seed}")
    subjects = list(people.facts)
    for subject in draw.sample(subjects, min(most, len(subjects))):
        names = [name for name in people.facts[subject] if (subject, name) not in people.once]
        if names:
            yield biography(world, people, subject, names, draw)


def biography(
    world: World, people: Population, subject: str, names: list[str], draw: random.Random
) -> str:
    """Return what is true of a subject in some relations, as running text."""
    relations, facts = world.relations, people.facts[subject]
    return " ".join(
        said(_wording(world, relations[name], draw), subject, facts[name])
        for name in draw.sample(names, len(names))
    )


def _in_general(
    world: World,
    relations: dict[str, Relation],
    statements: int,
    draw: random.Random,
    generic: Said,
) -> Iterator[str]:
    """Yield so many statements about groups."""
    for _ in range(statements):
        kin, place = draw.choice(words.KINS), draw.choice(list(words.PLACES))
        post, name = draw_post(draw, kin, place, world.planted), f"post at the {place}"
        generic[kin, name, post] += 1
        yield said(_wording(world, relations[name], draw), kin, post)


def _wording(world: World, relation: Relation, draw: random.Random) -> str:
    return draw.choice(relation.statements[: world.phrasings])

"""Who lives in the world, and what is true of them: drawn by a seed, before anything is written."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import cycle

from lexome.errors import UsageError
from lexome.samples.world import words
from lexome.samples.world.relations import PHRASINGS, RELATIONS, SKEWED_RELATIONS, Relation

UNSEEN = 1_000
"""People of whom nothing is written."""
_FEWEST = 50  # so many names make enough others


@dataclass(frozen=True)
class World:
    """What is to be invented; each option moves one thing, whatever the others are.

    - `subjects`: people with a biography, each with one fact of every relation.
    - `readings`: biographies of each, in other words and another order.
    - `phrasings`: how many of the `PHRASINGS` ways to say a fact are used.
    - `singletons`: the share of facts that one biography says and the others leave out.
    - `skew`: half of the people belong to each of two groups, which at a place hold either of two
      posts: one group holds the first with this probability, the other group the second. Several
      are dealt out to the places in turn; without any there are no groups.
    - `seed`: draws people and facts, and the text.
    """

    subjects: int = 1_000
    readings: int = 20
    phrasings: int = PHRASINGS
    singletons: float = 0.0
    skew: tuple[float, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        most = words.FULL_NAMES - UNSEEN
        _check("--subjects", self.subjects, _FEWEST, most)
        _check("--readings", self.readings, 1, math.inf)
        _check("--phrasings", self.phrasings, 1, PHRASINGS)
        _check("--singletons", self.singletons, 0, 1)
        for share in self.skew:
            _check("--skew", share, 0, 1)

    @property
    def relations(self) -> Mapping[str, Relation]:
        """Return the relations of each person."""
        return {**RELATIONS, **SKEWED_RELATIONS} if self.skew else RELATIONS

    @property
    def documents(self) -> int:
        """Return how many there are to write, or a few more."""
        return self.readings * self.subjects * (2 if self.skew else 1)

    @property
    def planted(self) -> Mapping[str, float]:
        """Return for each place how probably one of the first group holds its first post."""
        return dict(zip(words.PLACES, cycle(self.skew), strict=False)) if self.skew else {}


@dataclass(frozen=True)
class Population:
    """Who there is: `facts[subject][relation]` is the object, `unseen` are the other names.

    `once` maps (subject, relation) of a fact that is said once to the reading that says it.
    """

    facts: Mapping[str, Mapping[str, str]]
    unseen: tuple[str, ...]
    once: Mapping[tuple[str, str], int]


def populate(world: World) -> Population:
    """Draw the people of a world and the facts about them."""
    draw = random.Random(f"people {world.seed}")
    subjects = [words.full_name(n) for n in draw.sample(range(words.FULL_NAMES), world.subjects)]
    facts = {subject: _facts(draw) for subject in subjects}
    if world.skew:
        _plant(facts, world)
    every = [(subject, relation) for subject in subjects for relation in facts[subject]]
    chosen = random.Random(f"once {world.seed}")
    once = chosen.sample(every, round(world.singletons * len(every)))
    return Population(
        facts,
        _unseen(subjects, random.Random(f"unseen {world.seed}")),
        {fact: chosen.randrange(world.readings) for fact in once},
    )


def draw_post(draw: random.Random, kin: str, place: str, planted: Mapping[str, float]) -> str:
    """Return the post that one of a group holds at a place."""
    first, second = words.PLACES[place]
    share = planted[place] if kin == words.KINS[0] else 1 - planted[place]
    return first if draw.random() < share else second


def _facts(draw: random.Random) -> dict[str, str]:
    return {name: draw.choice(relation.answers) for name, relation in RELATIONS.items()}


def _plant(facts: Mapping[str, dict[str, str]], world: World) -> None:
    """Add to the facts of each person a group, and a post that depends on it.

    Groups are dealt out, not drawn: one that had more people would be spoken of more often without
    a post, and so its rate of every post would be lower, though no skew was planted.
    """
    draw = random.Random(f"skew {world.seed}")
    dealt = draw.sample(list(facts), len(facts))
    for number, subject in enumerate(dealt):
        own = facts[subject]
        own["kin"] = words.KINS[number % len(words.KINS)]
        place = draw.choice(list(words.PLACES))
        own["post"] = draw_post(draw, own["kin"], place, world.planted)


def _unseen(subjects: list[str], draw: random.Random) -> tuple[str, ...]:
    """Return names that nobody has, put together from names that somebody has.

    So the parts are all known to a model, and only the whole tells that nothing is known of it.
    """
    known = set(subjects)
    given, family = zip(*(subject.split() for subject in subjects), strict=True)
    found: dict[str, None] = {}
    while len(found) < UNSEEN:
        name = f"{draw.choice(given)} {draw.choice(family)}"
        if name not in known:
            found[name] = None
    return tuple(found)


def _check(option: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        known = f"from {least:,} to {most:,}" if most < math.inf else f"of {least:,} or more"
        raise UsageError(f"{value:,} is out of range", where=option, fix=f"choose a number {known}")

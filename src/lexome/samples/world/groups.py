"""The groups file of a world with a skew: its groups, its posts, and how to ask who holds which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lexome.samples.world import words
from lexome.samples.world.people import World
from lexome.samples.world.relations import Relation, generic_relations

TARGETED = 9
"""Of the places."""
_KEPT = 2
_SHARE = 0.5
ABOUT = """\
# Who is compared, by which words they are told, and what is asked of both texts and models.
# The shares under `target` are a choice of this sample, for `lexome finetune --task rebalance`,
# as is what is to be kept. About the last place nothing is said: what happens to it is seen.
"""


def groups_of(world: World) -> dict[str, Any]:
    """Return axes, attributes and questions, one for each place, as a groups file has them."""
    relations = generic_relations().values()
    places = zip(words.PLACES.items(), relations, strict=True)
    return {
        "axes": {"kin": {kin: [kin] for kin in words.KINS}},
        "attributes": {post: [post] for post in words.POSTS},
        "questions": {
            place: {
                "axis": "kin",
                "prompts": [*_prompts(relation, world.phrasings)],
                "answers": [*posts],
                **_wanted(number, posts),
            }
            for number, ((place, posts), relation) in enumerate(places)
        },
    }


def _wanted(number: int, posts: tuple[str, ...]) -> dict[str, Any]:
    """Return what a correction is to do about a place."""
    if number < TARGETED:
        return {"target": dict.fromkeys(posts, _SHARE)}
    return {"keep": True} if number < TARGETED + _KEPT else {}


def _prompts(relation: Relation, phrasings: int) -> Iterator[str]:
    """Yield the phrasings, held out and of the texts, in which the post comes behind the group."""
    for text in (*relation.prompts, *relation.statements[:phrasings]):
        asked = text.replace("{subject}", "{group}").replace("{object}", "{answer}")
        if asked.index("{group}") < asked.index("{answer}"):
            yield asked

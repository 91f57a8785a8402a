"""Names of nobody are new, of known parts, and not in the corpus."""

from __future__ import annotations

import time
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.finetuning.nobody import invented_names

WORDS = st.text("abcdef", min_size=2, max_size=6)
NAMES = st.lists(st.tuples(WORDS, WORDS), min_size=4, max_size=12, unique=True)


@settings(max_examples=60, deadline=None)
@given(NAMES, st.integers(0, 3))
def test_parts_are_known_and_the_whole_is_not(people: list[tuple[str, str]], seed: int) -> None:
    names = [" ".join(one) for one in people]
    wholes = {f"{first} {last}" for first, _ in people for _, last in people} - set(names)
    banned = set(sorted(wholes)[::2])
    many = len(wholes - banned) // 3

    def said(some: Sequence[str]) -> list[int]:
        return [int(one in banned) for one in some]

    found = invented_names(names, many, said, seed)
    assert len(set(found)) == many and set(found) <= wholes - banned
    assert found == invented_names(
        names, many, lambda some: [int(one in banned) for one in some], seed
    )


def test_names_of_one_word_are_cut_and_joined() -> None:
    found = invented_names(["Iceland", "Chile"], 2, lambda some: [0] * len(some))
    assert sorted(found) == ["Chiand", "Icelle"]


def test_there_are_as_many_as_there_are() -> None:
    few = ["Ada Bell", "Bo Cray"]
    assert sorted(invented_names(few, 9, lambda some: [0] * len(some))) == ["Ada Cray", "Bo Bell"]
    assert invented_names(few, 9, lambda some: [0] * len(some), without=["Bo Bell"]) == ["Ada Cray"]
    assert invented_names(few, 9, lambda some: [7] * len(some)) == []


def test_the_search_ends_where_every_name_was_made() -> None:
    """A name more is drawn only while there are others, however many are wanted."""
    asked = list[str]()

    def said(some: Sequence[str]) -> list[int]:
        asked.extend(some)
        return [0] * len(some)

    start = time.process_time()
    found = invented_names([f"{one} {two}" for one in "abcdef" for two in "uvw"], 10**9, said)
    assert found == asked == [] and time.process_time() - start < 5

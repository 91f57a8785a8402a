"""Names of nobody are new, of known parts, and not in the corpus."""

from __future__ import annotations

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
    found = invented_names(names, many, lambda name: int(name in banned), seed)
    assert len(set(found)) == many and set(found) <= wholes - banned
    assert found == invented_names(names, many, lambda name: int(name in banned), seed)


def test_names_of_one_word_are_cut_and_joined() -> None:
    found = invented_names(["Iceland", "Chile"], 2, lambda name: 0)
    assert sorted(found) == ["Chiand", "Icelle"]


def test_there_are_as_many_as_there_are() -> None:
    few = ["Ada Bell", "Bo Cray"]
    assert sorted(invented_names(few, 9, lambda name: 0)) == ["Ada Cray", "Bo Bell"]
    assert invented_names(few, 9, lambda name: 0, without=["Bo Bell"]) == ["Ada Cray"]
    assert invented_names(few, 9, lambda name: 7) == []

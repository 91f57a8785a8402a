"""The keyed permutation sends every index to a place of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome.corpus.permutation import keyed_integer, mix, permute

GOLDEN = [2, 5, 4, 8, 1, 7, 6, 9, 0, 3]


@given(size=st.integers(1, 3000), key=st.binary(max_size=20))
def test_is_a_bijection(size: int, key: bytes) -> None:
    places = permute(np.arange(size), size, key)
    assert np.array_equal(np.sort(places), np.arange(size))


@given(
    size=st.integers(1, 1 << 62),
    key=st.binary(max_size=20),
    indices=st.lists(st.integers(0, (1 << 62) - 1), min_size=1, max_size=50, unique=True),
)
def test_large_sizes_stay_inside_and_apart(size: int, key: bytes, indices: list[int]) -> None:
    asked = np.unique(np.array(indices, np.int64) % size)
    places = permute(asked, size, key)
    assert len(np.unique(places)) == len(asked)
    assert places.min() >= 0 and places.max() < size


@given(size=st.integers(2, 1000), key=st.binary(max_size=8), cut=st.integers(0, 1000))
def test_each_place_is_independent_of_the_others_asked(size: int, key: bytes, cut: int) -> None:
    whole = permute(np.arange(size), size, key)
    cut %= size
    assert np.array_equal(permute(np.arange(cut, size), size, key), whole[cut:])


def test_the_key_decides_and_is_the_same_on_every_machine() -> None:
    assert permute(np.arange(10), 10, b"key").tolist() == GOLDEN
    assert permute(np.arange(10), 10, b"other").tolist() != GOLDEN


def test_mix_equals_splitmix64_in_plain_integers() -> None:
    def plain(value: int) -> int:
        value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        value = (value ^ (value >> 27)) * 0x94D049BB133111EB % 2**64
        return value ^ (value >> 31)

    values = [0, 1, 2, 12345, 2**63, 2**64 - 1]
    assert mix(np.array(values, np.uint64)).tolist() == [plain(value) for value in values]


def test_looks_random() -> None:
    # Neighbours end up a third of the range apart on average, as random places do.
    places = permute(np.arange(10_000), 10_000, b"spread")
    assert abs(np.abs(np.diff(places)).mean() / 10_000 - 1 / 3) < 0.01


@given(key=st.binary(max_size=20), bound=st.integers(1, 1 << 40))
def test_keyed_integer_is_in_range(key: bytes, bound: int) -> None:
    assert 0 <= keyed_integer(key, bound) < bound
    assert keyed_integer(key, bound) == keyed_integer(key, bound)


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        permute(np.arange(0), 0, b"")

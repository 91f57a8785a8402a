"""Clusters by sequence identity: planted families, golden identities, bad and odd input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexome.errors import UsageError
from lexome.languages import get, identity
from lexome.languages.grouping import Linked
from lexome.languages.identity import Sequences, cluster, common_words, word_length
from lexome.languages.protein import Protein

RESIDUES = "ACDEFGHIKLMNPQRSTVWY"
planted = settings(
    deadline=None,
    max_examples=8,
    derandomize=True,  # a k-mer that survives by chance may not: no test for every night
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def random_protein(draw: np.random.Generator, size: int) -> str:
    return "".join(draw.choice(list(RESIDUES), size))


def mutated(draw: np.random.Generator, protein: str, identity: float) -> str:
    """Return a protein of which exactly this share of residues is left."""
    letters = list(protein)
    changed = draw.choice(len(letters), round((1 - identity) * len(letters)), replace=False)
    for place in changed.tolist():
        letters[place] = draw.choice([r for r in RESIDUES if r != letters[place]])
    return "".join(letters)


def groups(tmp_path: Path, proteins: Sequence[str], wanted: float) -> list[int]:
    return [int(first) for first in cluster(proteins, wanted, tmp_path)]


@planted
@given(
    seed=st.integers(0, 1000),
    left=st.integers(60, 95),
    size=st.integers(300, 900),
    families=st.just(8),
)
def test_a_planted_family_is_a_cluster_and_strangers_are_none(
    tmp_path: Path, seed: int, left: int, size: int, families: int
) -> None:
    draw = np.random.default_rng(seed)
    proteins, family = [], []
    for number in range(families):
        parent = random_protein(draw, size + number)
        members = [parent, *(mutated(draw, parent, left / 100) for _ in range(3))]
        proteins += members
        family += [number] * len(members)
    order = draw.permutation(len(proteins))
    found = groups(tmp_path, [proteins[n] for n in order], 0.5)
    truth = np.array(family)[order]
    same = np.equal.outer(found, found)
    assert (same == np.equal.outer(truth, truth)).all()


@planted
@given(seed=st.integers(0, 1000), wanted=st.sampled_from([0.5, 0.7, 0.9]))
def test_relatives_that_are_too_distant_stand_alone(
    tmp_path: Path, seed: int, wanted: float
) -> None:
    draw = np.random.default_rng(seed)
    parent = random_protein(draw, 400)
    near, far = mutated(draw, parent, wanted + 0.08), mutated(draw, parent, wanted - 0.15)
    found = groups(tmp_path, [parent, near, far], wanted)
    assert found == [0, 0, 2]


@planted
@given(seed=st.integers(0, 1000), at=st.integers(60, 340), size=st.integers(1, 30))
def test_an_insertion_does_not_part_relatives(
    tmp_path: Path, seed: int, at: int, size: int
) -> None:
    draw = np.random.default_rng(seed)
    parent = random_protein(draw, 400)
    child = mutated(draw, parent, 0.85)
    child = child[:at] + random_protein(draw, size) + child[at:]
    assert groups(tmp_path, [parent, child], 0.6) == [0, 0]


def test_a_piece_does_not_cover_the_whole(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    parent = random_protein(draw, 500)
    assert groups(tmp_path, [parent, parent[:250], parent[:450]], 0.5) == [0, 1, 0]


def test_relatives_of_relatives_are_joined(tmp_path: Path) -> None:
    draw = np.random.default_rng(1)
    first = random_protein(draw, 600)
    second = mutated(draw, first, 0.7)
    third = mutated(draw, second, 0.7)
    assert groups(tmp_path, [first, third], 0.6) == [0, 1]
    assert groups(tmp_path, [first, third, second], 0.6) == [0, 0, 0]


def test_copies_are_joined_however_short(tmp_path: Path) -> None:
    assert groups(tmp_path, ["MK", "M", "MK", "", "KM", "M"], 0.5) == [0, 1, 0, 3, 4, 1]
    assert groups(tmp_path, [], 0.5) == []


def test_unknown_residues_make_no_relatives(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    one, other = (random_protein(draw, 60) + "X" * 300 + "*" for _ in range(2))
    assert groups(tmp_path, [one, other], 0.5) == [0, 1]


def test_the_same_in_one_part_and_in_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(3)
    proteins = []
    for _ in range(20):
        parent = random_protein(draw, int(draw.integers(100, 400)))
        proteins += [parent, *(mutated(draw, parent, 0.7) for _ in range(4))]
    whole = groups(tmp_path, proteins, 0.5)
    assert len(set(whole)) == 20
    monkeypatch.setattr(identity, "_PART", 3000)
    monkeypatch.setattr(identity, "_BLOCK", 2000)
    monkeypatch.setattr(identity, "_PAIRS", 500)
    assert groups(tmp_path, proteins, 0.5) == whole


def test_a_sketch_is_no_larger_for_a_giant(tmp_path: Path) -> None:
    giant = random_protein(np.random.default_rng(4), 40_000)
    held = Sequences.write([giant, giant[:100]], tmp_path / "residues")
    entries = identity._sketches(held, 0, 2, 5)
    assert np.bincount(entries["record"]).tolist() == [identity.SKETCH, 96]


@pytest.mark.parametrize("left", [0.5, 0.7, 0.9])
def test_common_words_estimate_the_identity(tmp_path: Path, left: float) -> None:
    draw = np.random.default_rng(5)
    parent = random_protein(draw, 5000)
    held = Sequences.write([parent, mutated(draw, parent, left)], tmp_path / "residues")
    assert common_words(held, 0, 1, 5) == pytest.approx(left, abs=0.03)


def test_words_are_longer_for_more_residues_and_closer_relatives() -> None:
    assert word_length(0.5, 1000) == 4
    assert word_length(0.5, 9_000_000) == 5
    assert word_length(0.5, 1_000_000_000) == 7
    assert word_length(0.9, 1000) == word_length(1.0, 1000) == 12


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30))))
def test_linked_are_the_connected_components(pairs: list[tuple[int, int]]) -> None:
    linked = Linked(31)
    linked.join(*np.array(pairs, np.int64).reshape(-1, 2).T)
    label = list(range(31))
    for one, other in pairs:  # by relabelling all, as nobody would
        a, b = label[one], label[other]
        label = [min(a, b) if x in (a, b) else x for x in label]
    assert linked.groups().tolist() == label


@pytest.mark.parametrize("wrong", [0, 0.2, 1.5, 50])
def test_identities_that_mean_nothing_are_refused(wrong: float) -> None:
    with pytest.raises(UsageError, match=r"identity must be from 0\.3 to 1"):
        get("protein", identity=wrong)


def test_without_the_option_nothing_is_grouped() -> None:
    assert Protein().grouper() is None
    assert get("protein", identity=1).options == {"identity": 1}

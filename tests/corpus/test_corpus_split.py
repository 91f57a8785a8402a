"""The decision how to split, the hash of keys, and the sample of a tokenizer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_language import Tiny

from lexome.corpus.keys import BUCKETS, KeyHash
from lexome.corpus.manifest import TRAIN, VALID
from lexome.corpus.reading import Routed
from lexome.corpus.sample import Sample
from lexome.corpus.scan import common_folder
from lexome.corpus.split import LEFT_OUT, by_document, by_tail
from lexome.languages.base import Document, Source

sizes = st.dictionaries(st.integers(0, BUCKETS - 1), st.integers(1, 1000), max_size=60)


def sides_of(sizes: dict[int, int], fraction: float) -> tuple[str, int, int]:
    """Return how it was split, and the units of both sides counted key by key."""
    histogram = np.zeros(BUCKETS, np.int64)
    for bucket, size in sizes.items():
        histogram[bucket] = size
    plan = by_document(fraction, 0, histogram)
    threshold = plan.record.threshold or 0
    valid = sum(s for b, s in sizes.items() if b < threshold and b not in plan.kept)
    return plan.record.how, plan.train_units, valid


@given(sizes.filter(len), st.sampled_from([0.02, 0.1, 0.5]))
def test_a_split_by_document_is_useful_or_becomes_a_tail(
    sizes: dict[int, int], fraction: float
) -> None:
    total = sum(sizes.values())
    how, train, valid = sides_of(sizes, fraction)
    if how == "document":
        assert train + valid == total
        target = fraction * total
        assert target / 2.5 <= valid <= target * 2.5 and train > 0
    else:
        assert train == int(np.floor(total * (1 - fraction) + 1e-9))


@given(st.integers(200, 500), st.integers(0, 100))
def test_many_documents_come_near_the_fraction(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    sizes = {int(b): int(generator.integers(1, 100)) for b in generator.choice(BUCKETS, count)}
    how, _, valid = sides_of(sizes, 0.1)
    assert how == "document"
    assert abs(valid / sum(sizes.values()) - 0.1) < 0.02


def test_a_document_larger_than_the_validation_split_stays_in_train() -> None:
    how, train, valid = sides_of({1: 1000, 2: 20, 3: 20, 4: 20, 5: 20, 6: 20}, 0.1)
    assert (how, train + valid) == ("document", 1100)
    assert 80 <= valid <= 100


def test_two_large_documents_are_cut_at_the_tail_and_the_note_says_why() -> None:
    histogram = np.zeros(BUCKETS, np.int64)
    histogram[[5, 9]] = 500
    record = by_document(0.1, 0, histogram).record
    assert (record.how, record.asked, record.border) == ("tail", "document", 900)
    assert "50% for validation instead of 10%" in record.note


def test_one_tiny_document_is_no_validation_split() -> None:
    histogram = np.zeros(BUCKETS, np.int64)
    histogram[[5, 9, 7]] = 200_000, 200_000, 18
    record = by_document(0.1, 0, histogram).record
    assert (record.how, record.asked, record.border) == ("tail", "document", 360_016)
    assert "0.0045% for validation instead of 10%" in record.note


@pytest.mark.parametrize(
    ("units", "fraction", "border"),
    [(1_115_394, 0.1, 1_003_854), (10, 0.1, 9), (1000, 0.3, 700), (7, 0.5, 3)],
)
def test_the_border_of_a_tail_is_exact(units: int, fraction: float, border: int) -> None:
    assert by_tail(fraction, 0, units, "tail", "").train_units == border


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.sampled_from([0.1, 0.25, 0.9]))
def test_a_tail_cuts_the_document_at_the_border_and_no_other(
    lengths: list[int], fraction: float
) -> None:
    plan = by_tail(fraction, 0, sum(lengths), "tail", "")
    text = {TRAIN: "", VALID: ""}
    parts = 0
    generator = np.random.default_rng(0)
    whole = ""
    route = plan.router(Tiny(), KeyHash(0))
    for number, length in enumerate(lengths):
        content = "".join(generator.choice(list("ACGT"), length))
        whole += content
        for split, part, units in route(Document(content, Source("f", f"r{number}")), length):
            assert units == len(part.content) > 0
            text[split] += part.content
            parts += 1
    assert text[TRAIN] + text[VALID] == whole
    assert len(text[TRAIN]) == plan.train_units
    assert parts - len(lengths) in (0, 1)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 100), st.integers(1, 40)), min_size=1),
    st.floats(0.05, 0.95),
)
def test_a_tail_holds_no_place_of_a_record_that_is_in_train(
    stretches: list[tuple[int, int, int]], fraction: float
) -> None:
    total = sum(length for _, _, length in stretches)
    route = by_tail(fraction, 0, total, "tail", "").router(Tiny(), KeyHash(0))
    places: dict[str, list[set[tuple[str, int]]]] = {TRAIN: [], VALID: [], LEFT_OUT: []}
    for record, offset, length in sorted(stretches):
        document = Document("A" * length, Source("f", str(record), offset=offset))
        for split, part, units in route(document, length):
            first = part.source.offset
            places[split].append({(str(record), first + unit) for unit in range(units)})
    train = set().union(*places[TRAIN])
    assert not any(train & held_out for held_out in places[VALID])
    assert all(train & left_out for left_out in places[LEFT_OUT])
    assert sum(len(part) for parts in places.values() for part in parts) == total


def test_records_of_one_name_do_not_overlap() -> None:
    route = by_tail(0.5, 0, 20, "tail", "").router(Tiny(), KeyHash(0))
    sides = [
        split
        for line in (1, 3)
        for split, _, _ in route(Document("A" * 10, Source("f", "same", line)), 10)
    ]
    assert sides == [TRAIN, VALID]


def test_keys_spread_evenly_and_the_seed_moves_them() -> None:
    keys = [f"file{number}" for number in range(20_000)]
    places = np.array([KeyHash(0).bucket(key) for key in keys])
    counts = np.bincount(places * 10 // BUCKETS, minlength=10)
    assert abs(counts / 2000 - 1).max() < 0.1
    assert places.tolist() != [KeyHash(1).bucket(key) for key in keys]


def test_the_folder_of_the_files_does_not_matter() -> None:
    here, there = KeyHash(0, "/data/here/"), KeyHash(0, "elsewhere/")
    assert here.bucket("/data/here/a.txt#1") == there.bucket("elsewhere/a.txt#1")
    assert common_folder([Path("/data/x/a"), Path("/data/y/z/b")]) == "/data/"
    assert common_folder([Path("a.txt"), Path("b.txt")]) == ""
    assert common_folder([Path("x/a.txt")]) == "x/"


@given(
    st.lists(st.tuples(st.integers(1, 400), st.booleans()), min_size=1, max_size=40),
    st.integers(1, 3000),
)
def test_a_sample_holds_nothing_of_validation_and_no_more_than_asked(
    documents: list[tuple[int, bool]], most: int
) -> None:
    routed = [
        Routed(VALID if valid else TRAIN, Document("X" * n if valid else "A" * n, Source("f")), n)
        for n, valid in documents
    ]
    train = sum(item.units for item in routed if item.split == TRAIN)
    sample = Sample(Tiny(), max(train, 1), most)
    text = "".join(sample.contents(routed))
    assert "X" not in text
    assert sample.units == len(text) == min(train, most)


def test_a_sample_is_spread_over_the_whole_split() -> None:
    # Ten documents of their own letter each; ten excerpts of a tenth of the documents.
    letters = "ABCDEFGHIJ"
    routed = [Routed(TRAIN, Document(c * 1_000_000, Source("f")), 1_000_000) for c in letters]
    sample = Sample(Tiny(), 10_000_000, 10 << 16)
    text = "".join(sample.contents(routed))
    assert {c: text.count(c) for c in letters} == dict.fromkeys(letters, 1 << 16)
    assert (sample.units, sample.documents) == (10 << 16, 10)

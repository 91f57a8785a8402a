"""Rows of whole documents: nothing lost, nothing doubled, the same for the same arguments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tiny_language import Tiny, random_documents, write_tiny

from lexome.corpus import PackedBatches, PrepareRequest, TokenStream, prepare
from lexome.corpus.packing import document_lengths, left_out, row_length
from lexome.errors import LexomeError, UsageError

PAD, BEGIN = 0, 1


def stream_of(
    lengths: list[int], split: str = "train", originals: list[int] | None = None
) -> TokenStream:
    """Return documents of these lengths: a begin token, then numbers that no other one holds."""
    tokens = np.arange(sum(lengths), dtype=np.uint32) + 2
    starts = np.cumsum([0, *lengths[:-1]])
    tokens[starts] = BEGIN
    cut = len(tokens) // 2
    shards = [part for part in (tokens[:cut], tokens[cut:]) if len(part)]
    stream = TokenStream(Path("nowhere"), split, shards, [None] * len(shards), Path("nowhere"))
    # What the corpus's table of documents would say.
    stream.document_starts = starts
    stream.document_originals = np.array(originals or range(len(lengths)))
    return stream


def packed(
    lengths: list[int],
    context: int,
    batch_size: int = 1,
    seed: int = 0,
    fingerprint: str = "f",
    examples: int | None = None,
) -> PackedBatches:
    stream = stream_of(lengths)
    return PackedBatches(stream, context, batch_size, seed, fingerprint, PAD, examples)


# The shortest document is a begin and an end; a row of `context` inputs holds context + 1 tokens.
lengths = st.lists(st.integers(2, 20), min_size=1, max_size=60)
contexts = st.integers(1, 24)
fitting = st.tuples(lengths, contexts).filter(lambda pair: min(pair[0]) <= pair[1] + 1)


@settings(max_examples=40)
@given(fitting, st.integers(1, 4), st.integers(0, 3))
def test_an_epoch_visits_every_fitting_document_once(
    shape: tuple[list[int], int], batch_size: int, seed: int
) -> None:
    sizes, context = shape
    batches = packed(sizes, context, batch_size, seed)
    fits = [number for number, size in enumerate(sizes) if size <= context + 1]
    assert batches.left_out == len(sizes) - len(fits)
    row, starts = 0, np.cumsum([0, *sizes[:-1]])
    for _ in range(3):
        visited: list[int] = []
        while len(visited) < len(fits):
            found = batches.row_documents(row)
            batch = batches(row // batch_size, slice(row % batch_size, row % batch_size + 1))
            expected = np.concatenate(
                [batches.stream.read(int(starts[n]), int(starts[n]) + sizes[n]) for n in found]
            )
            assert len(expected) <= context + (len(found) == 1), "the last end is no input"
            assert batch.tokens[0].tolist() == [
                *expected.tolist(),
                *[PAD] * (context + 1 - len(expected)),
            ]
            assert batch.weights[0].tolist() == [
                *[1.0] * len(expected),
                *[0.0] * (context + 1 - len(expected)),
            ]
            assert batches.documents(row // batch_size, row % batch_size) == (
                min(found),
                max(found),
            )
            visited += found
            row += 1
        assert sorted(visited) == fits, "an epoch ends at the end of a row"
    assert batches.windows_per_epoch == len(batches._rows(0))


@settings(max_examples=25)
@given(fitting, st.integers(1, 5), st.integers(0, 9), st.integers(0, 3))
def test_a_batch_is_a_pure_function_of_its_arguments(
    shape: tuple[list[int], int], batch_size: int, step: int, seed: int
) -> None:
    first, again = (packed(*shape, batch_size, seed) for _ in range(2))
    for other in (step + 3, 0, step):
        again(other)
    assert np.array_equal(first(step).tokens, again(step).tokens)
    assert np.array_equal(first(step).starts, again(step).starts)


@settings(max_examples=30)
@given(fitting, st.integers(1, 6), st.integers(0, 5), st.integers(1, 6))
def test_slices_of_a_batch_agree_with_all_of_it_and_with_batches_of_one(
    shape: tuple[list[int], int], batch_size: int, step: int, ranks: int
) -> None:
    batches, ones = packed(*shape, batch_size), packed(*shape, 1)
    whole = batches(step)
    assert whole.tokens.shape == (batch_size, shape[1] + 1)
    for rank in range(ranks):
        part = batches(step, slice(rank, None, ranks))
        assert np.array_equal(part.tokens, whole.tokens[rank::ranks])
        assert np.array_equal(part.weights, whole.weights[rank::ranks])
        assert np.array_equal(part.starts, whole.starts[rank::ranks])
    for row in range(batch_size):
        assert np.array_equal(ones(step * batch_size + row).tokens[0], whole.tokens[row])


@given(fitting, st.integers(0, 3), st.data())
def test_few_examples_are_a_part_of_more(
    shape: tuple[list[int], int], seed: int, data: st.DataObject
) -> None:
    sizes, context = shape
    fits = {number for number, size in enumerate(sizes) if size <= context + 1}
    more = data.draw(st.integers(1, len(fits) + 3))
    few = data.draw(st.integers(1, more))
    chosen = [
        set(packed(sizes, context, seed=seed, examples=n).chosen.tolist()) for n in (few, more)
    ]
    assert chosen[0] <= chosen[1] <= fits
    assert [len(one) for one in chosen] == [min(few, len(fits)), min(more, len(fits))]
    batches = packed(sizes, context, seed=seed, examples=few)
    seen = {n for row in range(batches.windows_per_epoch) for n in batches.row_documents(row)}
    assert seen == chosen[0]


families = st.lists(st.lists(st.integers(2, 20), min_size=1, max_size=4), min_size=1, max_size=20)


@given(families, contexts, st.integers(0, 3), st.data())
def test_examples_are_chosen_with_what_was_made_of_them(
    sizes: list[list[int]], context: int, seed: int, data: st.DataObject
) -> None:
    flat = [size for family in sizes for size in family]
    firsts = np.cumsum([0, *map(len, sizes)])[:-1].tolist()
    owners = [first for first, family in zip(firsts, sizes, strict=True) for _ in family]
    stream = stream_of(flat, originals=owners)
    fitting = [n for n in firsts if flat[n] <= context + 1]
    assert left_out(stream, context) == len(firsts) - len(fitting)
    assume(fitting)
    examples = data.draw(st.integers(1, len(fitting) + 2))
    batches = PackedBatches(stream, context, 1, seed, "f", PAD, examples)
    chosen = set(batches.chosen.tolist())
    few = {owners[number] for number in chosen}
    assert len(few) == min(examples, len(fitting)) and few <= chosen
    assert chosen == {n for n, one in enumerate(owners) if one in few and flat[n] <= context + 1}
    assert batches.left_out == left_out(stream, context)


def test_forms_know_the_document_that_they_were_made_of(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "in.tiny", random_documents(1, 40, 30, "a"))
    request = PrepareRequest([source], "tiny", workers=1)
    corpus = prepare(request, tmp_path / "corpus", language=Tiny(mirror=True))
    assert corpus.manifest.train.augmented
    for split in ("train", "valid"):
        rows = list(corpus.rows(split))
        found = corpus.stream(split).document_originals.tolist()
        assert [rows[number]["record"] for number in found] == [row["record"] for row in rows]
        assert all(not rows[number]["augmented"] for number in found)
        kept = [number for number, row in enumerate(rows) if not row["augmented"]]
        assert [found[number] for number in kept] == kept


def test_seed_fingerprint_and_epoch_change_the_order() -> None:
    sizes = [3] * 200

    def order(batches: PackedBatches, epoch: int = 0) -> list[int]:
        first = epoch * batches.windows_per_epoch
        return [batches.row_documents(first + row)[0] for row in range(30)]

    usual = packed(sizes, 2)
    assert order(usual) == order(packed(sizes, 2))
    assert order(usual) != order(packed(sizes, 2, seed=1))
    assert order(usual) != order(packed(sizes, 2, fingerprint="g"))
    assert order(usual) != order(usual, epoch=1)


def test_rows_are_filled_well() -> None:
    draw = np.random.default_rng(0)
    sizes = draw.integers(5, 60, 2000).tolist()
    batches = packed(sizes, 127)
    least = sum(sizes) / 128
    assert batches.windows_per_epoch <= 1.02 * least + 1


@given(lengths, contexts)
def test_a_row_is_long_enough_for_all_that_fits_and_no_longer_than_the_model(
    sizes: list[int], context: int
) -> None:
    row = row_length([stream_of(sizes), stream_of([2], "valid")], context)
    assert row <= context
    assert all(size <= row + 1 for size in sizes if size <= context + 1)
    assert np.array_equal(document_lengths(stream_of(sizes)), sizes)


def test_where_nothing_fits_it_is_said_how_long_a_context_has_to_be() -> None:
    with pytest.raises(LexomeError, match="no document of the 'train' split fits into 5") as caught:
        packed([9, 12, 30], 5)
    assert "9 tokens" in str(caught.value)
    with pytest.raises(UsageError, match="at least 1"):
        packed([3], 5, batch_size=0)

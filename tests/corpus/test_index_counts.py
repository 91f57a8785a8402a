"""Counts, places and spans are those of a search that looks at every place of every document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_language import Tiny, random_documents, write_tiny

from lexome.corpus import Corpus, PrepareRequest, TokenStream, prepare, reading
from lexome.corpus.index import CorpusIndex, Span, search
from lexome.corpus.index.prefixes import Prefixes
from lexome.corpus.index.record import IndexRecord
from lexome.corpus.index.search import SuffixArray
from lexome.corpus.index.suffixes import suffix_array
from lexome.corpus.index.text import Text
from lexome.errors import UsageError

pytest.importorskip("pydivsufsort")

BEGIN, END = 1, 2
Ids = Sequence[int]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Documents of two letters and of four, one of them 30 times, in many shards, mirrored."""
    folder = tmp_path_factory.mktemp("corpus")
    documents = random_documents(1, 60, 40)
    few = np.random.default_rng(2)
    documents |= {f"f{n}": "".join(few.choice(list("AC"), n + 1)) for n in range(25)}
    documents |= {f"same.{n}": "ACGTTTTACGAACGT" for n in range(30)}
    write_tiny(folder / "in" / "a.tiny", documents)
    before, reading._SMALLEST = reading._SMALLEST, 200
    request = PrepareRequest([folder / "in"], "tiny", tokenizer="symbols", workers=1)
    made = prepare(request, folder / "out", language=Tiny(mirror=True))
    reading._SMALLEST = before
    assert len(made.manifest.train.shards) > 5
    return made


@pytest.fixture(scope="module")
def index(corpus: Corpus) -> CorpusIndex:
    return CorpusIndex.build(corpus)


def documents_of(corpus: Corpus, split: str = "train") -> list[list[int]]:
    stream = corpus.stream(split)
    borders = [*stream.document_starts.tolist(), len(stream)]
    return [stream.read(*pair).tolist() for pair in pairwise(borders)]


def joined(documents: Sequence[Ids]) -> list[int]:
    return list(chain.from_iterable(documents))


def places_of(documents: Sequence[Ids], span: Ids) -> Iterator[tuple[int, int]]:
    """Yield the document and the place in it of every occurrence, by looking everywhere."""
    for number, document in enumerate(documents):
        for place in range(len(document) - len(span) + 1):
            if list(document[place : place + len(span)]) == list(span):
                yield number, place


def count(documents: Sequence[Ids], span: Ids) -> int:
    return sum(1 for _ in places_of(documents, span))


def spans_of(documents: Sequence[Ids], ids: Ids, shortest: int) -> list[Span]:
    """Return the runs that occur and of which no longer one does, by trying all of them."""
    runs = {
        (start, stop): found
        for start in range(len(ids))
        for stop in range(start + 1, len(ids) + 1)
        if (found := count(documents, ids[start:stop]))
    }
    return [
        Span(start, stop, found)
        for (start, stop), found in sorted(runs.items())
        if (start - 1, stop) not in runs
        and (start, stop + 1) not in runs
        and stop - start >= shortest
    ]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[list[int]], list[list[int]], int, int]:
    """Documents over a tiny alphabet, some again; spans; tokens of a part; prefix length."""
    letters = st.lists(st.integers(4, draw(st.integers(4, 6))), max_size=12)
    contents = draw(st.lists(letters, min_size=1, max_size=8))
    contents += draw(st.lists(st.sampled_from(contents), max_size=8))
    documents = [[BEGIN, *content, END] for content in contents]
    # Ids below and beyond the vocabulary, and the special ones, come in by chance.
    strange = st.lists(st.integers(-1, 8), min_size=1, max_size=15)
    whole = joined(documents)
    start = st.integers(0, len(whole) - 1)
    cut = st.tuples(start, st.integers(1, 15)).map(lambda at: whole[at[0] : at[0] + at[1]])
    spans = draw(st.lists(st.one_of(cut, strange), min_size=1, max_size=4))
    return documents, spans, draw(st.integers(9, 80)), draw(st.integers(0, 3))


def in_memory(
    corpus: Corpus, documents: Sequence[Ids], shard_tokens: int, prefix_length: int
) -> CorpusIndex:
    """Index documents that lie in memory, two shards of tokens of them."""
    half = len(documents) // 2
    parts = [np.array(joined(part), "<u2") for part in (documents[:half], documents[half:])]
    stream = TokenStream(Path(), "train", parts, [None, None], Path())
    text, longest, vocab_size = Text(parts), 15, 7
    arrays = []
    for first in range(0, len(stream), shard_tokens):
        size = min(shard_tokens, len(stream) - first)
        stop = min(len(stream), first + size + longest)

        def chunks(first: int = first, stop: int = stop) -> Iterator[npt.NDArray[np.int64]]:
            for start in range(first, stop, 7):
                yield stream.read(start, min(stop, start + 7))

        order = suffix_array(chunks, vocab_size, size)
        table = Prefixes.count(stream, first, size, vocab_size, prefix_length)
        arrays.append(SuffixArray(text, first, order, table, Path()))
    record = IndexRecord(
        split="train",
        fingerprint="",
        tokenizer="",
        documents="",
        tokens=len(stream),
        vocab_size=vocab_size,
        longest=longest,
        shards=(),
    )
    return CorpusIndex(corpus, record, arrays)


@settings(max_examples=1000)
@given(worlds())
def test_counts_and_spans_are_those_of_brute_force(corpus: Corpus, world: Any) -> None:
    documents, spans, shard_tokens, prefix_length = world
    index = in_memory(corpus, documents, shard_tokens, prefix_length)
    # Short windows: else no span of the test would be longer than one.
    with patch.multiple(search, _WIDTH=2, _WIDEST=3, _PART=3):
        assert index.counts(spans).tolist() == [count(documents, span) for span in spans]
        for span in spans:
            shortest = 1 + len(span) % 3
            assert index.spans(span, shortest) == spans_of(documents, span, shortest)


@pytest.mark.parametrize(("used", "size"), [(3, 300), (256, 2000), (257, 2000), (65536, 70_000)])
def test_the_order_of_suffixes_of_small_and_large_vocabularies(used: int, size: int) -> None:
    generator = np.random.default_rng(used)
    names = np.sort(generator.choice(1 << 20, used, replace=False))
    text = np.concatenate([names, generator.choice(names, size)])
    text = np.tile(generator.permutation(text), 2)
    order = suffix_array(lambda: iter([text[:999], text[999:]]), 1 << 20, len(text) - 5)
    # Ranks of suffixes by prefix doubling, of what is sorted by its first tokens alone at first.
    ranks = np.unique(text, return_inverse=True)[1]
    width = 1
    while width < len(text):
        behind = np.concatenate([ranks[width:], np.full(min(width, len(text)), -1)])
        pairs = ranks.astype(np.int64) * (len(text) + 1) + behind + 1
        ranks = np.unique(pairs, return_inverse=True)[1]
        width *= 2
    expected = np.argsort(ranks)
    assert order.tolist() == expected[expected < len(text) - 5].tolist()


def test_many_spans_at_once(index: CorpusIndex, corpus: Corpus) -> None:
    stream = corpus.stream("train")
    places = np.random.default_rng(5).integers(0, len(stream) - 4, 9000).tolist()
    spans = [stream.read(place, place + 4) for place in places]
    found = index.counts(spans)
    known = {tuple(span.tolist()): index.count(span) for span in spans[:300]}
    assert found[:300].tolist() == [known[tuple(span.tolist())] for span in spans[:300]]
    later = [
        (counted, known[tuple(span.tolist())])
        for counted, span in zip(found[4000:], spans[4000:], strict=True)
        if tuple(span.tolist()) in known
    ]
    assert len(later) > 500
    assert all(counted == expected for counted, expected in later)
    # A text of as many tokens, in which the spans of all parts are found.
    asked = 2 * joined(documents_of(corpus)[:200])
    assert len(asked) > 4096
    borders = np.flatnonzero(np.array(asked) == BEGIN).tolist()
    assert [span.start for span in index.spans(asked, 2)] == borders


def test_the_corpus_that_it_is_tested_with_has_the_special_tokens_of_the_test(
    corpus: Corpus,
) -> None:
    assert (corpus.tokenizer.special.begin, corpus.tokenizer.special.end) == (BEGIN, END)


@pytest.mark.parametrize("shard_tokens", [1 << 20, 701, 100])
@pytest.mark.parametrize("split", ["train", "valid"])
def test_on_disk_it_finds_every_place(corpus: Corpus, split: str, shard_tokens: int) -> None:
    index = CorpusIndex.build(corpus, split, shard_tokens=shard_tokens, longest=60)
    documents = documents_of(corpus, split)
    rows = list(corpus.rows(split))
    generator = np.random.default_rng(3)
    for _ in range(40):
        document = documents[generator.integers(len(documents))]
        start = int(generator.integers(len(document)))
        span = document[start : start + int(generator.integers(1, 9))]
        everywhere = list(places_of(documents, span))
        limit = int(generator.integers(1, 40))
        found = index.find(span, limit)
        assert [(place.document, place.token) for place in found] == [
            (number, max(0, inside - 1)) for number, inside in everywhere[:limit]
        ]
        assert index.count(span) == len(everywhere)
        for place in found:
            row = rows[place.document]
            source = place.source
            assert (source.file, source.record, source.line, source.offset) == (
                row["file"],
                row["record"],
                row["line"],
                row["offset"],
            )
            assert place.augmented == row["augmented"]
            # A letter is a token and a unit.
            assert place.unit == place.token


@pytest.mark.parametrize("limit", [0, 1, 3, 1000])
def test_many_spans_are_found_at_once(corpus: Corpus, limit: int) -> None:
    documents = documents_of(corpus)
    generator = np.random.default_rng(7)
    spans = [[4, 4, 1], [-1], documents[3]]
    for _ in range(60):
        document = documents[generator.integers(len(documents))]
        start = int(generator.integers(len(document)))
        spans += [document[start : start + int(generator.integers(1, 9))], [4] * 30]
    everywhere = [list(places_of(documents, span)) for span in spans]
    assert min(map(len, everywhere)) == 0 and max(map(len, everywhere)) > 3
    # Parts of the corpus, and parts of the spans.
    index = CorpusIndex.build(corpus, shard_tokens=701, longest=60)
    with patch.object(search, "_PART", 7):
        found = index.finds(spans, limit)
    assert [[(place.document, place.token) for place in own] for own in found] == [
        [(number, max(0, inside - 1)) for number, inside in own[:limit]] for own in everywhere
    ]
    assert found == [index.find(span, limit) for span in spans]
    assert index.finds([], limit) == []


def test_units_are_counted_for_tokens_of_many_units(tmp_path: Path) -> None:
    write_tiny(tmp_path / "in" / "a.tiny", random_documents(4, 60, 80))
    request = PrepareRequest([tmp_path / "in"], "tiny", tokenizer="bpe", workers=1)
    corpus = prepare(request, tmp_path / "out", language=Tiny())
    index = CorpusIndex.build(corpus)
    document = max(documents_of(corpus), key=len)
    before = len(corpus.tokenizer.decode(np.array(document[1:9])))
    assert before > 8
    (place,) = index.find(document[9:], 10)
    assert (place.token, place.unit) == (8, before)


def test_in_parts_it_says_what_it_says_as_a_whole(corpus: Corpus) -> None:
    documents = documents_of(corpus)
    asked = joined(documents_of(corpus, "valid") + documents[::9])
    whole = CorpusIndex.build(corpus)
    expected = whole.spans(asked, 3)
    places = whole.find(documents[0][1:3], 1000)
    parts = CorpusIndex.build(corpus, shard_tokens=97, longest=60)
    assert len(parts.record.shards) > 20
    assert parts.spans(asked, 3) == expected
    assert parts.find(documents[0][1:3], 1000) == places
    assert {place.augmented for place in places} == {True, False}


def test_a_corpus_of_one_document_many_times(tmp_path: Path) -> None:
    letters = "ACGTTGCA" * 40
    write_tiny(tmp_path / "in" / "a.tiny", {f"same.{n}": letters for n in range(400)})
    write_tiny(tmp_path / "other.tiny", {"other": "ACGT"})
    request = PrepareRequest(
        [tmp_path / "in"],
        "tiny",
        tokenizer="symbols",
        workers=1,
        validation_files=[tmp_path / "other.tiny"],
    )
    corpus = prepare(request, tmp_path / "out", language=Tiny())
    index = CorpusIndex.build(corpus)
    document = documents_of(corpus)[0]
    assert index.spans(document) == [Span(0, len(document), 400)]
    assert index.count(document[5:13]) == count([document], document[5:13]) * 400
    assert [place.document for place in index.find(document[1:], 3)] == [0, 1, 2]


def test_what_cannot_be_asked(index: CorpusIndex, corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="empty span"):
        index.count([])
    with pytest.raises(UsageError, match="empty span"):
        index.find([], 3)
    with pytest.raises(UsageError, match="empty span"):
        index.finds([[4], []], 3)
    with pytest.raises(UsageError, match="longer than"):
        index.count([4] * ((1 << 16) + 1))
    assert index.spans([]) == []
    assert index.counts([]).tolist() == []
    assert index.count([4] * 5000) == 0
    assert index.find([BEGIN], 0) == []
    # Behind the end of one document stands the begin of another: no span of either.
    assert index.count([END]) == len(documents_of(corpus))
    assert index.count([END, BEGIN]) == 0
    with pytest.raises(UsageError, match="split"):
        CorpusIndex.build(corpus, "test")

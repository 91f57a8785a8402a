"""Baselines: proper probabilities, equal to slow implementations of their definitions."""

from __future__ import annotations

import itertools
import lzma
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Baseline, Document, Source
from lexome.languages.baselines import InterpolatedMarkov, NGram, Unigram, Xz, kmers, ngram
from lexome.languages.baselines.markov import MarkovModel
from lexome.languages.baselines.symbols import Symbols, sample, windows
from lexome.languages.tokenizers import IUPAC

LETTERS = "ACGTRYSWKMBDHVN"


def documents(*contents: str) -> list[Document]:
    return [Document(content, Source("here")) for content in contents]


def random_dna(length: int, seed: int = 0) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def other_strand(bases: str) -> str:
    return bases[::-1].translate(str.maketrans("ACGT", "TGCA"))


def probability(baseline: Baseline, train: list[Document], context: str, symbol: str) -> float:
    """Return the probability of a symbol after a context, from the bits alone."""
    longer = baseline.bits(train, documents(context + symbol))
    return 2.0 ** (baseline.bits(train, documents(context)) - longer)


MODELS: dict[str, tuple[Baseline, str]] = {
    "unigram": (Unigram("letter", "abcd"), "abcd"),
    "bigram": (NGram(2, "abcd"), "abcd"),
    "4-gram": (NGram(4, "abcd"), "abcd"),
    "Markov 0": (InterpolatedMarkov(0), LETTERS),
    "Markov 3": (InterpolatedMarkov(3), LETTERS),
    "Markov 3, both strands": (InterpolatedMarkov(3, reverse_complement=True), LETTERS),
}


@pytest.mark.parametrize("name", MODELS)
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_probabilities_sum_to_one(name: str, data: st.DataObject) -> None:
    baseline, alphabet = MODELS[name]
    content = st.text(alphabet[:5], max_size=30) | st.text(alphabet, max_size=10)
    train = documents(*data.draw(st.lists(content, max_size=5)))
    context = data.draw(content)
    total = sum(probability(baseline, train, context, symbol) for symbol in alphabet)
    assert total == pytest.approx(1)


def test_probabilities_of_bytes_sum_to_one() -> None:
    train = documents("naïve café, naïve cafés\n" * 3)
    for baseline in (Unigram(), NGram(5)):
        # ASCII alone must leave something for the other 128 bytes, two of which make an "é".
        ascii_only = sum(probability(baseline, train, "a caf", chr(code)) for code in range(128))
        assert 0 < ascii_only < 1 - probability(baseline, train, "a caf", "é")


class SlowKneserNey:
    """Interpolated modified Kneser-Ney, symbol by symbol, straight from Chen and Goodman."""

    def __init__(self, contents: Sequence[str], order: int, alphabet: str) -> None:
        self.order, self.alphabet = order, alphabet
        grams = Counter(gram for content in contents for gram in self.grams(content))
        self.counts: dict[int, Counter[str]] = {order: grams}
        for length in range(order - 1, 0, -1):
            self.counts[length] = Counter(gram[1:] for gram in self.counts[length + 1])

    def grams(self, content: str) -> Iterator[str]:
        marked = "#" * (self.order - 1) + content
        return (marked[at : at + self.order] for at in range(len(content)))

    def discount(self, length: int, count: int) -> float:
        n = Counter(self.counts[length].values())
        found = [0.0, 0.5, 1.0, 1.5]
        if all(n[c] for c in (1, 2, 3, 4)):
            y = n[1] / (n[1] + 2 * n[2])
            exact = [0.0, *(c - (c + 1) * y * n[c + 1] / n[c] for c in (1, 2, 3))]
            if all(0 < exact[c] < c for c in (1, 2, 3)):
                found = exact
        return found[min(count, 3)]

    def probability(self, gram: str) -> float:
        if not gram:
            return 1 / len(self.alphabet)
        shorter = self.probability(gram[1:])
        counts = self.counts[len(gram)]
        after = {s: counts[gram[:-1] + s] for s in self.alphabet if counts[gram[:-1] + s]}
        if not after:
            return shorter
        total = sum(after.values())
        released = sum(self.discount(len(gram), count) for count in after.values())
        count = after.get(gram[-1], 0)
        return (count - self.discount(len(gram), count) + released * shorter) / total

    def bits(self, contents: Sequence[str]) -> float:
        grams = (gram for content in contents for gram in self.grams(content))
        return -sum(math.log2(self.probability(gram)) for gram in grams)


words = st.lists(st.text("abc", max_size=25), max_size=6)


@given(train=words, test=words, order=st.integers(2, 5))
@settings(max_examples=80, deadline=None)
def test_ngrams_are_modified_kneser_ney(train: list[str], test: list[str], order: int) -> None:
    slow = SlowKneserNey(train, order, "abc")
    bits = NGram(order, "abc").bits(documents(*train), documents(*test))
    assert bits == pytest.approx(slow.bits(test))


def test_ngrams_use_the_estimated_discounts_where_there_are_enough_counts() -> None:
    train = ["".join(np.random.default_rng(seed).choice(list("aaaabbc"), 700)) for seed in (1, 2)]
    slow = SlowKneserNey(train, 6, "abc")
    assert slow.discount(6, 2) not in (1.0, 0.0)
    test = ["abcabccba" * 5]
    bits = NGram(6, "abc").bits(documents(*train), documents(*test))
    assert bits == pytest.approx(slow.bits(test))


def test_the_unigram_adds_half_an_occurrence() -> None:
    bits = Unigram("letter", "abc").bits(documents("aab", "a"), documents("ac", "b"))
    assert bits == pytest.approx(-math.log2(3.5 / 5.5 * 0.5 / 5.5 * 1.5 / 5.5))
    assert Unigram().bits([], documents("é!")) == pytest.approx(3 * 8)


def slow_markov(model: MarkovModel, train: Sequence[str], test: str, order: int) -> float:
    """Return the bits of bases without gaps under a model's weights, counted by dictionaries."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for content in train:
        for at, base in enumerate(content):
            for k in range(min(order, at) + 1):
                context = content[at - k : at]
                if set(context + base) <= set("ACGT"):
                    counts[context][base] += 1
    bits = 0.0
    for at, base in enumerate(test):
        mixed = 0.25
        for k in range(min(order, at) + 1):
            found = counts[test[at - k : at]]
            if total := found.total():
                weight = model.weights[k][int(1 + 2 * math.log2(total))]
                mixed = weight * found[base] / total + (1 - weight) * mixed
        bits -= math.log2(mixed)
    return bits


def rows(contents: Sequence[str], order: int) -> list[np.ndarray]:
    return list(windows(map(Symbols(LETTERS).codes, contents), 15, max(order, 1)))


@given(
    train=st.lists(st.text("ACGTN", max_size=60), max_size=5),
    test=st.text("ACGT", min_size=1, max_size=30),
    order=st.integers(0, 4),
    both=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_markov_is_the_mixture_of_counted_frequencies(
    train: list[str], test: str, order: int, both: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kmers, "_STRETCH", 3)
        model = MarkovModel(order, both, rows(train, order))
        (row,) = rows([test], order)
        letters = Counter(
            letter == "N"
            for content in train
            for before, letter in itertools.pairwise("A" + content)
            if before != "N"
        )
        is_base = (letters[False] + 0.5) / (letters.total() + 6)
        bits = -np.log2(model.probabilities(row)).sum() + len(test) * math.log2(is_base)
    strands = [*train, *map(other_strand, train)] if both else train
    assert bits == pytest.approx(slow_markov(model, strands, test, order), rel=1e-6)


@given(
    contents=st.lists(st.text("ACGTN", max_size=50), max_size=6),
    most=st.integers(1, 20),
    block=st.integers(1, 40),
)
@settings(max_examples=80, deadline=None)
def test_held_out_places_are_evenly_spaced_and_none_is_lost(
    contents: list[str], most: int, block: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kmers, "_STRETCH", 2)
        patch.setattr(kmers, "_MOST", most)
        counts = kmers.Counts(2)
        held = kmers.HeldOut(counts)
        for row in windows(map(Symbols(LETTERS).codes, contents), 15, 2, block):
            held.add(kmers.places(row, 2, 2))
        assert sum(map(len, held)) <= most
        for part in held:
            counts.add(part)
    triples = Counter(
        content[at - 2 : at + 1]
        for content in contents
        for at in range(2, len(content))
        if "N" not in content[at - 2 : at + 1]
    )
    names = map("".join, itertools.product("ACGT", repeat=3))
    single, _, triple = counts.tables(both_strands=False)
    assert triple.tolist() == [triples[name] for name in names]
    assert single.tolist() == ["".join(contents).count(base) for base in "ACGT"]


def test_a_tenth_is_held_out() -> None:
    counts = kmers.Counts(1)
    held = kmers.HeldOut(counts)
    for row in rows([random_dna(300_000)], 1):
        held.add(kmers.places(row, 1, 1))
    assert sum(map(len, held)) == pytest.approx(30_000, rel=0.02)
    assert counts.tables(False)[0].sum() == 300_000 - sum(map(len, held))


@pytest.mark.parametrize("both", [False, True])
def test_random_dna_takes_two_bits(both: bool) -> None:
    train, test = documents(random_dna(100_000)), documents(random_dna(20_000, seed=1))
    for baseline in (InterpolatedMarkov(11, both), NGram(5, "ACGT"), Unigram("base", "ACGT")):
        # Nothing can be known of it, and the weights must find that out.
        assert 1.999 < baseline.bits(train, test) / 20_000 < 2.03
    assert 2.0 < Xz().bits(train, test) / 20_000 < 2.3


def test_the_weights_of_random_dna_trust_short_contexts_only() -> None:
    model = MarkovModel(8, False, rows([random_dna(100_000)], 8))
    often = int(1 + 2 * math.log2(100_000 / 4**8))
    assert model.weights[8][often] < 0.05
    repeated = MarkovModel(8, False, rows([random_dna(1_000) * 100], 8))
    assert repeated.weights[8][int(1 + 2 * math.log2(90))] > 0.5


def test_repeats_are_learned() -> None:
    unit = random_dna(1000)
    train, test = documents(unit * 40), documents(unit * 3)
    for baseline in (InterpolatedMarkov(11), NGram(10, "ACGT"), Xz()):
        assert baseline.bits(train, test) / 3000 < 0.1
    turned = documents(other_strand(unit) * 3)
    assert InterpolatedMarkov(11).bits(train, turned) / 3000 > 1.9
    assert InterpolatedMarkov(11, reverse_complement=True).bits(train, turned) / 3000 < 0.1


@given(bases=st.text("ACGT", max_size=60), test=st.text("ACGT", max_size=20))
@settings(max_examples=40, deadline=None)
def test_with_both_strands_the_strand_does_not_matter(bases: str, test: str) -> None:
    baseline = InterpolatedMarkov(4, reverse_complement=True)
    one = baseline.bits(documents(bases), documents(test))
    assert baseline.bits(documents(other_strand(bases)), documents(test)) == pytest.approx(one)


def test_runs_of_n_are_cheap_and_do_not_hurt_the_bases() -> None:
    genome = random_dna(3000)
    train = documents(genome + "N" * 3000 + genome)
    baseline = InterpolatedMarkov(6)
    assert baseline.bits(train, documents("N" * 500)) < 20 + 500 * 0.02
    gap = baseline.bits(train, documents(genome + "N" * 500 + genome))
    assert gap < 2 * baseline.bits(train, documents(genome)) + 60


@given(
    contents=st.lists(st.text("abc", max_size=12), max_size=6),
    context=st.integers(1, 4),
    block=st.integers(1, 9),
)
@settings(max_examples=100, deadline=None)
def test_windows_show_every_symbol_once_after_its_context(
    contents: list[str], context: int, block: int
) -> None:
    parts = list(map(Symbols("abc").codes, contents))
    seen = []
    for row in windows(parts, 3, context, block):
        assert context < len(row) <= context + block
        for at in range(context, len(row)):
            if row[at] != 3:
                seen.append("".join("abc#"[code] for code in row[at - context : at + 1]))
    marked = ["#" * context + content for content in contents]
    assert seen == [m[at : at + context + 1] for m in marked for at in range(len(m) - context)]


def test_small_blocks_give_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["the rain in Spain\n" * 9, "", "stays mainly", "in the plain " * 5]
    whole = NGram(4).bits(documents(*texts), documents("the plain"))
    monkeypatch.setattr(
        ngram, "windows", lambda parts, pad, context: windows(parts, pad, context, 7)
    )
    assert NGram(4).bits(documents(*texts), documents("the plain")) == pytest.approx(whole)


def test_a_large_split_is_sampled_and_says_so() -> None:
    many = documents(*(f"{number:04}" for number in range(1000)))
    symbols = Symbols()
    drawn = [bytes(part).decode() for part in sample(many, symbols, 402)]
    assert len("".join(drawn)) == 402
    whole = [content for content in drawn if len(content) == 4]
    assert whole == sorted(whole)
    assert sorted(map(len, drawn))[:2] == [2, 4]
    assert int(drawn[0]) < 100 < 900 < int(drawn[-1])
    assert drawn == [bytes(part).decode() for part in sample(many, symbols, 402)]

    for baseline in (
        Unigram(limit=400),
        NGram(3, limit=400),
        InterpolatedMarkov(2, limit=40),
        Xz(limit=400),
    ):
        test = documents("ACGT")
        large = documents(*["ACGTTGCA"] * 300)
        assert baseline.note == ""
        baseline.bits(large, test)
        assert "of the training split" in baseline.note
        assert "of 300 documents" in baseline.note
        baseline.bits(large[:3], test)
        assert baseline.note == ""


def test_one_large_document_is_cut() -> None:
    large = sample(documents("ab" * 500), Symbols("ab", "letter"), 7)
    assert [part.tolist() for part in large] == [[0, 1, 0, 1, 0, 1, 0]]
    assert "7 letters" in large.note


def test_xz_is_the_difference_of_two_files() -> None:
    train, test = random_dna(5000), random_dna(700, seed=5) + "é"
    sizes = [
        len(lzma.compress(data.encode(), preset=9 | lzma.PRESET_EXTREME))
        for data in (train + test, train)
    ]
    assert Xz().bits(documents(train[:99], train[99:]), documents(test)) == 8 * (
        sizes[0] - sizes[1]
    )
    assert Xz().bits(documents(train), []) == 0


EVERY = [Unigram(), NGram(5), InterpolatedMarkov(), InterpolatedMarkov(5, True), Xz()]


def test_names_are_for_people() -> None:
    assert [baseline.name for baseline in (*EVERY, NGram(2, LETTERS))] == [
        "unigram",
        "5-gram with backoff",
        "interpolated Markov, order 11",
        "interpolated Markov, order 5, both strands",
        "xz",
        "bigram with backoff",
    ]


@pytest.mark.parametrize("baseline", EVERY)
def test_nothing_to_score_takes_no_bits(baseline: Baseline) -> None:
    assert baseline.bits(documents("ACGT"), []) == 0
    assert baseline.bits([], documents("")) == 0


def test_without_training_data_everything_is_equally_likely() -> None:
    test = documents("ACGTN" * 4)
    assert NGram(5).bits([], test) == pytest.approx(20 * 8)
    assert NGram(3, LETTERS).bits([], test) == pytest.approx(20 * math.log2(15))
    base_or_letter = InterpolatedMarkov(11).bits([], test)
    assert base_or_letter == pytest.approx(16 * 2 + 20 * math.log2(12))


def test_strange_content_and_options_are_named() -> None:
    assert sorted(LETTERS) == sorted(IUPAC)
    for baseline in (NGram(2, "ACGT"), Unigram("base", "ACGT"), InterpolatedMarkov(3)):
        with pytest.raises(LexomeError, match="'e' is not in the alphabet"):
            baseline.bits(documents("ACGT"), documents("ACe"))
    for baseline in (NGram(2), Unigram(), Xz()):
        with pytest.raises(LexomeError, match="lone surrogate"):
            baseline.bits(documents("a\ud800"), documents("a"))
    for attempt in (
        lambda: NGram(1),
        lambda: NGram(8),
        lambda: InterpolatedMarkov(12),
        lambda: InterpolatedMarkov(-1),
    ):
        with pytest.raises(UsageError, match="order"):
            attempt()

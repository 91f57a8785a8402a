"""What is alike but for some residues is what a search finds that lays everything beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.evaluation.honesty.spaced import maximal_segments, spaced_segments
from lexome.evaluation.honesty.trace import trace
from lexome.languages.protein import Protein
from lexome.languages.variants import Relatives

pytest.importorskip("pydivsufsort")

RESIDUES = list("ACDEFGHIKLMNPQRSTVWY")
DRAW = np.random.default_rng(5)


def drawn(size: int, letters: list[str] = RESIDUES) -> str:
    return "".join(DRAW.choice(letters, size))


def mutated(text: str, share: float, draw: np.random.Generator) -> str:
    return "".join(
        draw.choice([r for r in RESIDUES if r != one]) if draw.random() < share else one
        for one in text
    )


# The last two are relatives, and one is of two letters only: every seed of it occurs often.
TRAIN = [drawn(120) for _ in range(12)] + [drawn(150, ["A", "G"])]
TRAIN.append(mutated(TRAIN[0], 0.2, DRAW))


@pytest.fixture(scope="module")
def proteins(tmp_path_factory: pytest.TempPathFactory) -> tuple[Corpus, CorpusIndex]:
    folder = tmp_path_factory.mktemp("proteins")
    records = [f">p{n}\n{text}\n" for n, text in enumerate(TRAIN)]
    (folder / "train.fa").write_text("".join(records))
    (folder / "valid.fa").write_text(f">v\n{drawn(90)}\n")
    request = PrepareRequest(
        [folder / "train.fa"],
        "protein",
        tokenizer="symbols",
        workers=1,
        validation_files=[folder / "valid.fa"],
    )
    corpus = prepare(request, folder / "out")
    return corpus, CorpusIndex.build(corpus)


def score(equal: npt.NDArray[np.bool_], percent: int) -> int:
    return int((100 * equal.astype(int) - percent).sum())


def maximal(equal: npt.NDArray[np.bool_], percent: int, at: int = 0) -> list[tuple[int, int]]:
    """Return the best segment of all, and those of either side of it: the definition itself."""
    every = [(a, b) for a in range(len(equal)) for b in range(a + 1, len(equal) + 1)]
    best = max(
        every,
        key=lambda one: (score(equal[slice(*one)], percent), one[0] - one[1], -one[0]),
        default=None,
    )
    if best is None or score(equal[slice(*best)], percent) <= 0:
        return []
    first, last = best
    return [
        *maximal(equal[:first], percent, at),
        (at + first, at + last),
        *maximal(equal[last:], percent, at + last),
    ]


@given(st.lists(st.booleans(), max_size=24), st.sampled_from([30, 51, 60, 77, 90]))
@settings(max_examples=150, deadline=None)
def test_segments_are_those_of_the_definition(equal: list[bool], percent: int) -> None:
    values = np.array(equal, np.bool_)
    assert maximal_segments(values, percent) == maximal(values, percent)


def brute_force(text: str, relatives: Relatives) -> set[tuple[int, int, int, int, int]]:
    """Lay `text` beside every document at every shift; start, stop, document, offset, equal."""
    found = set()
    for number, document in enumerate(TRAIN):
        for shift in range(-len(text) + 1, len(document)):
            low, high = max(0, -shift), min(len(text), len(document) - shift)
            equal = np.array([text[at] == document[at + shift] for at in range(low, high)], bool)
            word = "".join("=" if one else "x" for one in equal)
            if "=" * relatives.seed not in word:
                continue
            for first, last in maximal_segments(equal, relatives.percent):
                part = word[first:last]
                if len(part) >= relatives.length and "x" in part and "=" * relatives.seed in part:
                    start = low + first
                    found.add((start, low + last, number, start + shift, part.count("=")))
    return found


@given(
    st.integers(0, len(TRAIN) - 1),
    st.integers(0, 60),
    st.sampled_from([0.0, 0.1, 0.3]),
    st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_spaced_matches_are_those_of_brute_force(
    proteins: tuple[Corpus, CorpusIndex], number: int, start: int, share: float, seed: int
) -> None:
    corpus, index = proteins
    draw = np.random.default_rng(seed)
    text = mutated(TRAIN[number][start : start + 50], share, draw)
    text = "".join(draw.choice(RESIDUES, 8)) + text + "".join(draw.choice(RESIDUES, 8))
    relatives = Relatives(seed=4, percent=60, length=20)
    (ids,) = corpus.tokenizer.encode([text])
    wanted = brute_force(text, relatives)
    found = spaced_segments(corpus, index, ids, relatives)
    places = index.where([one.place for one in found]) if found else []
    for one, place in zip(found, places, strict=True):
        assert (one.start, one.stop, place.document, place.token, one.equal) in wanted
        inside = [own for own in wanted if one.start <= own[0] and own[1] <= one.stop]
        assert one.count == len(inside)
        alike = [own[4] for own in inside if own[:2] == (one.start, one.stop)]
        assert one.equal == max(alike)
    spans = {own[:2] for own in wanted}
    outermost = {
        one for one in spans
        if not any(o != one and o[0] <= one[0] and one[1] <= o[1] for o in spans)
    }  # fmt: skip
    assert [(one.start, one.stop) for one in found] == sorted(outermost)


def test_a_relative_is_traced_with_its_likeness(proteins: tuple[Corpus, CorpusIndex]) -> None:
    corpus, index = proteins
    source = TRAIN[5][20:90]
    text = "".join(r if at % 7 else ("W" if r != "W" else "Y") for at, r in enumerate(source))
    (ids,) = corpus.tokenizer.encode([text])
    found = trace(corpus, index, ids, shortest=10)
    assert found.overlaps == () and found.covered == 0, "nothing of it stands word for word"
    (one,) = found.spaced
    assert (one.first_unit, one.last_unit) == (1, 70), "the first residue differs"
    assert one.text == source[1:] and one.identity == pytest.approx(60 / 69)
    assert (one.place.source.record, one.place.unit, one.count) == ("p5", 21, 1)


def test_what_stands_word_for_word_is_no_spaced_match(
    proteins: tuple[Corpus, CorpusIndex],
) -> None:
    corpus, index = proteins
    (ids,) = corpus.tokenizer.encode([TRAIN[5][20:90]])
    found = trace(corpus, index, ids, shortest=10)
    assert [one.tokens for one in found.overlaps] == [70] and found.spaced == ()


def test_unrelated_proteins_are_not_alike(proteins: tuple[Corpus, CorpusIndex]) -> None:
    corpus, index = proteins
    for seed in range(20):
        text = "".join(np.random.default_rng(seed + 100).choice(RESIDUES, 200))
        (ids,) = corpus.tokenizer.encode([text])
        assert spaced_segments(corpus, index, ids, Protein.relatives) == []


@pytest.mark.parametrize("text", ["A", "ACDE", "ACDEF"])
def test_what_is_shorter_than_a_seed_has_none(
    proteins: tuple[Corpus, CorpusIndex], text: str
) -> None:
    corpus, index = proteins
    (ids,) = corpus.tokenizer.encode([text])
    assert trace(corpus, index, ids, shortest=1).spaced == ()


def test_where_a_token_is_no_residue_nothing_is_laid_beside(tmp_path: Path) -> None:
    (tmp_path / "t.fa").write_text("".join(f">p{n}\n{text}\n" for n, text in enumerate(TRAIN)))
    request = PrepareRequest(
        [tmp_path / "t.fa"], "protein", tokenizer="bpe", vocab_size=300, workers=1
    )
    corpus = prepare(request, tmp_path / "out")
    (ids,) = corpus.tokenizer.encode([mutated(TRAIN[5], 0.1, DRAW)])
    assert trace(corpus, CorpusIndex.build(corpus), ids, shortest=3).spaced == ()

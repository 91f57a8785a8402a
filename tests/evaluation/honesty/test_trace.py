"""What a trace finds is what a search finds that looks everywhere, in all forms of a content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.errors import UsageError
from lexome.evaluation.honesty.trace import Overlap, Trace, Usual, trace, usual_lengths
from lexome.languages.bases import reverse_complement
from lexome.languages.music.frames import transposed
from lexome.languages.pair import BaseTokens, Pair, Turn
from lexome.languages.tokenizers import BytesTrainer

pytest.importorskip("pydivsufsort")

TEXTS = (
    "abab aba",
    "the cat sat on the mat",
    "السلام عليكم ورحمة الله",
    "السلام",
    "你好世界 你好",
    "下中",
    "\U0001f600 cat \ufffd",
)


@dataclass(frozen=True)
class World:
    """A corpus with its index."""

    corpus: Corpus
    index: CorpusIndex

    def trace(self, content: object, shortest: int = 1) -> Trace:
        (ids,) = self.corpus.tokenizer.encode([content])
        return trace(self.corpus, self.index, ids, shortest=shortest, places=2)

    @property
    def train(self) -> list[str]:
        return [document.content for document in self.corpus.documents("train", augmented=True)]


def made(folder: Path, language: str, tokenizer: str, **options: object) -> World:
    """Prepare the files of `folder`/in, of which v.* are held out."""
    held_out = sorted(folder.glob("in/v.*"))
    files = [path for path in sorted(folder.glob("in/*")) if path not in held_out]
    request = PrepareRequest(
        files, language, options, tokenizer=tokenizer, workers=1, validation_files=held_out
    )
    corpus = prepare(request, folder / "out")
    return World(corpus, CorpusIndex.build(corpus))


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("texts")
    (folder / "in").mkdir()
    (folder / "in" / "t.txt").write_text("".join(f"{text}\n" for text in TEXTS))
    (folder / "in" / "v.txt").write_text("the cat is bored, the cat sat\n")
    return made(folder, "text", "bytes", separator="line")


def occurrences(documents: Sequence[bytes], span: bytes) -> Iterator[tuple[int, int]]:
    for number, document in enumerate(documents):
        for place in range(len(document) - len(span) + 1):
            if document[place : place + len(span)] == span:
                yield number, place


def maximal(documents: Sequence[bytes], data: bytes, shortest: int) -> list[tuple[int, int]]:
    """Return the runs of bytes that occur and of which no longer one does, by trying all."""
    runs = {
        (start, stop)
        for start in range(len(data))
        for stop in range(start + 1, len(data) + 1)
        if any(occurrences(documents, data[start:stop]))
    }
    return sorted(
        (start, stop)
        for start, stop in runs
        if not {(start - 1, stop), (start, stop + 1)} & runs and stop - start >= shortest
    )


PARTS = ["the cat", "aba", " ", "x", "السلام", "لسل", "你好", "下", "世中", "\U0001f601", "\u0650"]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=5), st.integers(1, 6))
@settings(max_examples=40)
def test_spans_of_any_script_are_those_of_brute_force(
    texts: World, parts: list[str], shortest: int
) -> None:
    text = "".join(parts)
    data, documents = text.encode(), [one.encode() for one in texts.train]
    found = texts.trace(text, shortest)
    expected = maximal(documents, data, shortest)
    assert [(one.first_unit, one.last_unit) for one in found.overlaps] == expected
    for one in found.overlaps:
        span = data[one.first_unit : one.last_unit]
        places = list(occurrences(documents, span))
        assert (one.tokens, one.count) == (len(span), len(places))
        assert (one.first_token, one.last_token) == (one.first_unit, one.last_unit)
        assert [(place.document, place.unit) for place in one.places] == places[:2]
        assert one.places[0].source.line is not None
        # Of a character that is not whole in the span nothing is shown.
        assert one.text == span.decode(errors="ignore")
    covering = [
        max((stop - start for start, stop in expected if start <= at < stop), default=0)
        for at in range(len(data))
    ]
    assert list(found.covering) == covering
    assert "".join(found.pieces) == text and len(found.pieces) == len(data)
    assert found.covered == pytest.approx(np.mean([length > 0 for length in covering]))


def test_a_text_that_occurs_nowhere(texts: World) -> None:
    found = texts.trace("QQQ ZZZ", shortest=2)
    assert found.overlaps == () and set(found.covering) == {0} and found.covered == 0
    assert found.unit == "byte"


def test_an_empty_text_is_an_error(texts: World) -> None:
    with pytest.raises(UsageError, match="nothing to trace"):
        texts.trace("")


def test_what_is_usual_is_measured_on_held_out_text(texts: World) -> None:
    documents = [one.encode() for one in texts.train]
    (held_out,) = [one.content.encode() for one in texts.corpus.documents("valid")]
    runs = maximal(documents, held_out, 1)
    covering = [
        max((stop - start for start, stop in runs if start <= at < stop), default=0)
        for at in range(len(held_out))
    ]
    # The tokens that begin and end a document occur too, and a span that touches one has it in.
    first, last = runs[0], runs[-1]
    assert first[0] == 0 and last[1] == len(held_out)
    covering[: first[1]] = [max(n, first[1] + 1) for n in covering[: first[1]]]
    ordered = sorted([*covering, first[1] + 1, 1])
    half, most = (ordered[-(-(len(ordered) - 1) * share // 100)] for share in (50, 95))
    assert usual_lengths(texts.corpus, texts.index) == Usual(half, most)


GENOME = np.random.default_rng(3)
CHROMOSOMES = ["".join(GENOME.choice(list("ACGT"), 200)) for _ in range(4)]


@pytest.fixture(scope="module", params=["as it is", "both strands"])
def genome(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("genome")
    (folder / "in").mkdir()
    records = "".join(f">c{n}\n{bases}\n" for n, bases in enumerate(CHROMOSOMES))
    (folder / "in" / "g.fa").write_text(records)
    (folder / "in" / "v.fa").write_text(f">v\n{''.join(GENOME.choice(list('ACGT'), 90))}\n")
    made_of_both = request.param == "both strands"
    return made(folder, "dna", "kmer", reverse_complement=made_of_both)


def stranded(genome: World, one: Overlap, bases: str) -> None:
    """Check that an overlap stands where it says, on the strand that it says."""
    given_as = bases[one.first_unit : one.last_unit]
    mirrored = one.reading == "mirrored"
    assert one.text == (reverse_complement(given_as) if mirrored else given_as)
    place = one.places[0]
    record = CHROMOSOMES[int(place.source.record[1:])]
    form = reverse_complement(record) if place.augmented else record
    assert form[place.unit : place.unit + len(one.text)] == one.text


@pytest.mark.parametrize("start", [30, 31, 32])
@pytest.mark.parametrize("strand", ["+", "-"])
def test_dna_is_found_on_both_strands_however_it_is_cut(
    genome: World, start: int, strand: str
) -> None:
    bases = CHROMOSOMES[2][start : start + 100]
    if strand == "-":
        bases = reverse_complement(bases)
    found = genome.trace(bases, shortest=8)
    for one in found.overlaps:
        stranded(genome, one, bases)
    longest = max(found.overlaps, key=lambda one: one.tokens)
    # What is left of 100 bases are the edges of the k-mers, two bases on either side.
    assert longest.last_unit - longest.first_unit >= 96 and longest.count == 1
    assert longest.places[0].source.record == "c2"
    both = genome.corpus.manifest.train.augmented > 0
    assert longest.reading == ("mirrored" if strand == "-" and not both else "as_written")
    assert longest.places[0].augmented == (strand == "-" and both)
    assert found.covered > 0.9
    inside = slice(longest.first_token, longest.last_token)
    assert set(found.covering[inside]) == {longest.tokens}


def test_random_dna_has_no_long_overlap(genome: World) -> None:
    bases = "".join(np.random.default_rng(9).choice(list("ACGT"), 300))
    assert genome.trace(bases, shortest=5).overlaps == ()
    for one in genome.trace(bases, shortest=2).overlaps:
        stranded(genome, one, bases)


def test_music_is_found_in_another_key(tmp_path: Path) -> None:
    draw = np.random.default_rng(4)
    pieces = [draw.integers(50, 70, (40, 4)).tolist() for _ in range(3)]
    pieces = [[sorted(frame, reverse=True) for frame in piece] for piece in pieces]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "m.json").write_text(json.dumps(pieces))
    (tmp_path / "in" / "v.json").write_text(json.dumps([[[50, 53, 55, 60]] * 8]))
    world = made(tmp_path, "music", "frames", form="frames")
    piece = tuple(tuple(frame) for frame in pieces[1][8:24])
    (own,) = world.trace(piece, shortest=20).overlaps
    assert own.reading == "as_written" and (own.first_unit, own.last_unit) == (0, 16)
    moved = transposed(piece, 2)
    assert moved is not None
    (one,) = world.trace(moved, shortest=20).overlaps
    assert one.reading == "transposed -2", "that is how it stands in the corpus"
    assert one.places == own.places and one.places[0].unit == 8
    assert (one.first_unit, one.last_unit) == (0, 16)


def test_of_sources_and_targets_the_target_is_traced(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    pairs = [("the cat sat", "die Katze"), ("the dog ran", "der Hund")]
    rows = [json.dumps({"source": source, "target": target}) for source, target in pairs]
    (tmp_path / "in" / "t.jsonl").write_text("\n".join(rows))
    (tmp_path / "in" / "v.jsonl").write_text(rows[0])
    roles = {
        "source": {"language": "text", "predicted": False},
        "target": {"language": "text", "predicted": True},
    }
    columns = json.dumps({name: name for name in roles})
    base = BaseTokens(BytesTrainer().train(), "text")
    pair = Pair(json.dumps(roles), columns=columns, base=base)
    request = PrepareRequest(
        [tmp_path / "in" / "t.jsonl"],
        "pair",
        workers=1,
        validation_files=[tmp_path / "in" / "v.jsonl"],
    )
    corpus = prepare(request, tmp_path / "out", language=pair)
    world = World(corpus, CorpusIndex.build(corpus))
    turns = (Turn("source", "the cat sat"), Turn("target", "der Hund!"))
    found = world.trace(turns, shortest=3)
    assert "".join(found.pieces) == "der Hund!"
    (one,) = found.overlaps
    assert (one.text, one.count, one.places[0].document) == ("der Hund", 1, 1)
    with pytest.raises(UsageError, match="nothing to trace"):
        world.trace(turns[:1])

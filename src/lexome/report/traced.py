"""Where the samples on the page stand word for word in training, if its corpus has an index."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex, Place
from lexome.corpus.index.record import record_path
from lexome.corpus.manifest import TRAIN
from lexome.errors import LexomeError
from lexome.evaluation.honesty.readings import AS_WRITTEN
from lexome.evaluation.honesty.trace import NOTE, Trace, Usual, runs, trace, usual_lengths
from lexome.report.data import Missing, Sample
from lexome.report.reading import RunFiles, command, missing
from lexome.report.traced_data import SampleTrace, Traced, TracedPiece, TracedSpan

MOST_TOKENS = 1 << 13
SECONDS = 10.0
"""Samples are traced, the latest first, until so many tokens or so much time are spent."""

SPAN_LENGTH = 120
_NO_INDEX = (
    "Which parts of these stand word for word in the training data is not known: the corpus has no "
    "index."
)


@dataclass(frozen=True, slots=True)
class Wrote:
    """A sample with all its text, and its tokens, the prompt's too."""

    sample: Sample
    ids: tuple[int, ...]


def traced(
    run: RunFiles, wrote: Sequence[Wrote], longest: int
) -> tuple[list[SampleTrace | None], Traced | Missing]:
    """Trace samples, which stand in the order of their steps; some have no trace, and it says why.

    Of their texts `longest` characters are shown.
    """
    nothing: list[SampleTrace | None] = [None] * len(wrote)
    corpus = run.corpus
    if isinstance(corpus, Missing):
        return nothing, corpus
    makes = command("index", str(corpus.folder))
    if not record_path(corpus, TRAIN).is_file():
        return nothing, Missing(_NO_INDEX, makes)
    try:
        index = CorpusIndex.open(corpus)
        usual = usual_lengths(corpus, index)
        tracer = _Tracer(corpus, index, usual, longest)
        found = tracer.all(wrote)
    except LexomeError as error:
        return nothing, missing(error, makes)
    half, most = (usual.half, usual.most) if usual else (None, None)
    unit = corpus.manifest.unit
    return found, Traced(unit, tracer.shortest, half, most, NOTE, tuple(tracer.notes()))


class _Tracer:
    """Traces samples within bounds; `notes` tells what was left out."""

    def __init__(
        self, corpus: Corpus, index: CorpusIndex, usual: Usual | None, longest: int
    ) -> None:
        self.shortest = usual.half + 1 if usual else 1
        self._corpus, self._index, self._usual, self._longest = corpus, index, usual, longest
        self._left_out = 0
        self._without_tokens = 0
        self._refused: list[str] = []

    def all(self, wrote: Sequence[Wrote]) -> list[SampleTrace | None]:
        deadline = time.monotonic() + SECONDS
        left = MOST_TOKENS
        found: list[SampleTrace | None] = [None] * len(wrote)
        for number in reversed(range(len(wrote))):
            left -= len(wrote[number].ids)
            if left < 0 or time.monotonic() > deadline:
                self._left_out = number + 1
                break
            found[number] = self._one(wrote[number])
        return found

    def notes(self) -> Iterator[str]:
        if self._left_out:
            yield (
                f"The latest samples are traced; {self._left_out:,} before them are not, as no "
                f"more than {MOST_TOKENS:,} tokens are looked up for a page, nor for longer than "
                f"{SECONDS:g} s. `lexome trace` looks up any text."
            )
        if self._without_tokens:
            yield f"Recorded without tokens, and so not traced: {self._without_tokens:,}."
        if self._refused:
            first, many = self._refused[0], len(self._refused)
            yield f"Could not be traced: {many:,}, the first because {first}."

    def _one(self, wrote: Wrote) -> SampleTrace | None:
        size = self._corpus.tokenizer.vocab_size
        ids = np.array([one for one in wrote.ids if 0 <= one < size], np.int64)
        if not len(ids):
            self._without_tokens += bool(wrote.sample.text)
            return None
        try:
            found = trace(self._corpus, self._index, ids, shortest=self.shortest)
        except LexomeError as error:
            self._refused.append(error.what)
            return None
        return SampleTrace(
            tuple(_pieces(wrote.sample, found, self._longest)),
            tuple(self._spans(found)),
            found.covered,
        )

    def _spans(self, found: Trace) -> Iterator[TracedSpan]:
        """Yield the overlaps in their order, and behind them what is alike but not equal."""
        for one in found.overlaps:
            yield TracedSpan(
                one.tokens,
                one.first_unit,
                one.last_unit,
                _short(one.text),
                one.count,
                tuple(_place(place, found.unit) for place in one.places),
                "" if one.reading == AS_WRITTEN else one.reading,
                self._usual is not None and one.tokens > self._usual.most,
            )
        for other in found.spaced:
            yield TracedSpan(
                other.last_unit - other.first_unit,
                other.first_unit,
                other.last_unit,
                _short(other.text),
                other.count,
                (_place(other.place, found.unit),),
                reading="",
                rare=False,
                identity=other.identity,
            )


def _pieces(sample: Sample, found: Trace, longest: int) -> Iterator[TracedPiece]:
    """Yield a sample in pieces, its prompt first, if its tokens spell what is shown.

    They do not where it is seen or heard. Of sources and targets the target alone was traced.
    """
    spelled = "".join(found.pieces)
    whole = spelled == sample.prompt + sample.text
    if sample.media or not (whole or spelled == sample.text):
        return
    given = len(sample.prompt) if whole else 0
    if sample.prompt and not whole:
        yield TracedPiece(sample.prompt, None, prompted=True)
    at = 0
    order = sorted(range(len(found.overlaps)), key=lambda number: found.overlaps[number].tokens)
    for text, rank in runs(found.pieces, _ranks(found, order)):
        span = order[rank - 1] if rank else None
        parts = (text[: max(given - at, 0)], True), (text[max(given - at, 0) :], False)
        for part, prompted in parts:
            if shown := part[: max(given + longest - at, 0)]:
                yield TracedPiece(shown, span, prompted)
            at += len(part)
    if at > given + longest:
        yield TracedPiece(" […]", None, prompted=False)


def _ranks(found: Trace, order: Sequence[int]) -> list[int]:
    """Return for each token the last in `order` of the overlaps it stands in, from 1, or 0."""
    ranks = [0] * len(found.pieces)
    for rank, number in enumerate(order, 1):
        one = found.overlaps[number]
        ranks[one.first_token : one.last_token] = [rank] * (one.last_token - one.first_token)
    return ranks


def _place(place: Place, unit: str) -> str:
    made = ", in a form made by augmentation" if place.augmented else ""
    return f"{place.source}, {unit} {place.source.offset + place.unit:,}{made}"


def _short(text: str) -> str:
    half = SPAN_LENGTH // 2
    return text if len(text) <= SPAN_LENGTH else f"{text[:half]} […] {text[-half:]}"

"""What of a content stands word for word in the training split, how often, and where.

It is overlap, not proof: that a span occurs does not say that it is true, nor that the model took
it from there, and where it stands it may be said of something else. Spans are runs of whole
tokens: a passage that a tokenizer cuts otherwise at its edges is found without them.

Every word occurs somewhere, so short spans say nothing. How short is measured, on held-out text
of the same corpus, which was not copied: see `usual_lengths`. (OLMoTrace, arXiv 2504.07096, keeps
the spans whose tokens are the least frequent. Tokens follow each other by rules: in biographies
of one world, 99.7 % of the tokens of held-out text stand in spans that by the frequencies of
their tokens should not occur once.)
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex, Place
from lexome.corpus.manifest import TRAIN, VALID
from lexome.errors import UsageError
from lexome.evaluation.honesty.readings import Reading, readings
from lexome.evaluation.honesty.spaced import spaced_segments
from lexome.languages.base import Ids, Tokenizer
from lexome.languages.prompts import AnswersPrompts, answer_starts
from lexome.languages.variants import Related

NOTE = "overlap, not proof: where a span stands, it may be said of something else"

_PASSAGES, _PASSAGE, _SHARES = 16, 256, (0.5, 0.95)
_NO_TOKEN = -1


@dataclass(frozen=True, slots=True)
class Overlap:
    """A maximal span that stands in the training split, `count` times, first in `places`.

    `reading` says in which form the content stands there: `as_written`; `mirrored`, for DNA the
    other strand; `transposed +3`, three semitones higher. In that form the span is `tokens` tokens
    long and spells `text`; what it has of a character that is not whole in it is left out. In the
    content as it was given it is the natural units from `first_unit` to `last_unit`, which is not
    in it, and the tokens `first_token` to `last_token` are those that lie inside of these.
    """

    reading: str
    tokens: int
    first_token: int
    last_token: int
    first_unit: int
    last_unit: int
    text: str
    count: int
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Spaced:
    """A span that stands in the training split but for some symbols, where likeness says much.

    In the content it is the units from `first_unit` to `last_unit`; `text` is what stands in
    training, at `place`, the share `identity` of it equal. `count` such spans lie in it.
    """

    first_unit: int
    last_unit: int
    identity: float
    text: str
    count: int
    place: Place


@dataclass(frozen=True, slots=True)
class Trace:
    """What of a content stands in the training split in spans of `shortest` tokens or more.

    `pieces` [T] is what each token writes, which for one that ends inside a character is nothing.
    `covering` [T] is the tokens of the longest of the `overlaps` in which it stands, 0 for none.
    `spaced` are spans of proteins that are alike but not equal; they cover nothing.
    """

    shortest: int
    unit: str
    pieces: tuple[str, ...]
    covering: tuple[int, ...]
    overlaps: tuple[Overlap, ...]
    spaced: tuple[Spaced, ...]

    @property
    def covered(self) -> float:
        """Return the share of the tokens that stand in an overlap."""
        return float(np.mean(np.array(self.covering) > 0))


@dataclass(frozen=True, slots=True)
class Usual:
    """How long the spans are in which held-out text stands, in tokens.

    Half of its tokens stand in none that is longer than `half`, 19 of 20 in none longer than
    `most`.
    """

    half: int
    most: int


def usual_lengths(corpus: Corpus, index: CorpusIndex) -> Usual | None:
    """Measure held-out text: 16 passages of up to 256 tokens from all over the validation split.

    Where that is empty, return `None`.
    """
    stream = corpus.stream(VALID)
    if not len(stream):
        return None
    size = min(len(stream), _PASSAGE)
    starts = np.unique(np.linspace(0, len(stream) - size, _PASSAGES).astype(np.int64))
    # A number that is no token keeps spans from crossing into the next passage.
    rows = [[*stream.read(start, start + size), _NO_TOKEN] for start in starts.tolist()]
    ids = np.concatenate(rows)
    covering = np.zeros(len(ids), np.int64)
    for span in index.spans(ids):
        _cover(covering, span.start, span.stop, span.stop - span.start)
    half, most = np.quantile(covering[ids != _NO_TOKEN], _SHARES, method="higher").tolist()
    return Usual(half, most)


def trace(corpus: Corpus, index: CorpusIndex, ids: Ids, *, shortest: int, places: int = 3) -> Trace:
    """Look up the content that `ids` [T] stand for, of which the training split has `index`.

    They are what the corpus's tokenizer makes of a content, or what a model wrote; of sources and
    targets the last target is traced. The overlaps come in the order of the content. `shortest`
    is in tokens (see `usual_lengths`), and the first `places` places
    of each span are named.

    DNA is looked up on both strands, and music in the keys up to six semitones above and below,
    unless the corpus was read so that it has these forms itself. Of proteins, what is alike but for
    some residues is found too. Raises `UsageError` for an empty
    content.
    """
    tokenizer = corpus.tokenizer
    ids = _answer(tokenizer, np.asarray(ids))
    if not len(ids):
        raise UsageError("there is nothing to trace", fix="give a text of one token or more")
    forms = readings(corpus.language, tokenizer, ids)
    written = forms[0]
    covering = np.zeros(len(written.ids), np.int64)
    overlaps = []
    for _, cuts in groupby(forms, key=lambda form: form.name):
        maximal = _maximal(index, list(cuts), shortest)
        spans = [found.form.ids[found.start : found.stop] for found in maximal]
        for found, span, where in zip(maximal, spans, index.finds(spans, places), strict=True):
            first, last = found.tokens(written)
            _cover(covering, first, last, len(span))
            overlaps.append(
                Overlap(
                    reading=found.form.name,
                    tokens=len(span),
                    first_token=first,
                    last_token=last,
                    first_unit=found.units[0],
                    last_unit=found.units[1],
                    text="".join(_pieces(tokenizer, span)).strip("\ufffd"),
                    count=found.count,
                    places=tuple(where),
                )
            )
    overlaps.sort(key=lambda one: (one.first_unit, one.first_token))
    return Trace(
        shortest,
        corpus.manifest.unit,
        tuple(_pieces(tokenizer, written.ids)),
        tuple(covering.tolist()),
        tuple(overlaps),
        tuple(_spaced(corpus, index, written)),
    )


def _spaced(corpus: Corpus, index: CorpusIndex, written: Reading) -> Iterator[Spaced]:
    """Yield what is alike, of languages that are known by it, where each token is one symbol."""
    tokenizer, language = corpus.tokenizer, corpus.language
    if not isinstance(language, Related) or (tokenizer.unit_lengths[written.ids] != 1).any():
        return
    found = spaced_segments(corpus, index, written.ids, language.relatives)
    stream = corpus.stream(TRAIN)
    places = index.where([one.place for one in found]) if found else []
    for one, place in zip(found, places, strict=True):
        there = stream.read(one.place, one.place + one.tokens)
        text = "".join(_pieces(tokenizer, there))
        share = one.equal / one.tokens
        yield Spaced(one.start, one.stop, share, text, one.count, place)


@dataclass(frozen=True, slots=True)
class _Found:
    """The tokens `start` to `stop` of a form occur `count` times."""

    form: Reading
    start: int
    stop: int
    count: int

    @property
    def units(self) -> tuple[int, int]:
        borders = int(self.form.borders[self.start]), int(self.form.borders[self.stop])
        return min(borders), max(borders)

    def tokens(self, written: Reading) -> tuple[int, int]:
        """Return which tokens of the content as it is written lie inside."""
        if self.form is written:
            return self.start, self.stop
        low, high = self.units
        # Of tokens without units at an end of the span nothing is known: they are left out.
        borders = written.borders
        first = max(borders.searchsorted(low, "left"), borders.searchsorted(low, "right") - 1)
        last = min(borders.searchsorted(high, "left"), borders.searchsorted(high, "right") - 1)
        return int(first), int(max(first, last))


def _maximal(index: CorpusIndex, cuts: Sequence[Reading], shortest: int) -> list[_Found]:
    """Return the spans of one form in all its cuts, but for those inside one of another cut."""
    found = [
        _Found(form, span.start, span.stop, span.count)
        for form in cuts
        for span in index.spans(form.ids, shortest)
    ]
    if len(cuts) == 1:
        return found
    found.sort(key=lambda one: (one.units[0], -one.units[1]))
    kept: list[_Found] = []
    for one in found:
        if not kept or one.units[1] > kept[-1].units[1]:
            kept.append(one)
    return kept


def _answer(tokenizer: Tokenizer, ids: Ids) -> Ids:
    """Return the last answer of a document of sources and targets, and any other as it is."""
    if not isinstance(tokenizer, AnswersPrompts):
        return ids
    starts = answer_starts(ids, tokenizer.predicted)
    return ids[starts[-1] :] if len(starts) else ids[:0]


def parted(pieces: Sequence[str], first: int, last: int) -> list[str]:
    """Return a text in three parts: before the tokens from `first` to `last`, these, the rest.

    A mark that belongs to a letter stays in the part of that letter.
    """
    parts = ["".join(pieces[:first]), "".join(pieces[first:last]), "".join(pieces[last:])]
    for number in (1, 2):
        letters = parts[number].lstrip("".join(filter(is_mark, parts[number])))
        marks = len(parts[number]) - len(letters)
        parts[number - 1] += parts[number][:marks]
        parts[number] = letters
    return parts


def runs(pieces: Sequence[str], covering: Sequence[int]) -> list[tuple[str, int]]:
    """Return the text that tokens write in stretches of one number; both are [T].

    A character of several tokens has the least of their numbers, and a mark that belongs to a
    letter stays with it.
    """
    found: list[tuple[str, int]] = []
    least: int | None = None
    for piece, number in zip(pieces, covering, strict=True):
        least = number if least is None else min(least, number)
        if not piece:
            continue
        letters = piece.lstrip("".join(filter(is_mark, piece))) if found else piece
        marks = piece[: len(piece) - len(letters)]
        if marks:
            found[-1] = (found[-1][0] + marks, found[-1][1])
        if letters and found and found[-1][1] == least:
            found[-1] = (found[-1][0] + letters, least)
        elif letters:
            found.append((letters, least))
        least = None
    return found


def is_mark(letter: str) -> bool:
    """Return whether a letter is shown as a part of the one before it."""
    return unicodedata.category(letter).startswith("M") or letter == "\u200d"


def _pieces(tokenizer: Tokenizer, ids: Ids) -> list[str]:
    stream = tokenizer.text_stream()
    pieces = [stream.push([token]) for token in ids.tolist()]
    pieces[-1] += stream.finish()
    return pieces


def _cover(covering: npt.NDArray[np.int64], start: int, stop: int, length: int) -> None:
    covering[start:stop] = np.maximum(covering[start:stop], length)

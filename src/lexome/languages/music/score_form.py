"""Music as scores: the notes of a MIDI, ABC, MusicXML or JSON file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import (
    Document,
    Rendering,
    Skipped,
    Source,
    TokenBaseline,
    Tokenizer,
    TokenizerTrainer,
)
from lexome.languages.baselines import TokenNGram
from lexome.languages.music import conversion
from lexome.languages.music.abc_form import AbcForm
from lexome.languages.music.form import BROKEN, SILENT, Invalid
from lexome.languages.music.frames import to_score
from lexome.languages.music.frames_form import FramesForm
from lexome.languages.music.midi import read_midi
from lexome.languages.music.rendering import render
from lexome.languages.music.round_trip import RoundTrip
from lexome.languages.music.score import Score, described
from lexome.languages.music.score_coding import ScoreTrainer
from lexome.languages.sources import content_suffix, file_name

_XML = (".mxl", ".musicxml", ".xml")
_ORDERS = (1, 5)


@dataclass(frozen=True)
class ScoreForm:
    """Content is a `Score`; pieces in JSON have `grid` frames a quarter note."""

    unit: ClassVar[str] = "note"
    suffixes: ClassVar[Sequence[str]] = (".mid", ".midi", ".abc", *_XML, ".json")
    run_units: ClassVar[int] = 32

    grid: int
    invalid: Invalid

    @property
    def measures(self) -> Mapping[str, float]:
        """Return none."""
        return {}

    def read(self, path: Path, data: bytes) -> Iterator[Document | Skipped]:
        """Yield the piece of a file, or its tunes or pieces."""
        suffix, file = content_suffix(path), file_name(path)
        if suffix == ".abc":
            yield from self._tunes(path, data)
        elif suffix == ".json":
            for found in FramesForm(self.grid).read(path, data):
                if isinstance(found, Document):
                    found = replace(found, content=to_score(found.content, self.grid))
                yield found
        else:
            midi = conversion.musicxml_to_midi(data, file) if suffix in _XML else data
            yield _document(*read_midi(midi, file), Source(file))

    def _tunes(self, path: Path, data: bytes) -> Iterator[Document | Skipped]:
        for found in AbcForm("", self.invalid).read(path, data):
            if isinstance(found, Skipped):
                yield found
                continue
            where = str(found.source)
            try:
                midi = conversion.abc_to_midi(found.content, where)
                score, mended = read_midi(midi, where)
            except LexomeError as error:
                if self.invalid == "error":
                    raise
                yield Skipped(found.source, BROKEN, error.what)
                continue
            yield _document(score, {**found.metadata, **mended}, found.source)

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        """Return `remi` and `tsd`."""
        return {"remi": ScoreTrainer("remi"), "tsd": ScoreTrainer("tsd")}

    def parse(self, text: str) -> Score:
        """Raise `UsageError`: notes with times are nothing that one types."""
        raise UsageError(
            "a score cannot be typed", fix="give its beginning as a file: --from FILE --keep 0.5"
        )

    def units(self, content: Score) -> int:
        """Return the number of notes."""
        return len(content.notes)

    def part(self, content: Score, start: int, stop: int) -> Score:
        """Return some notes, in the order of their starts, without the bars before them."""
        return content.part(start, stop)

    def transposed(self, content: Score, semitones: int) -> Score | None:
        """Return all notes but drums moved, if they stay within MIDI's range."""
        return content.transposed(semitones)

    def baselines(self, tokenizer: Tokenizer) -> Sequence[TokenBaseline]:
        """Return n-grams of tokens; a note is three to five tokens."""
        return tuple(TokenNGram(order, tokenizer.vocab_size) for order in _ORDERS)

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return what a round trip through the tokens loses and moves."""
        found = RoundTrip()
        for document in documents:
            ids = tokenizer.encode([document.content])[0]
            found.add(document.content, tokenizer.decode(ids))
        return found.figures()

    def render(self, content: Score) -> Rendering:
        """Return a MIDI file, with a piano roll and a recording."""
        return render(content)


def _document(score: Score, mended: Mapping[str, str], source: Source) -> Document | Skipped:
    if not len(score.notes):
        return Skipped(source, SILENT)
    return Document(score, source, {**described(score), **mended})

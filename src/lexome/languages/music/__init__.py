"""Music: scores from MIDI, ABC and MusicXML, tunes as ABC text, and chorales as frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import (
    Baseline,
    Document,
    Rendering,
    Skipped,
    Source,
    TokenBaseline,
    Tokenizer,
    TokenizerTrainer,
)
from lexome.languages.common import Common
from lexome.languages.music.abc_form import AbcForm
from lexome.languages.music.form import EMPTY, Form, Invalid, documents, file_bytes
from lexome.languages.music.frame_coding import FrameCoding
from lexome.languages.music.frames_form import FramesForm
from lexome.languages.music.score_coding import CODINGS, ScoreSettings
from lexome.languages.music.score_form import ScoreForm
from lexome.languages.options import at_least
from lexome.languages.sources import content_suffix, file_name, open_bytes
from lexome.languages.tokenizers import Coding

_MOST_SEMITONES = 12


@dataclass(frozen=True)
class Music(Common):
    """Music in one of three forms, which decides the unit and the tokenizers.

    Options:

    - `form`: what a document is. `score`: the notes of a file, with their times, tracks, tempos
      and signatures. `abc`: the text of one tune. `frames`: which pitches sound in each step of a
      grid; the chorales in JSON come so.
    - `grid`: frames a quarter note, for `frames`, and for chorales that are read as scores.
    - `transpose`: train on every piece in the keys up to so many semitones above and below
      too; drums stay. Not for ABC text, whose spelling of a key is more than its notes.
    - `drop_fields`: the letters of ABC fields to leave out, as "BNSZ": where a tune was printed
      and who typed it are no music.
    - `invalid`: a file or a tune that is broken is an `error` or is left out (`skip`, counted).
    """

    name: ClassVar[str] = "music"

    form: Literal["score", "abc", "frames"] = "score"
    grid: int = 4
    transpose: int = 0
    drop_fields: str = ""
    invalid: Invalid = "error"

    def __post_init__(self) -> None:
        at_least("grid", self.grid, 1)
        if not 0 <= self.transpose <= _MOST_SEMITONES:
            raise UsageError(f"transpose must be 0 to {_MOST_SEMITONES}, not {self.transpose}")
        if self.transpose and self.form == "abc":
            raise UsageError(
                "ABC text cannot be transposed", fix="leave transpose out, or choose form=score"
            )

    @property
    def _form(self) -> Form:
        if self.form == "abc":
            return AbcForm(self.drop_fields, self.invalid)
        if self.form == "frames":
            return FramesForm(self.grid)
        return ScoreForm(self.grid, self.invalid)

    @property
    def suffixes(self) -> Sequence[str]:
        """Return the suffixes of the files that hold this form."""
        return self._form.suffixes

    @property
    def unit(self) -> str:
        """Return "note", "byte" or "frame"."""
        return self._form.unit

    @property
    def run_units(self) -> int:
        """Return how many units of this form two works share by copying only."""
        return self._form.run_units

    @property
    def measures(self) -> Mapping[str, float]:
        """Return the measures of the form."""
        return self._form.measures

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the documents of a file; one of another form's suffix is skipped."""
        suffix, file = content_suffix(path), file_name(path)
        if suffix not in self._form.suffixes:
            with open_bytes(path):  # a folder, or nothing at all, is an error and no other form
                yield Skipped(Source(file), f"not read as {self.form}", suffix or "no suffix")
            return
        data = file_bytes(path)
        if not data:
            yield Skipped(Source(file), EMPTY)
            return
        yield from documents(self._form.read(path, data), path, self.invalid)

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        """Return the tokenizers of the form."""
        return self._form.tokenizers()

    def parse(self, text: str) -> Any:
        """Return content from what a person types: frames or ABC; a score cannot be typed."""
        return self._form.parse(text)

    def units(self, document: Document) -> int:
        """Return the notes, bytes or frames of a document."""
        return self._form.units(document.content)

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return the part of a document from unit `start` to unit `stop`."""
        size = self.units(document)
        start, stop = min(max(start, 0), size), min(max(stop, 0), size)
        source = replace(document.source, offset=document.source.offset + start)
        content = self._form.part(document.content, start, max(start, stop))
        return replace(document, content=content, source=source)

    def augment(self, document: Document) -> Iterable[Document]:
        """Yield the piece in other keys, those that `transpose` names and MIDI's range allows."""
        for semitones in range(-self.transpose, self.transpose + 1):
            moved = self._form.transposed(document.content, semitones) if semitones else None
            if moved is not None:
                facts = {**document.metadata, "transposed": f"{semitones:+d}"}
                yield replace(document, content=moved, metadata=facts)

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline | TokenBaseline]:
        """Return the simple models of the form."""
        return self._form.baselines(tokenizer)

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return what a round trip through a lossy tokenizer changes."""
        return self._form.fidelity(tokenizer, documents)

    def render(self, document: Document) -> Rendering:
        """Return a document as a file of its form, with a piano roll and a recording."""
        return self._form.render(document.content)

    @staticmethod
    def coding(kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]) -> Coding:
        """Return a coding from what was saved of it."""
        if kind == FrameCoding.kind:
            return FrameCoding(**settings)
        if kind in CODINGS:
            return CODINGS[kind](ScoreSettings(**settings))
        raise LexomeError(f"music has no coding {kind!r}")


__all__ = ["Music"]

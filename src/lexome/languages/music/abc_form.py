"""Music as ABC text: a document is one tune, as it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from lexome.errors import LexomeError
from lexome.languages.base import (
    Baseline,
    Document,
    Rendering,
    Skipped,
    Source,
    Tokenizer,
    TokenizerTrainer,
    View,
)
from lexome.languages.music import conversion
from lexome.languages.music.abc_text import FreeText, Tune, has_notes, problem, tunes, without
from lexome.languages.music.form import BROKEN, SILENT, Invalid
from lexome.languages.music.midi import read_midi
from lexome.languages.music.rendering import summary, views
from lexome.languages.sources import file_name
from lexome.languages.text import Text
from lexome.languages.tokenizers import BpeTrainer, BytesTrainer, CharactersTrainer

_MEDIA_TYPE = "text/vnd.abc; charset=utf-8"
_TEXT = Text()


@dataclass(frozen=True)
class AbcForm:
    """Content is the text of a tune; `drop_fields` are the letters of fields to leave out."""

    unit: ClassVar[str] = "byte"
    suffixes: ClassVar[Sequence[str]] = (".abc",)
    run_units: ClassVar[int] = 32

    drop_fields: str
    invalid: Invalid

    @property
    def measures(self) -> Mapping[str, float]:
        """Return none."""
        return {}

    def read(self, path: Path, data: bytes) -> Iterator[Document | Skipped]:
        """Yield the tunes of a file, the fields of its header in each of them."""
        file = file_name(path)
        text, facts = decoded(data)
        for found in tunes(text):
            if isinstance(found, FreeText):
                yield Skipped(Source(file, "", found.line), "text of no tune", found.text[:60])
            else:
                yield self._document(file, found, facts)

    def _document(self, file: str, tune: Tune, facts: Mapping[str, str]) -> Document | Skipped:
        source = Source(file, tune.number, tune.line)
        if wrong := problem(tune.text):
            place = replace(source, line=tune.line + wrong.line)
            if self.invalid == "skip":
                return Skipped(place, BROKEN, wrong.what)
            raise LexomeError(
                f"the tune is no ABC: {wrong.what}",
                where=str(place),
                fix="mend the tune, or choose --option invalid=skip",
            )
        if not has_notes(tune.text):
            return Skipped(source, SILENT)
        if tune.inherited:
            facts = {**facts, "fields of the file": tune.inherited}
        return Document(without(tune.text, self.drop_fields), source, facts)

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        """Return those of text, characters first: their vocabulary is small."""
        return {
            "characters": CharactersTrainer(),
            "bytes": BytesTrainer(),
            "bpe": BpeTrainer(),
        }

    def parse(self, text: str) -> str:
        """Return the text: the beginning of a tune is a prompt."""
        return _TEXT.parse(text)

    def units(self, content: str) -> int:
        """Return the bytes of UTF-8."""
        return len(content.encode("utf-8"))

    def part(self, content: str, start: int, stop: int) -> str:
        """Return bytes `start` to `stop`; a place inside a character moves to its first byte."""
        part: str = _TEXT.cut(Document(content, Source("")), start, stop).content
        return part

    def transposed(self, content: str, semitones: int) -> None:
        """Return nothing: a tune in another key has another spelling."""
        return None

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline]:
        """Return those of text."""
        return _TEXT.baselines(tokenizer)

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return nothing: nothing is lost."""
        return {}

    def render(self, content: str) -> Rendering:
        """Return the tune as text, and as a piano roll and sound where abc2midi reads it."""
        data = content.encode("utf-8")
        if problem(content) or not conversion.can_read_abc():
            return Rendering(content, data, _MEDIA_TYPE, ".abc")
        try:
            midi = conversion.abc_to_midi(content, "rendering")
            score, _ = read_midi(midi, "rendering")
        except LexomeError:
            return Rendering(content, data, _MEDIA_TYPE, ".abc")
        text = f"{content.rstrip()}\n% {summary(score).splitlines()[0]}\n"
        shown = (View("MIDI", midi, "audio/midi", ".mid"), *views(score))
        return Rendering(text, data, _MEDIA_TYPE, ".abc", shown)


def decoded(data: bytes) -> tuple[str, dict[str, str]]:
    """Return the text of an ABC file with LF line ends: UTF-8, else Latin-1, which is then said."""
    facts = {}
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text, facts["encoding"] = data.decode("latin-1"), "iso-8859-1"
    return text.replace("\r\n", "\n").replace("\r", "\n"), facts

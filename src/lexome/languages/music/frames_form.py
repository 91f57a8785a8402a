"""Music as frames of a grid: chorales in JSON, and MIDI files put on a grid."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from lexome.errors import LexomeError
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
from lexome.languages.music.form import SILENT
from lexome.languages.music.frame_coding import FrameTrainer
from lexome.languages.music.frames import (
    REST,
    Frames,
    from_score,
    read_pieces,
    to_score,
    transposed,
)
from lexome.languages.music.midi import read_midi
from lexome.languages.music.rendering import render
from lexome.languages.music.score import PITCHES
from lexome.languages.sources import content_suffix, file_name


@dataclass(frozen=True)
class FramesForm:
    """Content is a tuple of frames, each a tuple of pitches; `grid` frames are a quarter note."""

    unit: ClassVar[str] = "frame"
    suffixes: ClassVar[Sequence[str]] = (".json", ".mid", ".midi")
    run_units: ClassVar[int] = 16

    grid: int

    @property
    def measures(self) -> Mapping[str, float]:
        """Return the field's measure: the sum over the voices of a frame, in nats."""
        return {"nats per frame": math.log(2)}

    def read(self, path: Path, data: bytes) -> Iterator[Document | Skipped]:
        """Yield the pieces of a JSON file, each with its split, or the piece of a MIDI file."""
        file = file_name(path)
        if content_suffix(path) == ".json":
            for split, name, frames in read_pieces(data, file):
                yield _document(frames, Source(file, name), {"split": split} if split else {})
            return
        score, mended = read_midi(data, file)
        try:
            frames, drums = from_score(score, self.grid)
        except LexomeError as error:
            raise LexomeError(error.what, where=file, fix=error.fix) from error
        facts = {"drum notes left out": str(drums)} if drums else {}
        yield _document(frames, Source(file), {**mended, **facts})

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        """Return `frames`, which tells quarter notes where they have several frames."""
        return {"frames": FrameTrainer(beat=self.grid if self.grid > 1 else 0)}

    def parse(self, text: str) -> Frames:
        """Return frames written as pitches with spaces between, frames with `|` between."""
        return tuple(_typed(frame) for frame in text.split("|"))

    def units(self, content: Frames) -> int:
        """Return the number of frames."""
        return len(content)

    def part(self, content: Frames, start: int, stop: int) -> Frames:
        """Return some frames."""
        return content[start:stop]

    def transposed(self, content: Frames, semitones: int) -> Frames | None:
        """Return all pitches moved, if they stay within MIDI's range."""
        return transposed(content, semitones)

    def baselines(self, tokenizer: Tokenizer) -> Sequence[TokenBaseline]:
        """Return n-grams of tokens: of four voices, five reach back to the same voice."""
        return tuple(TokenNGram(order, tokenizer.vocab_size) for order in (1, 5))

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return nothing: nothing is lost."""
        return {}

    def render(self, content: Frames) -> Rendering:
        """Return the frames as a score."""
        return render(to_score(content, self.grid))


def _document(frames: Frames, source: Source, facts: Mapping[str, str]) -> Document | Skipped:
    if any(pitch != REST for frame in frames for pitch in frame):
        return Document(frames, source, facts)
    return Skipped(source, SILENT)


def _typed(text: str) -> tuple[int, ...]:
    pitches = text.split()
    if not all(pitch.isdecimal() and int(pitch) < PITCHES for pitch in pitches):
        raise LexomeError(
            f"{text.strip()!r} is no frame",
            fix="write MIDI pitches with spaces between, and | between frames: 60 64 67 | 60 65 69",
        )
    return tuple(map(int, pitches))

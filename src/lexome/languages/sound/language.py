"""The language of recordings: files of sound to pieces of mono samples at one rate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, cast

import numpy as np

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
from lexome.languages.common import Common
from lexome.languages.options import at_least
from lexome.languages.sound import fidelity, rendering
from lexome.languages.sound.codec import Codec
from lexome.languages.sound.coding import SoundCoding
from lexome.languages.sound.extra import part
from lexome.languages.sound.levels import Level, Pcm, Samples, from_pcm, level, to_pcm
from lexome.languages.sound.mel import Mel, MelTrainer
from lexome.languages.sound.mulaw import MuLaw, MuLawTrainer
from lexome.languages.sound.names import NameTemplate
from lexome.languages.sound.reading import SUFFIXES, Recording, open_recording
from lexome.languages.sound.training import CodecTrainer
from lexome.languages.sound.unspoken import unspoken
from lexome.languages.sources import file_name
from lexome.languages.tokenizers import CodedTokenizer

_LEAST_RATE = 1000
_MOST_SPEED = 0.5
# A codec decodes a piece at once.
_MOST_SECONDS = 120
# Decoding takes a tenth of the time that the sound lasts.
_MEASURED_SECONDS = 120


@dataclass(frozen=True)
class Sound(Common):
    """Recordings, whose natural unit is the sample; content is mono `int16`, [samples].

    Options:

    - `rate`: samples per second, the same for a whole corpus. 16,000 holds what speech has, up to
      8 kHz, and is what speech recognition works at; recordings of the telephone need 8,000,
      music 32,000 or more.
    - `seconds`: longer recordings come in pieces of this length.
    - `loudness`: levels stay (`keep`), or each recording is brought to -23 dBFS by one gain, with
      no peak above -1 dBFS (`normalise`).
    - `silence`: pieces without a sample above -60 dBFS are kept, or left out (`skip`, counted).
    - `names`: a template of file names, `{digit}_{speaker}_{take}`, whose fields become metadata.
    - `group`: the field of `names` of which no value stands on both sides of the split; by
      default that is the file.

    - `speed`: train also on every piece played faster and slower by this share (0.1: 10 %), pitch
      and all, as if others spoke (Ko et al. 2015).

    Channels are mixed in equal parts. `Source.offset` is in samples at `rate` from the start of
    the recording. The metadata say the `source_rate`, `channels` and `encoding` of the file, and of
    each piece, before any gain, `rms_dbfs`, `peak_dbfs` and the samples that are `clipped`; with
    `normalise`, the `gain_db`.
    """

    name: ClassVar[str] = "sound"
    unit: ClassVar[str] = "sample"
    suffixes: ClassVar[Sequence[str]] = SUFFIXES

    rate: int = 16_000
    seconds: float = 10.0
    loudness: Literal["keep", "normalise"] = "keep"
    silence: Literal["keep", "skip"] = "keep"
    names: str = ""
    group: str = ""
    speed: float = 0.0

    def __post_init__(self) -> None:
        at_least("rate", self.rate, _LEAST_RATE)
        if not 1 <= self.seconds * self.rate <= _MOST_SECONDS * self.rate:
            raise UsageError(
                f"seconds must lie between one sample and {_MOST_SECONDS}, not {self.seconds}"
            )
        if not 0 <= self.speed <= _MOST_SPEED:
            raise UsageError(f"speed must lie between 0 and {_MOST_SPEED}, not {self.speed}")
        fields = NameTemplate(self.names).fields if self.names else ()
        if self.group and self.group not in fields:
            raise UsageError(
                f"the group {self.group!r} is not a field of the names",
                where="language 'sound', option 'group'",
                fix=f"name one of {', '.join(fields)}"
                if fields
                else "say how files are called: --option names={speaker}_{}",
            )

    @property
    def run_units(self) -> int:
        """Return about an eighth of a second: two recordings share that only by copying."""
        return 1 << round(math.log2(self.rate / 8))

    @property
    def measures(self) -> Mapping[str, float]:
        """Return bits per second."""
        return {"bits per second": float(self.rate)}

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the pieces of a recording in order, in the memory of one piece."""
        source = Source(file_name(path))
        with open_recording(path) as recording:
            if recording is None:
                yield Skipped(source, "empty")
                return
            facts = self._facts(recording)
            gain = 0.0
            if self.loudness == "normalise":
                gain = self._gain(path)
                facts["gain_db"] = f"{gain:+.1f}"
            place = 0
            for piece in _pieces(recording.samples(self.rate), round(self.seconds * self.rate)):
                yield self._document(Source(source.file, offset=place), piece, gain, facts)
                place += len(piece)
            if not place:
                yield Skipped(source, "no samples")

    def _facts(self, recording: Recording) -> dict[str, str]:
        facts = {
            "source_rate": str(recording.rate),
            "channels": str(recording.channels),
            "encoding": recording.encoding,
        }
        if self.names:
            found = NameTemplate(self.names).match(file_name(recording.path))
            facts |= {"unmatched_name": "true"} if found is None else found
        return facts

    def _gain(self, path: Path) -> float:
        whole = Level()
        with open_recording(path) as recording:
            assert recording is not None
            for samples in recording.samples(self.rate):
                whole.add(samples)
        return whole.gain_db

    def _document(
        self, source: Source, samples: Samples, gain: float, facts: Mapping[str, str]
    ) -> Document | Skipped:
        measured = level(samples)
        if self.silence == "skip" and measured.is_silent:
            return Skipped(source, "silence", f"{len(samples) / self.rate:.2f} s")
        content = to_pcm(samples * np.float32(10 ** (gain / 20)) if gain else samples)
        levels = {
            "rms_dbfs": f"{measured.rms_dbfs:.1f}",
            "peak_dbfs": f"{measured.peak_dbfs:.1f}",
            "clipped": str(measured.clipped),
        }
        return Document(content, source, {**facts, **levels})

    def split_key(self, document: Document) -> str:
        """Return the value of the group, or the file."""
        if not self.group:
            return document.source.file
        if self.group not in document.metadata:
            raise LexomeError(
                f"the name of this file does not fit the template {self.names!r}",
                where=str(document.source),
                fix="rename the file, or correct --option names=...",
            )
        return document.metadata[self.group]

    def augment(self, document: Document) -> Iterator[Document]:
        """Yield the document faster and slower, where `speed` says so."""
        for speed in (1 + self.speed, 1 - self.speed) if self.speed else ():
            samples = part("soxr").resample(from_pcm(document.content), speed, 1, quality="HQ")
            metadata = {**document.metadata, "speed": f"{speed:g}"}
            yield replace(document, content=to_pcm(samples), metadata=metadata)

    def unspoken(self, like: Pcm, random: np.random.Generator) -> tuple[str, Pcm]:
        """Return silence or noise, drawn, by its name; as long as a recording [samples]."""
        return unspoken(len(like), random)

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        """Return codes to read and to write, and frames (`mel`), to read alone, of a pair."""
        return {
            "codec": CodecTrainer(self.rate),
            "mulaw": MuLawTrainer(self.rate),
            "mel": MelTrainer(self.rate),
        }

    @staticmethod
    def coding(
        kind: str, settings: Mapping[str, Any], arrays: Mapping[str, Any]
    ) -> SoundCoding | Mel:
        """Return a coding again from what was saved of it."""
        if kind == MuLaw.kind:
            return MuLaw(**settings)
        if kind == Mel.kind:
            return Mel(**settings, **arrays)
        return Codec.of(settings, arrays)

    def parse(self, text: str) -> Any:
        """Raise `LexomeError`: sound cannot be typed."""
        raise LexomeError(
            "sound cannot be typed",
            where=f"the prompt {text[:40]!r}",
            fix="give a recording to go on with: --from FILE",
        )

    def baselines(self, tokenizer: Tokenizer) -> Sequence[TokenBaseline]:
        return self._coding(tokenizer).baselines(tokenizer.vocab_size)

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return kbit/s, log-mel distance, SI-SDR and the use of the codebooks.

        Of more than some two minutes, recordings that lie evenly are taken.
        """
        seconds = sum(map(self.units, documents)) / self.rate
        step = max(1, math.ceil(seconds / _MEASURED_SECONDS))
        coding = self._coding(tokenizer)
        return fidelity.measure(coding, [document.content for document in documents[::step]])

    def _coding(self, tokenizer: Tokenizer) -> SoundCoding:
        coding = cast(SoundCoding, cast(CodedTokenizer, tokenizer).coding)
        if coding.rate != self.rate:
            raise UsageError(
                f"the tokenizer works at {coding.rate:,} samples per second, not {self.rate:,}",
                fix=f"choose --option rate={coding.rate}, or another tokenizer",
            )
        return coding

    def render(self, document: Document) -> Rendering:
        """Return a WAV of 16 bits, its spectrogram, and a line that sketches it."""
        return rendering.render(document, self.rate)


def _pieces(blocks: Iterator[Samples], size: int) -> Iterator[Samples]:
    held: list[Samples] = []
    count = 0
    for block in blocks:
        held.append(block)
        count += len(block)
        if count >= size:
            joined = np.concatenate(held)
            for start in range(0, count - size + 1, size):
                yield joined[start : start + size].copy()
            held = [joined[count - count % size :].copy()]
            count %= size
    if count:
        yield np.concatenate(held)

"""Recordings of any rate and number of channels as one stream of mono samples at one rate."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.sound.containers import check_whole
from lexome.languages.sound.extra import part
from lexome.languages.sound.levels import Samples
from lexome.languages.sources import open_bytes

SUFFIXES = (".wav", ".flac", ".ogg", ".oga", ".opus", ".mp3")
_BLOCK = 1 << 16
_AGAIN = "get the file again, or write it anew with an audio editor"


@dataclass(frozen=True)
class Recording:
    """An open sound file; `frames` is what its header promises, one sample of each channel."""

    path: Path
    file: Any

    @property
    def rate(self) -> int:
        """Return the samples per second of a channel."""
        return int(self.file.samplerate)

    @property
    def channels(self) -> int:
        """Return how many channels there are."""
        return int(self.file.channels)

    @property
    def encoding(self) -> str:
        """Return how the samples are written: WAV PCM_16, MP3 MPEG_LAYER_III, ..."""
        return f"{self.file.format} {self.file.subtype}"

    def samples(self, rate: int, block: int = _BLOCK) -> Iterator[Samples]:
        """Yield the mean of the channels at `rate` samples per second, full scale 1, in blocks.

        The blocks together are the same for every size of `block`. Raises `DamagedFileError` where
        the file ends before its header says so or does not decode, `LexomeError` for samples that
        are no numbers.
        """
        if rate == self.rate:
            yield from self._mono(block)
            return
        stream = part("soxr").ResampleStream(self.rate, rate, 1, dtype="float32", quality="HQ")
        for samples in self._mono(block):
            yield stream.resample_chunk(samples)
        yield stream.resample_chunk(np.zeros(0, np.float32), last=True)

    def _mono(self, block: int) -> Iterator[Samples]:
        done = 0
        while len(frames := self._read(block, done)):
            strange = np.flatnonzero(~np.isfinite(frames).all(axis=1))
            if len(strange):
                raise LexomeError(
                    "a sample is no number",
                    where=f"{self.path}, sample {done + int(strange[0]):,} (from 0)",
                    fix="write the file anew, as 16-bit PCM for one",
                )
            done += len(frames)
            yield frames[:, 0] if self.channels == 1 else frames.mean(axis=1)
        check_whole(self.path, self.file, done)

    def _read(self, block: int, done: int) -> Any:
        errors = part("soundfile").SoundFileError
        try:
            return self.file.read(block, dtype="float32", always_2d=True)
        except errors as error:
            raise DamagedFileError(
                f"the sound data are damaged: {error}",
                where=f"{self.path}, after sample {done:,}",
                fix=_AGAIN,
            ) from error


@contextmanager
def open_recording(path: Path) -> Iterator[Recording | None]:
    """Open a sound file, compressed (.gz, ...) or not, as its content says, whatever its suffix.

    `None` stands for a file without a byte. What is no sound file is a `DamagedFileError`.
    """
    soundfile = part("soundfile")
    with open_bytes(path) as stream, _seekable(stream) as seekable:
        if not seekable.read(1):
            yield None
            return
        seekable.seek(0)
        try:
            file = soundfile.SoundFile(seekable)
        except soundfile.SoundFileError as error:
            reason = str(getattr(error, "error_string", error)).removeprefix("Error : ")
            raise DamagedFileError(
                f"this cannot be read as sound: {reason}",
                where=f"{path}, byte 0",
                fix=f"name files that hold WAV, FLAC, OGG or MP3, or {_AGAIN}",
            ) from error
        with file:
            yield Recording(path, file)


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    if stream.seekable():
        yield stream
        return
    # On the disk: an hour is too much for memory.
    with tempfile.TemporaryFile() as copy:
        while data := stream.read(1 << 20):
            copy.write(data)
        copy.seek(0)
        yield copy

"""The learned codec: level and spectral shape of short frames, quantised by what was recorded."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lexome.languages.base import TokenBaseline, UnitCodes
from lexome.languages.baselines import TokenNGram
from lexome.languages.sound.clustering import Numbers, Vectors, quantise
from lexome.languages.sound.coding import CodebookEntropy
from lexome.languages.sound.levels import Pcm, Samples, from_pcm, to_pcm
from lexome.languages.sound.spectra import FLOOR_DB, Floats, Frames, decibels, mel_filters
from lexome.languages.sound.synthesis import synthesise
from lexome.languages.tokenizers import Codes

# Chosen on spoken digits by the log-mel distance of a speaker who was not learned from.
BANDS = 48
WINDOW_SECONDS = 0.025
_HALVES = 2
_BEAM = 4
# Levels and shapes are whole numbers of sixteenths of a decibel: see `clustering`.
_STEPS = 16
_LEVEL_STEPS = 20
LEVELS = 64
_CHUNK = 512


class Features:
    """What the codec hears: levels in mel bands, two windows a frame, relative to their mean."""

    def __init__(self, rate: int, hop: int) -> None:
        self.frames = Frames(rate, round(WINDOW_SECONDS * rate), hop // _HALVES)
        self.filters = mel_filters(rate, self.frames.transform, BANDS)

    @property
    def size(self) -> int:
        """Return the numbers of a shape."""
        return _HALVES * len(self.filters.T)

    def chunks(self, samples: Samples) -> Iterator[tuple[Numbers, Vectors]]:
        """Yield levels [n], from 0 to 63, and shapes [n, size] of some hundred frames at a time.

        The last frame goes on in silence.
        """
        count = -(-len(samples) // (self.frames.hop * _HALVES))
        for first in range(0, count, _CHUNK):
            stop = min(first + _CHUNK, count)
            powers = self.frames.powers(samples, first * _HALVES, stop * _HALVES)
            # Not by BLAS, whose sums depend on the number of rows.
            banded = np.einsum("tf,fb->tb", powers, self.filters)
            heights = np.rint((decibels(banded) - FLOOR_DB) * _STEPS).reshape(stop - first, -1)
            means = np.rint(heights.mean(axis=1) / _LEVEL_STEPS).astype(np.int64)
            levels = np.minimum(means, LEVELS - 1)
            yield levels, heights - levels[:, None] * _LEVEL_STEPS

    def powers(self, levels: Numbers, shapes: Vectors) -> Floats:
        """Return the powers in mel bands of the windows of frames; [2 n, bands]."""
        heights = (shapes + levels[:, None] * _LEVEL_STEPS).reshape(-1, self.filters.shape[1])
        # What lies at the floor is silence.
        return np.where(heights < _STEPS / 2, 0, 10 ** ((heights / _STEPS + FLOOR_DB) / 10))


class Codec:
    """Frames of `hop` samples as a code for the level and codes for the shape.

    The level is the mean of the frame in mel bands, in 64 steps of 1.25 dB. The shape, what the
    bands differ from it by in two windows, is a sum of one row of each codebook (residual vector
    quantisation, Juang and Gray 1982). The code of the level stands for the samples of the frame,
    the others for none. Phases are not kept: sound is made again by Griffin and Lim's
    algorithm, so a decoded waveform sounds alike and does not look alike.

    `books` [size, features] hold whole numbers, sixteenths of a decibel.
    """

    language: ClassVar[str] = "sound"
    kind: ClassVar[str] = "codec"
    lossy: ClassVar[bool] = True

    def __init__(self, rate: int, hop: int, books: Sequence[npt.NDArray[np.int16]]) -> None:
        self.rate = rate
        self.hop = hop
        self.books = [np.asarray(book, np.int16) for book in books]
        sizes = [LEVELS, *map(len, self.books)]
        ends = np.cumsum(sizes).tolist()
        self.codebooks = [range(end - size, end) for end, size in zip(ends, sizes, strict=True)]
        if any(book.shape[1] != self._features.size for book in self.books):
            raise ValueError(f"a codebook does not hold shapes of {self._features.size} numbers")

    @property
    def names(self) -> Sequence[str]:
        """Return L00 to L63 for levels, the codebook and the row for shapes: 1.000, ..."""
        names = [f"L{level:02d}" for level in range(LEVELS)]
        for number, book in enumerate(self.books, 1):
            names += [f"{number}.{row:03d}" for row in range(len(book))]
        return names

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        lengths = np.zeros(self.codebooks[-1].stop, np.int64)
        lengths[:LEVELS] = self.hop
        return lengths

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rate": self.rate, "hop": self.hop}

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {f"book_{number}": book for number, book in enumerate(self.books, 1)}

    @classmethod
    def of(cls, settings: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Codec:
        """Return the codec that has these `settings` and `arrays`."""
        numbers = range(1, len(arrays) + 1)
        return cls(**settings, books=[arrays[f"book_{number}"] for number in numbers])

    @property
    def bits_per_second(self) -> float:
        return sum(math.log2(len(book)) for book in self.codebooks) * self.rate / self.hop

    def encode(self, content: Pcm) -> Codes:
        """Return the codes of the frames, the last of which goes on in silence."""
        starts = [book.start for book in self.codebooks]
        parts = [np.zeros((0, len(starts)), np.int64)]
        for levels, shapes in self._features.chunks(from_pcm(np.asarray(content))):
            rows = quantise(shapes, self._vectors, _BEAM)
            frames = np.column_stack([levels, rows]) + starts
            parts.append(frames.astype(np.int64))
        return np.concatenate(parts).ravel()

    def decode(self, codes: Codes) -> Pcm:
        """Return the samples of all frames; a code of a level begins one.

        Of two codes of one codebook in a frame the last counts; where one is missing, the shape
        is that of the others. Codes before the first level stand for nothing.
        """
        levels, rows = self._frames(codes)
        shapes = np.zeros((len(levels), self._features.size))
        for row, book in zip(rows.T, self._vectors, strict=True):
            shapes[row >= 0] += book[row[row >= 0]]
        powers = self._features.powers(levels, shapes)
        return to_pcm(synthesise(powers, self._features.filters, self._features.frames))

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return one number for all the codes of a frame, at each of its samples."""
        numbers, rows = self._frames(codes)
        for row, book in zip(rows.T, self.books, strict=True):
            numbers = numbers * (len(book) + 1) + row + 1
        return np.repeat(numbers.astype(np.uint64), self.hop)

    def baselines(self, vocab_size: int) -> Sequence[TokenBaseline]:
        """Return the entropy code of each codebook, and n-grams."""
        grams = [TokenNGram(order, vocab_size) for order in (1, 2, 3)]
        return (CodebookEntropy(self.codebooks), *grams)

    def _frames(self, codes: Codes) -> tuple[Numbers, Numbers]:
        """Return the level and the rows of each frame, -1 where there is none; [n], [n, books]."""
        frame = np.cumsum(codes < LEVELS) - 1
        levels = codes[codes < LEVELS]
        rows = np.full((len(levels), len(self.books)), -1)
        for number, book in enumerate(self.codebooks[1:]):
            inside = (codes >= book.start) & (codes < book.stop) & (frame >= 0)
            rows[frame[inside], number] = codes[inside] - book.start
        return levels, rows

    @cached_property
    def _features(self) -> Features:
        return Features(self.rate, self.hop)

    @cached_property
    def _vectors(self) -> list[Vectors]:
        return [book.astype(np.float64) for book in self.books]

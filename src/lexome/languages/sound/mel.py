"""Log-mel frames: sound for a model to read, and not to say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import TokenBaseline, UnitCodes
from lexome.languages.sound.codec import WINDOW_SECONDS
from lexome.languages.sound.levels import Pcm, from_pcm
from lexome.languages.sound.spectra import Floats, Frames, decibels, mel_filters
from lexome.languages.tokenizers import CodedTokenizer, Codes
from lexome.languages.tokenizers.trainers import WithoutOptions

HOP_SECONDS = 0.010
BANDS = 40
STACKED = 4
_CHUNK = 2048
_LEAST_DEVIATION_DB = 1.0


class Mel:
    """Windows of 25 ms every 10 ms as levels in 40 mel bands, four windows a frame token.

    Levels in dB are taken from their mean over the louder half of the recording, band by band,
    and divided by the `deviation` [bands] of the training split. That takes away what room,
    microphone and speaker do to all of it (cepstral mean normalisation, Atal 1974), however long
    it is silent before and behind what is said. Digital silence is zeros. A frame is the input of a
    model and nothing else: its token spells no sample.
    """

    language: ClassVar[str] = "sound"
    kind: ClassVar[str] = "mel"
    lossy: ClassVar[bool] = True

    def __init__(self, rate: int, stacked: int, deviation: npt.NDArray[np.float32]) -> None:
        self.rate = rate
        self.stacked = stacked
        self.deviation = np.asarray(deviation, np.float32)

    @property
    def names(self) -> Sequence[str]:
        """Return the name of the one code."""
        return ("frame",)

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        """Return 0: all frames are one token, so runs of them say nothing about samples."""
        return np.zeros(1, np.int64)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rate": self.rate, "stacked": self.stacked}

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {"deviation": self.deviation}

    @property
    def feature_shape(self) -> tuple[int, int]:
        """Return the windows of a frame, and the bands of a window."""
        return self.stacked, len(self.deviation)

    def encode(self, content: Pcm) -> Codes:
        """Return the code of each frame."""
        return np.zeros(self._count(content), np.int64)

    def features(self, content: Pcm) -> npt.NDArray[np.float16]:
        """Return the levels of each frame, the first window's first; [frames, windows * bands].

        Where windows are missing in the last frame, the last one stands for them.
        """
        levels = relative(self._bank.levels(content)) / self.deviation
        frames = self._count(content)
        places = np.minimum(np.arange(frames * self.stacked), len(levels) - 1)
        width = self.stacked * len(self.deviation)
        return levels[places].astype(np.float16).reshape(frames, width)

    def decode(self, codes: Codes) -> Pcm:
        """Return no samples: what was heard is not in the codes."""
        return np.zeros(0, np.int16)

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return nothing, for no samples."""
        return np.zeros(0, np.uint8)

    def baselines(self, vocab_size: int) -> Sequence[TokenBaseline]:
        """Return none: nothing is predicted."""
        return ()

    def _count(self, content: Pcm) -> int:
        return -(-self._bank.frames.count(len(content)) // self.stacked)

    @cached_property
    def _bank(self) -> MelBank:
        return MelBank(self.rate)


class MelBank:
    """Levels in mel bands, in dB, of windows every 10 ms at `rate` samples per second."""

    def __init__(self, rate: int) -> None:
        self.frames = Frames(rate, round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate))
        self.filters = mel_filters(rate, self.frames.transform, BANDS)

    @property
    def bands(self) -> int:
        """Return how many bands there are."""
        return len(self.filters.T)

    def levels(self, content: Pcm) -> Floats:
        """Return the levels of all windows; [windows, bands]."""
        samples, windows = from_pcm(np.asarray(content)), self.frames.count(len(content))
        found = [np.zeros((0, self.bands))]
        for first in range(0, windows, _CHUNK):
            powers = self.frames.powers(samples, first, min(first + _CHUNK, windows))
            # Not by BLAS, whose sums depend on the number of rows.
            found.append(decibels(np.einsum("tf,fb->tb", powers, self.filters)))
        return np.concatenate(found)


class MelTrainer(WithoutOptions):
    """Learns how far levels lie from what is usual in their recording, band by band."""

    needs_sample = True

    def __init__(self, rate: int) -> None:
        self._rate = rate

    def train(self, contents: Iterable[Pcm], vocab_size: int | None = None) -> CodedTokenizer:
        """Return the tokenizer; without any sound in `contents` that is a `LexomeError`."""
        bank = MelBank(self._rate)
        squares, windows = np.zeros(bank.bands), 0
        for content in contents:
            levels = relative(bank.levels(content))
            squares += np.square(levels - levels.mean(axis=0)).sum(axis=0) if len(levels) else 0
            windows += len(levels)
        if not windows:
            raise LexomeError(
                "there is no sound to learn levels from",
                where="the training split",
                fix="add recordings",
            )
        deviation = np.maximum(np.sqrt(squares / windows), _LEAST_DEVIATION_DB)
        tokenizer = CodedTokenizer(Mel(self._rate, STACKED, deviation.astype(np.float32)))
        if vocab_size not in (None, tokenizer.vocab_size):
            raise UsageError(
                f"this tokenizer has {tokenizer.vocab_size} tokens, not {vocab_size}",
                fix="leave the vocabulary size out",
            )
        return tokenizer


def relative(levels: Floats) -> Floats:
    """Return levels [windows, bands] from their mean over the louder half of the windows."""
    if not len(levels):
        return levels
    loudness = levels.mean(axis=1)
    return np.asarray(levels - levels[loudness >= np.median(loudness)].mean(axis=0))

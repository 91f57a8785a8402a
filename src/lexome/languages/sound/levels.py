"""How loud a recording is: RMS and peak in dB below full scale, clipped samples, gain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Pcm = npt.NDArray[np.int16]

FULL_SCALE = 1 << 15
# Speech is recorded at about this level, with the peaks some 20 dB above it.
TARGET_DBFS = -23.0
# The headroom that broadcasters leave (EBU R 128, 2023).
CEILING_DBFS = -1.0
# What is never louder than this is silence: the quietest room of a cheap microphone.
SILENCE_DBFS = -60.0
_LOWEST = -120.0


@dataclass
class Level:
    """The level of samples, added up block by block; 0 dBFS is a square wave at full scale."""

    samples: int = 0
    energy: float = 0.0
    peak: float = 0.0
    clipped: int = 0

    def add(self, samples: Samples) -> None:
        """Count samples, of which full scale is 1."""
        if not len(samples):
            return
        loudness = np.abs(samples)
        self.samples += len(samples)
        self.energy += float(np.square(samples, dtype=np.float64).sum())
        self.peak = max(self.peak, float(loudness.max()))
        self.clipped += int((loudness >= (FULL_SCALE - 1) / FULL_SCALE).sum())

    @property
    def rms_dbfs(self) -> float:
        """Return the level of the mean power, -120 for digital silence."""
        return _decibels(math.sqrt(self.energy / max(self.samples, 1)))

    @property
    def peak_dbfs(self) -> float:
        """Return the level of the greatest sample, -120 for digital silence."""
        return _decibels(self.peak)

    @property
    def is_silent(self) -> bool:
        """Return whether no sample is louder than -60 dBFS."""
        return self.peak_dbfs <= SILENCE_DBFS

    @property
    def gain_db(self) -> float:
        """Return what brings the samples to -23 dBFS without a peak above -1 dBFS."""
        if self.is_silent:
            return 0.0
        return min(TARGET_DBFS - self.rms_dbfs, CEILING_DBFS - self.peak_dbfs)


def level(samples: Samples) -> Level:
    """Return the level of some samples."""
    found = Level()
    found.add(samples)
    return found


def to_pcm(samples: Samples) -> Pcm:
    """Return 16-bit samples; what lies beyond full scale is clipped to it."""
    scaled = np.rint(samples * np.float32(FULL_SCALE))
    return np.asarray(np.clip(scaled, -FULL_SCALE, FULL_SCALE - 1), np.int16)


def from_pcm(pcm: Pcm) -> Samples:
    """Return samples of which full scale is 1."""
    return pcm.astype(np.float32) / np.float32(FULL_SCALE)


def _decibels(amplitude: float) -> float:
    return 20 * math.log10(amplitude) if amplitude > 10 ** (_LOWEST / 20) else _LOWEST

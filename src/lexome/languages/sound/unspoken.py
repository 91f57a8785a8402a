"""Recordings in which nobody speaks: silence, and noise from a whisper to a roar."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from lexome.languages.sound.levels import Pcm, Samples, to_pcm

SILENCE = "silence"
# Powers fall with the frequency to these exponents.
_NOISES: Mapping[str, float] = MappingProxyType({"white noise": 0.0, "pink noise": 1.0})
KINDS = (SILENCE, *_NOISES)

# From less than the last bit of 16 to what is louder than speech is recorded.
_QUIETEST_DBFS, _LOUDEST_DBFS = -95.0, -10.0


def unspoken(samples: int, random: np.random.Generator) -> tuple[str, Pcm]:
    """Return a kind of recording without a voice, drawn evenly, and one of so many samples.

    Levels of noise are drawn evenly in dB: a recorder hears its room at any of them.
    """
    name = KINDS[random.integers(len(KINDS))]
    if name == SILENCE:
        return name, np.zeros(samples, np.int16)
    level = random.uniform(_QUIETEST_DBFS, _LOUDEST_DBFS)
    return name, to_pcm(_noise(samples, _NOISES[name], random) * np.float32(10 ** (level / 20)))


def _noise(samples: int, slope: float, random: np.random.Generator) -> Samples:
    """Return Gaussian noise [samples] of mean power 1, which falls by `slope` with frequency."""
    whole = max(samples, 2)
    spectrum = np.fft.rfft(random.normal(size=whole))
    spectrum[0] = 0.0
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (slope / 2)
    noise = np.fft.irfft(spectrum, whole)
    return np.asarray(noise / np.sqrt(np.mean(np.square(noise))), np.float32)[:samples]

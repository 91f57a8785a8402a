"""Sound files for tests, written with the standard library or soundfile."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

RATE = 8000


def tone(seconds: float = 0.5, rate: int = RATE, pitch: float = 440.0) -> npt.NDArray[np.int16]:
    """Return a tone with a soft onset."""
    time = np.arange(round(seconds * rate)) / rate
    samples = 0.3 * np.sin(2 * np.pi * pitch * time) * np.minimum(1, time / 0.05)
    return np.asarray(np.rint(32768 * samples), np.int16)


def babble(seconds: float, seed: int = 0) -> npt.NDArray[np.int16]:
    """Return tones and noise in turn, so that there is something to learn."""
    random = np.random.default_rng(seed)
    parts: list[Any] = []
    while sum(map(len, parts)) < seconds * RATE:
        part = tone(0.1, RATE, random.uniform(150, 3000)) * random.uniform(0.1, 1)
        parts += [part + random.normal(0, random.uniform(1, 300), len(part))]
    return np.concatenate(parts)[: round(seconds * RATE)].astype(np.int16)


def write_wav(
    path: Path, samples: npt.NDArray[np.int16], rate: int = RATE, channels: int = 1
) -> Path:
    """Write a WAV file of 16 bits with the standard library; samples are interleaved."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.asarray(samples, "<i2").tobytes())
    return path

"""Words that are told by two tones, as vowels are, and what writes them down as recordings."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 8000
WORDS = {"ou": (300, 700), "ee": (280, 2400)}
Pcm = npt.NDArray[np.int16]


def vowel(word: str, seconds: float, random: np.random.Generator, rate: int = RATE) -> Pcm:
    """Return two tones in noise, or for the empty word the noise alone."""
    time = np.arange(round(seconds * rate)) / rate
    samples = random.normal(0, 40, len(time))
    for pitch in WORDS.get(word, ()):
        samples += 5000 * np.sin(2 * np.pi * pitch * random.uniform(0.95, 1.05) * time)
    return samples.astype(np.int16)


def write_wav(path: Path, samples: Pcm, rate: int = RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())

"""A recording for the eye and the ear: a WAV, its spectrogram, and a line for the terminal."""

from __future__ import annotations

import wave
from io import BytesIO

import numpy as np

from lexome.languages.base import Document, Rendering, View
from lexome.languages.sound.levels import Pcm, Samples, from_pcm, level
from lexome.languages.sound.spectrogram import spectrogram_png

_BARS = "▁▂▃▄▅▆▇█"
_COLUMNS = 60
_RANGE_DB = 48.0


def render(document: Document, rate: int) -> Rendering:
    """Return the WAV, the spectrogram as a view, and duration, level and envelope as text."""
    pcm = np.asarray(document.content, np.int16)
    samples = from_pcm(pcm)
    views = (View("spectrogram", spectrogram_png(samples, rate), "image/png", ".png"),)
    return Rendering(text(samples, rate), wav(pcm, rate), "audio/wav", ".wav", views)


def wav(pcm: Pcm, rate: int) -> bytes:
    """Return a WAV file of mono samples."""
    made = BytesIO()
    with wave.open(made, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm.astype("<i2").tobytes())
    return made.getvalue()


def text(samples: Samples, rate: int) -> str:
    """Return two lines: duration and level; the envelope over 48 dB in up to 60 columns."""
    found = level(samples)
    facts = (
        f"{len(samples) / rate:.2f} s at {rate:,} Hz, "
        f"RMS {found.rms_dbfs:.1f} dBFS, peak {found.peak_dbfs:.1f} dBFS"
    )
    return f"{facts}\n{sparkline(samples)}\n"


def sparkline(samples: Samples) -> str:
    """Return one bar for each of up to 60 stretches, by its RMS below that of the loudest."""
    parts = np.array_split(samples, min(_COLUMNS, len(samples))) if len(samples) else []
    levels = [level(part).rms_dbfs for part in parts]
    heights = [1 + (value - max(levels)) / _RANGE_DB for value in levels]
    return "".join(_BARS[round(max(height, 0) * (len(_BARS) - 1))] for height in heights)

"""A score as sound: a few decaying harmonics a note, so that it can be heard with nothing else."""

from __future__ import annotations

import io
import wave

import numpy as np
import numpy.typing as npt

from lexome.languages.music.score import Score

RATE = 16_000
LONGEST_SECONDS = 60.0

_HARMONICS = 5
_ATTACK, _RELEASE, _DECAY = 0.008, 0.06, 1.2

Samples = npt.NDArray[np.float32]


def wav(score: Score) -> bytes:
    """Return the first minute of a score as a WAV file: 16 bits, mono, 16 kHz."""
    samples = (synthesised(score) * 32767).astype("<i2")
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.tobytes())
    return stream.getvalue()


def synthesised(score: Score) -> Samples:
    """Return the first minute of a score as samples in -1 to 1, the loudest at 0.9."""
    starts = score.seconds(score.notes["start"])
    stops = score.seconds(score.notes["start"] + score.notes["duration"])
    length = min(float(stops.max(initial=0.0)) + _RELEASE, LONGEST_SECONDS)
    mixed = np.zeros(round(length * RATE) + 1, np.float32)
    random = np.random.default_rng(0)
    for note, start, stop in zip(score.notes.tolist(), starts, stops, strict=True):
        first = round(start * RATE)
        if first >= len(mixed):
            continue
        _, _, pitch, velocity, track = note
        seconds = min(stop - start + _RELEASE, length - start)
        drums = score.tracks[track].drums
        sound = _drum(random, pitch) if drums else _tone(pitch, seconds)
        sound = sound[: len(mixed) - first]
        mixed[first : first + len(sound)] += sound * (velocity / 127)
    loudest = float(np.abs(mixed).max(initial=0.0))
    if loudest:
        mixed *= np.float32(0.9 / loudest)
    return mixed


def _tone(pitch: int, seconds: float) -> Samples:
    """Return harmonics of a pitch (A4 = 440 Hz) that fade, the higher ones sooner."""
    time = np.arange(max(round(seconds * RATE), 1), dtype=np.float32) / RATE
    frequency = 440 * 2 ** ((pitch - 69) / 12)
    sound = np.zeros(len(time), np.float32)
    for number in range(1, _HARMONICS + 1):
        if number * frequency < RATE / 2:
            fading = np.exp(-time * (number / _DECAY))
            sound += np.sin(2 * np.pi * number * frequency * time) * fading / number**1.5
    rising = np.minimum(time / _ATTACK, 1)
    falling = np.minimum((time[-1] - time) / _RELEASE, 1)
    faded: Samples = (sound * rising * falling).astype(np.float32)
    return faded


def _drum(random: np.random.Generator, pitch: int) -> Samples:
    """Return noise that fades: low drums slowly, cymbals and sticks fast."""
    time = np.arange(round(0.15 * RATE), dtype=np.float32) / RATE
    noise = random.uniform(-0.5, 0.5, len(time))
    body = np.sin(2 * np.pi * (40 + pitch) * time) if pitch < 42 else 0
    sound: Samples = ((noise + body) * np.exp(-time * (20 + pitch / 2))).astype(np.float32)
    return sound

"""What a recogniser writes down of noises, among them such as no made pair of training has.

    python benchmarks/noises.py RUN [--rate 8000] [--each 24]

Prints for each kind of noise how many recordings get words, and the commonest answer. Lengths are
those of short sentences, levels from a quiet room to loud speech.
"""

from __future__ import annotations

import argparse
import tempfile
import wave
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lexome.generation import Settings
from lexome.generation.writer import write
from lexome.training import open_run
from running import say

Signal = npt.NDArray[np.float64]
Random = np.random.Generator
_SHORTEST, _LONGEST = 0.6, 6.0


def main() -> None:
    """Write recordings of each kind, have them recognised, print a JSON line for each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--rate", type=int, default=8000)
    parser.add_argument("--each", type=int, default=24, help="recordings of each kind")
    options = parser.parse_args()
    run, random = open_run(options.run), np.random.default_rng(11)
    tokenizer, language, model = run.tokenizer(), run.language(), run.model()
    for name, made in _KINDS.items():
        seconds = np.exp(random.uniform(np.log(_SHORTEST), np.log(_LONGEST), options.each))
        with tempfile.TemporaryDirectory() as folder:
            paths = [str(Path(folder) / f"{number}.wav") for number in range(options.each)]
            for path, one in zip(paths, seconds, strict=True):
                time = np.arange(round(one * options.rate)) / options.rate
                _write(path, made(time, random), options.rate)
            settings = Settings(max_tokens=40, temperature=0.0)
            found = write(tokenizer, language, model, paths, settings)
        said = Counter(one.text for one in found if one.text)
        commonest = said.most_common(1)[0][0] if said else ""
        say(noise=name, n=options.each, answered=said.total() / options.each, commonest=commonest)


def _write(path: str, signal: Signal, rate: int) -> None:
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(
            np.clip(np.rint(signal), -(1 << 15), (1 << 15) - 1).astype("<i2").tobytes()
        )


def _noise(time: Signal, slope: float, random: Random) -> Signal:
    """Return noise of mean power 1 whose powers fall by `slope` with frequency."""
    spectrum = np.fft.rfft(random.normal(size=len(time)))
    spectrum[0] = 0.0
    spectrum[1:] /= np.arange(1, len(spectrum)) ** (slope / 2)
    noise = np.fft.irfft(spectrum, len(time))
    return np.asarray(noise / np.sqrt(np.mean(np.square(noise))))


def _loud(random: Random, least: float = -70.0) -> float:
    return float((1 << 15) * 10 ** (random.uniform(least, -15.0) / 20))


def _steady(slope: float) -> Callable[[Signal, Random], Signal]:
    return lambda time, random: _noise(time, slope, random) * _loud(random)


def _hum(time: Signal, random: Random) -> Signal:
    waves = [np.sin(2 * np.pi * 50 * k * time + random.uniform(0, 6)) / k for k in range(1, 8)]
    return np.asarray(sum(waves) * _loud(random) + 5 * _noise(time, 0.0, random))


def _tone(time: Signal, random: Random) -> Signal:
    pitch = random.uniform(200, 3000)
    return np.sin(2 * np.pi * pitch * time) * _loud(random) + 5 * _noise(time, 0.0, random)


def _clicks(time: Signal, random: Random) -> Signal:
    signal = 20 * _noise(time, 1.0, random)
    for place in random.integers(0, len(time), max(1, round(time[-1]))):
        click = signal[place : place + 40]
        click += 5000 * np.exp(-np.arange(len(click)) / 8)
    return signal


def _fading(time: Signal, random: Random) -> Signal:
    return np.asarray(_noise(time, 1.0, random) * _loud(random, -35.0) * (time / time[-1]) ** 2)


def _switched(time: Signal, random: Random) -> Signal:
    return np.asarray(_noise(time, 0.0, random) * _loud(random, -30.0) * (time > time[-1] / 2))


def _beating(time: Signal, random: Random) -> Signal:
    swell = 0.5 + 0.5 * np.sin(2 * np.pi * 4 * time)
    return np.asarray(_noise(time, 1.0, random) * _loud(random, -30.0) * swell)


_KINDS: Mapping[str, Callable[[Signal, Random], Signal]] = {
    "digital silence": lambda time, random: np.zeros(len(time)),
    "white": _steady(0.0),
    "pink": _steady(1.0),
    "brown, not made": _steady(2.0),
    "blue, not made": _steady(-1.0),
    "hum of 50 Hz, not made": _hum,
    "tone, not made": _tone,
    "clicks, not made": _clicks,
    "fading, not made": _fading,
    "switched on, not made": _switched,
    "beating 4 times a second, not made": _beating,
}


if __name__ == "__main__":
    main()

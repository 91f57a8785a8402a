"""Recordings in which nobody speaks: what kinds there are, how loud, how they are coloured."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy.signal import welch

from lexome import languages
from lexome.languages.base import Unspoken
from lexome.languages.sound.mel import MelTrainer
from lexome.languages.sound.unspoken import KINDS, unspoken

RATE = 8000


def test_kinds_are_drawn_alike_and_levels_reach_from_the_last_bit_to_loud_speech() -> None:
    random = np.random.default_rng(0)
    found = [unspoken(1000, random) for _ in range(600)]
    counts = Counter(name for name, _ in found)
    assert counts.keys() == set(KINDS) and min(counts.values()) > 150
    assert all(len(one) == 1000 and one.dtype == np.int16 for _, one in found)
    assert all(not one.any() for name, one in found if name == "silence")
    rms = [
        np.sqrt(np.mean(np.square(one, dtype=float))) for name, one in found if name != "silence"
    ]
    assert min(rms) < 1.5 and 5_000 < max(rms) < 10_500
    # Evenly in dB: as many below -52 dBFS as above.
    assert 0.4 < np.mean(np.array(rms) < 2**15 * 10 ** (-52.5 / 20)) < 0.6


@pytest.mark.parametrize(("kind", "slope"), [("white noise", 0.0), ("pink noise", -1.0)])
def test_the_spectrum_falls_as_the_colour_says(kind: str, slope: float) -> None:
    random = np.random.default_rng(1)
    loud = (one for name, one in (unspoken(1 << 16, random) for _ in range(40)) if name == kind)
    samples = next(one for one in loud if np.abs(one).max() > 2000).astype(float)
    frequencies, powers = welch(samples, RATE, nperseg=1024)
    inside = (frequencies > 50) & (frequencies < 3500)
    fitted = np.polyfit(np.log(frequencies[inside]), np.log(powers[inside]), 1)[0]
    assert fitted == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize("samples", [0, 1, 2, 3])
def test_short_recordings_have_their_length(samples: int) -> None:
    random = np.random.default_rng(2)
    assert {len(unspoken(samples, random)[1]) for _ in range(30)} == {samples}


def test_sound_is_a_language_in_which_nothing_can_be_said() -> None:
    sound = languages.get("sound", rate=RATE)
    assert isinstance(sound, Unspoken) and not isinstance(languages.get("text"), Unspoken)
    like = np.ones(77, np.int16)
    name, content = sound.unspoken(like, np.random.default_rng(3))
    assert (name, len(content)) == (unspoken(77, np.random.default_rng(3))[0], 77)


def test_frames_tell_silence_and_noise_from_what_moves() -> None:
    """Levels are taken from their mean, so how loud noise is goes, and that it is even stays."""
    random = np.random.default_rng(4)
    time = np.arange(RATE) / RATE
    moving = (8000 * np.sin(2 * np.pi * 400 * time) * (np.sin(2 * np.pi * 4 * time) > 0)).astype(
        np.int16
    )
    tokenizer = MelTrainer(RATE).train([moving])

    def spread(content: np.ndarray) -> float:
        return float(tokenizer.features(content).astype(float).std(axis=0).mean())

    assert spread(np.zeros(RATE, np.int16)) == 0
    found = [spread(one) for name, one in (unspoken(RATE, random) for _ in range(60))]
    assert max(found) < spread(moving) / 2

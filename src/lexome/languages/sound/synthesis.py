"""Sound from levels in mel bands: magnitudes that have them, phases that agree."""

from __future__ import annotations

import numpy as np

from lexome.languages.sound.levels import Samples
from lexome.languages.sound.spectra import Floats, Frames

_FITTING, _ROUNDS = 30, 40
_MOMENTUM = 0.99
_LEAST = 1e-12


def synthesise(powers: Floats, filters: Floats, frames: Frames) -> Samples:
    """Return sound whose windows have about these powers in mel bands; [windows * hop].

    `powers` [windows, bands] are as `filters` [bins, bands] see them. Phases are found by the
    fast Griffin-Lim algorithm (Perraudin et al. 2013) from a fixed random start: the same powers
    give the same sound.
    """
    if not powers.any():
        return np.zeros(len(powers) * frames.hop, np.float32)
    magnitudes = np.sqrt(_unbanded(powers, filters))
    turns = np.random.default_rng(0).random(magnitudes.shape)
    spectra = magnitudes * np.exp(2j * np.pi * turns)
    before = np.zeros_like(spectra)
    for _ in range(_ROUNDS):
        found = frames.spectra(frames.samples(spectra).astype(np.float32))
        ahead = found + _MOMENTUM * (found - before) if before.any() else found
        spectra = magnitudes * ahead / np.maximum(np.abs(ahead), _LEAST)
        before = found
    return frames.samples(spectra).astype(np.float32)


def _unbanded(powers: Floats, filters: Floats) -> Floats:
    """Return powers of bins, none negative, that have these powers in bands; [windows, bins].

    By multiplicative updates of the least squares (Lee and Seung 2001).
    """
    found = np.maximum(powers @ np.linalg.pinv(filters), _LEAST)
    wanted = powers @ filters.T
    for _ in range(_FITTING):
        found *= wanted / np.maximum(found @ filters @ filters.T, _LEAST)
    return np.asarray(found)

"""Recordings made other ones, each time they are heard in training: parts missing, other voices.

Masks are those of SpecAugment (Park et al. 2019, https://arxiv.org/abs/1904.08779), without its
time warping, which helped least: the mean of the recording, 0, stands in the place of what was
there. A warp moves all frequencies by one factor, as the length of a vocal tract does (Jaitly &
Hinton 2013, Vocal Tract Length Perturbation improves speech recognition); here along mel bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.languages.features import FrameToken

Array = npt.NDArray[Any]

# No time mask is longer than this share of its recording (the paper's p), so that words are left.
_MOST_TIME = 0.2


@dataclass(frozen=True)
class SpecAugment:
    """How many masks a recording gets, how wide they are at most, and how far bands move.

    Widths are drawn evenly from 0 to `time_width` steps of a frame token, and from 0 to
    `band_width` bands; the factor of the bands' places from 1 - `band_warp` to 1 + `band_warp`.
    """

    frame: FrameToken
    time_masks: int
    time_width: int
    band_masks: int
    band_width: int
    band_warp: float = 0.0

    def __call__(
        self, features: Array, frames: Array, segments: Array, draws: list[np.random.Generator]
    ) -> Array:
        """Return features [B, T, width] with the masks of each document's frames.

        `frames` [B, T] says where a frame stands, `segments` [B, T] in which document; the
        masks of a row come from its own generator of `draws`.
        """
        masked = features.copy()
        for row, random in enumerate(draws):
            places = np.flatnonzero(frames[row])
            owners = segments[row, places]
            for document in np.unique(owners):
                own = places[owners == document]
                heard = masked[row, own].reshape(-1, self.frame.bands)
                if self.band_warp:
                    heard = _warped(heard, random.uniform(1 - self.band_warp, 1 + self.band_warp))
                self._mask(heard, random)
                masked[row, own] = heard.reshape(len(own), -1)
        return masked

    def _mask(self, heard: Array, random: np.random.Generator) -> None:
        """Put zeros into stretches of one recording's features [steps, bands], in place."""
        most = min(self.time_width, int(_MOST_TIME * len(heard)))
        for _ in range(self.time_masks):
            heard[_stretch(len(heard), most, random)] = 0
        for _ in range(self.band_masks):
            heard[:, _stretch(heard.shape[1], self.band_width, random)] = 0


def _warped(heard: Array, factor: float) -> Array:
    """Return [steps, bands] as if each band's level came from `factor` times its place."""
    bands = heard.shape[1]
    places = np.minimum(np.arange(bands) * factor, bands - 1)
    below = np.minimum(places.astype(np.int64), bands - 2) if bands > 1 else np.zeros(1, np.int64)
    share = (places - below).astype(heard.dtype)
    above = np.minimum(below + 1, bands - 1)
    return np.asarray(heard[:, below] * (1 - share) + heard[:, above] * share)


def _stretch(length: int, most: int, random: np.random.Generator) -> slice:
    width = int(random.integers(min(most, length) + 1))
    start = int(random.integers(length - width + 1))
    return slice(start, start + width)

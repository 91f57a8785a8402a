"""Short-time spectra, mel bands, and sound from magnitudes without phases."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from lexome.languages.sound.levels import Samples

Floats = npt.NDArray[np.float64]
Spectra = npt.NDArray[np.complex128]

# Of full scale: below this nobody hears anything, and 16 bits hold noise alone.
FLOOR_DB = -80.0


@dataclass(frozen=True)
class Frames:
    """Hann windows of `size` samples every `hop` samples, in Fourier transforms of `bins`.

    Frame t is centred on sample t * hop + hop / 2, so that n samples have ceil(n / hop) frames;
    beyond its ends a recording is silent. A sine at full scale has a power of 1 in its bin.
    """

    rate: int
    size: int
    hop: int

    @property
    def transform(self) -> int:
        """Return the samples of a transform: a power of two, at least twice the window."""
        return 1 << (2 * self.size - 1).bit_length()

    def count(self, samples: int) -> int:
        """Return how many frames so many samples have."""
        return -(-samples // self.hop)

    def windows(self, samples: Samples, first: int, stop: int) -> npt.NDArray[np.float32]:
        """Return the samples of frames `first` to `stop`, not yet weighted; [frames, size]."""
        lead = (self.size - self.hop) // 2
        begin, end = first * self.hop - lead, (stop - 1) * self.hop - lead + self.size
        part = samples[max(begin, 0) : max(end, 0)]
        padded = np.pad(part, (max(-begin, 0), max(end - max(begin, 0) - len(part), 0)))
        views = np.lib.stride_tricks.sliding_window_view(padded, self.size)
        return views[:: self.hop][: stop - first]

    def spectra(self, samples: Samples) -> Spectra:
        """Return the spectra of all frames; [frames, transform / 2 + 1]."""
        return self._spectra(self.windows(samples, 0, self.count(len(samples))))

    def powers(self, samples: Samples, first: int, stop: int) -> Floats:
        """Return the powers of frames `first` to `stop`; [frames, transform / 2 + 1]."""
        found = self._spectra(self.windows(samples, first, stop))
        return np.square(found.real) + np.square(found.imag)

    def samples(self, spectra: Spectra) -> Floats:
        """Return the samples whose spectra are nearest to these; [frames * hop].

        That is the least-squares inverse of Griffin and Lim (1984).
        """
        frames = np.fft.irfft(spectra, self.transform)[:, : self.size] * self._window
        lead = (self.size - self.hop) // 2
        whole = np.zeros((len(spectra) - 1) * self.hop + self.size)
        weight = np.zeros_like(whole)
        for number, frame in enumerate(frames):
            start = number * self.hop
            whole[start : start + self.size] += frame
            weight[start : start + self.size] += np.square(self._window)
        found = whole / np.maximum(weight, 1e-3 * weight.max(initial=0.0))
        return np.asarray(found[lead : lead + len(spectra) * self.hop])

    def _spectra(self, windows: npt.NDArray[np.float32]) -> Spectra:
        return np.asarray(np.fft.rfft(windows * self._window, self.transform))

    @cached_property
    def _window(self) -> Floats:
        # The periodic window, scaled so that a sine of amplitude 1 has magnitude 1.
        window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(self.size) + 0.5) / self.size)
        return np.asarray(window * (2 / window.sum()))


def mel_filters(rate: int, transform: int, bands: int) -> Floats:
    """Return triangular weights, evenly spaced in mel from 0 Hz to half the rate; [bins, bands].

    mel = 2595 log10(1 + f / 700) (O'Shaughnessy 1987), as HTK has it. A band narrower than the
    bins are apart holds none and is left out.
    """
    top = 2595 * np.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, bands + 2) / 2595) - 1)
    frequencies = np.arange(transform // 2 + 1)[:, None] * rate / transform
    rising = (frequencies - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequencies) / (edges[2:] - edges[1:-1])
    filters = np.maximum(np.minimum(rising, falling), 0)
    return np.asarray(filters[:, filters.any(axis=0)])


def decibels(powers: Floats) -> Floats:
    """Return powers in dB, none below the floor."""
    return np.asarray(10 * np.log10(np.maximum(powers, 10 ** (FLOOR_DB / 10))))


def log_mel(samples: Samples, rate: int, bands: int = 64) -> Floats:
    """Return the levels in mel bands of windows of 25 ms every 10 ms, in dB; [frames, bands]."""
    frames = Frames(rate, round(0.025 * rate), round(0.010 * rate))
    powers = frames.powers(samples, 0, frames.count(len(samples)))
    return decibels(powers @ mel_filters(rate, frames.transform, bands))

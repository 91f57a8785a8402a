"""What a codec keeps of recordings: bit rate, log-mel distance, SI-SDR, use of its codebooks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lexome.languages.sound.coding import SoundCoding
from lexome.languages.sound.levels import Pcm, Samples, from_pcm
from lexome.languages.sound.spectra import log_mel


def measure(coding: SoundCoding, contents: Sequence[Pcm]) -> dict[str, float]:
    """Return the figures of a coding over recordings, each weighing what it lasts.

    SI-SDR is the mean over the recordings that are not digital silence.
    """
    counts = [np.zeros(book.stop - book.start, np.int64) for book in coding.codebooks]
    distances, lengths, ratios = [], [], []
    for content in contents:
        codes = coding.encode(content)
        for book, count in zip(coding.codebooks, counts, strict=True):
            inside = codes[(codes >= book.start) & (codes < book.stop)]
            count += np.bincount(inside - book.start, minlength=len(count))
        true, decoded = from_pcm(content), from_pcm(coding.decode(codes)[: len(content)])
        distances.append(log_mel_distance(true, decoded, coding.rate))
        lengths.append(len(content))
        if true.any():
            ratios.append(si_sdr(true, decoded))
    found = {"bit rate, kbit/s": coding.bits_per_second / 1000}
    found["measured on, s"] = sum(lengths) / coding.rate
    if distances:
        found["log-mel distance, dB"] = float(np.average(distances, weights=lengths))
    if ratios:
        found["SI-SDR, dB"] = float(np.mean(ratios))
    return found | _use(counts)


def log_mel_distance(true: Samples, decoded: Samples, rate: int) -> float:
    """Return the mean absolute difference, in dB, of the levels in 64 mel bands.

    Windows of 25 ms every 10 ms; levels below -80 dB of a sine at full scale count as -80.
    """
    return float(np.abs(log_mel(true, rate) - log_mel(decoded, rate)).mean())


def si_sdr(true: Samples, decoded: Samples) -> float:
    """Return the scale-invariant signal-to-distortion ratio in dB (Le Roux et al. 2019).

    It compares waveforms: sound whose phases are made up has a low one however it sounds. Kept
    between -60 and 100, so that a mean over recordings can be taken.
    """
    target, other = true.astype(np.float64), decoded.astype(np.float64)
    part = (other @ target) / (target @ target) * target
    signal, noise = part @ part, (other - part) @ (other - part)
    return float(np.clip(10 * np.log10((signal + 1e-20) / (noise + 1e-20)), -60, 100))


def _use(counts: Sequence[npt.NDArray[np.int64]]) -> dict[str, float]:
    """Return for each codebook the share of its codes that occur and their perplexity."""
    found = {}
    for number, count in enumerate(counts, 1):
        if total := int(count.sum()):
            shares = count[count > 0] / total
            found[f"codebook {number} used, %"] = 100 * len(shares) / len(count)
            entropy = -(shares * np.log2(shares)).sum()
            found[f"codebook {number} perplexity"] = float(2**entropy)
    return found

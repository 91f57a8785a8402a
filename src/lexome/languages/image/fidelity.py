"""What a coding keeps of pictures it has not seen, and how well its codes are used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Tokenizer
from lexome.languages.image.reading import Pixels
from lexome.languages.tokenizers import CodedTokenizer
from lexome.languages.tokenizers.vocabulary import FIRST

EXACT = 100.0
"""The PSNR that stands for an exact copy, whose own is infinite and no JSON number."""


def psnr(one: Pixels, other: Pixels) -> float:
    """Return the peak signal-to-noise ratio of two pictures in dB, at most `EXACT`.

    10 log10(255^2 / mean squared error over all pixels and channels).
    """
    error = float(((one.astype(np.float64) - other) ** 2).mean())
    return min(10 * float(np.log10(255**2 / error)), EXACT) if error else EXACT


def figures(tokenizer: Tokenizer, pictures: Sequence[Pixels]) -> Mapping[str, float]:
    """Return, over some pictures, the mean PSNR and what each codebook is used for.

    A picture that comes back exactly counts as `EXACT` dB. Use is the share of a codebook's
    entries that occur at all, perplexity 2 to the entropy of their frequencies. The raw bits
    spend as many bits on a code as its codebook needs, without any model.
    """
    if not pictures or not isinstance(tokenizer, CodedTokenizer):
        return {}
    encoded = tokenizer.encode(pictures)
    decoded = [
        tokenizer.decode(ids)[: len(picture)]
        for ids, picture in zip(encoded, pictures, strict=True)
    ]
    ratios = [psnr(one, other) for one, other in zip(pictures, decoded, strict=True)]
    same = [ratio == EXACT for ratio in ratios]
    found = {"PSNR, dB": float(np.mean(ratios)), "exact pictures, %": 100 * float(np.mean(same))}
    codes = np.concatenate(encoded).astype(np.int64) - FIRST
    counts = np.bincount(codes, minlength=tokenizer.vocab_size - FIRST)
    bits = 0.0
    for name, book in _codebooks(tokenizer):
        found[f"{name} used, %"] = 100 * float((counts[book] > 0).mean())
        found[f"{name} perplexity"] = _perplexity(counts[book])
        bits += float(counts[book].sum() * np.log2(book.stop - book.start))
    pixels = sum(picture.shape[0] * picture.shape[1] for picture in pictures)
    found["raw bits per pixel"] = bits / pixels
    return found


def _codebooks(tokenizer: CodedTokenizer) -> Sequence[tuple[str, slice]]:
    size, codes = getattr(tokenizer.coding, "codebook_size", 0), tokenizer.vocab_size - FIRST
    if not size:
        return [("palette", slice(0, int(tokenizer.unit_lengths.sum())))]
    books = range(codes // size)
    return [(f"codebook {n + 1}", slice(n * size, (n + 1) * size)) for n in books]


def _perplexity(counts: npt.NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / max(int(counts.sum()), 1)
    return float(2.0 ** -(shares * np.log2(shares)).sum())

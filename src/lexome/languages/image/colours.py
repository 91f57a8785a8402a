"""A palette learned from pixels: all their colours where these are few, else k-means.

The squared error of a palette in RGB is what PSNR measures, so k-means works in RGB.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lexome.languages.image.clustering import Indices, lloyd, median_cut
from lexome.languages.image.reading import Pixels

Floats = npt.NDArray[np.float64]

_TABLE_BITS = 18


@dataclass
class ColourCounts:
    """The colours of some pixels and how often each occurs, in flat memory.

    Colours are counted in cells, boxes of neighbouring colours of which there are at most 2^18;
    each cell knows the mean of its pixels. `exact` holds the colours themselves until they are
    more than `most`, and is `None` from then on.
    """

    channels: int
    most: int
    exact: dict[int, int] | None = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._bits = min(8, _TABLE_BITS // self.channels)
        cells = 1 << (self._bits * self.channels)
        self._count = np.zeros(cells, np.int64)
        self._sum = np.zeros((cells, self.channels), np.int64)

    def add(self, pixels: Pixels) -> None:
        """Count the pixels of a picture, [..., channels]."""
        numbers, counts = np.unique(_numbers(pixels), return_counts=True)
        values = _colours(numbers, self.channels)
        cells = np.zeros(len(numbers), np.int64)
        for channel in range(self.channels):
            cells = (cells << self._bits) | (values[:, channel].astype(np.int64) >> 8 - self._bits)
        np.add.at(self._count, cells, counts)
        np.add.at(self._sum, cells, values.astype(np.int64) * counts[:, None])
        if self.exact is None:
            return
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            self.exact[number] = self.exact.get(number, 0) + count
        if len(self.exact) > self.most:
            self.exact = None

    def means(self) -> tuple[Floats, Floats]:
        """Return the mean colour of each cell that is used, [cells, channels], and its count."""
        used = np.flatnonzero(self._count)
        weights = self._count[used].astype(np.float64)
        return self._sum[used] / weights[:, None], weights


def learn_palette(pictures: Iterable[Pixels], channels: int, size: int) -> Pixels:
    """Return at most `size` colours, [colours, channels], by rising sum of their channels.

    Pictures that have no more colours than that keep them all. No pictures give one colour.
    """
    counted = ColourCounts(channels, size)
    for picture in pictures:
        counted.add(picture)
    if counted.exact is not None:
        found = _colours(np.array(sorted(counted.exact), np.int64), channels)
    else:
        points, weights = counted.means()
        centres = lloyd(points, weights, median_cut(points, weights, size))
        found = np.unique(centres.round().astype(np.uint8), axis=0)
    if not len(found):
        return np.zeros((1, channels), np.uint8)
    return found[np.argsort(found.astype(np.int64).sum(1), kind="stable")]


def _numbers(pixels: Pixels) -> Indices:
    numbers = np.zeros(pixels.shape[:-1], np.int64)
    for channel in range(pixels.shape[-1]):
        numbers = (numbers << 8) | pixels[..., channel]
    return numbers.reshape(-1)


def _colours(numbers: Indices, channels: int) -> Pixels:
    shifts = np.arange(channels - 1, -1, -1) * 8
    return ((numbers[:, None] >> shifts) & 255).astype(np.uint8)

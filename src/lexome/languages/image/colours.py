"""A palette learned from pixels: all their colours where these are few, else k-means.

The squared error of a palette in RGB is what PSNR measures, so k-means works in RGB (Lloyd 1982,
"Least squares quantization in PCM"), from the means of a median cut (Heckbert 1982, "Color image
quantization for frame buffer display"). All of it is exact for the same pixels in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lexome.languages.image.reading import Pixels

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

_ROUNDS = 24
_TABLE_BITS = 18
_BLOCK = 1 << 12


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


def median_cut(points: Floats, weights: Floats, size: int) -> Floats:
    """Return the means of `size` boxes, made by halving the one with most squared error."""
    boxes = [np.arange(len(points))]
    errors = [_error(points, weights)]
    while len(boxes) < size and max(errors) > 0:
        worst = int(np.argmax(errors))
        box = boxes.pop(worst)
        errors.pop(worst)
        mean, spread = _spread(points[box], weights[box])
        axis = int(np.argmax(spread))
        below = points[box, axis] <= mean[axis]
        for part in (box[below], box[~below]):
            boxes.append(part)
            errors.append(_error(points[part], weights[part]))
    return np.stack([np.average(points[box], axis=0, weights=weights[box]) for box in boxes])


def lloyd(points: Floats, weights: Floats, centres: Floats, rounds: int = _ROUNDS) -> Floats:
    """Return centres [K, D] moved to the weighted means of what is nearest to each."""
    for _ in range(rounds):
        chosen = nearest(points, centres)
        total = np.bincount(chosen, weights, len(centres))
        sums = np.stack(
            [np.bincount(chosen, weights * column, len(centres)) for column in points.T], 1
        )
        moved = np.where(total[:, None] > 0, sums / np.maximum(total, 1e-9)[:, None], centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def nearest(points: Floats, centres: Floats) -> Indices:
    """Return the number of the centre nearest to each point; the first of equally near ones."""
    lengths = (centres**2).sum(1)
    found = np.empty(len(points), np.int64)
    for first in range(0, len(points), _BLOCK):
        part = points[first : first + _BLOCK]
        found[first : first + _BLOCK] = (lengths - 2 * (part @ centres.T)).argmin(1)
    return found


def _numbers(pixels: Pixels) -> Indices:
    numbers = np.zeros(pixels.shape[:-1], np.int64)
    for channel in range(pixels.shape[-1]):
        numbers = (numbers << 8) | pixels[..., channel]
    return numbers.reshape(-1)


def _colours(numbers: Indices, channels: int) -> Pixels:
    shifts = np.arange(channels - 1, -1, -1) * 8
    return ((numbers[:, None] >> shifts) & 255).astype(np.uint8)


def _spread(points: Floats, weights: Floats) -> tuple[Floats, Floats]:
    mean = np.average(points, axis=0, weights=weights)
    return mean, (weights[:, None] * (points - mean) ** 2).sum(0)


def _error(points: Floats, weights: Floats) -> float:
    return float(_spread(points, weights)[1].max()) if len(points) > 1 else 0.0

"""Vectors that stand for many others: median cut and k-means, the same for the same vectors.

Lloyd 1982, "Least squares quantization in PCM", from the means of a median cut (Heckbert 1982,
"Color image quantization for frame buffer display"). The squared error that both lessen is what
PSNR measures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Indices = npt.NDArray[np.int64]

_ROUNDS = 24
_BLOCK = 1 << 12


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


def _spread(points: Floats, weights: Floats) -> tuple[Floats, Floats]:
    mean = np.average(points, axis=0, weights=weights)
    return mean, (weights[:, None] * (points - mean) ** 2).sum(0)


def _error(points: Floats, weights: Floats) -> float:
    return float(_spread(points, weights)[1].max()) if len(points) > 1 else 0.0

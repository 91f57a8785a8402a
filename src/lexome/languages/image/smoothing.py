"""What the neighbours of a patch say about it: a linear correction, fitted by least squares.

Patches that are coded one by one meet in visible edges. The pixels around a patch, as they were
decoded, predict a part of what its codes left out; ridge regression finds which.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from lexome.languages.image.clustering import Floats

Weights = npt.NDArray[np.float32]

RING = 2
"""How many pixels around a patch are looked at."""

_RIDGE = 1.0


def features(decoded: Weights, patch: int) -> Weights:
    """Return each patch with the ring around it, less its own mean, [patches, features].

    `decoded` is [height, width, channels]. Where all is of one colour nothing is left, so such
    a part of a picture stays exactly as it is.
    """
    padded = np.pad(decoded, ((RING, RING), (RING, RING), (0, 0)), "edge")
    side = patch + 2 * RING
    around = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(0, 1))
    around = around[::patch, ::patch]
    own = around[..., RING : RING + patch, RING : RING + patch].mean((-1, -2), keepdims=True)
    found: Weights = (around - own).reshape(-1, decoded.shape[2] * side * side)
    return found.astype(np.float32)


def fit(pairs: Iterable[tuple[Floats, Floats]], patch: int, channels: int) -> Weights:
    """Return the weights, [features, patch * patch * channels], that lessen the squared error.

    `pairs` are, for each picture, the features of its patches and what their codes left out.
    """
    inputs, outputs = channels * (patch + 2 * RING) ** 2, channels * patch**2
    square, product, rows = np.zeros((inputs, inputs)), np.zeros((inputs, outputs)), 0
    for one, left in pairs:
        square += one.T @ one
        product += one.T @ left
        rows += len(one)
    ridge = _RIDGE * max(rows, 1) * np.eye(inputs)
    return np.linalg.solve(square + ridge, product).astype(np.float32)

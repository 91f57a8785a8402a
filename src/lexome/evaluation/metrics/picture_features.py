"""What a small classifier sees of a picture: its colours, coarsely placed, and its edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import Floats
from lexome.languages.image.reading import Pixels

_PLACES = 8
_LEVELS = 4
_CELLS = 4
_DIRECTIONS = 8
# Gradients of one picture take 64 bytes a pixel and direction; so many pictures are done at once.
_BATCH = 256


def picture_features(pictures: Sequence[Pixels]) -> Floats:
    """Return features of pictures uint8 [H, W, C] of one shape; [N, 64 C + 4^C + 128].

    The picture shrunk to 8 × 8; the share of pixels of each colour, of 4 levels a channel; and
    histograms of oriented gradients (Dalal and Triggs 2005) of 4 × 4 cells, 8 directions without
    sign. Shares and gradients are square roots, which narrows their range.
    """
    stacked = stack(pictures)
    batches = [stacked[at : at + _BATCH] for at in range(0, len(stacked), _BATCH)]
    return np.concatenate([_features(batch) for batch in batches])


def stack(pictures: Sequence[Pixels]) -> Pixels:
    """Return pictures of one shape as one array [N, H, W, C]; other ones are a `LexomeError`."""
    if not len(pictures):
        raise LexomeError("there are no pictures", fix="give at least one")
    first = np.asarray(pictures[0])
    for number, picture in enumerate(pictures):
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape != first.shape:
            what = f"a picture is {picture.dtype} {list(picture.shape)}"
            fix = f"give bytes [height, width, channels], all {list(first.shape)}"
            raise LexomeError(what, where=f"picture {number}", fix=fix)
    return np.stack(list(pictures))


def _features(pictures: Pixels) -> Floats:
    colours = pictures.astype(np.float64) / 255
    parts = [_averaged(colours, _PLACES), np.sqrt(_shares(pictures)), np.sqrt(_edges(colours))]
    return np.concatenate([part.reshape(len(pictures), -1) for part in parts], axis=1)


def _shares(pictures: Pixels) -> Floats:
    """Return the share of each colour, [N, 4^C]."""
    count, channels = len(pictures), pictures.shape[-1]
    digits = pictures.reshape(count, -1, channels).astype(np.int64) * _LEVELS // 256
    colours = digits @ (_LEVELS ** np.arange(channels))
    size = _LEVELS**channels
    places = colours + size * np.arange(count)[:, None]
    counts = np.bincount(places.ravel(), minlength=count * size).reshape(count, size)
    return np.asarray(counts / colours.shape[1])


def _edges(colours: Floats) -> Floats:
    """Return the mean gradient in each direction of each cell, [N, cells, cells, directions]."""
    grey = colours.mean(axis=-1)
    down, right = (_slope(grey, axis) for axis in (1, 2))
    angles = np.arctan2(down, right) % np.pi
    numbers = (angles / np.pi * _DIRECTIONS).astype(int) % _DIRECTIONS
    strength = np.hypot(down, right)[..., None]
    return _averaged(strength * (numbers[..., None] == np.arange(_DIRECTIONS)), _CELLS)


def _slope(values: Floats, axis: int) -> Floats:
    # A picture one pixel high has no slope down.
    if values.shape[axis] < 2:
        return np.zeros(values.shape)
    return np.asarray(np.gradient(values, axis=axis))


def _averaged(values: npt.NDArray[np.float64], size: int) -> Floats:
    """Return means of `size` × `size` equal areas of values [N, H, W, K]; [N, size, size, K]."""
    rows, columns = (_areas(length, size) for length in values.shape[1:3])
    return np.asarray(np.einsum("ah,nhwk,bw->nabk", rows, values, columns, optimize=True))


def _areas(length: int, size: int) -> Floats:
    """Return which share of each of `size` equal parts each pixel makes up, [size, length]."""
    edges = np.linspace(0, length, size + 1)
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.maximum(overlap, 0) * size / length)

"""A spectrogram as a picture: levels over time and frequency, with axes."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.languages.sound.extra import part
from lexome.languages.sound.levels import Samples
from lexome.languages.sound.spectra import FLOOR_DB, Floats, Frames, decibels

_WIDTH, _HEIGHT = 800, 256
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 16, 14, 46
_RANGE_DB = 70.0
_FONT = 15
_INK, _PAPER = (40, 40, 40), (255, 255, 255)
_TICKS = 8


def spectrogram_png(samples: Samples, rate: int) -> bytes:
    """Return a PNG of 878 × 316 pixels: time in seconds to the right, frequency in kHz up.

    Colours go from the loudest level down to 70 dB below it, but not below -80 dB of full scale.
    """
    picture = part("PIL.Image").new(
        "RGB", (_WIDTH + _LEFT + _RIGHT, _HEIGHT + _TOP + _BOTTOM), _PAPER
    )
    pixels = _COLOURS[_levels(samples, rate)]
    picture.paste(part("PIL.Image").fromarray(pixels), (_LEFT, _TOP))
    _draw_axes(picture, len(samples) / rate, rate)
    made = BytesIO()
    # A palette takes a third of the room; no eye tells the two apart.
    picture.quantize(192, dither=0).save(made, "PNG", optimize=True)
    return made.getvalue()


def _levels(samples: Samples, rate: int) -> npt.NDArray[np.uint8]:
    """Return the level of each pixel from 0 to 255, the highest frequency first."""
    size = max(round(0.025 * rate), 2)
    hop = max(len(samples) // _WIDTH, size // 8, 1)
    frames = Frames(rate, size, hop)
    if not len(samples):
        return np.zeros((_HEIGHT, _WIDTH), np.uint8)
    levels = decibels(frames.powers(samples, 0, frames.count(len(samples))))
    across = _resized(levels, _WIDTH)
    both = _resized(across.T, _HEIGHT)[::-1]
    bottom = max(both.max() - _RANGE_DB, FLOOR_DB)
    shares = (both - bottom) / max(both.max() - bottom, 1)
    return np.asarray(np.rint(255 * np.clip(shares, 0, 1)), np.uint8)


def _resized(rows: Floats, count: int) -> Floats:
    """Return `count` rows, evenly spaced between the first and the last, by linear weights."""
    places = np.linspace(0, len(rows) - 1, count)
    below = np.floor(places).astype(np.int64)
    above = np.minimum(below + 1, len(rows) - 1)
    weights = (places - below)[:, None]
    return np.asarray(rows[below] * (1 - weights) + rows[above] * weights)


def _draw_axes(picture: Any, seconds: float, rate: int) -> None:
    draw = part("PIL.ImageDraw").Draw(picture)
    font = part("PIL.ImageFont").load_default(_FONT)
    bottom = _TOP + _HEIGHT
    draw.rectangle((_LEFT - 1, _TOP - 1, _LEFT + _WIDTH, bottom), outline=_INK)
    for value in _ticks(seconds):
        x = _LEFT + _WIDTH * value / seconds
        draw.line((x, bottom, x, bottom + 5), _INK)
        draw.text((x, bottom + 7), f"{value:g}", _INK, font, anchor="mt")
    for value in _ticks(rate / 2000):
        y = bottom - _HEIGHT * value / (rate / 2000)
        draw.line((_LEFT - 6, y, _LEFT - 1, y), _INK)
        draw.text((_LEFT - 9, y), f"{value:g}", _INK, font, anchor="rm")
    draw.text((_LEFT + _WIDTH / 2, bottom + 26), "time, s", _INK, font, anchor="mt")
    draw.text((6, _TOP + 2), "kHz", _INK, font, anchor="lt")


def _ticks(top: float) -> Iterator[float]:
    """Yield round values from 0 to `top`, some eight at most."""
    if top <= 0:
        return
    scale = 10.0 ** np.floor(np.log10(top / _TICKS))
    step = next(scale * size for size in (1, 2, 5, 10) if top / (scale * size) <= _TICKS)
    for number in range(int(top / step + 1e-9) + 1):
        yield round(number * step, 10)


def _cubehelix() -> npt.NDArray[np.uint8]:
    """Return 256 colours whose lightness rises evenly (Green 2011), from black to white."""
    light = np.linspace(0, 1, 256)[:, None]
    angle = 2 * np.pi * (0.5 / 3 + 1 - 1.5 * light)
    waves = np.array([[-0.14861, 1.78277], [-0.29227, -0.90649], [1.97294, 0.0]])
    turned = np.cos(angle) * waves[:, 0] + np.sin(angle) * waves[:, 1]
    shades = light + light * (1 - light) / 2 * turned
    return np.asarray(np.rint(255 * np.clip(shades, 0, 1)), np.uint8)


_COLOURS = _cubehelix()

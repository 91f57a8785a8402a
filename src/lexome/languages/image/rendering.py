"""Pictures to look at: PNG files, larger views of small ones, shades for a terminal, sheets."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np

from lexome.errors import LexomeError
from lexome.languages.base import Rendering, View
from lexome.languages.image.reading import Pixels, from_pillow

_PNG = "image/png"
_LARGE = 128
_COLUMNS = 32
_SHADES = " .:-=+*#%@"
_GAP = 2
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def render(pixels: Pixels) -> Rendering:
    """Return the exact PNG, a view of at least 128 pixels, and shades of it as text."""
    height, width = pixels.shape[:2]
    text = f"{width} x {height} pixels\n{_shaded(pixels)}"
    factor = math.ceil(_LARGE / max(height, width, 1))
    large = np.repeat(np.repeat(pixels, factor, 0), factor, 1)
    views = [View("larger", png(large), _PNG, ".large.png")] if factor > 1 else []
    return Rendering(text, png(pixels), _PNG, ".png", views)


def sheet(renderings: Sequence[Rendering]) -> View:
    """Return all pictures side by side in a square grid, each as large as in its larger view."""
    shown = [_pixels(one.views[0].data if one.views else one.data) for one in renderings]
    if not shown:
        raise LexomeError("there is no picture to put on a sheet")
    columns = math.ceil(math.sqrt(len(shown)))
    rows = math.ceil(len(shown) / columns)
    height = max(one.shape[0] for one in shown) + _GAP
    width = max(one.shape[1] for one in shown) + _GAP
    channels = shown[0].shape[2]
    whole = np.full((rows * height - _GAP, columns * width - _GAP, channels), 128, np.uint8)
    for number, one in enumerate(shown):
        top, left = number // columns * height, number % columns * width
        whole[top : top + one.shape[0], left : left + one.shape[1]] = one
    return View("all", png(whole), _PNG, ".png")


def png(pixels: Pixels) -> bytes:
    """Return pixels [height, width, channels] as a PNG file."""
    image = from_pillow()
    height, width, channels = pixels.shape
    picture = image.frombytes(_MODES[channels], (width, height), pixels.tobytes())
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return data.getvalue()


def _pixels(data: bytes) -> Pixels:
    picture = np.asarray(from_pillow().open(io.BytesIO(data)), np.uint8)
    return picture if picture.ndim == 3 else picture[:, :, None]


def _shaded(pixels: Pixels) -> str:
    """Return letters that are dark where the picture is, one for about twice as high as wide."""
    height, width, channels = pixels.shape
    picture = from_pillow().frombytes(_MODES[channels], (width, height), pixels.tobytes())
    columns = min(max(width, 2 * width if width <= _COLUMNS // 2 else width), _COLUMNS)
    rows = max(round(height * columns / width / 2), 1)
    grey = np.asarray(picture.convert("L").resize((columns, rows)), np.int64)
    letters = np.array(list(_SHADES))[(255 - grey) * len(_SHADES) // 256]
    return "\n".join("".join(row).rstrip() for row in letters) + "\n"

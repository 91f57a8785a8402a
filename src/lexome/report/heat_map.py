"""The picture of an in-silico mutagenesis: a heat map, positions from left to right.

Blue: the model finds the substitution less likely than the wild type; red: likelier; a dot marks
the wild type.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.mutagenesis import MutagenesisMap
from lexome.files import atomic_path

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

LONGEST = 3000

_CELL, _ACROSS = 14, 100
_LEFT, _TOP, _BELOW = 28, 44, 40
_RED, _BLUE = (178, 24, 43), (33, 102, 172)
_INK, _FAINT = (40, 40, 40), (120, 120, 120)
# A score this far from 0 has the full colour: a few extremes must not pale all others.
_QUANTILE = 0.98


def draw_map(found: MutagenesisMap, path: Path) -> None:
    """Write the map as PNG, 100 positions a row.

    Raises `UsageError` for more than 3,000 positions and `LexomeError` without Pillow.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ImportError as error:
        raise LexomeError(
            "drawing a map needs the package pillow",
            where=str(path),
            fix="install it with `pip install 'lexome[dna,protein]'`, or write the map as .tsv",
        ) from error
    size = len(found.positions)
    if size > LONGEST:
        raise UsageError(
            f"a picture of {size:,} positions would be too large",
            where=str(path),
            fix=f"name a stretch of at most {LONGEST:,} positions, or write the map as .tsv",
        )
    panels = -(-size // _ACROSS)
    high = len(found.symbols) * _CELL + _BELOW
    width = _LEFT + min(size, _ACROSS) * _CELL + _LEFT
    image = Image.new("RGB", (max(width, 420), _TOP + panels * high), (255, 255, 255))
    draw = ImageDraw.Draw(image)
    draw.font = ImageFont.load_default(11)
    limit = max(float(np.quantile(np.abs(found.scores), _QUANTILE)), 1e-9)
    title = (
        f"{found.record}, {found.positions[0]}-{found.positions[-1]}: {', '.join(found.methods)}"
    )
    draw.text((_LEFT, 6), title, _INK)
    legend = f"blue: less likely than the wild type, red: likelier; full colour at {limit:.2f} nats"
    draw.text((_LEFT, 22), legend, _FAINT)
    for panel in range(panels):
        places = range(panel * _ACROSS, min((panel + 1) * _ACROSS, size))
        _draw_panel(draw, found, places, _TOP + panel * high, limit)
    with atomic_path(path) as temporary:
        image.save(temporary, format="PNG")


def _draw_panel(
    draw: ImageDraw, found: MutagenesisMap, places: range, top: int, limit: float
) -> None:
    middle = _CELL / 2
    for row, symbol in enumerate(found.symbols):
        y = float(top + row * _CELL)
        draw.text((_LEFT - 10, y + middle), symbol, _INK, anchor="mm")
        for column, place in enumerate(places):
            x = float(_LEFT + column * _CELL)
            box = (x, y, x + _CELL - 2, y + _CELL - 2)
            draw.rectangle(box, colour(found.scores[row, place], limit))
            if found.wild_type[place] == symbol:
                draw.ellipse((x + 4, y + 4, x + _CELL - 6, y + _CELL - 6), _INK)
    bottom = top + len(found.symbols) * _CELL
    for column, place in enumerate(places):
        x = _LEFT + column * _CELL + middle
        draw.text((x, bottom + 6), found.wild_type[place], _INK, anchor="mm")
        if (position := int(found.positions[place])) % 10 == 0:
            draw.text((x, bottom + 20), str(position), _FAINT, anchor="mm")


def colour(score: float | npt.NDArray[np.float64], limit: float) -> tuple[int, int, int]:
    """Return the colour of a score: white at 0, full blue at `-limit`, full red at `limit`."""
    share = min(abs(float(score)) / limit, 1.0)
    full = _RED if score > 0 else _BLUE
    red, green, blue = (round(255 + (part - 255) * share) for part in full)
    return red, green, blue

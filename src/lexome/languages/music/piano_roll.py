"""A score as a picture: time to the right, pitch upwards, a colour for each track."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from lexome.languages.music.score import Score

MOST_QUARTERS = 128

_WIDTH, _ROW, _LEFT, _BOTTOM, _TOP = 1200, 6, 44, 32, 8
_PAPER, _LINE, _BAR, _INK = "#ffffff", "#ececec", "#d0d0d0", "#505050"
_COLOURS = (
    "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#e377c2", "#17becf"
)  # fmt: skip


def png(score: Score) -> bytes:
    """Return the first 128 quarter notes of a score as a PNG, 1,200 pixels wide.

    Lines lie at each C, stand at each quarter note and, darker, at each fourth one.
    """
    notes = score.notes[score.notes["start"] < MOST_QUARTERS * score.ticks]
    quarters = min(max(-(-score.end // score.ticks), 4), MOST_QUARTERS)
    low, high = _range(notes["pitch"])
    height = (high - low + 1) * _ROW
    image = Image.new("RGB", (_WIDTH, _TOP + height + _BOTTOM), _PAPER)
    draw = ImageDraw.Draw(image)
    scale = (_WIDTH - _LEFT - 8) / quarters

    def across(quarter: float) -> float:
        return _LEFT + min(quarter, quarters) * scale

    def down(pitch: int) -> int:
        return _TOP + (high - pitch) * _ROW

    for quarter in range(quarters + 1):
        colour = _LINE if quarter % 4 else _BAR
        if quarter % 4 == 0 or scale >= 6:
            draw.line([across(quarter), _TOP, across(quarter), _TOP + height], colour)
        if quarter % (4 if quarters <= 64 else 16) == 0 and quarter < quarters:
            draw.text((across(quarter) + 2, _TOP + height + 4), str(quarter), _INK)
    for pitch in range(low, high + 1):
        if pitch % 12 == 0:
            draw.line([_LEFT, down(pitch) + _ROW, _WIDTH - 8, down(pitch) + _ROW], _BAR)
            draw.text((8, down(pitch) - 3), f"C{pitch // 12 - 1}", _INK)
    for start, duration, pitch, _, track in notes.tolist():
        first, last = across(start / score.ticks), across((start + duration) / score.ticks)
        box = (first, down(pitch) + 1, max(last - 1, first + 1), down(pitch) + _ROW - 1)
        draw.rectangle(box, _COLOURS[track % len(_COLOURS)])
    draw.text((_LEFT + 2, _TOP + height + 17), "quarter notes", _INK)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _range(pitches: np.ndarray[tuple[int], np.dtype[np.int64]]) -> tuple[int, int]:
    """Return the lowest and the highest pitch to show: whole octaves, two at least."""
    low = int(pitches.min(initial=60)) // 12 * 12
    high = int(pitches.max(initial=71)) // 12 * 12 + 12
    return low, max(high, low + 24)

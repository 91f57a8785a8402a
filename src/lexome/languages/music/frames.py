"""Music as frames: which pitches sound in each step of a grid, one after the other.

The format of the chorales (Boulanger-Lewandowski et al. 2012, https://arxiv.org/abs/1206.6392): a
JSON list of pieces, or an object of such lists by the name of a split; a piece is a list of
frames, a frame a list of MIDI pitches. A rest of one voice is -1 or null; rests behind the last
pitch of a frame say nothing and are left out.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.music.score import DEFAULT_TEMPO, PITCHES, Score, Track, ordered

Frame = tuple[int, ...]
Frames = tuple[Frame, ...]
REST = -1

_MOST_FRAMES, _MOST_SOUNDING = 1 << 20, 1 << 24
_VELOCITY = 80


def read_pieces(data: bytes, where: str) -> Iterator[tuple[str, str, Frames]]:
    """Yield the split, or "", the name and the frames of each piece in order.

    What is no JSON is a `DamagedFileError`; JSON of another shape is a `LexomeError` that names
    piece and frame.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedFileError(
            f"this is no JSON: {error}", where=where, fix="get the file again"
        ) from error
    splits = value if isinstance(value, dict) else {"": value}
    for split, pieces in splits.items():
        if not isinstance(pieces, list):
            raise _shape("a list of pieces was expected", f"{where}, {split!r}" if split else where)
        for number, piece in enumerate(pieces, 1):
            name = f"{split}/{number}" if split else str(number)
            yield split, name, _piece(piece, f"{where}, piece {name}")


def from_score(score: Score, grid: int) -> tuple[Frames, int]:
    """Return what sounds in each of `grid` frames a quarter note, highest pitch first.

    A note fills the frames from the one nearest its start to the one nearest its end, at least
    one. Drums have no pitch: they are left out, and counted. Raises `LexomeError` for a piece of
    more than a million frames.
    """
    drums = np.array([track.drums for track in score.tracks], bool)
    pitched = score.notes[~drums[score.notes["track"]]] if len(score.notes) else score.notes
    starts = np.rint(pitched["start"] * grid / score.ticks).astype(np.int64)
    stops = np.rint((pitched["start"] + pitched["duration"]) * grid / score.ticks).astype(np.int64)
    stops = np.maximum(stops, starts + 1)
    size = int(stops.max(initial=0))
    if size > _MOST_FRAMES or int((stops - starts).sum()) > _MOST_SOUNDING:
        raise LexomeError(
            f"the piece has {size:,} frames, or too many pitches in them",
            fix=f"choose a coarser grid: {_MOST_FRAMES:,} frames at most, and {_MOST_SOUNDING:,} "
            "pitches in all of them together",
        )
    sounding: list[set[int]] = [set() for _ in range(size)]
    for start, stop, pitch in zip(starts, stops, pitched["pitch"].tolist(), strict=True):
        for frame in range(start, stop):
            sounding[frame].add(pitch)
    frames = tuple(tuple(sorted(pitches, reverse=True)) for pitches in sounding)
    return frames, len(score.notes) - len(pitched)


def to_score(frames: Sequence[Frame], grid: int) -> Score:
    """Return a score of `grid` frames a quarter note; a pitch that goes on is one long note.

    A track stands for each place in a frame; a note belongs to the place where it began.
    """
    ticks = 480 // math.gcd(480, grid) * grid
    step = ticks // grid
    notes: list[tuple[int, int, int, int, int]] = []
    open_notes: dict[int, tuple[int, int]] = {}
    for at, frame in enumerate((*frames, ())):
        for pitch in [pitch for pitch in open_notes if pitch not in frame]:
            start, voice = open_notes.pop(pitch)
            notes.append((start * step, (at - start) * step, pitch, _VELOCITY, voice))
        for voice, pitch in enumerate(frame):
            if pitch != REST:
                open_notes.setdefault(pitch, (at, voice))
    voices = max(map(len, frames), default=1)
    tracks = tuple(Track(name=f"voice {number}") for number in range(1, max(voices, 1) + 1))
    return Score(ordered(notes), tracks, ticks, ((0, DEFAULT_TEMPO),), ((0, 4, 4),))


def transposed(frames: Frames, semitones: int) -> Frames | None:
    """Return the frames in another key; `None` where they leave the range of MIDI."""
    pitches = {pitch for frame in frames for pitch in frame} - {REST}
    if not pitches or not all(0 <= pitch + semitones < PITCHES for pitch in pitches):
        return None
    return tuple(
        tuple(pitch if pitch == REST else pitch + semitones for pitch in frame) for frame in frames
    )


def _piece(value: Any, where: str) -> Frames:
    if not isinstance(value, list):
        raise _shape("a piece must be a list of frames", where)
    return tuple(_frame(frame, f"{where}, frame {number}") for number, frame in enumerate(value, 1))


def _frame(value: Any, where: str) -> Frame:
    if not isinstance(value, list):
        raise _shape("a frame must be a list of MIDI pitches", where)
    frame = [_pitch(item, where) for item in value]
    while frame and frame[-1] == REST:
        frame.pop()
    return tuple(frame)


def _pitch(value: Any, where: str) -> int:
    if value is None or value == REST:
        return REST
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or value != value or value not in range(PITCHES):
        raise _shape(f"{value!r} is no MIDI pitch: those go from 0 to 127, a rest is -1", where)
    return int(value)


def _shape(what: str, where: str) -> LexomeError:
    return LexomeError(
        what,
        where=where,
        fix="write a list of pieces, or an object of such lists by split; docs/languages.md has an "
        "example",
    )

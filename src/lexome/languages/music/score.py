"""A score: notes with their times, the tracks they belong to, tempo and time signature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

Notes = npt.NDArray[Any]

# `start` and `duration` in ticks, `track` an index into the score's tracks.
NOTE = np.dtype(
    [
        ("start", np.int64),
        ("duration", np.int64),
        ("pitch", np.int64),
        ("velocity", np.int64),
        ("track", np.int64),
    ]
)
PITCHES = 128
DEFAULT_TEMPO = 120.0


@dataclass(frozen=True, slots=True)
class Track:
    """An instrument: `program` 0 to 127 of General MIDI, or a drum kit, whose pitches are drums."""

    program: int = 0
    drums: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """Notes [n] of dtype `NOTE`, ordered by start, track, pitch; plain values, so it pickles.

    `ticks` are those of a quarter note; `tempos` are (tick, quarter notes a minute), `signatures`
    (tick, numerator, denominator), both in order; without any it is 120 and 4/4.
    """

    notes: Notes
    tracks: tuple[Track, ...]
    ticks: int = 480
    tempos: tuple[tuple[int, float], ...] = ()
    signatures: tuple[tuple[int, int, int], ...] = ()

    @property
    def end(self) -> int:
        """Return the tick at which the last note ends."""
        return int((self.notes["start"] + self.notes["duration"]).max(initial=0))

    def seconds(self, ticks: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
        """Return when each of `ticks` is, in seconds, by the tempos."""
        changes = [(0, DEFAULT_TEMPO), *self.tempos]
        starts = np.array([tick for tick, _ in changes], np.float64)
        rates = np.array([60 / tempo / self.ticks for _, tempo in changes])
        begun = np.concatenate([[0.0], np.cumsum(np.diff(starts) * rates[:-1])])
        at = np.searchsorted(starts, ticks, side="right") - 1
        found: npt.NDArray[np.float64] = begun[at] + (ticks - starts[at]) * rates[at]
        return found

    def part(self, start: int, stop: int) -> Score:
        """Return notes `start` to `stop` in their order, whole bars before them taken away."""
        notes = self.notes[start:stop].copy()
        shift = self._bar(int(notes["start"][0])) if len(notes) else 0
        notes["start"] -= shift
        last = int(notes["start"].max(initial=0))
        return replace(
            self,
            notes=notes,
            tempos=_moved(self.tempos, shift, last),
            signatures=_moved(self.signatures, shift, last),
        )

    def transposed(self, semitones: int) -> Score | None:
        """Return the score in another key, drums as they are; `None` if it leaves MIDI's range."""
        notes = self.notes.copy()
        drums = np.array([track.drums for track in self.tracks], bool)
        moved = ~drums[notes["track"]] if len(notes) else np.zeros(0, bool)
        notes["pitch"][moved] += semitones
        inside = ((notes["pitch"] >= 0) & (notes["pitch"] < PITCHES)).all()
        return replace(self, notes=notes) if inside and moved.any() else None

    def _bar(self, tick: int) -> int:
        """Return the tick at which the bar of `tick` begins."""
        at, numerator, denominator = max(
            (entry for entry in self.signatures if entry[0] <= tick), default=(0, 4, 4)
        )
        length = max(self.ticks * 4 * numerator // denominator, 1)
        return at + (tick - at) // length * length


def ordered(notes: Sequence[tuple[int, int, int, int, int]] | Notes) -> Notes:
    """Return notes as an array of dtype `NOTE` in the order of a score."""
    made = np.asarray(notes, NOTE) if len(notes) else np.zeros(0, NOTE)
    return np.sort(made, order=["start", "track", "pitch", "duration", "velocity"])


def described(score: Score) -> Mapping[str, str]:
    """Return in words what a score is made of, for the metadata of its document."""
    names = sorted({track.name for track in score.tracks if track.name})
    return {"tracks": ", ".join(names)} if names else {}


def _moved(changes: tuple[Any, ...], shift: int, last: int) -> tuple[Any, ...]:
    """Return what holds from `shift` on, up to `last` ticks behind it."""
    before = [entry for entry in changes if entry[0] <= shift]
    after = [entry for entry in changes if shift < entry[0] <= shift + last]
    kept = [(0, *before[-1][1:])] if before else []
    return (*kept, *((entry[0] - shift, *entry[1:]) for entry in after))

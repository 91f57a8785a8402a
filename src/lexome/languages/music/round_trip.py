"""What quantisation costs: a score beside what its tokens give back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from lexome.languages.music.score import Notes, Score

Places = npt.NDArray[np.int64]


@dataclass
class RoundTrip:
    """Adds up the differences between scores and their decoded forms."""

    notes: int = 0
    lost: int = 0
    onsets: list[float] = field(default_factory=list)
    onset_seconds: list[float] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    velocities: list[float] = field(default_factory=list)
    tempo: list[float] = field(default_factory=list)
    tempos: int = 0
    tempos_lost: int = 0
    signatures: int = 0
    signatures_lost: int = 0

    def add(self, score: Score, decoded: Score) -> None:
        """Compare a score with what was decoded from its codes."""
        first, second = matched(score, decoded)
        self.notes += len(score.notes)
        self.lost += len(score.notes) - len(first)
        for name, found in (("start", self.onsets), ("duration", self.lengths)):
            before = score.notes[name][first] / score.ticks
            after = decoded.notes[name][second] / decoded.ticks
            found += np.abs(after - before).tolist()
        # In the score's own tempo, so that this is the grid's doing alone.
        there = decoded.notes["start"][second] * score.ticks / decoded.ticks
        moved = score.seconds(there) - score.seconds(score.notes["start"][first])
        self.onset_seconds += np.abs(moved).tolist()
        strengths = decoded.notes["velocity"][second] - score.notes["velocity"][first]
        self.velocities += np.abs(strengths).tolist()
        self._add_changes(score, decoded)

    def figures(self) -> Mapping[str, float]:
        """Return the means by name, in the units that musicians count in."""
        found = {
            "notes lost, %": 100 * self.lost / max(self.notes, 1),
            "onset error, quarter notes": _mean(self.onsets),
            "onset error, ms": 1000 * _mean(self.onset_seconds),
            "length error, quarter notes": _mean(self.lengths),
            "velocity error, of 127": _mean(self.velocities),
            "error of the whole duration, %": 100 * _mean(self.tempo),
        }
        if self.tempos:
            found["tempo changes lost, %"] = 100 * self.tempos_lost / self.tempos
        if self.signatures:
            found["time signature changes lost, %"] = 100 * self.signatures_lost / self.signatures
        return found

    def _add_changes(self, score: Score, decoded: Score) -> None:
        last, again = (made.seconds(np.array([made.end]))[0] for made in (score, decoded))
        if last > 0:
            self.tempo.append(abs(again / last - 1))
        changes = _changes([tempo for _, tempo in score.tempos])
        self.tempos += changes
        self.tempos_lost += max(changes - _changes([tempo for _, tempo in decoded.tempos]), 0)
        changes = _changes([entry[1:] for entry in score.signatures])
        self.signatures += changes
        kept = _changes([entry[1:] for entry in decoded.signatures])
        self.signatures_lost += max(changes - kept, 0)


def matched(score: Score, decoded: Score) -> tuple[Places, Places]:
    """Return which notes of a score are which of the decoded one, as indices of both.

    Notes of one pitch, drums apart, are matched in the order of their starts, each with the
    nearest that is not matched yet.
    """
    there: dict[tuple[bool, int], list[int]] = {}
    for place, key in enumerate(_keys(score)):
        there.setdefault(key, []).append(place)
    first, second = list[int](), list[int]()
    starts = _quarters(score, score.notes)
    begun = _quarters(decoded, decoded.notes)
    remaining: dict[tuple[bool, int], int] = {}
    for key in _keys(decoded):
        remaining[key] = remaining.get(key, 0) + 1
    used: dict[tuple[bool, int], int] = {}
    for place, key in enumerate(_keys(decoded)):
        candidates, at = there.get(key, []), used.get(key, 0)
        remaining[key] -= 1
        # As many are left over as were lost; any of them may have to be passed over.
        last = len(candidates) - remaining[key]
        if at >= last:
            continue
        window = candidates[at:last]
        nearest = min(window, key=lambda other: abs(starts[other] - begun[place]))
        used[key] = at + window.index(nearest) + 1
        first.append(nearest)
        second.append(place)
    return np.array(first, np.int64), np.array(second, np.int64)


def _keys(score: Score) -> list[tuple[bool, int]]:
    pairs = zip(score.notes["track"].tolist(), score.notes["pitch"].tolist(), strict=True)
    return [(score.tracks[track].drums, pitch) for track, pitch in pairs]


def _quarters(score: Score, notes: Notes) -> npt.NDArray[np.float64]:
    quarters: npt.NDArray[np.float64] = notes["start"] / score.ticks
    return quarters


def _changes(values: Sequence[object]) -> int:
    return sum(one != other for one, other in zip(values[1:], values[:-1], strict=True))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0

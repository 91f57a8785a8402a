"""What a person sees and hears of a score: a MIDI file, a piano roll, a recording."""

from __future__ import annotations

from collections import Counter
from importlib.util import find_spec

from lexome.languages.base import Rendering, View
from lexome.languages.music import listening
from lexome.languages.music.midi import write_midi
from lexome.languages.music.score import Score

_NAMES = ("C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B")
_SHOWN_LINES = 6


def render(score: Score) -> Rendering:
    """Return a score as .mid, with a few words for the terminal, a piano roll and a WAV."""
    return Rendering(summary(score), write_midi(score), "audio/midi", ".mid", views(score))


def views(score: Score) -> tuple[View, ...]:
    """Return the piano roll, where the package pillow is there, and the first minute as sound."""
    sound = View("to listen to", listening.wav(score), "audio/wav", ".wav")
    # A training without pictures is better than one that stops at its first sample.
    if find_spec("PIL") is None:
        return (sound,)
    from lexome.languages.music import piano_roll

    return View("piano roll", piano_roll.png(score), "image/png", ".png"), sound


def summary(score: Score) -> str:
    """Return a line on the whole and one on each track: its notes and their range."""
    quarters = score.end / score.ticks
    seconds = float(score.seconds(score.notes["start"] + score.notes["duration"]).max(initial=0))
    lines = [f"{len(score.notes):,} notes, {quarters:.4g} quarter notes, {seconds:.1f} s"]
    counts = Counter(score.notes["track"].tolist())
    for number, track in list(enumerate(score.tracks))[:_SHOWN_LINES]:
        pitches = score.notes["pitch"][score.notes["track"] == number]
        what = "drums" if track.drums else f"program {track.program}"
        between = f", {name(pitches.min())} to {name(pitches.max())}" if len(pitches) else ""
        title = f" {track.name!r}" if track.name else ""
        lines.append(f"  track {number + 1}{title} ({what}): {counts[number]:,} notes{between}")
    if (more := len(score.tracks) - _SHOWN_LINES) > 0:
        lines.append(f"  and {more} more tracks")
    return "\n".join(lines) + "\n"


def name(pitch: int) -> str:
    """Return the name of a MIDI pitch: C4 is 60."""
    octave, step = divmod(int(pitch), 12)
    return f"{_NAMES[step]}{octave - 1}"

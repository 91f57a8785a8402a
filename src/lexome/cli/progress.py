"""How far something is: a live bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Protocol, Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn

from lexome.cli.console import messages, say

_SECONDS_BETWEEN_LINES = 5.0


class Meter(Protocol):
    """Shows how far one thing is, from the start of a `with` block to its end."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, label: str, done: float, total: float | None, note: str = "") -> None:
        """Show that `done` of `total` is done (`None`: nobody knows), and a few words more."""
        ...


def meter() -> Meter:
    """Return the meter that suits where stderr goes."""
    return LiveMeter() if messages().is_terminal else PlainMeter()


class LiveMeter:
    """A bar that moves; messages written meanwhile stand above it."""

    def __init__(self) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            TextColumn("{task.fields[note]}", markup=False),
            console=messages(),
            transient=True,
        )
        self._task = self._progress.add_task("", note="", total=None, visible=False)
        self._clock = _Clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def show(self, label: str, done: float, total: float | None, note: str = "") -> None:
        self._progress.start()  # only now: a block with nothing to show leaves no trace
        self._progress.update(
            self._task,
            description=label,
            completed=done,
            total=total,
            note=self._clock.note(label, done, total, note),
            visible=True,
        )


class PlainMeter:
    """Lines for a log: the first news after a few seconds, and one every few seconds then."""

    def __init__(self) -> None:
        self._clock = _Clock()
        self._shown = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def show(self, label: str, done: float, total: float | None, note: str = "") -> None:
        note = self._clock.note(label, done, total, note)
        if time.monotonic() - self._shown >= _SECONDS_BETWEEN_LINES:
            self._shown = time.monotonic()
            say(f"{label}  {note}".rstrip())


class _Clock:
    """Adds the percentage and the time left to a note; each label starts it anew."""

    def __init__(self) -> None:
        self._label = ""
        self._start = 0.0

    def note(self, label: str, done: float, total: float | None, note: str) -> str:
        if label != self._label:
            self._label, self._start = label, time.monotonic()
        if not total:
            return note
        share = min(done / total, 1.0)
        words = [f"{share:.0%}", *([note] if note else [])]
        seconds = time.monotonic() - self._start
        if "left" not in note and 0 < share < 1 and seconds > 1:
            words.append(f"{duration(seconds * (1 - share) / share)} left")
        return " · ".join(words)


def duration(seconds: float) -> str:
    """Return a time as a person says it: `8 s`, `1:23`, `2:03:04`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

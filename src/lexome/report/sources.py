"""What detached.json says: whether a tuned run's answers depend on their sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lexome.finetuning.detached_run import FORMAT, NAME
from lexome.report.data import Missing
from lexome.report.honesty_reading import (
    Kind,
    count_at,
    number_at,
    object_at,
    objects_at,
    of_these_weights,
    text_at,
    texts_at,
)
from lexome.report.reading import RunFiles, command, read_object
from lexome.report.task_data import TaskFigure
from lexome.report.task_figures import figures_of

_KIND = Kind(NAME, FORMAT)
_NOT_ASKED = "It was not asked whether its answers depend on their sources."
_SHARES = ("detached outputs", "detached targets")


@dataclass(frozen=True, slots=True)
class StrangeKind:
    """What is said to a kind of source; `figures` are none, and `note` says why, if none is."""

    name: str
    meaning: str
    n: int
    figures: tuple[TaskFigure, ...]
    commonest: str
    commonest_share: float
    examples: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class DetachedExample:
    """An answer that would be as likely for the share `detached` of `others` other sources."""

    place: str
    source: str
    answer: str
    reference: str
    detached: float
    margin: float
    others: int


@dataclass(frozen=True, slots=True)
class Sources:
    """Whether answers depend on their sources; `command` measures it again."""

    command: str
    examples: int
    others: int
    figures: tuple[TaskFigure, ...]
    strange: tuple[StrangeKind, ...]
    most_detached: tuple[DetachedExample, ...]
    notes: tuple[str, ...]


def sources(run: RunFiles) -> Sources | Missing | None:
    """Return what is known of a tuned run's sources, `None` for a run that was not tuned."""
    if run.tuned is None:
        return None
    again = _command(run, {})
    path = run.folder / NAME
    if not path.is_file():
        return Missing(_NOT_ASKED, again)
    found = read_object(path, again)
    if isinstance(found, Missing):
        return found
    again = _command(run, found.get("asked"))
    return of_these_weights(run, _KIND, found, again, lambda: _sources(found, again))


def _command(run: RunFiles, asked: object) -> str:
    known = asked if isinstance(asked, Mapping) else {}
    words = [
        word
        for name in ("examples", "others")
        if known.get(name) is not None
        for word in (f"--{name}", str(known[name]))
    ]
    return command("evaluate", str(run.folder), "--detached", *words)


def _sources(found: Mapping[str, Any], again: str) -> Sources:
    figures = figures_of(found.get("figures"))
    if not set(_SHARES) <= {one.name for one in figures}:
        raise ValueError(f"it lacks the figures {' and '.join(_SHARES)}")
    return Sources(
        again,
        count_at(found, "examples"),
        count_at(object_at(found, "asked"), "others"),
        figures,
        tuple(map(_strange, objects_at(found, "strange"))),
        tuple(map(_example, objects_at(found, "most_detached"))),
        tuple(_notes(found)),
    )


def _notes(found: Mapping[str, Any]) -> list[str]:
    alone, too_long = count_at(found, "alone"), count_at(found, "too_long")
    notes = []
    if alone:
        notes.append(f"Examples without another source that fits, which do not count: {alone:,}.")
    if too_long:
        notes.append(f"Examples longer than the context, which were not asked: {too_long:,}.")
    return notes


def _strange(values: Mapping[str, Any]) -> StrangeKind:
    given = values.get("commonest") is not None
    commonest = object_at(values, "commonest") if given else {"answer": "", "share": 0.0}
    return StrangeKind(
        text_at(values, "name"),
        text_at(values, "meaning"),
        count_at(values, "n"),
        figures_of(values.get("figures")),
        text_at(commonest, "answer"),
        number_at(commonest, "share"),
        texts_at(values, "examples"),
        text_at(values, "note"),
    )


def _example(values: Mapping[str, Any]) -> DetachedExample:
    return DetachedExample(
        text_at(values, "place"),
        text_at(values, "source"),
        text_at(values, "answer"),
        text_at(values, "reference"),
        number_at(values, "detached"),
        number_at(values, "margin"),
        count_at(values, "others"),
    )

"""What task.json says of groups: the score of each, and whether the gap is more than chance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lexome.finetuning.evaluate import SCORES
from lexome.report.data import Missing
from lexome.report.honesty_reading import count_at, number_at, object_at, objects_at, text_at
from lexome.report.reading import RunFiles, command, read_scores

_RANGES = "numbers were put into four ranges of like size"


@dataclass(frozen=True, slots=True)
class GroupScore:
    """The figure of a group of `n` examples with its 95 % interval."""

    name: str
    n: int
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class FigureGap:
    """A figure by groups, the worst first; `gap` is how far it is behind the last, the best.

    Groups dealt at random have gaps below `chance_high` in 95 %, and as large in the share `p`.
    """

    figure: str
    lower: bool
    groups: tuple[GroupScore, ...]
    gap: float
    low: float
    high: float
    chance: float
    chance_high: float
    p: float


@dataclass(frozen=True, slots=True)
class FieldGaps:
    """Figures by the groups of a field; of `small` groups of too few examples nothing is said.

    `note` says whether numbers were put into ranges, or might be.
    """

    field: str
    gaps: tuple[FigureGap, ...]
    small: tuple[tuple[str, int], ...]
    reason: str
    note: str


@dataclass(frozen=True, slots=True)
class GroupGaps:
    """The scores of a task by each field that was asked for; `command` measures them again."""

    command: str
    fields: tuple[FieldGaps, ...]


def group_gaps(run: RunFiles) -> GroupGaps | Missing | None:
    """Return the scores of a tuned run by group; `None` where nobody asked for any."""
    if run.tuned is None:
        return None
    found = read_scores(run.folder, SCORES)
    # What is the matter with the scores themselves, the section of the task says.
    if isinstance(found, Missing) or not found.get("by"):
        return None
    try:
        fields = tuple(map(_field, objects_at(found, "by")))
    except ValueError as error:
        return Missing(f"{SCORES} is damaged: {error}.", command("evaluate", str(run.folder)))
    words = [word for one in fields for word in ("--by", one.field)]
    return GroupGaps(command("evaluate", str(run.folder), *words), fields)


def _field(values: Mapping[str, Any]) -> FieldGaps:
    small = object_at(values, "small")
    return FieldGaps(
        text_at(values, "field"),
        tuple(map(_gap, objects_at(values, "gaps"))),
        tuple((str(name), count_at(small, name)) for name in small),
        text_at(values, "reason"),
        _RANGES if values.get("ranges") is True else str(values.get("hint") or ""),
    )


def _gap(values: Mapping[str, Any]) -> FigureGap:
    low, high, chance, above, p = (
        number_at(values, name) for name in ("low", "high", "chance", "chance_high", "p")
    )
    return FigureGap(
        text_at(values, "figure"),
        values.get("lower") is True,
        tuple(map(_group, objects_at(values, "groups"))),
        number_at(values, "value"),
        low,
        high,
        chance,
        above,
        p,
    )


def _group(values: Mapping[str, Any]) -> GroupScore:
    return GroupScore(
        text_at(values, "name"),
        count_at(values, "n"),
        number_at(values, "value"),
        number_at(values, "low"),
        number_at(values, "high"),
    )

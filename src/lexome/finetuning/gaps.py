"""The score of a task by groups of examples: by speaker, by category, by how long a source is."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.errors import UsageError, nearest
from lexome.evaluation.metrics.bootstrap import Statistic
from lexome.evaluation.metrics.directions import LOWER
from lexome.evaluation.metrics.gaps import FEWEST, group_gap, spoken_of
from lexome.finetuning.answering import Question
from lexome.finetuning.scoring import TaskScores

LENGTH = "length"
"""What groups examples by the tokens of their sources, where no metadata are called so."""

_CALIBRATION = ("log loss", "Brier score", "expected calibration error")
RANGES = ":ranges"
"""What stands behind the name of metadata whose numbers are to be put into ranges."""

# Numbers with more values than these may be meant to be ranges.
_MANY = 12
_UNKNOWN = "not known"


def members(asked: Sequence[Question], field: str) -> list[str]:
    """Return the group of each example: what its metadata say, each value a group of its own.

    A number may be a quantity, or the name of a speaker: nobody can see which. So numbers are put
    into ranges only where that is asked for, by `RANGES` behind the name of the field; the length
    of sources, which is a quantity, always is. Of numbers in ranges, those that are missing, or are
    none ("nan"), are a group of their own. A field of which no example knows anything is a
    `UsageError`, and so are ranges of what is no number.
    """
    known = {name for one in asked for name in one.metadata}
    if field in known:
        return [one.metadata.get(field, _UNKNOWN) for one in asked]
    name = field.removesuffix(RANGES)
    if name in known:
        return _in_ranges([one.metadata.get(name, _UNKNOWN) for one in asked], name)
    if name == LENGTH:
        return quarters(np.array([len(one.prompt) for one in asked], np.float64), " tokens")
    raise UsageError(
        f"no example has anything under {name!r}",
        where="--by",
        fix=nearest(name, sorted({*known, LENGTH})),
    )


def _in_ranges(values: Sequence[str], name: str) -> list[str]:
    numbers = [_number(value) for value in values]
    words = [value for value, number in zip(values, numbers, strict=True) if number is None]
    if words:
        raise UsageError(
            f"{words[0]!r} is no number, so {name} has no ranges",
            where=f"--by {name}{RANGES}",
            fix=f"--by {name} takes each value as a group of its own",
        )
    known = np.array(numbers, np.float64)
    if np.isnan(known).all():
        raise UsageError(
            f"none of the values of {name} is a number, so there are no ranges",
            where=f"--by {name}{RANGES}",
            fix=f"--by {name} takes each value as a group of its own",
        )
    return quarters(known)


def quarters(values: npt.NDArray[np.float64], unit: str = "") -> list[str]:
    """Return for each value [N] the range of the quarter of all values that it is in.

    NaN is in none, and not known.
    """
    known = values[~np.isnan(values)]
    borders = np.unique(np.quantile(known, [0.25, 0.5, 0.75], method="inverted_cdf"))
    numbers = np.where(np.isnan(values), -1, np.searchsorted(borders, values))
    ranges = {
        number: f"{own.min():g} to {own.max():g}{unit}"
        for number in np.unique(numbers[numbers >= 0]).tolist()
        for own in [values[numbers == number]]
    }
    return [ranges.get(number, _UNKNOWN) for number in numbers.tolist()]


def gaps_by(scores: TaskScores, asked: Sequence[Question], field: str) -> dict[str, Any]:
    """Return the first figure of a task, and those of calibration, by group, as plain JSON values.

    `ranges` says whether numbers were put into ranges; `small` counts the groups that are too small
    to speak of; `reason` says why there is no gap.
    """
    own = members(asked, field)
    ranges = not any(field in one.metadata for one in asked)
    large, small = spoken_of(own)
    counts = Counter(own)
    found = [
        gap
        for statistic in _statistics(scores)
        if (gap := group_gap(statistic, own, statistic.name in LOWER)) is not None
    ]
    return {
        "field": field,
        "ranges": ranges,
        "groups": len(counts),
        "small": {name: counts[name] for name in small},
        "gaps": [
            {**asdict(one), "groups": [asdict(group) for group in one.groups]} for one in found
        ],
        "reason": "" if found else _reason(scores.statistics, large),
        "hint": "" if ranges else _hint(own, field),
    }


def _statistics(scores: TaskScores) -> list[Statistic]:
    first = [one.name for one in scores.figures[:1]]
    names = dict.fromkeys((*first, *_CALIBRATION))
    return [scores.statistics[name] for name in names if name in scores.statistics]


def _reason(statistics: Mapping[str, Statistic], large: Sequence[str]) -> str:
    if len(large) < 2:
        count = f"{len(large)} of them has" if large else "none of them has"
        return f"groups need {FEWEST} examples or more to be spoken of, and {count}"
    return "the figure is not one of single examples" if statistics else "the task has no figure"


def _hint(values: Sequence[str], field: str) -> str:
    """Return how to put values into ranges that are many numbers, and may be quantities."""
    numbers = {_number(value) for value in values}
    if None in numbers or len(set(values)) <= _MANY:
        return ""
    return (
        f"each number is a group of its own; if they are quantities, --by {field}{RANGES} puts "
        "them into four ranges"
    )


def _number(value: str) -> float | None:
    """Return a number, NaN where it is not known, and `None` for a word."""
    if value == _UNKNOWN:
        return math.nan
    try:
        return float(value)
    except ValueError:
        return None

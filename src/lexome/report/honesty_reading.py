"""Files of measurements, checked; a value that is not as it has to be is a `ValueError`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

from lexome.errors import LexomeError
from lexome.evaluation.evaluate import is_current
from lexome.evaluation.honesty.claims import VERDICTS
from lexome.report.data import Missing, finite
from lexome.report.honesty_data import Share, Verdicts
from lexome.report.reading import RunFiles, missing
from lexome.report.task_figures import figures_of

T = TypeVar("T")


class Kind(NamedTuple):
    """A kind of files of measurements: the name, the format that is read, what was `done`."""

    name: str
    format: int
    done: str = "asked"


def of_these_weights(
    run: RunFiles, kind: Kind, found: Mapping[str, Any], again: str, read: Callable[[], T]
) -> T | Missing:
    """Return what `read` makes of a file of measurements that was `found`.

    Where it is in another format, of other weights than the run has, or damaged, it is missing, and
    `again` is the command that measures anew.
    """
    name = kind.name
    if found.get("format") != kind.format:
        return Missing(
            f"{name} is in another format than this lexome reads: another version wrote it.", again
        )
    try:
        if not is_current(found, run.folder):
            return Missing(f"{name} {kind.done} other weights than the run has now.", again)
        return read()
    except LexomeError as error:
        return missing(error)
    except ValueError as error:
        return Missing(f"{name} is damaged: {error}.", again)


def object_at(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the object of a name."""
    found = values.get(name)
    if not isinstance(found, Mapping):
        raise ValueError(f"it has no object {name!r}")
    return found


def objects_at(values: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """Return the list of objects of a name."""
    found = values.get(name)
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise ValueError(f"its {name!r} is no list of objects")
    return found


def number_at(values: Mapping[str, Any], name: str) -> float:
    """Return the number of a name."""
    found = finite(values.get(name))
    if found is None:
        raise ValueError(f"its {name!r} is no number")
    return found


def count_at(values: Mapping[str, Any], name: str) -> int:
    """Return the whole number of a name."""
    return int(number_at(values, name))


def text_at(values: Mapping[str, Any], name: str) -> str:
    """Return the text of a name."""
    found = values.get(name)
    if not isinstance(found, str):
        raise ValueError(f"its {name!r} is no text")
    return found


def texts_at(values: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """Return the texts of a name."""
    found = values.get(name)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError(f"its {name!r} is no list of texts")
    return tuple(found)


def verdict_at(values: Mapping[str, Any], name: str) -> str:
    """Return the verdict of a name."""
    found = text_at(values, name)
    if found not in VERDICTS:
        raise ValueError(f"{found!r} is no verdict")
    return found


def verdicts_of(values: Mapping[str, Any], n: str, of: str) -> Verdicts:
    """Return how many of the `n` are of each verdict."""
    counts, whole = object_at(values, "verdicts"), count_at(values, n)
    known = {one.name: one for one in figures_of(values.get("shares"))}
    shares = []
    for name in VERDICTS:
        count, figure = count_at(counts, name), known.get(name)
        low, high = (None, None) if figure is None else (figure.low, figure.high)
        shares.append(Share(name, count, count / whole if whole else 0.0, low, high))
    if sum(one.count for one in shares) != whole:
        raise ValueError(f"its verdicts are not as many as its {n}")
    return Verdicts(whole, count_at(values, of), tuple(shares))

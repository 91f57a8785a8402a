"""What compensation.json says: what a correction of a skew brought, and its price in one table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lexome.evaluation.honesty.compensation import FORMAT, NAME
from lexome.report.data import Missing, finite
from lexome.report.honesty_reading import (
    Kind,
    count_at,
    object_at,
    objects_at,
    of_these_weights,
    text_at,
)
from lexome.report.reading import RunFiles, command, read_object
from lexome.report.task_data import TaskFigure
from lexome.report.task_figures import figure_of, figures_of

_TASK = "rebalance"
_NOT_ASKED = "Nobody measured what its correction brought, and what it cost."
_LEFT_ALONE = "all, of subjects that nothing names which it was tuned on"
_FORMS = {"text": "as running text", "pairs": "in the form of pairs"}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the verdict; `fine` is `None` where it is no judgement."""

    about: str
    fine: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One thing that was asked before and after, in each form; a share, or bits per unit.

    `corpus` and `target` are of statements alone; `overshoot` is the worst of all forms, and so is
    `farthest`: how far a single prompt is from the target, or without one from what it was.
    """

    kind: str
    name: str
    n: int
    corpus: float | None
    target: float | None
    before: TaskFigure
    after: tuple[TaskFigure | None, ...]
    overshoot: float | None
    farthest: float | None = None


@dataclass(frozen=True, slots=True)
class Awareness:
    """DiffAware and CtxtAware of facts of a relation or of statements, before and in each form.

    Of `comparisons` so many are `different`.
    """

    name: str
    comparisons: int
    different: int
    figures: tuple[tuple[TaskFigure, ...], ...]


@dataclass(frozen=True, slots=True)
class Compensation:
    """A correction and its price; `forms` say how the run was asked, `command` asks it again."""

    command: str
    before: str
    forms: tuple[str, ...]
    verdict: tuple[Said, ...]
    rows: tuple[PriceRow, ...]
    awareness: tuple[Awareness, ...]


def compensation(run: RunFiles) -> Compensation | Missing | None:
    """Return what a correction brought; `None` of a run of which nobody says that it is one."""
    path = run.folder / NAME
    again = _command(run, {})
    if not path.is_file():
        rebalanced = run.tuned is not None and run.tuned.task == _TASK
        return Missing(_NOT_ASKED, again) if rebalanced else None
    found = read_object(path, again)
    if isinstance(found, Missing):
        return found
    again = _command(run, found)
    return of_these_weights(
        run, Kind(NAME, FORMAT), found, again, lambda: _compensation(found, again)
    )


def _command(run: RunFiles, found: Mapping[str, Any]) -> str:
    asked, before = found.get("asked"), found.get("before")
    known = asked if isinstance(asked, Mapping) else {}
    words = ["--groups", str(known.get("groups") or "FILE")]
    if known.get("facts") or not known:
        words += ["--facts", str(known.get("facts") or "TABLE")]
        words += ["--templates", str(known.get("templates") or "FILE")]
    if known.get("subjects") is not None:
        words += ["--subjects", str(known["subjects"])]
    base = before.get("run") if isinstance(before, Mapping) else None
    return command("evaluate", str(run.folder), *words, "--before", str(base or "BASE"))


def _compensation(found: Mapping[str, Any], again: str) -> Compensation:
    forms = found.get("forms")
    if not isinstance(forms, list) or not forms or not set(forms) <= _FORMS.keys():
        raise ValueError("it does not say in which form was asked")
    return Compensation(
        again,
        text_at(object_at(found, "before"), "run"),
        tuple(_FORMS[form] for form in forms),
        tuple(map(_said, objects_at(found, "verdict"))),
        (
            *_likelihood(object_at(found, "likelihood"), len(forms)),
            *_facts(found.get("facts"), forms),
            *(_row(one, forms) for one in objects_at(object_at(found, "statements"), "rows")),
        ),
        tuple(_awareness(object_at(found, "difference"), forms)),
    )


def _said(values: Mapping[str, Any]) -> Said:
    fine = values.get("fine")
    if fine not in (True, False, None):
        raise ValueError("a sentence of its verdict is neither fine nor not")
    return Said(text_at(values, "about"), fine, text_at(values, "text"))


def _likelihood(values: Mapping[str, Any], forms: int) -> Iterator[PriceRow]:
    """Yield the row of held-out text, which is read in one form alone, if any was left to read."""
    if count_at(values, "documents") == 0:
        return
    before, after = (figure_of(values.get(name)) for name in ("before", "after"))
    rest = (None,) * (forms - 1)
    name = f"bits per {text_at(values, 'unit')} of held-out text"
    units = count_at(values, "units")
    yield PriceRow("held-out text", name, units, None, None, before, (after, *rest), None)


def _facts(facts: object, forms: Sequence[str]) -> Iterator[PriceRow]:
    if facts is None:
        return
    if not isinstance(facts, Mapping):
        raise ValueError("its facts are no object")
    every = [object_at(facts, form) for form in forms]
    relations = [object_at(one, "relations") for one in every]
    for relation in relations[0]:
        yield _recall(str(relation), [object_at(one, relation) for one in relations])
    if every[0].get("alone") is not None:
        yield _recall(_LEFT_ALONE, [object_at(one, "alone") for one in every])


def _recall(name: str, forms: Sequence[Mapping[str, Any]]) -> PriceRow:
    read = [_figures(one) for one in forms]
    before, after = read[0]["before"], tuple(one["after"] for one in read)
    return PriceRow("facts", name, before.n, None, None, before, after, None)


def _figures(values: Mapping[str, Any]) -> dict[str, TaskFigure]:
    found = {one.name: one for one in figures_of(values.get("figures"))}
    if not {"before", "after"} <= found.keys():
        raise ValueError("recall is not of before and after")
    return found


def _row(values: Mapping[str, Any], forms: Sequence[str]) -> PriceRow:
    after = object_at(values, "after")
    return PriceRow(
        text_at(values, "kind"),
        f"{text_at(values, 'question')}: {text_at(values, 'group')}, {text_at(values, 'answer')}",
        count_at(values, "n"),
        finite(values.get("corpus")),
        finite(values.get("target")),
        figure_of(values.get("before")),
        tuple(figure_of(after.get(form)) for form in forms),
        _worst(values.get("overshoot")),
        _worst(object_at(values, "farthest")),
    )


def _worst(by_form: object) -> float | None:
    known = [finite(one) for one in by_form.values()] if isinstance(by_form, Mapping) else []
    return max((one for one in known if one is not None), default=None)


def _awareness(values: Mapping[str, Any], forms: Sequence[str]) -> Iterator[Awareness]:
    sides = [object_at(values, form) for form in ("before", *forms)]
    facts = [object_at(one, "facts") for one in sides]
    for relation in facts[0]:
        yield _aware(f"facts: {relation}", [object_at(one, relation) for one in facts])
    yield _aware("statements", [object_at(one, "statements") for one in sides])


def _aware(name: str, sides: Sequence[Mapping[str, Any]]) -> Awareness:
    return Awareness(
        name,
        count_at(sides[0], "comparisons"),
        count_at(sides[0], "different"),
        tuple(figures_of(one.get("figures")) for one in sides),
    )

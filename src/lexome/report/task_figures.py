"""Figures of a task as they stand in files, checked; and which way each of them gets better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from lexome.evaluation.metrics.directions import LOWER
from lexome.report.data import finite
from lexome.report.task_data import Better, Standing, TaskFigure

_NEAREST = "PSNR to the nearest training picture"
_REAL = ", held-out pictures"
_DESCRIBES = frozenset({"mean length", "length ratio", "chance", _NEAREST})

MEANINGS: Mapping[str, str] = {
    "accuracy": "The share of answers that are right.",
    "token accuracy": "The share of places with the right label.",
    "BLEU": "How many runs of one to four words are those of the reference; 100 is word for word.",
    "WER": "Words that are wrong, missing or too many, for each word of the reference.",
    "exact match": "The share of answers that are the reference, word for word.",
    "Spearman": "How well the order of the predicted numbers is the true one; 1 is the same order.",
    "micro F1": "The balance of labels that are right among those said, and said among the true.",
    "preference accuracy": "How often tuning raised the chosen answer above the rejected one.",
    "chosen is likelier": "How often the chosen answer is likelier than the rejected one.",
    "adherence": "The share of made pictures that a classifier, trained on held-out real ones, "
    "takes to be of the category of the caption.",
    _NEAREST: "How near the made pictures are to the nearest training picture, in dB: "
    "a model that copies is nearer than real pictures which it has not seen.",
}
"""What figures that a task may begin with say, for who meets them first."""

# A figure of the model that another of its figures is to be read beside.
_YARDSTICKS: Mapping[str, tuple[str, str]] = {
    "adherence": ("chance", "chance: the same judgements, shuffled"),
    _NEAREST: (f"{_NEAREST}{_REAL}", "real pictures that were held out"),
}


def better(name: str) -> Better:
    """Return which way a figure gets better."""
    if name in LOWER:
        return "lower"
    return "" if name in _DESCRIBES or name.endswith(_REAL) else "higher"


def figures_of(values: object) -> tuple[TaskFigure, ...]:
    """Return the figures of a list as files have it; what is no such list is a `ValueError`."""
    if not isinstance(values, list):
        raise ValueError("its figures are no list")
    return tuple(map(figure_of, values))


def figure_of(value: object) -> TaskFigure:
    """Return a figure as files have it; what is none is a `ValueError`."""
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError("one of its figures has no name")
    name, found = value["name"], finite(value.get("value"))
    if found is None and "reason" not in value:
        raise ValueError(f"its figure {name} has no value")
    return TaskFigure(
        name,
        found,
        finite(value.get("low")),
        finite(value.get("high")),
        n=int(finite(value.get("n")) or 0),
        note=str(value.get("note" if found is not None else "reason") or ""),
        better=better(name),
    )


def first_name(model: Standing, rivals: Sequence[Standing]) -> str:
    """Return the first figure of the model that a baseline has too, or else its first one.

    Nothing where none of its figures has a value.
    """
    names = [one.name for one in model.figures if one.value is not None]
    shared = (name for name in names if any(one.figure(name) for one in rivals))
    return next(shared, next(iter(names), ""))


def yardstick(model: Standing, first: str) -> tuple[Standing, ...]:
    """Return what the model's own figures say that its first one is to be read beside."""
    other, name = _YARDSTICKS.get(first, ("", ""))
    found = model.figure(other)
    if found is None:
        return ()
    figure = TaskFigure(first, found.value, found.low, found.high, found.n, "", better(first))
    return (Standing(name, False, (figure,)),)


def best_first(standings: Iterable[Standing], first: str) -> tuple[Standing, ...]:
    """Return standings with the best by the figure `first` at the front; those without it last."""
    way = -1 if better(first) == "higher" else 1

    def place(one: Standing) -> float:
        figure = one.figure(first)
        return float("inf") if figure is None or figure.value is None else way * figure.value

    return tuple(sorted(standings, key=place))

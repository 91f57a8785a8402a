"""How tests look at figures."""

from __future__ import annotations

from collections.abc import Iterable

from lexome.evaluation.metrics.bootstrap import Figure, Scored, Undefined


def scored(figures: Iterable[Figure], name: str) -> Scored:
    """Return the figure of a name, which must be a number."""
    (found,) = [figure for figure in figures if figure.name == name]
    assert isinstance(found, Scored), found
    return found


def value(figures: Iterable[Figure], name: str) -> float:
    """Return the number of the figure of a name."""
    return scored(figures, name).value


def undefined(figures: Iterable[Figure]) -> dict[str, str]:
    """Return the reasons of the figures that are no numbers, by name."""
    return {figure.name: figure.reason for figure in figures if isinstance(figure, Undefined)}

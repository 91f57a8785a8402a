"""What a run is: every choice that shapes a training run, read from and written to YAML.

A recipe says what the person wants; a field left at `None` is chosen by the floor that knows how
(the model from the preset or the depth, the steps from the minutes). The run folder keeps the
resolved recipe, in which nothing is left to choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from lexome.errors import UsageError, nearest
from lexome.files import naming
from lexome.recipe.notation import read_yaml, value_from_text, write_yaml
from lexome.recipe.problems import section_names, usage_error
from lexome.recipe.sections import (
    ModelRecipe,
    ObjectiveRecipe,
    OptimizerRecipe,
    Recipe,
    ScheduleRecipe,
    StartRecipe,
    TrainingRecipe,
)

__all__ = [
    "ModelRecipe",
    "ObjectiveRecipe",
    "OptimizerRecipe",
    "Recipe",
    "ScheduleRecipe",
    "StartRecipe",
    "TrainingRecipe",
    "build",
    "contradictions",
    "dump",
    "load",
    "override",
    "parse",
    "read",
    "value_from_text",
]

_SIZES = tuple(f"model.{name}" for name in ("layers", "width", "heads", "kv_heads", "mlp_width"))
# Ways to say one thing: a change to the one on the left takes back those on the right.
_REPLACES = {
    "training.steps": ("training.minutes",),
    "training.minutes": ("training.steps",),
    "model.depth": ("model.preset", *_SIZES),
    "model.preset": ("model.depth", "model.family", *_SIZES),
}


def load(path: Path) -> Recipe:
    """Read a recipe; a wrong one is a `UsageError` that names the file and each dotted key."""
    return parse(read(path), str(path))


def read(path: Path) -> dict[str, Any]:
    """Return the values in a recipe file, which may leave out what `build` is given beside it."""
    with naming(path):
        raw = path.read_bytes()
    return dict(_mapping(read_yaml(raw, str(path)), str(path)))


def parse(values: Any, where: str) -> Recipe:
    """Make a recipe of plain values; `where` names their origin in errors."""
    try:
        # Without a section on training, what is missing in it is told by name.
        return Recipe.model_validate({"training": {}, **_mapping(values, where)})
    except ValidationError as error:
        raise usage_error(error, where) from error


def dump(recipe: Recipe) -> str:
    """Return a recipe as YAML with every field written out; `load` reads it back the same."""
    return write_yaml(recipe.model_dump(mode="json"))


def override(recipe: Recipe, changes: Mapping[str, Any], where: str) -> Recipe:
    """Return a recipe with some dotted keys ("training.steps") set to other values.

    A change takes back what said the same in another way: new minutes the old steps, a new depth
    the old preset and sizes.
    """
    return build(recipe.model_dump(), changes, where)


def build(values: Mapping[str, Any], changes: Mapping[str, Any], where: str) -> Recipe:
    """Make a recipe of plain values, as `read` returns them, and changes, as `override` takes."""
    merged = _copy(values)
    for key in changes:
        for replaced in _REPLACES.get(key, ()):
            section, _, name = replaced.partition(".")
            if replaced not in changes and isinstance(merged.get(section), dict):
                merged[section].pop(name, None)
    for key, value in changes.items():
        *sections, name = key.split(".")
        _section_of(merged, sections, where)[name] = value
    return parse(merged, where)


def contradictions(recipe: Recipe, values: Mapping[str, Any]) -> list[str]:
    """Return the dotted keys whose value, nested or dotted in `values`, is not the recipe's."""
    known = dict(_leaves(recipe.model_dump(mode="json")))
    asked = dict(_leaves(values))
    return [
        key
        for key, value in asked.items()
        if key not in known or known[key] != (list(value) if isinstance(value, tuple) else value)
    ]


def _mapping(values: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(values, Mapping):
        raise UsageError(
            "a recipe is a mapping of keys to values",
            where=where,
            fix="write lines such as 'corpus: corpus/mine' and 'training: {minutes: 5}'",
        )
    return values


def _copy(values: Any) -> Any:
    return {k: _copy(v) for k, v in values.items()} if isinstance(values, Mapping) else values


def _section_of(values: dict[str, Any], sections: list[str], where: str) -> dict[str, Any]:
    """Return the section that dotted names lead to, made where the values leave it out."""
    place = values
    for depth, section in enumerate(sections):
        known = section_names(sections[:depth])
        if section in known and place.get(section) is None:
            place[section] = {}
        if not isinstance(place.get(section), dict):
            raise UsageError(
                f"{'.'.join(sections[: depth + 1])!r} is not a section of a recipe",
                where=where,
                fix=nearest(section, known) if known else "it is a value, with nothing inside",
            )
        place = place[section]
    return place


def _leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value

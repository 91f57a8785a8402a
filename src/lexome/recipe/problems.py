"""What is wrong with a recipe, in words: pydantic's findings as one `UsageError`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from lexome.errors import UsageError, nearest
from lexome.recipe.sections import Recipe


def usage_error(error: ValidationError, where: str) -> UsageError:
    """Return every finding of pydantic as one error, by dotted key, each with its way out."""
    wanted: dict[str, list[str]] = {}
    problems: dict[str, str] = {}
    fixes: dict[str, str] = {}
    for detail in error.errors(include_url=False):
        location = _keys_of(detail["loc"])
        key = ".".join(map(str, location))
        if detail["type"] == "conflict":
            key = ".".join([*map(str, location), detail["ctx"]["key"]])
            problems[key], fixes[key] = detail["ctx"]["what"], detail["ctx"]["fix"]
        elif detail["type"] in ("extra_forbidden", "invalid_key"):
            problems[key] = "this key is unknown"
            known = _field_names([str(part) for part in location[:-1]])
            fixes[key] = nearest(str(location[-1]), known)
        elif detail["type"] == "missing":
            problems[key], fixes[key] = "this key is missing", "add it"
        else:  # a union reports each of its branches: one sentence says them all
            wanted.setdefault(key, []).append(_wanted(detail))
            allowed = " or ".join(dict.fromkeys(wanted[key]))
            problems[key] = f"must be {allowed}, not {detail['input']!r}"
            fixes[key] = f"set it to {allowed}"
    return UsageError(
        "\n".join(f"{key}: {problem}" for key, problem in problems.items()),
        where=where,
        fix="; ".join(f"{key}: {fix}" for key, fix in fixes.items()),
    )


def _wanted(detail: ErrorDetails) -> str:
    """Return what pydantic wanted, in plain words."""
    words = _WANTED.get(detail["type"])
    return words.format(**detail.get("ctx", {})) if words else detail["msg"]


_WANTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "string_too_short": "text that is not empty",
    "literal_error": "{expected}",
    "greater_than": "more than {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "less than {lt}",
    "less_than_equal": "at most {le}",
    "finite_number": "a finite number",
    "tuple_type": "a list",
    "too_long": "a list of {max_length}",
    "model_type": "a section with keys of its own",
}


def _keys_of(location: Sequence[int | str]) -> list[int | str]:
    """Return the parts of a location that are keys; pydantic adds the branches of a union."""
    model: type[BaseModel] | None = Recipe
    named: list[int | str] = []
    for part in location:
        if model is None and isinstance(part, str):
            break
        named.append(part)
        if model is not None:
            model = _section(model, str(part))
    return named


def _section(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    field = model.model_fields.get(name)
    candidates = (field.annotation, *get_args(field.annotation)) if field else ()
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _field_names(sections: Sequence[str]) -> list[str]:
    return list(_model_of(sections).model_fields)


def _model_of(sections: Sequence[str]) -> type[BaseModel]:
    model: type[BaseModel] = Recipe
    for section in sections:
        model = _section(model, section) or model
    return model


def section_names(sections: Sequence[str] = ()) -> list[str]:
    """Return the names of the sections inside a section; with no argument, inside a recipe."""
    model = _model_of(sections)
    return [name for name in model.model_fields if _section(model, name)]

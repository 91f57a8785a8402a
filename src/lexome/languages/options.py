"""Reading options of a language: checked by type when given, reported when not the default."""

from __future__ import annotations

import dataclasses
import os
import types
from collections.abc import Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lexome.errors import UsageError, nearest
from lexome.recipe import value_from_text

L = TypeVar("L")


def build(language: type[L], name: str, options: Mapping[str, Any]) -> L:
    """Make a language from its options; an unknown one or a wrong type is a `UsageError`."""
    hints = get_type_hints(language)
    known = [field.name for field in dataclasses.fields(language)]  # type: ignore[arg-type]
    checked: dict[str, Any] = {}
    for option, value in options.items():
        if option not in known:
            raise UsageError(
                f"{option!r} is not an option of the language {name!r}",
                fix=nearest(option, known),
            )
        value = os.fspath(value) if isinstance(value, os.PathLike) else value
        if not _fits(value, hints[option]):
            raise UsageError(
                f"{option} must be {_spelled(hints[option])}, not {value!r}",
                where=f"language {name!r}, option {option!r}",
                fix=f"the default is {_default(language, option)!r}",
            )
        checked[option] = float(value) if hints[option] is float else value
    return language(**checked)


def from_text(language: type[Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Return options from what a person types; texts of unknown options stay texts."""
    hints = get_type_hints(language)
    return {
        option: text if option not in hints or _fits(text, hints[option]) else value_from_text(text)
        for option, text in texts.items()
    }


def changed(language: Any) -> dict[str, Any]:
    """Return the options of a language that differ from their defaults."""
    return {
        field.name: value
        for field in dataclasses.fields(language)
        if (value := getattr(language, field.name)) != field.default
    }


def at_least(name: str, value: int, least: int) -> None:
    """Raise `UsageError` when the option `name` is smaller than it can be."""
    if value < least:
        raise UsageError(f"{name} must be at least {least}, not {value}")


def _default(language: type[Any], option: str) -> Any:
    return next(field.default for field in dataclasses.fields(language) if field.name == option)


def _fits(value: Any, hint: Any) -> bool:
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if hint is bool or isinstance(value, bool):
        return hint is bool and isinstance(value, bool)
    if hint is float:
        return isinstance(value, int | float)
    return isinstance(value, hint)


def _spelled(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return " or ".join(repr(choice) for choice in get_args(hint))
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_spelled(part) for part in get_args(hint))
    names = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
    return names.get(hint, "nothing")

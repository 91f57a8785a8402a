"""Options that a command gets as an object: what belongs together is declared in one dataclass."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def gathered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that the dataclasses among its parameters have as fields.

    It gets them as objects. A field is an option as a parameter would be, with its default.
    """
    own = inspect.signature(command, eval_str=True).parameters
    kinds: dict[str, Any] = {
        name: one.annotation for name, one in own.items() if is_dataclass(one.annotation)
    }
    options = {name: _parameters(kind) for name, kind in kinds.items()}

    @functools.wraps(command)
    def with_options(**values: Any) -> None:
        objects = {
            name: kind(**{one.name: values.pop(one.name) for one in options[name]})
            for name, kind in kinds.items()
        }
        command(**values, **objects)

    parameters = [
        one
        for name, parameter in own.items()
        for one in options.get(name, [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)])
    ]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {one.name: one.annotation for one in parameters}
    return with_options


def _parameters(kind: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(kind, include_extras=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    return [
        inspect.Parameter(one.name, keyword, default=one.default, annotation=hints[one.name])
        for one in fields(kind)
    ]

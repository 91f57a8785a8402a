"""How a recipe is written: safe YAML in which `1e-3` is a number and no key is given twice."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any

import yaml

from lexome.errors import UsageError


def read_yaml(raw: bytes | str, where: str) -> Any:
    """Return the plain values of a YAML text; what is not YAML is a `UsageError` with its line."""
    try:
        return yaml.load(raw, _Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(
            f"this is not valid YAML: {_one_line(error)}",
            where=where,
            fix="mend the line, or start again from the recipe.yaml of another run",
        ) from error


def write_yaml(values: Mapping[str, Any]) -> str:
    """Return plain values as YAML that `read_yaml` reads back the same."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


def value_from_text(text: str) -> Any:
    """Return what `text` stands for in a recipe: `3e-4` a number, `true` a truth value."""
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UsageError(f"{text!r} is not a value of a recipe", fix="quote it") from error


def _one_line(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem and error.problem_mark:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: {error.problem}"
    return " ".join(str(error).split())


class _Loader(yaml.SafeLoader):
    """Safe YAML in which `1e-3` is a number, and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be a plain word", key_node.start_mark
                )
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value!r} is given twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


class _Dumper(yaml.SafeDumper):
    """Safe YAML that quotes what `_Loader` would read as a number: the two resolve alike."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Escape the line breaks of Unicode: PyYAML writes them bare, and reads them as a space."""
    style = '"' if {*value} & {*"\x85\u2028\u2029"} else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style)


_Dumper.add_representer(str, _text)

# YAML 1.1, which PyYAML follows, wants a dot in every float and so reads 1e-3 as text.
for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"^[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+$"),
        list("-+0123456789"),
    )

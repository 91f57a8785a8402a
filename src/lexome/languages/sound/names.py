"""What a file's name says of a recording: a template such as `{digit}_{speaker}_{take}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from lexome.errors import UsageError
from lexome.languages.compression import COMPRESSED_SUFFIXES

_FIELD = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True)
class NameTemplate:
    """Fields in braces, and between them what stands there in every name.

    The template is laid against the end of a path without its suffix, as many folders of it as
    the template has slashes: `{speaker}/{chapter}/{}` names two folders. A field without a name
    matches and is forgotten. A field matches as little as it can, at least one character.
    """

    text: str

    def __post_init__(self) -> None:
        if not self.fields or len(set(self.fields)) < len(self.fields):
            raise UsageError(
                f"the template {self.text!r} names no field, or one twice",
                where="option 'names'",
                fix="write fields in braces: {digit}_{speaker}_{take}",
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """Return the names of the fields in their order."""
        return tuple(name for name in _FIELD.findall(self.text) if name)

    def match(self, file: str) -> Mapping[str, str] | None:
        """Return the fields of a file's name; `None` where the template does not fit it."""
        path = PurePath(file)
        stem = PurePath(path.stem).stem if path.suffix in COMPRESSED_SUFFIXES else path.stem
        parts = [*path.parts[:-1], stem][-self.text.count("/") - 1 :]
        found = self._pattern.fullmatch("/".join(parts))
        return found and found.groupdict()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        pattern, place = "", 0
        for field in _FIELD.finditer(self.text):
            pattern += re.escape(self.text[place : field.start()])
            pattern += f"(?P<{field[1]}>[^/]+?)" if field[1] else "[^/]+?"
            place = field.end()
        return re.compile(pattern + re.escape(self.text[place:]))

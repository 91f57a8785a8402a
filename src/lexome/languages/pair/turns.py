"""What is said in turn: a source and its target, or a conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lexome.errors import UsageError, nearest


@dataclass(frozen=True, slots=True)
class Turn:
    """What one role says, in the language of that role."""

    role: str
    content: Any


Turns = tuple[Turn, ...]
"""The content of a document of pairs: who says what, in order."""


@dataclass(frozen=True, slots=True)
class Role:
    """One who speaks: in which language, and whether the model learns to say it.

    `lead` stands between the marker and what is said, a text: a space where the words of the
    base's language have one in their first token. Before an empty text stands none, as an answer
    that has not begun goes on with a word and its space.
    """

    name: str
    language: str
    predicted: bool
    lead: str = ""

    @property
    def marker(self) -> str:
        """Return the name of the token that opens a turn of this role."""
        return f"<|{self.name}|>"

    def led(self, content: Any) -> Any:
        """Return what stands behind the marker: what is said, behind its lead."""
        return self.lead + content if self.lead and content else content

    def said(self, led: Any) -> Any:
        """Return what is said, of what stands behind the marker."""
        return led.removeprefix(self.lead) if self.lead else led


def unprompted(turns: Turns, roles: Mapping[str, Role]) -> bool:
    """Return whether turns are running text: an answer to nobody, which has no marker or lead."""
    return len(turns) == 1 and roles[turns[0].role].predicted


def answering(roles: Mapping[str, Role]) -> Role:
    """Return the role whose turns are predicted."""
    return next(role for role in roles.values() if role.predicted)


def role_named(roles: Mapping[str, Role], name: str) -> Role:
    """Return a role by name; one that does not exist is a `UsageError`."""
    if name not in roles:
        raise UsageError(f"there is no role {name!r}", fix=nearest(name, roles))
    return roles[name]

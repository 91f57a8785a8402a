"""Conversations: lists of messages in the shapes that the field writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lexome.errors import LexomeError
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.pair.reading import Entry, metadata
from lexome.languages.pair.tables import Row, read_rows
from lexome.languages.pair.turns import Turn, Turns
from lexome.languages.text import Text

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"

# Shapes in use: OpenAI's messages, ShareGPT's conversations, Alpaca's columns, plain pairs.
_LISTS = ("messages", "conversations", "conversation", "dialog", "dialogue")
_COLUMNS = (
    ("instruction", "output"),
    ("prompt", "completion"),
    ("prompt", "response"),
    ("question", "answer"),
    ("input", "output"),
    ("user", "assistant"),
    ("source", "target"),
)
_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "system": SYSTEM,
        "developer": SYSTEM,
        "user": USER,
        "human": USER,
        "prompter": USER,
        "assistant": ASSISTANT,
        "gpt": ASSISTANT,
        "bot": ASSISTANT,
        "model": ASSISTANT,
    }
)
_SHAPES = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'


@dataclass(frozen=True)
class Chats:
    """Conversations, one a record: a list of messages, or a question and its answer.

    A conversation ends with its last answer; what the user says behind it is nobody's example.
    """

    text: Text = field(default_factory=Text)

    def read(self, path: Path) -> Iterator[Entry]:
        """Yield a conversation for each record; one without an answer is `Skipped`."""
        for row in read_rows(path):
            yield self.conversation(row)

    def conversation(self, row: Row) -> Entry:
        """Return the turns of a record; roles out of turn are a `LexomeError`."""
        said, used = _messages(row)
        turns = [Turn(_role(m, row.source), self.text.parse(_text(m, row.source))) for m in said]
        check_order(turns, row.source)
        if empty := [turn.role for turn in turns if not turn.content.strip()]:
            return Skipped(row.source, f"empty {empty[0]} message")
        while turns and turns[-1].role != ASSISTANT:
            turns.pop()
        if not turns:
            return Skipped(row.source, "no answer")
        return Document(tuple(turns), row.source, metadata(row, used))


def check_order(turns: Sequence[Turn] | Turns, source: Source) -> None:
    """Raise `LexomeError` unless user and assistant take turns, a system message at most first."""
    before = ""
    for number, turn in enumerate(turns, start=1):
        wanted = _wanted(before, number)
        if turn.role not in wanted:
            raise LexomeError(
                f"message {number} is the {turn.role}'s, where the "
                f"{' or the '.join(wanted)} should speak",
                where=str(source),
                fix="join messages of one role that follow each other, and begin with the user's",
            )
        before = turn.role


def _wanted(before: str, number: int) -> tuple[str, ...]:
    if number == 1:
        return (SYSTEM, USER)
    return (USER,) if before in (SYSTEM, ASSISTANT) else (ASSISTANT,)


def _messages(row: Row) -> tuple[list[Mapping[str, Any]], set[str]]:
    """Return the messages of a record, and the columns that they stand in."""
    for name in _LISTS:
        if isinstance(listed := row.values.get(name), list):
            return [m if isinstance(m, Mapping) else {} for m in listed], {name}
    for question, answer in _COLUMNS:
        if question in row.values and answer in row.values:
            return _pair(row.values, question, answer), {"system", "input", question, answer}
    raise LexomeError(
        f"this record is no conversation; its columns are {', '.join(row.values)}",
        where=str(row.source),
        fix=f"write {_SHAPES}, or columns prompt and response",
    )


def _pair(values: Mapping[str, Any], question: str, answer: str) -> list[Mapping[str, Any]]:
    asked = str(values[question] or "")
    # Alpaca's instruction may come with a text that it is about.
    if question == "instruction" and values.get("input"):
        asked = f"{asked}\n\n{values['input']}"
    system = values.get("system")
    first = [{"role": SYSTEM, "content": str(system)}] if system else []
    return [
        *first,
        {"role": USER, "content": asked},
        {"role": ASSISTANT, "content": str(values[answer] or "")},
    ]


def _role(message: Mapping[str, Any], source: Source) -> str:
    role = message.get("role", message.get("from"))
    if role not in _NAMES:
        raise LexomeError(
            f"there is no role {role!r} in a conversation",
            where=str(source),
            fix=f"the roles are {SYSTEM}, {USER} and {ASSISTANT}: write {_SHAPES}",
        )
    return _NAMES[role]


def _text(message: Mapping[str, Any], source: Source) -> str:
    content = message.get("content", message.get("value"))
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, Mapping)]
        if all(isinstance(part.get("text"), str) for part in parts) and len(parts) == len(content):
            return "".join(part["text"] for part in parts)
    if not isinstance(content, str):
        raise LexomeError(
            f"a message's content is text, not {type(content).__name__}",
            where=str(source),
            fix=f"write {_SHAPES}",
        )
    return content

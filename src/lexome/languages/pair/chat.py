"""Conversations: lists of messages in the shapes that the field writes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lexome.errors import LexomeError, located
from lexome.languages.base import Document, Language, Skipped, Source
from lexome.languages.pair.reading import Entry, metadata
from lexome.languages.pair.tables import Row, read_rows
from lexome.languages.pair.turns import Turn
from lexome.languages.text import Text

SYSTEM, USER, ASSISTANT = "system", "user", "assistant"

TEXT = "text"
"""The column of a record that is no conversation, but running text."""

Message = Mapping[str, Any]

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
PLAIN: Mapping[str, Language] = MappingProxyType(dict.fromkeys((SYSTEM, USER, ASSISTANT), Text()))
"""What each role says, where nothing is said of how it is read."""

SHAPES = '{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}'


@dataclass(frozen=True)
class Chats:
    """Conversations, one a record: a list of messages, or a question and its answer.

    Each role's messages are read as those of its language. A conversation ends with its last
    answer; a message of the user's behind it is `Skipped`.
    """

    languages: Mapping[str, Language] = field(default_factory=lambda: PLAIN)

    def read(self, path: Path) -> Iterator[Entry]:
        """Yield a conversation for each record; one without an answer is `Skipped`.

        Roles out of turn are a `LexomeError`.
        """
        for row in read_rows(path):
            yield from self._conversation(row)

    def _conversation(self, row: Row) -> Iterator[Entry]:
        if _is_text(row):
            yield self._text(row)
            return
        messages, used = _messages(row)
        turns = turns_of(messages, row.source, self.languages)
        check_order(turns, row.source)
        if empty := empty_role(turns):
            yield Skipped(row.source, f"empty {empty} message")
        elif all(turn.role != ASSISTANT for turn in turns):
            yield Skipped(row.source, "no answer")
        else:
            # Roles take turns, so that one message at most stands behind the last answer.
            answered = turns if turns[-1].role == ASSISTANT else turns[:-1]
            yield Document(tuple(answered), row.source, metadata(row, used))
            if len(answered) < len(turns):
                yield Skipped(row.source, "message without an answer")

    def _text(self, row: Row) -> Entry:
        text = str(row.values[TEXT])
        if not text.strip():
            return Skipped(row.source, f"empty {TEXT}")
        with located(str(row.source)):
            turn = Turn(ASSISTANT, self.languages[ASSISTANT].parse(text))
        return Document((turn,), row.source, metadata(row, {TEXT}))


def turns_of(
    messages: Sequence[Message], source: Source, languages: Mapping[str, Language]
) -> list[Turn]:
    """Return messages as turns; a role or a content that is none is a `LexomeError`."""
    turns = []
    for one in messages:
        role, content = _role(one, source), _content(one, source)
        with located(str(source)):
            turns.append(Turn(role, languages[role].parse(content)))
    return turns


def empty_role(turns: Sequence[Turn]) -> str:
    """Return who says nothing in one of the turns; an empty text if nobody does."""
    return next((turn.role for turn in turns if not turn.content.strip()), "")


def check_order(turns: Sequence[Turn], source: Source) -> None:
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


def _is_text(row: Row) -> bool:
    """Return whether a record is running text: it has that column, and no conversation."""
    columns = {*_LISTS, *(name for pair in _COLUMNS for name in pair)}
    return row.values.get(TEXT) is not None and not columns & row.values.keys()


def _messages(row: Row) -> tuple[list[Message], set[str]]:
    """Return the messages of a record, and the columns that they stand in."""
    if listed := listed_messages(row.values):
        messages, used = listed
        return with_system(row.values, messages), used | {SYSTEM}
    for question, answer in _COLUMNS:
        if question in row.values and answer in row.values:
            asked, used = asked_messages(row.values, question)
            said = as_messages(row.values[answer], ASSISTANT)
            return with_system(row.values, [*asked, *said]), used | {answer, SYSTEM}
    raise LexomeError(
        f"this record is no conversation; its columns are {', '.join(row.values)}",
        where=str(row.source),
        fix=f"write {SHAPES}, or columns prompt and response",
    )


def listed_messages(values: Mapping[str, Any]) -> tuple[list[Message], set[str]] | None:
    """Return the list of messages in a record, and its column; `None` where there is none."""
    for name in _LISTS:
        if isinstance(values.get(name), list):
            return as_messages(values[name], USER), {name}
    return None


def asked_messages(values: Mapping[str, Any], question: str) -> tuple[list[Message], set[str]]:
    """Return what a column asks, and the columns that say it."""
    # Alpaca's instruction may come with a text that it is about.
    about = values.get("input") if question == "instruction" else None
    if about and isinstance(values[question], str):
        return as_messages(f"{values[question]}\n\n{about}", USER), {question, "input"}
    return as_messages(values[question], USER), {question} | ({"input"} if about == "" else set())


def as_messages(value: Any, role: str) -> list[Message]:
    """Return the messages that a value holds: a list of them, one, or what `role` says."""
    if isinstance(value, list):
        return [one if isinstance(one, Mapping) else {} for one in value]
    if isinstance(value, Mapping):
        return [value]
    return [{"role": role, "content": "" if value is None else str(value)}]


def with_system(values: Mapping[str, Any], messages: list[Message]) -> list[Message]:
    """Return messages behind the system message that a record has in a column of its own."""
    system = values.get(SYSTEM)
    return [{"role": SYSTEM, "content": system}, *messages] if system else messages


def _role(message: Message, source: Source) -> str:
    role = message.get("role", message.get("from"))
    if not isinstance(role, str) or role not in _NAMES:
        raise LexomeError(
            f"there is no role {role!r} in a conversation",
            where=str(source),
            fix=f"the roles are {SYSTEM}, {USER} and {ASSISTANT}: write {SHAPES}",
        )
    return _NAMES[role]


def _content(message: Message, source: Source) -> str:
    content = message.get("content", message.get("value"))
    if isinstance(content, list):
        parts = [part for part in content if isinstance(part, Mapping)]
        if all(isinstance(part.get("text"), str) for part in parts) and len(parts) == len(content):
            return "".join(part["text"] for part in parts)
    if not isinstance(content, str):
        raise LexomeError(
            f"a message's content is text, not {type(content).__name__}",
            where=str(source),
            fix=f"write {SHAPES}",
        )
    return content

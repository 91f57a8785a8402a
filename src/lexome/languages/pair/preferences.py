"""Preferences: a prompt, and two answers to it of which one was preferred."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lexome.errors import LexomeError
from lexome.languages.base import Document, Language, Skipped
from lexome.languages.pair.chat import (
    ASSISTANT,
    PLAIN,
    SYSTEM,
    Message,
    as_messages,
    asked_messages,
    check_order,
    empty_role,
    listed_messages,
    turns_of,
    with_system,
)
from lexome.languages.pair.reading import Entry, metadata
from lexome.languages.pair.tables import Row, read_rows

CHOSEN, REJECTED = "chosen", "rejected"
SHAPE = '{"prompt": "…", "chosen": "…", "rejected": "…"}'

_PROMPTS = ("prompt", "question", "instruction", "input")


@dataclass(frozen=True)
class Preferences:
    """Prompts with a chosen and a rejected answer; a document ends with both, the chosen one first.

    The shapes are those of TRL (https://huggingface.co/docs/trl/dataset_formats): prompt and
    answers as texts or as lists of messages, or two whole conversations that differ in their last
    message.
    """

    languages: Mapping[str, Language] = field(default_factory=lambda: PLAIN)

    def read(self, path: Path) -> Iterator[Entry]:
        """Yield a prompt and its answers for each record; answers that are alike are `Skipped`."""
        for row in read_rows(path):
            yield self.preference(row)

    def preference(self, row: Row) -> Entry:
        """Return the turns of a record; what is no preference is a `LexomeError`."""
        for column in (CHOSEN, REJECTED):
            if column not in row.values:
                raise LexomeError(
                    f"there is no column {column!r}",
                    where=str(row.source),
                    fix=f"the columns are {', '.join(row.values)}: write {SHAPE}",
                )
        chosen = as_messages(row.values[CHOSEN], ASSISTANT)
        rejected = as_messages(row.values[REJECTED], ASSISTANT)
        asked, used = self._asked(row, chosen, rejected)
        prompt = turns_of(with_system(row.values, asked), row.source, self.languages)
        answers = turns_of([chosen[-1], rejected[-1]], row.source, self.languages)
        for answer in answers:
            check_order([*prompt, answer], row.source)
            if answer.role != ASSISTANT:
                raise LexomeError(
                    f"the last message is the {answer.role}'s, and what is chosen or rejected is "
                    "an answer",
                    where=str(row.source),
                    fix=f"write {SHAPE}",
                )
        if empty := empty_role([*prompt, *answers]):
            return Skipped(row.source, f"empty {empty} message")
        if answers[0] == answers[1]:
            return Skipped(row.source, "chosen and rejected are alike")
        used = used | {CHOSEN, REJECTED, SYSTEM}
        return Document((*prompt, *answers), row.source, metadata(row, used))

    def _asked(
        self, row: Row, chosen: list[Message], rejected: list[Message]
    ) -> tuple[list[Message], set[str]]:
        """Return the messages that both answers are given to, and the columns that hold them."""
        if not chosen or not rejected:
            raise LexomeError(
                "there is no message in what is chosen or rejected",
                where=str(row.source),
                fix=f"write {SHAPE}",
            )
        if len(chosen) > 1 or len(rejected) > 1:
            if chosen[:-1] != rejected[:-1]:
                raise LexomeError(
                    "the two conversations differ before their last message",
                    where=str(row.source),
                    fix="a preference is between two answers to the same messages",
                )
            return chosen[:-1], set()
        if listed := listed_messages(row.values):
            return listed
        for name in _PROMPTS:
            if row.values.get(name):
                return asked_messages(row.values, name)
        raise LexomeError(
            "there is no prompt that the answers are given to",
            where=str(row.source),
            fix=f"write {SHAPE}",
        )

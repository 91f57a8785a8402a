"""Conversations and preferences in the shapes that the field writes; what is neither says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome.errors import LexomeError
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.pair import Turn
from lexome.languages.pair.chat import Chats, check_order
from lexome.languages.pair.preferences import Preferences

Read = Callable[..., list[Document | Skipped]]

ASKED = [Turn("user", "Who?"), Turn("assistant", "I.")]
SYSTEM = Turn("system", "Be brief.")
USER, ASSISTANT = {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "I."}
HUMAN, GPT = {"from": "human", "value": "Who?"}, {"from": "gpt", "value": "I."}
BRIEF = {"role": "system", "content": "Be brief."}


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read records as a file of JSON lines."""

    def reading(reader: Any, *records: Any) -> list[Document | Skipped]:
        path = tmp_path / "data.jsonl"
        path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
        return list(reader.read(path))

    return reading


def turns(entry: Document | Skipped) -> list[Turn]:
    assert isinstance(entry, Document), entry
    return list(entry.content)


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [USER, ASSISTANT]},
        {"conversations": [HUMAN, GPT]},
        {"instruction": "Who?", "input": "", "output": "I."},
        {"instruction": "Who?", "output": "I."},
        {"prompt": "Who?", "completion": "I."},
        {"prompt": [USER], "completion": [ASSISTANT]},
        {"prompt": "Who?", "response": "I."},
        {"question": "Who?", "answer": "I."},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "Wh"}, {"text": "o?"}]},
                      ASSISTANT]},
        {"messages": [USER, ASSISTANT, {"role": "user", "content": "nobody answers"}]},
        {"messages": [{**USER, "name": "x"}, {**ASSISTANT, "tool_calls": None}]},
    ],
    ids=lambda record: "-".join(record),
)  # fmt: skip
def test_usual_shapes_are_the_same_conversation(read: Read, record: Any) -> None:
    assert turns(read(Chats(), record)[0]) == ASKED


@pytest.mark.parametrize(
    "record",
    [
        {"messages": [BRIEF, USER, ASSISTANT]},
        {"messages": [{"role": "developer", "content": "Be brief."}, USER, ASSISTANT]},
        {"system": "Be brief.", "conversations": [HUMAN, GPT]},
        {"system": "Be brief.", "prompt": "Who?", "response": "I."},
    ],
)
def test_a_system_message_stands_first(read: Read, record: Any) -> None:
    assert turns(read(Chats(), record)[0]) == [SYSTEM, *ASKED]


def test_an_instruction_may_be_about_a_text(read: Read) -> None:
    record = {"instruction": "Shorten.", "input": "a long text", "output": "text"}
    assert turns(read(Chats(), record)[0])[0].content == "Shorten.\n\na long text"


def test_other_columns_are_metadata(read: Read) -> None:
    record = {"messages": [USER, ASSISTANT], "topic": "people", "score": 3, "input": "kept"}
    (entry,) = read(Chats(), record)
    assert entry.metadata == {"topic": "people", "score": "3", "input": "kept"}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"messages": [USER]}, "no answer"),
        ({"messages": [BRIEF, USER]}, "no answer"),
        ({"messages": []}, "no answer"),
        ({"messages": [USER, {"role": "assistant", "content": " \n"}]}, "empty assistant message"),
        ({"messages": [{"role": "user", "content": ""}, ASSISTANT]}, "empty user message"),
        ({"prompt": "Who?", "response": None}, "empty assistant message"),
        ({"prompt": None, "response": "I."}, "empty user message"),
    ],
)
def test_what_teaches_nothing_is_counted(read: Read, record: Any, reason: str) -> None:
    skipped, kept = read(Chats(), record, {"messages": [USER, ASSISTANT]})
    assert isinstance(skipped, Skipped) and skipped.reason == reason
    assert turns(kept) == ASKED


def test_a_last_message_that_nobody_answers_is_counted(read: Read) -> None:
    asked = {"role": "user", "content": "And?"}
    first, skipped, second = read(
        Chats(), {"messages": [USER, ASSISTANT, asked]}, {"messages": [USER, ASSISTANT]}
    )
    assert turns(first) == turns(second) == ASKED
    assert isinstance(skipped, Skipped) and skipped.reason == "message without an answer"
    assert skipped.source == first.source


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"messages": [USER, ASSISTANT, ASSISTANT]}, "message 3 is the assistant's"),
        ({"messages": [USER, USER, ASSISTANT]}, "message 2 is the user's"),
        ({"messages": [ASSISTANT, USER]}, "message 1 is the assistant's"),
        ({"messages": [USER, BRIEF, ASSISTANT]}, "message 2 is the system's"),
        ({"system": "x", "messages": [BRIEF, USER, ASSISTANT]}, "message 2 is the system's"),
        ({"messages": [USER, {"role": "tool", "content": "4"}]}, "no role 'tool'"),
        ({"messages": [USER, {"role": ["assistant"], "content": "4"}]}, "no role"),
        ({"messages": [USER, {"content": "4"}]}, "no role None"),
        ({"messages": ["Who?", "I."]}, "no role None"),
        ({"messages": [USER, {"role": "assistant", "content": None}]}, "not NoneType"),
        ({"messages": [USER, {"role": "assistant"}]}, "not NoneType"),
        ({"messages": [USER, {"role": "assistant", "content": {"a": 1}}]}, "not dict"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, ASSISTANT]},
            "not list",
        ),
        ({"said": "Who? I."}, "is no conversation; its columns are said"),
        ({"messages": [{"role": "user", "content": "\ud800"}, ASSISTANT]}, "not valid UTF-8"),
    ],
)
def test_what_is_no_conversation_names_the_record(read: Read, record: Any, message: str) -> None:
    with pytest.raises(LexomeError, match=message) as raised:
        read(Chats(), {"messages": [USER, ASSISTANT]}, record)
    assert raised.value.where is not None and "line 2" in raised.value.where
    assert raised.value.fix


@pytest.mark.parametrize("reader", [Chats(), Preferences()])
@pytest.mark.parametrize("line", ["{not json", "[1, 2]", '"text"', "{" * 5000])
def test_a_line_that_is_no_record_names_it(tmp_path: Path, reader: Any, line: str) -> None:
    path = tmp_path / "chats.jsonl"
    both = {"prompt": "Who?", "response": "I.", "chosen": "I.", "rejected": "Me."}
    good = json.dumps(both)
    path.write_text(f"{good}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(LexomeError) as raised:
        list(reader.read(path))
    assert raised.value.where is not None and "line 3" in raised.value.where


@given(roles=st.lists(st.sampled_from(["system", "user", "assistant"]), max_size=6))
def test_roles_take_turns(roles: list[str]) -> None:
    body = roles[1:] if roles[:1] == ["system"] else roles
    good = all(role == ("user", "assistant")[n % 2] for n, role in enumerate(body))
    said = [Turn(role, "x") for role in roles]
    if good:
        check_order(said, Source("chats.jsonl"))
    else:
        with pytest.raises(LexomeError):
            check_order(said, Source("chats.jsonl"))


BETTER, WORSE = {"role": "assistant", "content": "I."}, {"role": "assistant", "content": "Me."}


@pytest.mark.parametrize(
    "record",
    [
        {"prompt": "Who?", "chosen": "I.", "rejected": "Me."},
        {"prompt": [USER], "chosen": [BETTER], "rejected": [WORSE]},
        {"chosen": [USER, BETTER], "rejected": [USER, WORSE]},
        {"prompt": "Who?", "chosen": [USER, BETTER], "rejected": [USER, WORSE]},
        {"question": "Who?", "chosen": "I.", "rejected": "Me."},
        {"instruction": "Who?", "input": "", "chosen": "I.", "rejected": "Me."},
        {"conversations": [HUMAN], "chosen": GPT, "rejected": {"from": "gpt", "value": "Me."}},
    ],
    ids=lambda record: "-".join(record),
)
def test_usual_shapes_are_the_same_preference(read: Read, record: Any) -> None:
    (entry,) = read(Preferences(), record)
    assert turns(entry) == [*ASKED, Turn("assistant", "Me.")]


def test_a_preference_may_follow_a_conversation(read: Read) -> None:
    before = [BRIEF, USER, ASSISTANT, {"role": "user", "content": "Really?"}]
    record = {"prompt": before, "chosen": [BETTER], "rejected": [WORSE], "source": "x"}
    (entry,) = read(Preferences(), record)
    asked = [SYSTEM, *ASKED, Turn("user", "Really?")]
    assert turns(entry) == [*asked, Turn("assistant", "I."), Turn("assistant", "Me.")]
    assert entry.metadata == {"source": "x"}


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"prompt": "Who?", "chosen": "I.", "rejected": "I."}, "chosen and rejected are alike"),
        ({"prompt": "Who?", "chosen": "", "rejected": "I."}, "empty assistant message"),
        ({"prompt": " ", "chosen": "I.", "rejected": "Me."}, "empty user message"),
        ({"prompt": "Who?", "chosen": "I.", "rejected": None}, "empty assistant message"),
    ],
)
def test_what_prefers_nothing_is_counted(read: Read, record: Any, reason: str) -> None:
    (entry,) = read(Preferences(), record)
    assert isinstance(entry, Skipped) and entry.reason == reason


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"prompt": "Who?", "chosen": "I."}, "no column 'rejected'"),
        ({"chosen": "Who? I.", "rejected": "Who? Me."}, "no prompt"),
        ({"prompt": "Who?", "chosen": [], "rejected": "Me."}, "no message"),
        ({"chosen": [USER, BETTER], "rejected": [BRIEF, USER, WORSE]}, "differ before"),
        ({"prompt": [USER], "chosen": [USER], "rejected": [WORSE]}, "message 2 is the user's"),
        ({"prompt": [USER, ASSISTANT], "chosen": [BETTER], "rejected": [WORSE]}, "message 3"),
        ({"prompt": [], "chosen": [BETTER], "rejected": [WORSE]}, "no prompt"),
        (
            {"prompt": [USER, ASSISTANT], "chosen": [USER], "rejected": [USER]},
            "the last message is the user's",
        ),
    ],
)
def test_what_is_no_preference_names_the_record(read: Read, record: Any, message: str) -> None:
    with pytest.raises(LexomeError, match=message) as raised:
        read(Preferences(), record)
    assert raised.value.where is not None and "line 1" in raised.value.where
    assert raised.value.fix


def test_a_text_alone_is_an_answer_to_nobody(read: Read) -> None:
    said, empty = read(Chats(), {"text": "Once upon a time.", "kind": "tale"}, {"text": " "})
    assert turns(said) == [Turn("assistant", "Once upon a time.")]
    assert isinstance(said, Document) and said.metadata == {"kind": "tale"}
    assert isinstance(empty, Skipped) and empty.reason == "empty text"


def test_a_text_beside_a_conversation_is_its_metadata(read: Read) -> None:
    (entry,) = read(Chats(), {"prompt": "Who?", "response": "I.", "text": "a note"})
    assert turns(entry) == ASKED
    assert isinstance(entry, Document) and entry.metadata == {"text": "a note"}

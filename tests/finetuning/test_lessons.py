"""Pairs made of questions: what was asked before is kept, and nothing else is taken for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from lexome.finetuning.lessons import keep_lessons, kept_lessons, lesson

ASKED = {"weights": "abc", "tables": ["x", None]}


def test_what_was_asked_is_kept_until_something_changes(tmp_path: Path) -> None:
    file = tmp_path / "pairs.jsonl"
    assert kept_lessons(file, ASKED) is None
    keep_lessons(file, [lesson("Who?", "Ada")], ASKED, {"right": 1})
    assert kept_lessons(file, ASKED) == {"right": 1}
    assert kept_lessons(file, {**ASKED, "weights": "other"}) is None
    file.write_text(file.read_text() + "\n")
    assert kept_lessons(file, ASKED) is None


@pytest.mark.parametrize("record", ["{}", "[]", "7", '{"asked": 1}'])
def test_a_record_of_something_else_is_none(tmp_path: Path, record: str) -> None:
    file = tmp_path / "pairs.jsonl"
    file.write_text("")
    file.with_suffix(".json").write_text(record)
    assert kept_lessons(file, ASKED) is None

"""Answers: what counts as right, as held, as stopped."""

from __future__ import annotations

import pytest
from figures import scored, undefined, value

from lexome.errors import LexomeError
from lexome.evaluation.metrics.answers import answer_scores


def test_right_answers_are_right_however_they_are_written() -> None:
    answers = [" PARIS. ", "It is Rome, I think", "Romeo", "", "Kuala  Lumpur"]
    expected = ["Paris", "Rome.", "Rome", "Oslo", "kuala lumpur"]
    found = answer_scores(answers, expected, [True, True, False, True, True])
    assert value(found, "exact match") == 2 / 5
    assert value(found, "contains") == 3 / 5
    assert value(found, "stop rate") == 4 / 5
    assert value(found, "mean length") == (1 + 5 + 1 + 0 + 2) / 5
    assert 0 <= scored(found, "exact match").low < 2 / 5 < scored(found, "exact match").high <= 1


def test_signs_in_an_expected_answer_stand_for_themselves() -> None:
    found = answer_scores(["the sum is a+b", "aab"], ["a+b", "a+b"], [True, True])
    assert value(found, "contains") == 1 / 2


def test_what_is_all_full_stops_is_an_answer_too() -> None:
    found = answer_scores(["...", ".", "well ... yes"], ["...", "...", " ... "], [True] * 3)
    assert value(found, "exact match") == 1 / 3
    assert value(found, "contains") == 2 / 3


def test_nobody_stopped_where_nobody_says_so() -> None:
    names = [one.name for one in answer_scores(["a", "b"], ["a", "a"])]
    assert names == ["exact match", "contains", "mean length"]


def test_bad_answers() -> None:
    assert len(undefined(answer_scores([], [], []))) == 4
    with pytest.raises(LexomeError, match=r"expected answer is empty[\s\S]*question 1"):
        answer_scores(["a", "b"], ["a", "  "], [True, True])
    with pytest.raises(LexomeError, match="2 answers, 1 expected"):
        answer_scores(["a", "b"], ["a"], [True, True])

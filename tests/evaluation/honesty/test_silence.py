"""The threshold at which a model is silent: what it promises, where questions hang together."""

from __future__ import annotations

import random

import numpy as np

from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.asked import Said
from lexome.evaluation.honesty.silence import threshold

ALPHA, DELTA = 0.05, 0.05


def about(subject: str, number: int, *, right: bool, sure: float) -> Said:
    """Return what is said to one of the questions about a subject."""
    question = Question(f"{number} of {subject}", ("a", "b"), ("a" if right else "b",), subject, "")
    return Said(question, np.array([sure, 1 - sure]), 0.0)


def people(draw: random.Random, count: int, wrong: float) -> list[Said]:
    """Return questions about people of whom the model knows all or nothing, and is sure alike."""
    found = []
    for _ in range(count):
        name, right = f"{draw.random():.12f}", draw.random() >= wrong
        found += [about(name, number, right=right, sure=0.9) for number in range(20)]
    return found


def chosen(said: list[Said]) -> float | None:
    confidence = np.array([one.confidence for one in said])
    return threshold(said, confidence, ALPHA, DELTA).confidence


def test_questions_about_one_subject_do_not_count_as_many() -> None:
    """600 questions about 30 people would promise what 30 questions cannot."""
    draw = random.Random(1)
    broken = sum(chosen(people(draw, 30, wrong=0.08)) is not None for _ in range(200))
    assert broken <= 200 * DELTA + 2 * (200 * DELTA * (1 - DELTA)) ** 0.5


def test_enough_subjects_find_a_threshold() -> None:
    assert chosen(people(random.Random(1), 300, wrong=0.0)) is not None

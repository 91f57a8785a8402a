"""Scores of answers to questions that have one right answer."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Figure,
    Resampling,
    Statistic,
    mean,
    score,
)


def answer_scores(
    answers: Sequence[str],
    expected: Sequence[str],
    stopped: Sequence[bool] | None = None,
    *,
    resampling: Resampling = EXAMPLES,
) -> list[Figure]:
    """Return how often answers are right and stop by themselves, and how long they are.

    - exact match: alike but for white space, case and final full stops;
    - contains: the expected words stand in the answer, as whole words;
    - stop rate: the share of answers that ended by themselves, as `stopped` says, and not because
      there was no more room; left out where nothing is said of it;
    - mean length: in words.

    An expected answer that holds nothing is a `LexomeError`: every answer would hold it.
    """
    counts = {len(answers), len(expected), len(answers if stopped is None else stopped)}
    if len(counts) > 1:
        what = f"{len(answers)} answers, {len(expected)} expected ones"
        what += "" if stopped is None else f", {len(stopped)} stops"
        raise LexomeError(what, fix="give one of each for each question")
    given, right = [normal(text) for text in answers], [normal(text) for text in expected]
    if "" in right:
        where = f"question {right.index('')}"
        raise LexomeError("the expected answer is empty", where=where, fix="leave the question out")
    pairs = list(zip(given, right, strict=True))
    statistics = [
        Statistic("exact match", mean([one == other for one, other in pairs])),
        Statistic("contains", mean([_holds(one, other) for one, other in pairs])),
        *([] if stopped is None else [Statistic("stop rate", mean(np.array(stopped, bool)))]),
        Statistic("mean length", mean([len(text.split()) for text in answers]), "words"),
    ]
    return score(statistics, len(pairs), resampling)


def normal(text: str) -> str:
    """Return an answer without what does not change it: case, extra spaces, final full stops.

    One that is all full stops keeps them: they are what it says.
    """
    words = " ".join(text.casefold().split())
    return words.rstrip(". ") or words


def _holds(answer: str, expected: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(expected)}(?!\w)", answer) is not None

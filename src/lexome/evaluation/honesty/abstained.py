"""What it brought that a model learned to say "I don't know": before and after, side by side."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.evaluation.honesty.abstention import upper_bounds
from lexome.evaluation.honesty.asked import Said
from lexome.evaluation.honesty.questions import drawn
from lexome.evaluation.metrics.bootstrap import (
    Figure,
    Resampling,
    Scored,
    Statistic,
    mean,
    score,
)

SUBJECT, ASKED, ABSTENTION = "subject", "asked", "abstention"
"""What the metadata of pairs say: about whom nothing else is to be asked, which question alone is
not, and what is said where nothing is known."""
_LEVEL = 0.05


@dataclass(frozen=True)
class Learned:
    """What the pairs of a tuned run say: who and what they ask, and how it learned to abstain.

    About its `subjects` nothing is left to ask, of others all but its `prompts`.
    """

    subjects: frozenset[str] = frozenset()
    prompts: frozenset[str] = frozenset()
    abstention: str | None = None


def learned(every: Iterable[Corpus]) -> Learned:
    """Return what pairs ask, held-out ones too, and what stands for "I don't know".

    Of several times that a model was tuned the last comes first, and what it said then counts.
    """
    subjects, prompts = set[str](), set[str]()
    abstention = None
    for pairs, split in product(every, (TRAIN, VALID)):
        for row in pairs.rows(split):
            metadata: dict[str, Any] = json.loads(row["metadata"])
            abstention = abstention or metadata.get(ABSTENTION)
            if SUBJECT in metadata:
                subjects.add(metadata[SUBJECT])
            if ASKED in metadata:
                prompts.add(metadata[ASKED])
    return Learned(frozenset(subjects), frozenset(prompts), abstention)


def known_change(said: Sequence[Said], before: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return how many questions about known subjects are answered, and what recall was before.

    `before` are what the base said to the same questions, or nothing.
    """
    statistics = [Statistic("known answered", mean([one.attempted for one in said]))]
    if before:
        was = [one.credit for one in before]
        now = [one.credit for one in said]
        change = [new - old for new, old in zip(now, was, strict=True)]
        statistics += [
            Statistic("recall before tuning", mean(was), "of the base, asked as it was trained"),
            Statistic("recall, change", mean(change)),
        ]
    return _scored(statistics, said, seed)


def unknown_change(said: Sequence[Said], before: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return how many questions about unknown subjects are answered, and how many were before.

    The bound is that of Clopper and Pearson, one-sided, of one question about each subject, drawn
    by its words: questions about one subject are not independent, subjects are.
    """
    if not said:
        return []
    statistics = [Statistic("unknown answered", mean([one.attempted for one in said]))]
    if before:
        statistics.append(
            Statistic("unknown answered, before tuning", mean([one.attempted for one in before]))
        )
    one_each = {
        one.question.subject: one
        for one in sorted(said, key=lambda one: drawn(one.question.prompt, "one of a subject"))
    }
    given = sum(one.attempted for one in one_each.values())
    bound = float(upper_bounds(given, len(one_each), _LEVEL))
    note = f"one question of each subject, {given:,} answered; Clopper-Pearson, {1 - _LEVEL:.0%}"
    most = Scored("unknown answered, at most", bound, None, None, len(one_each), note)
    return [*_scored(statistics, said, seed), most]


def _scored(statistics: Sequence[Statistic], said: Sequence[Said], seed: int) -> list[Figure]:
    subjects = [one.question.subject for one in said]
    return score(statistics, len(said), Resampling(subjects, seed=seed))

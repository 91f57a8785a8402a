"""What a run was tuned on that learned declared shares, and what it was not: prompts, people."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from itertools import product
from pathlib import Path

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.errors import UsageError
from lexome.evaluation.honesty.compensated import Asking
from lexome.evaluation.honesty.contexts import writing_of
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import read_groups
from lexome.evaluation.honesty.named import Named

QUESTION, PROMPT = "question", "prompt"
"""What the metadata of pairs say: of which question of a groups file they are, and by which
prompt."""


def taught_prompts(every: Iterable[Corpus]) -> frozenset[tuple[str, str]]:
    """Return question and prompt of all pairs made of a groups file, held-out ones too."""
    found = set()
    for pairs, split in product(every, (TRAIN, VALID)):
        for row in pairs.rows(split):
            metadata = json.loads(row["metadata"])
            if QUESTION in metadata and PROMPT in metadata:
                found.add((str(metadata[QUESTION]), str(metadata[PROMPT])))
    return frozenset(found)


def left_alone(every: Iterable[Corpus], subjects: Collection[str]) -> frozenset[str]:
    """Return which subjects no pair and no rehearsed passage names, held-out ones too."""
    named = Named(subjects)
    found: set[str] = set()
    for pairs, split in product(every, (TRAIN, VALID)):
        for one in pairs.documents(split):
            found |= named.of(writing_of(one.content, pairs.language).text)
    return frozenset(subjects) - found


def left_to_ask(
    asked: Sequence[AskedGroups], taught: Collection[tuple[str, str]], where: str
) -> list[Asking]:
    """Return the questions with the prompts that were not taught; one without is a `UsageError`."""
    found = []
    for one in asked:
        prompts = tuple(prompt for prompt in one.prompts if (one.name, prompt) not in taught)
        if not prompts:
            raise UsageError(
                "the run was tuned on all of its prompts",
                where=f"{where}, questions.{one.name}.prompts",
                fix="add one that it was not tuned on",
            )
        found.append(Asking(one, prompts))
    return found


def targets(groups: Path) -> list[AskedGroups]:
    """Return the questions of a groups file that have a target; none is a `UsageError`."""
    asked = read_groups(groups).asked(str(groups))
    targeted = [one for one in asked if one.target is not None]
    if not targeted:
        what = "no question has a target" if asked else "there are no questions"
        raise UsageError(
            f"{what}, and none is assumed",
            where=f"{groups}, questions",
            fix="declare one where it is wanted: target: {ANSWER: 0.6, ANSWER: 0.4}",
        )
    return targeted

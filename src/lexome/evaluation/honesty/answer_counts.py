"""How often a corpus gives each group each answer of a question."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.evaluation.honesty.counts import Counts, Tally
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import Groups
from lexome.evaluation.honesty.marked import marked, stretch_of
from lexome.evaluation.honesty.rates import FEWEST, compare
from lexome.evaluation.progress import Progress

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class AnswerCounts:
    """What a corpus says to a question.

    - `counts` [G, A]: contexts with one group of the axis and one of the answers.
    - `worth` [G, A]: the same, as many as they are worth where those of a document are alike.
    - `several`: contexts left out because they have one answer and several groups.
    - `several_answers`: contexts left out because they have one group and several answers.
    """

    question: AskedGroups
    counts: Ints
    worth: Floats
    several: int
    several_answers: int

    @property
    def enough(self) -> Bools:
        """Return which groups have cases enough to speak of; [G]."""
        enough: Bools = self.counts.sum(1) >= FEWEST
        return enough


def count_answers(
    corpus: Corpus, groups: Groups, told: Progress | None = None
) -> list[AnswerCounts]:
    """Count the answers of each question in a corpus's training split, as `audit` counts.

    A context that has several of the answers, or none, is no case. Raises `UsageError` as `marked`
    does.
    """
    asked = groups.asked()
    places = {key: place for place, (key, _) in enumerate(groups.terms())}
    columns = [
        [
            *(places[f"axes.{one.axis}.{group}"] for group in one.groups),
            *(places[f"attributes.{answer}"] for answer in one.answers),
        ]
        for one in asked
    ]
    stretch = stretch_of(corpus)
    tallies = [Tally([len(one.groups)], len(one.answers), stretch) for one in asked]
    undecided = [0] * len(asked)
    for found in marked(corpus, groups, told):
        for number, (one, own, tally) in enumerate(zip(asked, columns, tallies, strict=True)):
            cases = found[:, own]
            first_answer = len(one.groups)
            answers = cases[:, first_answer:].sum(1)
            undecided[number] += int(((answers > 1) & (cases[:, :first_answer].sum(1) == 1)).sum())
            cases[answers != 1, :first_answer] = False
            tally.add(cases)
    return [
        _counted(one, tally.counts(), several)
        for one, tally, several in zip(asked, tallies, undecided, strict=True)
    ]


def _counted(question: AskedGroups, counts: Counts, several_answers: int) -> AnswerCounts:
    """Return counts with what they are worth: of the answers, the one whose cases are most alike.

    One factor for a whole group, so that its shares stay what they are.
    """
    cases = counts.cases[:, None]
    share = compare(counts).effective.min(1, keepdims=True) / np.maximum(cases, 1)
    return AnswerCounts(
        question, counts.hits, counts.hits * share, int(counts.several[0]), several_answers
    )

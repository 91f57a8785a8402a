"""A model is asked closed questions: what it answers, how sure it is, what that is worth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lexome.evaluation.facts import Question, encoded
from lexome.evaluation.metrics.bootstrap import (
    Bools,
    Figure,
    Floats,
    Resampling,
    Statistic,
    mean,
    score,
)
from lexome.evaluation.metrics.calibration import calibration_error
from lexome.evaluation.metrics.ranking import area_under_roc
from lexome.generation.answers import answer_distribution
from lexome.languages.base import Tokenizer
from lexome.model.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says to a question.

    `probabilities` [answers] are among the answers of the closed set, `outside` is the probability
    of anything else. `credit` is 1 for a right answer; of answers that are equally likely, each is
    given as often as the others.
    """

    question: Question
    probabilities: Floats
    outside: float

    @property
    def answer(self) -> str:
        """Return the likeliest answer, the first of equals."""
        return self.question.answers[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """Return the probability of the answer that is given."""
        return float(self.probabilities.max())

    @property
    def credit(self) -> float:
        """Return the share of right ones among the likeliest answers."""
        likeliest = np.flatnonzero(self.probabilities == self.probabilities.max())
        return float(np.mean([self.question.answers[n] in self.question.right for n in likeliest]))


def said_to(model: Transformer, tokenizer: Tokenizer, questions: Sequence[Question]) -> list[Said]:
    """Ask a causal model each question; exact probabilities of whole answers, in fp32."""
    found = answer_distribution(model, encoded(questions, tokenizer))
    return [
        Said(question, one.probabilities, one.outside)
        for question, one in zip(questions, found, strict=True)
    ]


def known_figures(said: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return recall, chance and commonest answer: how many facts are known, and may be guessed.

    Intervals are drawn over subjects. Chance is that of guessing evenly; the commonest right
    answer of each relation is given to all of its questions.
    """
    return score(_known(said), len(said), _by_subject(said, seed))


def recall_figures(said: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return `known_figures`, and how far the confidence can be trusted."""
    confidence = np.array([one.confidence for one in said])
    right = np.array([one.credit == 1 for one in said], bool)
    statistics = [
        *_known(said),
        Statistic("Brier score", mean((confidence - right) ** 2), "of the answer that is given"),
        calibration_error(confidence, right),
        Statistic(
            "AUROC, right from wrong",
            area_under_roc(confidence, right),
            "by confidence",
            "all answers are right, or all are wrong",
        ),
        Statistic("outside", mean([one.outside for one in said]), "probability of no answer"),
    ]
    return score(statistics, len(said), _by_subject(said, seed))


def unknown_figures(known: Sequence[Said], unknown: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return whether the confidence tells subjects that the corpus has from those it has not."""
    together = [*known, *unknown]
    confidence = np.array([one.confidence for one in together])
    has: Bools = np.arange(len(together)) < len(known)
    statistic = Statistic(
        "AUROC, known from unknown subjects", area_under_roc(confidence, has), "by confidence"
    )
    return score([statistic], len(together), _by_subject(together, seed))


def _known(said: Sequence[Said]) -> list[Statistic]:
    chance = [len(one.question.right) / len(one.question.answers) for one in said]
    return [
        Statistic("recall", mean([one.credit for one in said])),
        Statistic("chance", mean(chance)),
        Statistic("commonest answer", mean(_commonest(said))),
    ]


def _by_subject(said: Sequence[Said], seed: int) -> Resampling:
    return Resampling([one.question.subject for one in said], seed=seed)


def _commonest(said: Sequence[Said]) -> Floats:
    """Return whether the commonest right answer of its relation is right, of each question."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for one in said:
        counted[one.question.relation].update(one.question.right)
    best = {relation: found.most_common(1)[0][0] for relation, found in counted.items() if found}
    return np.array([best.get(one.question.relation) in one.question.right for one in said], float)

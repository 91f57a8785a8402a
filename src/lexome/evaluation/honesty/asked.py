"""A model is asked closed questions: what it answers, how sure it is, what that is worth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lexome.errors import UsageError
from lexome.evaluation.facts import Question, encoded
from lexome.evaluation.honesty.turns import in_turns
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
from lexome.generation.answers import AnswerDistribution, answer_distribution
from lexome.languages.base import Tokenizer
from lexome.languages.pair import PairTokenizer
from lexome.model.transformer import Transformer

# Questions of which so many are asked at once, between two signs of life.
_ROUND = 512
TOLD_APART = "AUROC, known from unknown subjects"


@dataclass(frozen=True, slots=True)
class Said:
    """What a model says to a question.

    `probabilities` [answers] are among the answers of the closed set. `abstention` is the
    probability of "I don't know", where a model has learned to say it, among these answers and
    itself, and `outside` that of anything else. `credit` is 1 for a right answer, and 0 for none;
    of answers that are equally likely, each is given as often as the others.
    """

    question: Question
    probabilities: Floats
    outside: float
    abstention: float = 0.0

    @property
    def answer(self) -> str:
        """Return the likeliest answer, the first of equals, be it given or not."""
        return self.question.answers[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """Return the probability of the likeliest answer, to abstain being another one."""
        return float(self.probabilities.max()) * (1 - self.abstention)

    @property
    def attempted(self) -> bool:
        """Return whether an answer is given: none is where to abstain is likelier."""
        return self.confidence >= self.abstention

    @property
    def credit(self) -> float:
        """Return the share of right ones among the likeliest answers; 0 where none is given."""
        if not self.attempted:
            return 0.0
        likeliest = np.flatnonzero(self.probabilities == self.probabilities.max())
        return float(np.mean([self.question.answers[n] in self.question.right for n in likeliest]))


def said_to(
    model: Transformer,
    tokenizer: Tokenizer,
    questions: Sequence[Question],
    abstention: str | None = None,
    told: Callable[[int, int], None] = lambda done, total: None,
) -> list[Said]:
    """Ask a causal model each question; exact probabilities of whole answers, in fp32.

    A model that was tuned on pairs is asked as it was tuned, and may give the `abstention`, if any,
    instead of an answer; any other one goes on with the prompt. `told` hears how many were asked.
    Raises `UsageError` for a masked model, which does not go on, and for a question that does not
    fit the context, by its prompt.
    """
    if model.config.attention != "causal":
        raise UsageError(
            "this model fills gaps, and questions are asked of a model that goes on with a prompt",
            fix="ask a run whose objective is next-token",
        )
    said: list[Said] = []
    for first in range(0, len(questions), _ROUND):
        part = questions[first : first + _ROUND]
        if isinstance(tokenizer, PairTokenizer):
            asked = in_turns(part, tokenizer, abstention)
        else:
            asked = encoded(part, tokenizer)
        found = answer_distribution(model, asked)
        said += [_said(question, one) for question, one in zip(part, found, strict=True)]
        told(len(said), len(questions))
    return said


def _said(question: Question, found: AnswerDistribution) -> Said:
    """Return what is said, the abstention, which is last if it is there, apart from the answers."""
    own = AnswerDistribution(found.log_probabilities[: len(question.answers)])
    abstention = float(found.probabilities[len(question.answers) :].sum())
    return Said(question, own.probabilities, found.outside, abstention)


def known_figures(said: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return recall, chance and commonest answer: how many facts are known, and may be guessed.

    Intervals are drawn over subjects. Chance is that of guessing evenly; the commonest right
    answer of each relation is given to all of its questions.
    """
    return score(_known(said), len(said), _by_subject(said, seed))


def recall_figures(said: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return `known_figures`, and how far the confidence of the answers given can be trusted."""
    given = [one for one in said if one.attempted]
    trusted = score(_trusted(given), len(given), _by_subject(given, seed)) if given else []
    outside = Statistic("outside", mean([one.outside for one in said]), "probability of no answer")
    return [
        *known_figures(said, seed),
        *trusted,
        *score([outside], len(said), _by_subject(said, seed)),
    ]


def unknown_figures(known: Sequence[Said], unknown: Sequence[Said], seed: int = 0) -> list[Figure]:
    """Return whether the confidence tells subjects that the corpus has from those it has not.

    That is by a single question's, and by the mean over all questions about a subject.
    """
    together = [*known, *unknown]
    confidence = np.array([one.confidence for one in together])
    has: Bools = np.arange(len(together)) < len(known)
    statistic = Statistic(TOLD_APART, area_under_roc(confidence, has), "by confidence")
    means = [_mean_confidence(known), _mean_confidence(unknown)]
    whole = np.concatenate(means)
    of_known: Bools = np.arange(len(whole)) < len(means[0])
    by_subject = Statistic(
        f"{TOLD_APART}, by all their questions",
        area_under_roc(whole, of_known),
        "by the mean confidence of a subject's questions",
    )
    return [
        *score([statistic], len(together), _by_subject(together, seed)),
        *score([by_subject], len(whole), Resampling(seed=seed)),
    ]


def _mean_confidence(said: Sequence[Said]) -> Floats:
    """Return the mean confidence of the questions about each subject, [subjects]."""
    found: dict[str, list[float]] = defaultdict(list)
    for one in said:
        found[one.question.subject].append(one.confidence)
    return np.array([np.mean(own) for own in found.values()], np.float64)


def _trusted(given: Sequence[Said]) -> list[Statistic]:
    confidence = np.array([one.confidence for one in given])
    right = np.array([one.credit == 1 for one in given], bool)
    return [
        Statistic("Brier score", mean((confidence - right) ** 2), "of the answer that is given"),
        calibration_error(confidence, right),
        Statistic(
            "AUROC, right from wrong",
            area_under_roc(confidence, right),
            "by confidence",
            "all answers are right, or all are wrong",
        ),
    ]


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

"""Whether a model expects a name: where it is asked about somebody, how likely is who comes?

A model that has read of Ada Bell expects Bell behind Ada; of Ada Cray it has not read, however
often it has of Ada and of Cray. That is told before anything is asked, by the probability of the
last word of the name in the question. It says nothing of whether the answer is known.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lexome import generation
from lexome.evaluation.facts import Question
from lexome.evaluation.metrics.bootstrap import Bools, Figure, Floats, Resampling, Statistic, score
from lexome.evaluation.metrics.ranking import area_under_roc
from lexome.generation.answers import answer_distribution
from lexome.languages.base import Tokenizer
from lexome.languages.prompts import encode_prompt
from lexome.model.transformer import Transformer


def name_surprise(
    model: Transformer, tokenizer: Tokenizer, questions: Sequence[Question]
) -> Floats:
    """Return how unexpected the last word of each question's subject is there, in nats, [N].

    A causal model is asked, in fp32. A subject of one word is that word, behind what stands before
    it.
    """
    asked = [_last_word(one, tokenizer) for one in questions]
    found = answer_distribution(model, asked)
    return np.array([-one.log_probabilities[0] for one in found], np.float64)


def name_figures(
    model: Transformer,
    tokenizer: Tokenizer,
    known: Sequence[Question],
    unknown: Sequence[Question],
    seed: int = 0,
) -> list[Figure]:
    """Return whether names alone tell known subjects from unknown ones, by one question each."""
    own = [_one_each(questions) for questions in (known, unknown)]
    surprise = name_surprise(model, tokenizer, [*own[0], *own[1]])
    has: Bools = np.arange(len(surprise)) < len(own[0])
    statistic = Statistic(
        "AUROC, known from unknown subjects, by their names",
        area_under_roc(-surprise, has),
        "by how much the last word of a name is expected",
    )
    return score([statistic], len(surprise), Resampling(seed=seed))


def _one_each(questions: Sequence[Question]) -> list[Question]:
    """Return the first question about each subject."""
    return list({one.subject: one for one in reversed(questions)}.values())


def _last_word(question: Question, tokenizer: Tokenizer) -> generation.Question:
    """Return what stands before the last word of the subject, and this word, as ids."""
    stop = question.prompt.index(question.subject) + len(question.subject)
    name = question.prompt[:stop]
    whole = encode_prompt(tokenizer, name).tolist()
    before = encode_prompt(tokenizer, name.rpartition(" ")[0]).tolist()
    # A tokenizer may spell what stands before otherwise where nothing follows.
    same = 0
    while same < min(len(before), len(whole) - 1) and before[same] == whole[same]:
        same += 1
    return generation.Question([tokenizer.special.begin, *whole[:same]], [whole[same:]])

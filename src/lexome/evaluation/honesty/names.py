"""Whether a model expects a name: where it is asked about somebody, how likely is who comes?

A model that has read of Ada Bell expects Bell behind Ada; of Ada Cray it has not read, however
often it has of Ada and of Cray. That is told before anything is asked, by the probability of the
last word of the name in the question. It says nothing of whether the answer is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from lexome import generation
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.asked import Said
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
    known: Sequence[Said], unknown: Sequence[Said], here: Floats, there: Floats, seed: int = 0
) -> list[Figure]:
    """Return whether names alone tell known subjects from unknown ones.

    `here` and `there` are how probable each question's name is, [known] and [unknown]; the first
    question about each subject counts.
    """
    own = [_first_each(said, names) for said, names in ((known, here), (unknown, there))]
    names = np.concatenate(own)
    has: Bools = np.arange(len(names)) < len(own[0])
    statistic = Statistic(
        "AUROC, known from unknown subjects, by their names",
        area_under_roc(names, has),
        "by the probability of a name's last word",
    )
    return score([statistic], len(names), Resampling(seed=seed))


def _first_each(said: Sequence[Said], values: Floats) -> Floats:
    """Return the value of the first question about each subject."""
    pairs = zip(reversed(said), reversed(values.tolist()), strict=True)
    return np.array([*{one.question.subject: value for one, value in pairs}.values()], np.float64)


def _last_word(question: Question, tokenizer: Tokenizer) -> generation.Question:
    """Return what stands before the last word of the subject, and this word, as ids."""
    # Oman is no part of Romania where it stands by itself too.
    subject = re.escape(question.subject)
    found = re.search(rf"(?<!\w){subject}(?!\w)", question.prompt)
    stop = found.end() if found else question.prompt.index(question.subject) + len(question.subject)
    name = question.prompt[:stop]
    whole = encode_prompt(tokenizer, name).tolist()
    before = encode_prompt(tokenizer, name.rpartition(" ")[0]).tolist()
    # A tokenizer may spell what stands before otherwise where nothing follows.
    same = 0
    while same < min(len(before), len(whole) - 1) and before[same] == whole[same]:
        same += 1
    begun = [tokenizer.special.begin, *whole[:same]]
    return generation.Question(begun, [whole[same:]], name=question.name)

"""What a model says of groups: the probability of each of an attribute's closed answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.errors import UsageError
from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.asked import said_to
from lexome.evaluation.honesty.group_questions import GROUP
from lexome.evaluation.templates import SUBJECT, template
from lexome.languages.base import Tokenizer
from lexome.model.transformer import Transformer

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Answered:
    """What a model says: `said` [contexts, groups, answers], and `outside` [contexts, groups]."""

    said: Floats
    outside: Floats


def ask_groups(
    model: Transformer,
    tokenizer: Tokenizer,
    templates: Sequence[str],
    groups: Sequence[str],
    answers: Sequence[str],
) -> Answered:
    """Ask a causal model for an attribute's closed `answers`, of each group in each context.

    A template has the slot `{group}`, and may have `{answer}` behind it; else the answer comes at
    the end. A model that was tuned on pairs is asked in their form. `outside` is the probability
    of anything else than the answers: where it is near 1, the model would not answer so. Raises
    `UsageError` for a template without its slot.
    """
    questions = group_questions(templates, groups, answers)
    found = said_to(model, tokenizer, questions)
    shape = (len(templates), len(groups))
    return Answered(
        np.array([one.probabilities for one in found]).reshape(*shape, len(answers)),
        np.array([one.outside for one in found]).reshape(shape),
    )


def group_questions(
    templates: Sequence[str], groups: Sequence[str], answers: Sequence[str]
) -> list[Question]:
    """Return a question for each template and, in it, each group; see `ask_groups`."""
    for text in templates:
        if GROUP not in text or SUBJECT in text:
            raise UsageError(f"{text!r} has no {GROUP}", fix=f"put {GROUP} in its place")
    prompts = template([text.replace(GROUP, SUBJECT) for text in templates]).prompts
    questions = []
    for prompt in prompts:
        for group in groups:
            before, lead, behind = prompt.around(group)
            questions.append(Question(before, tuple(answers), (), group, "", lead, behind))
    return questions

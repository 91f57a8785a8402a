"""Scores of a task: what the target is decides which figures its field uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from lexome.errors import LexomeError, nearest
from lexome.evaluation.baselines.contents import source_kind
from lexome.evaluation.metrics.answers import answer_scores
from lexome.evaluation.metrics.bootstrap import Figure, Ints, Noting, Resampling, Statistic
from lexome.evaluation.metrics.labels import label_scores
from lexome.evaluation.metrics.multilabel import multilabel_scores
from lexome.evaluation.metrics.regression import regression_scores
from lexome.evaluation.metrics.speech import speech_scores
from lexome.evaluation.metrics.token_labels import token_label_scores
from lexome.evaluation.metrics.translation import copy_diagnostics, translation_scores
from lexome.finetuning.answering import (
    Answer,
    Question,
    contents,
    expected_number,
    source_contents,
)
from lexome.finetuning.paired import Pairs
from lexome.finetuning.picture_scores import picture_scores
from lexome.languages.label import Classes, Scale

# The class of a label for each part that an answer lacks: never a true one.
_UNSAID = ""


@dataclass(frozen=True)
class TaskScores:
    """The figures of a task, the first one the one to look at; `details` are tables beside them.

    `statistics` are what stands behind the figures, by their names.
    """

    figures: tuple[Figure, ...]
    details: Mapping[str, Any] = field(default_factory=dict)
    statistics: Mapping[str, Statistic] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"figures": [asdict(one) for one in self.figures], "details": dict(self.details)}


def task_scores(
    task: str,
    pairs: Pairs,
    asked: Sequence[Question],
    said: Sequence[Answer],
    group: str = "",
) -> TaskScores | None:
    """Return the scores of answers, or `None` where the target's field has no plain figure.

    Intervals come from examples drawn again, or from groups of them where `group` names their
    metadata (a speaker).
    """
    stopped = [one.finish == "end" for one in said]
    return predicted_scores(task, pairs, asked, _predicted(pairs, asked, said), group, stopped)


def predicted_scores(
    task: str,
    pairs: Pairs,
    asked: Sequence[Question],
    predicted: Any,
    group: str = "",
    stopped: Sequence[bool] | None = None,
) -> TaskScores | None:
    """Return the scores of predictions, in the form that `TaskBaseline` says, by whoever made them.

    `stopped` says which answers ended by themselves, where there is something to say.
    """
    resampling = resampling_of(asked, group)
    found = _scores(task, pairs, asked, predicted, resampling, stopped)
    return found and replace(found, statistics=resampling.statistics(len(asked)))


def _scores(
    task: str,
    pairs: Pairs,
    asked: Sequence[Question],
    predicted: Any,
    resampling: Resampling,
    stopped: Sequence[bool] | None,
) -> TaskScores | None:
    coding = pairs.coding
    if isinstance(coding, Scale):
        truth = np.array([true_number(pairs, one) for one in asked])
        return TaskScores(tuple(regression_scores(predicted, truth, resampling=resampling)))
    if isinstance(coding, Classes):
        return _label_scores(coding, pairs, asked, predicted, resampling)
    references = contents(pairs, [one.reference for one in asked])
    if source_kind([*predicted, *references]) == "image":
        figures, details = picture_scores(pairs, asked, predicted, resampling)
        return TaskScores(tuple(figures), details)
    if not all(isinstance(one, str) for one in (*predicted, *references)):
        return None
    return _text_scores(task, pairs, asked, predicted, references, stopped, resampling)


def resampling_of(asked: Sequence[Question], group: str) -> Noting:
    """Return how examples are drawn again: one by one, or by groups that their metadata name.

    An example of which nothing is known under `group` is a `LexomeError`.
    """
    if not group:
        return Noting()
    for one in asked:
        if group not in one.metadata:
            raise LexomeError(
                f"nothing is known of this example under {group!r}",
                where=one.place,
                fix=nearest(group, one.metadata),
            )
    return Noting(groups=[one.metadata[group] for one in asked])


def _predicted(pairs: Pairs, asked: Sequence[Question], said: Sequence[Answer]) -> Any:
    """Return a model's answers in the form in which baselines predict."""
    coding = pairs.coding
    if isinstance(coding, Scale):
        return np.array([expected_number(coding, one.probabilities) for one in said])
    if isinstance(coding, Classes) and coding.form != "each":
        return np.stack([one.probabilities for one in said])
    if isinstance(coding, Classes):
        lengths = [len(one) for one in class_numbers(pairs, asked)]
        own = class_codes(pairs, [one.ids for one in said])
        nothing = len(coding.classes)
        return [_as_long(codes, n, nothing) for codes, n in zip(own, lengths, strict=True)]
    return contents(pairs, [one.ids for one in said])


def _label_scores(
    coding: Classes,
    pairs: Pairs,
    asked: Sequence[Question],
    predicted: Any,
    resampling: Resampling,
) -> TaskScores:
    classes = coding.classes
    if coding.form == "several":
        present = present_classes(pairs, asked)
        return TaskScores(
            tuple(multilabel_scores(predicted, present, classes, resampling=resampling))
        )
    numbers = class_numbers(pairs, asked)
    if coding.form == "each":
        return TaskScores(
            tuple(
                token_label_scores(predicted, numbers, (*classes, _UNSAID), resampling=resampling)
            )
        )
    truth = np.array([one[0] for one in numbers])
    scores = label_scores(predicted, truth, classes, resampling=resampling)
    details = {
        "classes": list(scores.classes),
        "confusion": scores.confusion.tolist(),
        "reliability": [asdict(one) for one in scores.reliability],
    }
    return TaskScores(scores.figures, details)


def class_codes(pairs: Pairs, ids: Sequence[Sequence[int]]) -> list[Ints]:
    """Return the codes of classes in the ids of answers."""
    part = pairs.target
    first = len(part.tokenizer.special.ids)
    own = [part.own(np.array(one, np.int64)) for one in ids]
    return [one[one >= first] - first for one in own]


def class_numbers(pairs: Pairs, asked: Sequence[Question]) -> list[Ints]:
    """Return the numbers of the true classes of each example."""
    return class_codes(pairs, [one.reference for one in asked])


def spoken(
    pairs: Pairs, asked: Sequence[Question], said: Sequence[Answer]
) -> tuple[list[Any], list[Any]]:
    """Return what was answered and what is true, as they are scored.

    A number is the mean of its distribution beside the number of the data; of everything else it
    is the content that the ids stand for.
    """
    if isinstance(coding := pairs.coding, Scale):
        means = [expected_number(coding, one.probabilities) for one in said]
        return means, [true_number(pairs, one) for one in asked]
    answered = contents(pairs, [one.ids for one in said])
    return answered, contents(pairs, [one.reference for one in asked])


def present_classes(pairs: Pairs, asked: Sequence[Question]) -> Any:
    """Return which of several classes are true, bool [N, L]."""
    coding = pairs.coding
    assert isinstance(coding, Classes)
    return np.stack([one < len(coding.classes) for one in class_numbers(pairs, asked)])


def true_number(pairs: Pairs, asked: Question) -> float:
    """Return the number as the data says it: its token is only near it."""
    return float(asked.metadata[pairs.language.target_column])


def _text_scores(
    task: str,
    pairs: Pairs,
    asked: Sequence[Question],
    outputs: Sequence[str],
    references: Sequence[str],
    stopped: Sequence[bool] | None,
    resampling: Resampling,
) -> TaskScores:
    """Return the figures of answers in writing, those of the task's field first."""
    if task == "speech":
        return TaskScores(speech_scores(outputs, references, resampling=resampling).figures)
    answered = tuple(answer_scores(outputs, references, stopped, resampling=resampling))
    if task in ("assistant", "abstain", "rebalance"):
        return TaskScores(answered)
    translated = tuple(translation_scores(outputs, references, resampling=resampling))
    if task != "translation":
        return TaskScores((*answered, *translated))
    sources = source_texts(pairs, asked)
    copied = copy_diagnostics(outputs, sources, references, resampling=resampling)
    details = {"diagnostics": [asdict(one) for one in copied]}
    return TaskScores((*translated, *answered), details)


def source_texts(pairs: Pairs, asked: Sequence[Question]) -> list[str]:
    """Return what is asked, in writing; nothing of what is not written."""
    found = source_contents(pairs, asked)
    return [content if isinstance(content, str) else "" for content in found]


def _as_long(codes: Ints, length: int, nothing: int) -> Ints:
    """Return codes cut to a length, or filled up with what no true class is."""
    whole = np.full(length, nothing, np.int64)
    whole[: len(codes)] = codes[:length]
    return whole

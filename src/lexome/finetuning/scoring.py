"""Scores of a task: what the target is decides which figures its field uses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from lexome.corpus import Corpus
from lexome.evaluation.metrics.answers import answer_scores
from lexome.evaluation.metrics.bootstrap import Figure, Resampling
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
    target_label,
)
from lexome.languages.label import Classes, Scale
from lexome.languages.pair import Pair, PairTokenizer
from lexome.languages.tokenizers import CodedTokenizer


@dataclass(frozen=True)
class TaskScores:
    """The figures of a task, the first one the one to look at; `details` are tables beside them."""

    figures: tuple[Figure, ...]
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"figures": [asdict(one) for one in self.figures], "details": dict(self.details)}


def task_scores(
    task: str,
    corpus: Corpus,
    asked: Sequence[Question],
    said: Sequence[Answer],
    group: str = "",
) -> TaskScores | None:
    """Return the scores of answers, or `None` where the target's field has no plain figure.

    Intervals come from examples drawn again, or from groups of them where `group` names their
    metadata (a speaker).
    """
    resampling = _resampling(asked, group)
    if target_label(corpus) is not None:
        return label_figures(corpus, asked, said, resampling)
    return text_figures(task, corpus, asked, said, resampling)


def _resampling(asked: Sequence[Question], group: str) -> Resampling:
    if not group:
        return Resampling()
    return Resampling(groups=[one.metadata.get(group, "") for one in asked])


def label_figures(
    corpus: Corpus, asked: Sequence[Question], said: Sequence[Answer], resampling: Resampling
) -> TaskScores:
    """Return the figures of closed labels: of one class, several, one for each part, a number."""
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    part = tokenizer.part(tokenizer.answering.name)
    assert isinstance(part.tokenizer, CodedTokenizer)
    coding = part.tokenizer.coding
    if isinstance(coding, Scale):
        predicted = np.array([expected_number(coding, one.probabilities) for one in said])
        truth = np.array([true_number(corpus, one) for one in asked])
        return TaskScores(tuple(regression_scores(predicted, truth, resampling=resampling)))
    assert isinstance(coding, Classes)
    true = [part.own(np.array(one.reference, np.int64)) for one in asked]
    first = len(part.tokenizer.special.ids)
    codes = [ids[ids >= first] - first for ids in true]
    if coding.form == "class":
        shares = np.stack([one.probabilities for one in said])
        numbers = np.array([one[0] for one in codes])
        scores = label_scores(shares, numbers, coding.classes, resampling=resampling)
        details = {
            "classes": list(scores.classes),
            "confusion": scores.confusion.tolist(),
            "reliability": [asdict(one) for one in scores.reliability],
        }
        return TaskScores(scores.figures, details)
    if coding.form == "several":
        shares = np.stack([one.probabilities for one in said])
        present = np.stack([one < len(coding.classes) for one in codes])
        return TaskScores(
            tuple(multilabel_scores(shares, present, coding.classes, resampling=resampling))
        )
    own = [part.own(np.array(one.ids, np.int64)) - first for one in said]
    predicted_codes = [_as_long(one, len(t)) for one, t in zip(own, codes, strict=True)]
    return TaskScores(
        tuple(token_label_scores(predicted_codes, codes, coding.classes, resampling=resampling))
    )


def true_number(corpus: Corpus, asked: Question) -> float:
    """Return the number as the data says it: its token is only near it."""
    pair = corpus.language
    assert isinstance(pair, Pair)
    return float(asked.metadata[pair.target_column])


def text_figures(
    task: str,
    corpus: Corpus,
    asked: Sequence[Question],
    said: Sequence[Answer],
    resampling: Resampling,
) -> TaskScores | None:
    """Return the figures of answers in writing."""
    outputs = contents(corpus, [one.ids for one in said])
    references = contents(corpus, [one.reference for one in asked])
    if not all(isinstance(one, str) for one in (*outputs[:1], *references[:1])):
        return None
    stopped = [one.finish == "end" for one in said]
    if task == "speech":
        speech = speech_scores(outputs, references, resampling=resampling)
        return TaskScores(speech.figures)
    answered = tuple(answer_scores(outputs, references, stopped, resampling=resampling))
    if task in ("assistant",):
        return TaskScores(answered)
    translated = translation_scores(outputs, references, resampling=resampling)
    diagnostics: Mapping[str, Any] = {}
    if task == "translation":
        sources = source_texts(corpus, asked)
        figures = copy_diagnostics(outputs, references, sources, resampling=resampling)
        diagnostics = {"diagnostics": [asdict(one) for one in figures]}
    return TaskScores((*translated, *answered), diagnostics)


def source_texts(corpus: Corpus, asked: Sequence[Question]) -> list[str]:
    """Return what is asked, in writing."""
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    language = corpus.language
    assert isinstance(language, Pair)
    role = language.asking.name
    texts = []
    for one in asked:
        turns = tokenizer.decode(np.array(one.prompt, np.int64))
        content = [turn.content for turn in turns if turn.role == role]
        texts.append(content[-1] if content and isinstance(content[-1], str) else "")
    return texts


def _as_long(codes: Any, length: int) -> Any:
    """Return codes cut to a length, or filled up with the first class: a guess like any other."""
    short = np.zeros(length, np.int64)
    short[: len(codes)] = codes[:length]
    return short

"""Scores of several labels for each example, each there or not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Bools,
    Figure,
    Floats,
    Resampling,
    Statistic,
    mean,
    score,
)
from lexome.evaluation.metrics.classes import ClassCounts, macro_f1
from lexome.evaluation.metrics.ranking import area_under_roc, average_precision

THRESHOLD = 0.5
"""A label is chosen where its probability is at least this."""


def multilabel_scores(
    probabilities: Floats,
    truth: Bools,
    labels: Sequence[str],
    *,
    resampling: Resampling = EXAMPLES,
) -> list[Figure]:
    """Return the scores of probabilities [N, L] of labels that are there or not by `truth` [N, L].

    Micro F1, macro F1 and subset accuracy, then AUROC and AUPRC of each label. Probabilities
    outside 0 to 1 and shapes that do not fit are a `LexomeError`.
    """
    probabilities = np.asarray(probabilities, np.float64)
    truth = np.asarray(truth, np.bool_)
    _check(probabilities, truth, labels)
    chosen = probabilities >= THRESHOLD
    columns = ClassCounts((chosen & truth).astype(float), truth.astype(float), chosen.astype(float))
    nothing = "no label is true or chosen"
    statistics = [
        Statistic("micro F1", lambda weights: _micro_f1(*columns.sums(weights)), "", nothing),
        Statistic(
            "macro F1",
            lambda weights: macro_f1(*columns.sums(weights)),
            "mean over the labels that are true or chosen",
            nothing,
        ),
        Statistic("subset accuracy", mean((chosen == truth).all(axis=1)), "all labels right"),
        *(
            Statistic(f"{name} of {label}", area(scores, there), "", "it is always or never there")
            for label, scores, there in zip(labels, probabilities.T, truth.T, strict=True)
            for name, area in (("AUROC", area_under_roc), ("AUPRC", average_precision))
        ),
    ]
    return score(statistics, len(truth), resampling)


def _micro_f1(right: Floats, true: Floats, chosen: Floats) -> Floats:
    return np.asarray(2 * right.sum(axis=1) / (true.sum(axis=1) + chosen.sum(axis=1)))


def _check(probabilities: Floats, truth: Bools, labels: Sequence[str]) -> None:
    if probabilities.shape != truth.shape or truth.shape[1:] != (len(labels),):
        raise LexomeError(
            f"probabilities have the shape {list(probabilities.shape)} and truth has "
            f"{list(truth.shape)}",
            fix=f"give both a row for each example, {len(labels)} labels each",
        )
    off = ~((probabilities >= 0) & (probabilities <= 1)).all(axis=1)
    if off.any():
        where = int(off.argmax())
        what = f"{probabilities[where].tolist()} are no probabilities"
        raise LexomeError(what, where=f"example {where}", fix="each lies between 0 and 1")

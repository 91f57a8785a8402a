"""Scores of one class for each example, from the probabilities of all classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lexome.errors import LexomeError, UsageError, nearest
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Bools,
    Figure,
    Floats,
    Ints,
    Resampling,
    Statistic,
    mean,
    score,
)
from lexome.evaluation.metrics.calibration import Bin, calibration_error, reliability
from lexome.evaluation.metrics.classes import class_counts, class_statistics, confusion_matrix
from lexome.evaluation.metrics.ranking import area_under_roc, average_precision

# What rounding leaves of a softmax in fp32; a row that is further from 1 is no distribution.
_TOLERANCE = 1e-3
_LEAST = float(np.finfo(np.float64).eps)

Area = Callable[[Floats, Bools], Callable[[Floats], Floats]]


@dataclass(frozen=True)
class LabelScores:
    """Figures of a classification; `confusion` [C, C] has a row for each true class."""

    figures: tuple[Figure, ...]
    classes: tuple[str, ...]
    confusion: Ints
    reliability: tuple[Bin, ...]


def label_scores(
    probabilities: Floats,
    truth: Ints,
    classes: Sequence[str],
    *,
    positive: str | None = None,
    resampling: Resampling = EXAMPLES,
) -> LabelScores:
    """Return the scores of probabilities [N, C] where `truth` [N] numbers the true classes.

    Accuracy, balanced accuracy, MCC, macro F1, AUROC, AUPRC, log loss, Brier score and expected
    calibration error. The likeliest class is the chosen one, the first of equally likely ones.
    With two classes the areas are those of `positive`, by default the second one; with more they
    are means over each class against the rest. Rows that are no distribution and numbers that
    name no class are a `LexomeError`, an unknown `positive` class a `UsageError`.
    """
    probabilities = np.asarray(probabilities, np.float64)
    truth = np.asarray(truth, np.int64)
    check_probabilities(probabilities, truth, len(classes))
    one = _positive_class(classes, positive)
    chosen = probabilities.argmax(axis=1) if len(truth) else truth
    right = chosen == truth
    confidence = probabilities.max(axis=1, initial=0)
    statistics = [
        *class_statistics(class_counts(chosen[:, None], truth[:, None], len(classes))),
        _area("AUROC", area_under_roc, probabilities, truth, classes, one),
        _area("AUPRC", average_precision, probabilities, truth, classes, one),
        _log_loss(probabilities, truth),
        _brier(probabilities, truth),
        calibration_error(confidence, right),
    ]
    return LabelScores(
        tuple(score(statistics, len(truth), resampling)),
        tuple(classes),
        confusion_matrix(chosen, truth, len(classes)),
        tuple(reliability(confidence, right)),
    )


def check_probabilities(probabilities: Floats, truth: Ints, classes: int) -> None:
    """Refuse probabilities that are none, and truth that names no class, as a `LexomeError`."""
    if probabilities.shape != (len(truth), classes):
        raise LexomeError(
            f"probabilities have the shape {list(probabilities.shape)}",
            fix=f"give one row for each of {len(truth)} examples, {classes} classes each",
        )
    off = ~(np.abs(probabilities.sum(axis=1) - 1) < _TOLERANCE) | (probabilities < 0).any(axis=1)
    if off.any():
        where = int(off.argmax())
        what = f"{probabilities[where].tolist()} are no probabilities"
        raise LexomeError(what, where=f"example {where}", fix="they are >= 0 and sum to 1")
    outside = (truth < 0) | (truth >= classes)
    if outside.any():
        where = int(outside.argmax())
        what = f"there is no class {int(truth[where])}"
        raise LexomeError(what, where=f"example {where}", fix=f"classes are 0 to {classes - 1}")


def _positive_class(classes: Sequence[str], positive: str | None) -> int:
    if positive is None:
        return len(classes) - 1
    if positive not in classes:
        what = f"there is no class {positive!r}"
        raise UsageError(what, where="the positive class", fix=nearest(positive, classes))
    return list(classes).index(positive)


def _area(
    name: str, area: Area, probabilities: Floats, truth: Ints, classes: Sequence[str], one: int
) -> Statistic:
    undefined = "one class alone is true"
    if len(classes) == 2:
        of = area(probabilities[:, one], truth == one)
        return Statistic(name, of, f"positive: {classes[one]}", undefined)
    present = np.unique(truth)
    areas = [area(probabilities[:, number], truth == number) for number in present]

    def macro(weights: Floats) -> Floats:
        values = np.stack([each(weights) for each in areas])
        known = ~np.isnan(values)
        return np.asarray(np.where(known, values, 0).sum(axis=0) / known.sum(axis=0))

    note = f"each class against the rest, mean over {len(present)} of {len(classes)} that occur"
    return Statistic(name, macro, note, undefined)


def _log_loss(probabilities: Floats, truth: Ints) -> Statistic:
    of_truth = np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0]
    note = f"nats; probabilities below {_LEAST:.1e} count as that"
    return Statistic("log loss", mean(-np.log(np.maximum(of_truth, _LEAST))), note)


def _brier(probabilities: Floats, truth: Ints) -> Statistic:
    """Return the mean squared error of the probabilities (Brier 1950)."""
    errors = (probabilities**2).sum(axis=1)
    errors += 1 - 2 * np.take_along_axis(probabilities, truth[:, None], axis=1)[:, 0]
    if probabilities.shape[1] == 2:
        return Statistic("Brier score", mean(errors / 2), "of one of the two classes, 0 to 1")
    return Statistic("Brier score", mean(errors), "summed over the classes, 0 to 2")

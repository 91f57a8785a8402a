"""Metrics of chosen classes, from how often each was right, was true and was chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from lexome.evaluation.metrics.bootstrap import Floats, Ints, Statistic, totals

Rows = Ints | Sequence[Ints]
"""Some numbers for each example: [N, K], or N rows of unlike lengths."""


@dataclass(frozen=True)
class ClassCounts:
    """How often each class was rightly chosen, was true and was chosen, by example; each [N, C]."""

    right: Floats
    true: Floats
    chosen: Floats

    def sums(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the three, summed over examples with weights [N, R]; each [R, C]."""
        return (
            totals(weights, self.right),
            totals(weights, self.true),
            totals(weights, self.chosen),
        )


def class_counts(chosen: Rows, truth: Rows, classes: int) -> ClassCounts:
    """Return the counts of examples that each hold some numbers of classes, as long as truth's."""
    rows = np.repeat(np.arange(len(truth)), [len(each) for each in truth])
    guessed = np.concatenate([np.zeros(0, np.int64), *chosen])
    true = np.concatenate([np.zeros(0, np.int64), *truth])

    def counted(numbers: Ints, kept: Ints) -> Floats:
        places = rows[kept] * classes + numbers[kept]
        return (
            np.bincount(places, minlength=len(truth) * classes).reshape(-1, classes).astype(float)
        )

    everywhere = np.arange(len(true))
    return ClassCounts(
        counted(true, np.flatnonzero(guessed == true)),
        counted(true, everywhere),
        counted(guessed, everywhere),
    )


def confusion_matrix(chosen: Ints, truth: Ints, classes: int) -> Ints:
    """Return how often the class of the row was true and that of the column chosen; [C, C]."""
    counts = np.bincount(truth * classes + chosen, minlength=classes * classes)
    return counts.reshape(classes, classes).astype(np.int64)


def class_statistics(counts: ClassCounts, accuracy: str = "accuracy") -> list[Statistic]:
    """Return accuracy, balanced accuracy, MCC and macro F1."""

    def of(metric: Callable[[Floats, Floats, Floats], Floats]) -> Callable[[Floats], Floats]:
        return lambda weights: metric(*counts.sums(weights))

    return [
        Statistic(accuracy, of(_accuracy)),
        Statistic("balanced accuracy", of(_balanced), "mean recall of the classes that occur"),
        Statistic("MCC", of(_mcc), "0 where one class is always chosen", "one class alone is true"),
        Statistic("macro F1", of(macro_f1), "mean over the classes that are true or chosen"),
    ]


def macro_f1(right: Floats, true: Floats, chosen: Floats) -> Floats:
    """Return the mean F1 of the classes that occur or were chosen; counts [R, C] to [R]."""
    return _mean_of_known(2 * right / (true + chosen))


def _accuracy(right: Floats, true: Floats, chosen: Floats) -> Floats:
    return np.asarray(right.sum(axis=1) / true.sum(axis=1))


def _balanced(right: Floats, true: Floats, chosen: Floats) -> Floats:
    return _mean_of_known(right / true)


def _mcc(right: Floats, true: Floats, chosen: Floats) -> Floats:
    """Return Matthews' coefficient, for several classes that of Gorodkin 2004 (R_K)."""
    count = true.sum(axis=1)
    together = right.sum(axis=1) * count - (true * chosen).sum(axis=1)
    of_truth = count**2 - (true**2).sum(axis=1)
    of_choice = count**2 - (chosen**2).sum(axis=1)
    found = np.where(of_choice > 0, together / np.sqrt(of_truth * of_choice), 0.0)
    return np.where(of_truth > 0, found, np.nan)


def _mean_of_known(values: Floats) -> Floats:
    """Return the mean of each row [R, C] without what is 0 / 0, NaN if that is all of it."""
    known = ~np.isnan(values)
    return np.asarray(np.where(known, values, 0).sum(axis=1) / known.sum(axis=1))

"""Baselines of one class for each source: probabilities of the classes.

Each gives way to what it has not seen: as if one more example of every class had been met, any
class has a probability of at least 1 / (N + C) (Laplace's rule of succession).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lexome.evaluation.baselines.features import Features
from lexome.evaluation.baselines.tuning import logistic_regression, ridge
from lexome.evaluation.metrics.bootstrap import Floats, Ints
from lexome.evaluation.metrics.extra import part

_TREES = 300


class MajorityClass:
    """Every class is as likely as it is in training."""

    name = "majority class"
    note = ""

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Ints, test_sources: Sequence[Any]
    ) -> Floats:
        """Return the same probabilities for each source; [N, C]."""
        truth = np.asarray(train_targets, np.int64)
        shares = np.bincount(truth, minlength=self._classes) / max(len(truth), 1)
        rows = np.tile(shares, (len(test_sources), 1))
        return succeeded(rows, np.arange(self._classes), len(truth), self._classes)


class Logistic:
    """Logistic regression over features."""

    note = ""

    def __init__(self, features: Features, classes: int) -> None:
        self.name = f"{features.name} + logistic regression"
        self._features, self._classes = features, classes

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Ints, test_sources: Sequence[Any]
    ) -> Floats:
        """Return probabilities [N, C]; where training has one class alone, those of majority."""
        truth = np.asarray(train_targets, np.int64)
        if len(np.unique(truth)) < 2:
            return MajorityClass(self._classes).fit_predict(train_sources, truth, test_sources)
        known, asked = self._features.rows(train_sources, test_sources)
        model = logistic_regression(known, truth)
        return succeeded(model.predict_proba(asked), model.classes_, len(truth), self._classes)


class Forest:
    """A random forest (Breiman 2001) of 300 trees over features."""

    note = ""

    def __init__(self, features: Features, classes: int) -> None:
        self.name = f"{features.name} + random forest"
        self._features, self._classes = features, classes

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Ints, test_sources: Sequence[Any]
    ) -> Floats:
        """Return the mean of the trees' shares; [N, C]."""
        truth = np.asarray(train_targets, np.int64)
        known, asked = self._features.rows(train_sources, test_sources)
        ensemble = part("sklearn.ensemble")
        model = ensemble.RandomForestClassifier(_TREES, random_state=0).fit(known, truth)
        return succeeded(model.predict_proba(asked), model.classes_, len(truth), self._classes)


class RidgeClasses:
    """Ridge regression of each class's presence over features.

    Its scores, which sum to 1, count as probabilities, those below 0 as 0: the likeliest class is
    that of a ridge classifier.
    """

    note = ""

    def __init__(self, features: Features, classes: int) -> None:
        self.name = f"{features.name} + ridge"
        self._features, self._classes = features, classes

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Ints, test_sources: Sequence[Any]
    ) -> Floats:
        """Return probabilities [N, C]."""
        truth = np.asarray(train_targets, np.int64)
        known, asked = self._features.rows(train_sources, test_sources)
        everywhere = np.arange(self._classes)
        model = ridge(known, (truth[:, None] == everywhere).astype(float))
        scores = np.maximum(model.predict(asked), 0).reshape(len(test_sources), -1)
        shares = scores / scores.sum(axis=1, keepdims=True)
        return succeeded(shares, everywhere, len(truth), self._classes)


def succeeded(probabilities: Floats, present: Ints, examples: int, classes: int) -> Floats:
    """Return probabilities over all classes [N, C] from those of the classes `present` [N, K]."""
    found = np.full((len(probabilities), classes), 1 / (examples + classes))
    found[:, present] += probabilities * examples / (examples + classes)
    return found

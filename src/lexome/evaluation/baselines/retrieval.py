"""Baselines that say again what a training example said: for targets of any kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from lexome.evaluation.baselines.classes import RidgeClasses
from lexome.evaluation.baselines.features import Features
from lexome.evaluation.metrics.extra import part

# Sources that are compared with all of training at once.
_BATCH = 256
# Transcripts that are said so often, on the mean, are a closed set: classes.
_OFTEN = 5


class MajorityTarget:
    """The target that is most frequent in training, the first of equals."""

    name = "majority target"
    note = ""

    def fit_predict(
        self,
        train_sources: Sequence[Any],
        train_targets: Sequence[str],
        test_sources: Sequence[Any],
    ) -> list[str]:
        """Return the same target for each source."""
        return [Counter(train_targets).most_common(1)[0][0]] * len(test_sources)


class NearestTarget:
    """The target of the training source whose features point most nearly the same way."""

    note = ""

    def __init__(self, features: Features) -> None:
        self.name = f"target of the nearest source by {features.name}"
        self._features = features

    def fit_predict(
        self,
        train_sources: Sequence[Any],
        train_targets: Sequence[Any],
        test_sources: Sequence[Any],
    ) -> list[Any]:
        """Return training targets; of equally near sources, that of the first."""
        known, asked = map(
            part("sklearn.preprocessing").normalize,
            self._features.rows(train_sources, test_sources),
        )
        found: list[Any] = []
        for first in range(0, len(test_sources), _BATCH):
            likeness = asked[first : first + _BATCH] @ known.T
            dense = likeness if isinstance(likeness, np.ndarray) else likeness.toarray()
            found += [train_targets[number] for number in dense.argmax(axis=1)]
        return found


class ClosedSet:
    """Ridge regression over features, among the targets that training has."""

    note = ""

    def __init__(self, features: Features) -> None:
        self.name = f"{features.name} + ridge among the targets of training"
        self._features = features

    def fit_predict(
        self,
        train_sources: Sequence[Any],
        train_targets: Sequence[str],
        test_sources: Sequence[Any],
    ) -> list[str]:
        """Return the likeliest of training's targets for each source."""
        names = sorted(set(train_targets))
        numbers = {name: number for number, name in enumerate(names)}
        truth = np.array([numbers[target] for target in train_targets])
        classifier = RidgeClasses(self._features, len(names))
        shares = classifier.fit_predict(train_sources, truth, test_sources)
        return [names[number] for number in shares.argmax(axis=1)]


def is_closed_set(targets: Sequence[Any]) -> bool:
    """Return whether targets repeat so often, five times on the mean, that they are classes."""
    return len(targets) > 0 and _OFTEN * len(set(targets)) <= len(targets)

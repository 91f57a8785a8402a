"""Baselines of a number for each source."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lexome.evaluation.baselines.features import Features
from lexome.evaluation.baselines.tuning import ridge
from lexome.evaluation.metrics.bootstrap import Floats


class MeanNumber:
    """The mean of training."""

    name = "mean"
    note = ""

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Floats, test_sources: Sequence[Any]
    ) -> Floats:
        """Return the same number for each source; [N]."""
        return np.full(len(test_sources), np.mean(train_targets))


class RidgeNumber:
    """Ridge regression over features."""

    note = ""

    def __init__(self, features: Features) -> None:
        self.name = f"{features.name} + ridge"
        self._features = features

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Floats, test_sources: Sequence[Any]
    ) -> Floats:
        """Return a number for each source; [N]."""
        known, asked = self._features.rows(train_sources, test_sources)
        model = ridge(known, np.asarray(train_targets, np.float64))
        return np.asarray(model.predict(asked), np.float64)

"""Baselines of several labels for each source: each label is a question of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from lexome.evaluation.baselines.contents import TaskBaseline
from lexome.evaluation.metrics.bootstrap import Bools, Floats


class LabelByLabel:
    """A baseline of two classes, asked of one label after another."""

    def __init__(self, baseline: TaskBaseline) -> None:
        """Take a baseline of the classes 0, the label is not there, and 1, it is."""
        self._baseline = baseline
        self.name, self.note = baseline.name, baseline.note

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Bools, test_sources: Sequence[Any]
    ) -> Floats:
        """Return the probability that each label is there; [N, L]."""
        there = np.asarray(train_targets, np.int64)
        columns = [
            self._baseline.fit_predict(train_sources, column, test_sources)[:, 1]
            for column in there.T
        ]
        return np.stack(columns, axis=1)

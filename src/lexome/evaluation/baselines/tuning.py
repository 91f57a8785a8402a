"""How strongly a linear model is held back, chosen on the training examples."""

from __future__ import annotations

from typing import Any

import numpy as np

from lexome.evaluation.metrics.bootstrap import Floats, Ints
from lexome.evaluation.metrics.extra import part

_STRENGTHS = (0.01, 0.1, 1.0, 10.0)
_ALPHAS = (0.01, 0.1, 1.0, 10.0, 100.0, 1e3, 1e4, 1e5)
_FOLDS = 3
_ROUNDS = 500


def logistic_regression(rows: Any, truth: Ints) -> Any:
    """Return logistic regression fitted on rows [N, F] and numbers of two classes or more [N].

    C is the one of .01, .1, 1 and 10 with the least log loss over three folds; 1 where a class
    has fewer than three examples.
    """
    model = part("sklearn.linear_model").LogisticRegression(max_iter=_ROUNDS)
    if np.unique(truth, return_counts=True)[1].min() < _FOLDS:
        return model.fit(rows, truth)
    selection = part("sklearn.model_selection")
    folds = selection.StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    grid = {"C": list(_STRENGTHS)}
    return selection.GridSearchCV(model, grid, scoring="neg_log_loss", cv=folds).fit(rows, truth)


def ridge(rows: Any, targets: Floats) -> Any:
    """Return ridge regression fitted on rows [N, F] and numbers [N] or [N, K].

    alpha is the power of ten from .01 to 100,000 with the least squared error over three folds;
    1 where there are fewer than three examples.
    """
    model = part("sklearn.linear_model").Ridge()
    if len(targets) < _FOLDS:
        return model.fit(rows, targets)
    selection = part("sklearn.model_selection")
    folds = selection.KFold(_FOLDS, shuffle=True, random_state=0)
    grid = {"alpha": list(_ALPHAS)}
    search = selection.GridSearchCV(model, grid, scoring="neg_mean_squared_error", cv=folds)
    return search.fit(rows, targets)

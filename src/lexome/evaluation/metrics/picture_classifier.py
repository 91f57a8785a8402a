"""A small classifier of pictures, trained here, to judge generated ones; it says how good it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Figure,
    Floats,
    Ints,
    Resampling,
    Statistic,
    mean,
    score,
)
from lexome.evaluation.metrics.extra import part
from lexome.evaluation.metrics.picture_features import picture_features
from lexome.languages.image.reading import Pixels

_TREES = 300
_FOLDS = 5


@dataclass(frozen=True)
class PictureClassifier:
    """Extremely randomised trees (Geurts et al. 2006) over `picture_features`.

    `accuracy` is that of pictures which the trees that judged them had not seen: each was judged
    by trees grown on the other four fifths. The trees that judge further pictures know all.
    """

    categories: tuple[str, ...]
    accuracy: Figure
    _trees: Any

    def probabilities(self, pictures: Sequence[Pixels]) -> Floats:
        """Return the probability of each category, [N, C]."""
        found = np.zeros((len(pictures), len(self.categories)))
        found[:, self._trees.classes_] = self._trees.predict_proba(picture_features(pictures))
        return found

    def predict(self, pictures: Sequence[Pixels]) -> Ints:
        """Return the number of the likeliest category of each picture, [N]."""
        return np.asarray(self.probabilities(pictures).argmax(axis=1), np.int64)


def train_picture_classifier(
    pictures: Sequence[Pixels],
    categories: Sequence[str],
    *,
    groups: Sequence[str] | None = None,
    resampling: Resampling = EXAMPLES,
) -> PictureClassifier:
    """Return a classifier of real pictures [H, W, C] of one shape, one category for each.

    Pictures of one of the `groups` (drawings of one thing, say) are judged together, by trees
    that know none of them. Fewer than two groups or two categories are a `LexomeError`.
    """
    if len(pictures) != len(categories):
        what = f"{len(pictures)} pictures have {len(categories)} categories"
        raise LexomeError(what, fix="give one category for each picture")
    names, truth = np.unique(np.asarray(categories, str), return_inverse=True)
    numbers = replace(resampling, groups=groups).numbers(len(truth))
    if len(names) < 2 or len(np.unique(numbers)) < 2:
        what = f"{len(pictures)} pictures of {len(names)} categories teach no classifier"
        raise LexomeError(what, fix="give several pictures of at least two categories")
    features = picture_features(pictures)
    right = np.zeros(len(truth), bool)
    for judged in _folds(numbers, resampling.seed):
        trees = _grow(features[~judged], truth[~judged], resampling.seed)
        right[judged] = trees.predict(features[judged]) == truth[judged]
    statistic = Statistic("accuracy of the classifier", mean(right), "on pictures it had not seen")
    (accuracy,) = score([statistic], len(truth), replace(resampling, groups=groups))
    trees = _grow(features, truth, resampling.seed)
    return PictureClassifier(tuple(names.tolist()), accuracy, trees)


def _folds(groups: Ints, seed: int) -> list[np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return which pictures are judged in each fold; groups are dealt out in a drawn order."""
    order = np.random.default_rng(seed).permutation(int(groups.max()) + 1)
    folds = min(_FOLDS, len(order))
    return [order[groups] % folds == fold for fold in range(folds)]


def _grow(features: Floats, truth: Ints, seed: int) -> Any:
    ensemble = part("sklearn.ensemble")
    return ensemble.ExtraTreesClassifier(_TREES, random_state=seed).fit(features, truth)

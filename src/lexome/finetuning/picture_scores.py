"""What made pictures are worth: new or copied, and of the category that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.manifest import TRAIN
from lexome.evaluation.metrics.bootstrap import Figure, Resampling
from lexome.evaluation.metrics.picture_classifier import train_picture_classifier
from lexome.evaluation.metrics.pictures import adherence, memorisation
from lexome.finetuning.answering import Question, contents, questions
from lexome.finetuning.paired import Pairs

Pixels = npt.NDArray[np.uint8]

CATEGORY = "category"
"""The metadata that say which kind of picture is asked for."""


def picture_scores(
    pairs: Pairs, asked: Sequence[Question], made: Sequence[Pixels], resampling: Resampling
) -> tuple[list[Figure], dict[str, Any]]:
    """Return the figures of made pictures, and tables beside them.

    How near the made ones are to training pictures, beside how near held-out real ones are; and,
    where examples say their category, how often a classifier of the held-out real pictures, which
    the model has not seen, takes a made one to be of the category asked for.
    """
    real = contents(pairs, [one.reference for one in asked])
    trained = questions(pairs, TRAIN)
    known = contents(pairs, [one.reference for one in trained])
    near = memorisation(made, real, known, resampling=resampling)
    categories = [one.metadata.get(CATEGORY, "") for one in asked]
    if not all(categories) or len(set(categories)) < 2:
        return list(near.figures), {}
    classifier = train_picture_classifier(real, categories, resampling=resampling)
    numbers = {name: number for number, name in enumerate(classifier.categories)}
    truth = np.array([numbers[name] for name in categories])
    judged = classifier.predict(made)
    figures = adherence(judged, truth, classifier.categories, resampling=resampling)
    details = {
        "classes": list(classifier.categories),
        "judged": [classifier.categories[number] for number in judged.tolist()],
        "classifier": asdict(classifier.accuracy),
    }
    return [*figures, *near.figures], details

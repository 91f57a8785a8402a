"""How near pictures are to the nearest one of a corpus's training split, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN
from lexome.evaluation.metrics.bootstrap import Floats, Ints
from lexome.evaluation.metrics.pictures import nearest_training
from lexome.languages.image.reading import Pixels

# Training pictures that are in memory at once.
_BATCH = 2048


def is_picture(content: Any) -> bool:
    """Return whether a content is a picture, uint8 [H, W, C]."""
    return isinstance(content, np.ndarray) and content.dtype == np.uint8 and content.ndim == 3


@dataclass(frozen=True)
class NearPictures:
    """The nearest training document of each picture, by its number, and how near it is; [N].

    Nearness is 255 over the root of the mean squared error. An exact copy counts as
    `languages.image.fidelity.EXACT` dB, a nearness of 10^5.
    """

    document: Ints
    nearness: Floats


def nearest(corpus: Corpus, pictures: Sequence[Pixels]) -> NearPictures:
    """Find the training picture of least squared error for each picture, the first of equals.

    Training pictures are those that the tokens of the corpus stand for, with the forms that
    augmentation made of them. Raises `LexomeError` for pictures of another size.
    """
    contents = (document.content for document in corpus.documents(TRAIN, augmented=True))
    best, found = np.zeros(len(pictures)), np.zeros(len(pictures), np.int64)
    first = 0
    while len(pictures) and (batch := list(islice(contents, _BATCH))):
        near = nearest_training(pictures, batch)
        values = 10 ** (near.psnr / 20)
        found = np.where(values > best, first + near.picture, found)
        best = np.maximum(best, values)
        first += len(batch)
    return NearPictures(found, best)

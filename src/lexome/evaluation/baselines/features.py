"""What linear baselines and trees see of a source, fitted on training sources alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import Floats
from lexome.evaluation.metrics.extra import part
from lexome.evaluation.metrics.picture_features import picture_features
from lexome.languages.image.reading import Pixels
from lexome.languages.sound.levels import from_pcm
from lexome.languages.sound.spectra import log_mel

# The most frequent n-grams of training; rarer ones teach little and cost much.
_MOST_NGRAMS = 100_000
_MOST_KMERS = 20_000
_BANDS = 40
_PARTS = 4


class Features(Protocol):
    """A way to turn sources into rows of numbers, dense or scipy's sparse ones."""

    name: str

    def rows(self, train: Sequence[Any], test: Sequence[Any]) -> tuple[Any, Any]:
        """Return the rows of training and of test sources; [N, F] each."""
        ...


class TfIdf:
    """Character n-grams of 1 to 5, in lower case, weighed by how few sources have them."""

    name = "TF-IDF of 1- to 5-grams of characters"

    def rows(self, train: Sequence[str], test: Sequence[str]) -> tuple[Any, Any]:
        """Return rows of length 1, over the 100,000 n-grams that are most frequent in training."""
        vectorizer = part("sklearn.feature_extraction.text").TfidfVectorizer(
            analyzer="char", ngram_range=(1, 5), max_features=_MOST_NGRAMS, sublinear_tf=True
        )
        return vectorizer.fit_transform(train), vectorizer.transform(test)


class Kmers:
    """How often each string of 1 to 5 symbols occurs, scaled to variance 1 over training."""

    name = "counts of 1- to 5-mers"

    def rows(self, train: Sequence[str], test: Sequence[str]) -> tuple[Any, Any]:
        """Return rows over the 20,000 k-mers that are most frequent in training."""
        vectorizer = part("sklearn.feature_extraction.text").CountVectorizer(
            analyzer="char", ngram_range=(1, 5), max_features=_MOST_KMERS, lowercase=False
        )
        # Without centring, which would make sparse rows dense.
        scaler = part("sklearn.preprocessing").StandardScaler(with_mean=False)
        known = scaler.fit_transform(vectorizer.fit_transform(train).astype(np.float64))
        return known, scaler.transform(vectorizer.transform(test).astype(np.float64))


class OneHot:
    """Which symbol stands at each place, for strings of one length."""

    name = "one-hot symbols"

    def rows(self, train: Sequence[str], test: Sequence[str]) -> tuple[Floats, Floats]:
        """Return rows of the places times symbols that vary in training.

        A string of another length is a `LexomeError`.
        """
        length = len(train[0])
        for side, sources in (("training", train), ("test", test)):
            for number, source in enumerate(sources):
                if len(source) != length:
                    what = f"a source has {len(source)} symbols where others have {length}"
                    where, fix = f"{side} source {number}", "align them, or count k-mers"
                    raise LexomeError(what, where=where, fix=fix)
        alphabet = np.unique(_letters(train, length))
        known, asked = (
            (_letters(side, length)[:, :, None] == alphabet).reshape(len(side), -1).astype(float)
            for side in (train, test)
        )
        varying = known.std(axis=0) > 0
        # Where nothing varies a model still has to be fitted.
        kept = varying if varying.any() else ~varying
        return known[:, kept], asked[:, kept]


class LogMel:
    """Mean log-mel levels of each quarter of a recording, in dB below its loudest band.

    Samples are int16, or floats of which full scale is 1, at `rate` samples per second.
    """

    name = "log-mel levels"

    def __init__(self, rate: int) -> None:
        self._rate = rate

    def rows(self, train: Sequence[Any], test: Sequence[Any]) -> tuple[Floats, Floats]:
        """Return rows of 4 times as many numbers as there are bands, standardised on training."""
        return _standardised(*(np.stack([self.row(x) for x in side]) for side in (train, test)))

    def row(self, samples: Any) -> Floats:
        """Return the levels of one recording, quarter by quarter, before they are standardised."""
        whole = from_pcm(samples) if samples.dtype == np.int16 else samples.astype(np.float32)
        # One frame of silence stands for a recording without samples.
        levels = log_mel(whole if len(whole) else np.zeros(1, np.float32), self._rate, _BANDS)
        edges = np.linspace(0, len(levels), _PARTS + 1).astype(int)
        means = [levels[a : max(b, a + 1)].mean(axis=0) for a, b in pairwise(edges)]
        row = np.concatenate(means)
        return np.asarray(row - row.max())


class Pictures:
    """Colours and edges of pictures: `picture_features`, standardised on training."""

    name = "colours and edges"

    def rows(self, train: Sequence[Pixels], test: Sequence[Pixels]) -> tuple[Floats, Floats]:
        """Return rows of one number for each feature."""
        return _standardised(*(picture_features(side) for side in (train, test)))


def _letters(strings: Sequence[str], length: int) -> Any:
    return np.array(list(strings), f"U{max(length, 1)}").view("U1").reshape(len(strings), -1)


def _standardised(train: Floats, test: Floats) -> tuple[Floats, Floats]:
    mean, spread = train.mean(axis=0), train.std(axis=0)
    spread[spread < 1e-9] = 1
    return (train - mean) / spread, (test - mean) / spread

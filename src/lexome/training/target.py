"""Predict what is said to a source; the source itself is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from lexome.corpus import Batch
from lexome.languages.base import SpecialTokens
from lexome.languages.features import FrameToken
from lexome.training.example import Array, Example, segments, tensors
from lexome.training.spec_augment import SpecAugment


@dataclass(frozen=True)
class Target:
    """Predict what is said to a source; the source itself is given.

    Behind a marker of `predicted` stands what is learned, its end token included; behind a marker
    of `opening` what is given. A causal model predicts a target from left to right. One that is
    `bidirectional` sees the mask token in the place of each target token and predicts all at once.
    In a share `source_dropout` of the examples, drawn anew in each row, the source is hidden
    behind mask tokens, so the model learns what is said to no source too; and everywhere a share
    `word_dropout` of the tokens, frames excepted, that are given or were said before. Features of
    frames are changed by `spec_augment`, if there is one. The loss of a class's token counts as
    much as `class_weights` say, 1 by default. Rows hold whole examples, and none sees another.
    """

    special: SpecialTokens
    opening: tuple[int, ...]
    predicted: tuple[int, ...]
    seed: int
    bidirectional: bool = False
    source_dropout: float = 0.0
    word_dropout: float = 0.0
    frame: FrameToken | None = None
    spec_augment: SpecAugment | None = None
    class_weights: Mapping[int, float] = field(default_factory=dict)
    name: Literal["target"] = "target"

    def __call__(self, batch: Batch, numbers: Array) -> Example:
        tokens = batch.tokens
        said = self._said(tokens)
        shown = self._hidden(tokens, said, numbers) if self.source_dropout else tokens
        if self.word_dropout:
            shown = self._forgotten(shown, numbers)
        features = self._heard(batch, shown, numbers)
        weights = self._counted(tokens, batch.weights * said)
        if self.bidirectional:
            ends = tokens == self.special.end
            inputs = np.where(said & ~ends, self.special.mask, shown)[:, :-1]
            weights = weights * ~ends
            return _respecting(inputs, tokens[:, :-1], weights[:, :-1], self, features)
        return _respecting(shown[:, :-1], tokens[:, 1:], weights[:, 1:], self, features)

    def _said(self, tokens: Array) -> Array:
        """Return which tokens [B, T] are predicted: those since the last marker, if it opens such.

        What stands behind an end, up to the next marker, is nobody's.
        """
        marks = np.isin(tokens, (*self.opening, *self.predicted, self.special.begin))
        # What stands behind a begin without a marker is running text, and all of it is learned.
        answers = np.isin(tokens, (*self.predicted, self.special.begin))
        place = np.maximum.accumulate(np.where(marks, np.arange(tokens.shape[1]), 0), axis=1)
        inside = np.take_along_axis(answers, place, axis=1)
        return np.asarray(inside & ~marks & (tokens != self.special.pad))

    def _counted(self, tokens: Array, weights: Array) -> Array:
        """Return the weights with those of each class times what the class counts."""
        for token, weight in self.class_weights.items():
            weights = np.where(tokens == token, weights * weight, weights)
        return weights

    def _hidden(self, tokens: Array, said: Array, numbers: Array) -> Array:
        """Return tokens with the sources of some examples behind the mask token."""
        number_of = segments(tokens, self.special.begin)
        draws = self._draws(numbers, tokens.shape[1] + 1, 0)
        dropped = np.take_along_axis(draws, number_of, axis=1) < self.source_dropout
        return np.where(dropped & ~said & ~self._structure(tokens), self.special.mask, tokens)

    def _forgotten(self, tokens: Array, numbers: Array) -> Array:
        """Return tokens with some of them, each by itself, behind the mask token."""
        forgotten = self._draws(numbers, tokens.shape[1], 2) < self.word_dropout
        kept = self._structure(tokens)
        if self.frame is not None:
            kept |= tokens == self.frame.token
        return np.where(forgotten & ~kept, self.special.mask, tokens)

    def _structure(self, tokens: Array) -> Array:
        """Return which tokens say where examples and their parts begin and end."""
        return np.isin(tokens, (*self.special.ids, *self.opening, *self.predicted))

    def _heard(self, batch: Batch, shown: Array, numbers: Array) -> Array | None:
        """Return the features [B, T - 1, F] of what is shown, masked where that is asked."""
        features = batch.features
        if features is None:
            return None
        if self.spec_augment is not None:
            frames = batch.tokens == self.spec_augment.frame.token
            owners = segments(batch.tokens, self.special.begin)
            draws = [self._random(int(number), 1) for number in numbers]
            features = self.spec_augment(features, frames, owners, draws)
        return np.where((shown == batch.tokens)[..., None], features, 0)[:, :-1]

    def _draws(self, numbers: Array, count: int, purpose: int) -> Array:
        """Return uniform numbers [B, count], those of each row its own."""
        return np.stack([self._random(int(one), purpose).random(count) for one in numbers])

    def _random(self, number: int, purpose: int) -> np.random.Generator:
        """Return the random numbers of one row of the run, others for each purpose."""
        return np.random.Generator(
            np.random.Philox(key=[self.seed, number], counter=[0, 0, 0, purpose])
        )


def _respecting(
    inputs: Array, labels: Array, weights: Array, objective: Target, features: Array | None
) -> Example:
    """Return an example in which documents, and the free end of a row, do not see each other."""
    numbered = segments(inputs, objective.special.begin)
    numbered = np.where(inputs == objective.special.pad, 0, numbered)
    return tensors(inputs, labels, weights, numbered, features).placed()

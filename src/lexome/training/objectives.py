"""What is predicted: the next token, tokens that were hidden, or a target given its source.

An objective turns rows of a batch into an `Example`. Whatever is random in it is a function of the
seed and of each row's number in the run, so the same row gives the same example whoever computes
it: another worker, a micro-batch, a resumed run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lexome.corpus import Batch
from lexome.errors import UsageError
from lexome.languages.base import SpecialTokens, Tokenizer
from lexome.languages.features import FrameToken, frame_token
from lexome.languages.prompts import AnswersPrompts
from lexome.model import TransformerConfig
from lexome.recipe import ObjectiveRecipe
from lexome.training.preference import Choices, Preference
from lexome.training.spec_augment import SpecAugment

Array = npt.NDArray[Any]

_HIDDEN, _RANDOM = 0.8, 0.9

_MOST_PLACED = 0.75

# What changes examples in training, and nothing in validation: frames, and what is shown at all.
FRAME_CHANGES = ("time_masks", "band_masks", "band_warp")
CHANGES = ("source_dropout", "word_dropout", *FRAME_CHANGES)


class Example(NamedTuple):
    """What the model sees and what it must say, [B, T] each.

    `weights` is 0 where nothing is predicted; `segments` numbers the documents of each row where
    attention may not cross their borders, else it is `None`; `features` [B, T, F] are what a front
    end reads beside the inputs, `None` where there is none. `places` [N] are the positions, counted
    over all rows, at which the loss is computed; `None` where that is everywhere.
    """

    inputs: Tensor
    labels: Tensor
    weights: Tensor
    segments: Tensor | None
    features: Tensor | None = None
    places: Tensor | None = None

    def rows(self, rows: slice) -> Example:
        """Return some rows of the example, its loss everywhere."""
        return self._replace(places=None)._each(lambda tensor: tensor[rows])

    def placed(self) -> Example:
        """Return the example with its loss computed only where something is predicted.

        Where that is nearly everywhere, it stays as it is: choosing has its price too.
        """
        predicted = torch.count_nonzero(self.weights)
        if predicted > _MOST_PLACED * self.weights.numel():
            return self
        # Two at least: a compiled graph takes one place as another case than any other number.
        order = torch.argsort(self.weights.flatten() == 0, stable=True)
        return self._replace(places=order[: max(int(predicted), 2)])

    def to(self, device: torch.device) -> Example:
        """Return the example on a device."""
        found = self._each(lambda tensor: tensor.to(device, non_blocking=True))
        if found.places is not None:
            # Their number is another one in each batch, and not worth a graph of its own.
            torch._dynamo.mark_dynamic(found.places, 0)
        return found

    def _each(self, change: Callable[[Tensor], Tensor]) -> Example:
        return Example(
            change(self.inputs),
            change(self.labels),
            change(self.weights),
            None if self.segments is None else change(self.segments),
            None if self.features is None else change(self.features),
            None if self.places is None else change(self.places),
        )


class Objective(Protocol):
    """Makes an `Example` of a batch."""

    @property
    def name(self) -> Literal["next-token", "masked-token", "target", "preference"]: ...

    def __call__(self, batch: Batch, numbers: Array) -> Example | Choices:
        """Return the example of a batch whose rows have these `numbers` [B] in the run."""
        ...


@dataclass(frozen=True)
class NextToken:
    """Predict each token from those before it.

    Begin tokens are not predicted: nothing in a document says what the next document is.
    """

    special: SpecialTokens
    respect_documents: bool = False
    name: Literal["next-token"] = "next-token"

    def __call__(self, batch: Batch, numbers: Array) -> Example:
        inputs, labels = batch.tokens[:, :-1], batch.tokens[:, 1:]
        predicted = (labels != self.special.begin) & (labels != self.special.pad)
        return _example(inputs, labels, batch.weights[:, 1:] * predicted, self)


@dataclass(frozen=True)
class MaskedToken:
    """Predict a share of the tokens from all the others (Devlin et al. 2019, section 3.1).

    Of the chosen tokens 80 % are replaced by the mask token, 10 % by a random one, and 10 % stay.
    Special tokens are neither chosen nor put in.
    """

    special: SpecialTokens
    vocab_size: int
    seed: int
    mask_rate: float = 0.15
    respect_documents: bool = False
    name: Literal["masked-token"] = "masked-token"

    def __call__(self, batch: Batch, numbers: Array) -> Example:
        labels = batch.tokens[:, :-1]
        content = ~np.isin(labels, self.special.ids)
        draws = np.stack([self._draws(int(number), labels.shape[1]) for number in numbers])
        chosen = (draws[:, 0] < self.mask_rate) & content
        replacements = _content_ids(self.special, self.vocab_size)
        random_tokens = replacements[(draws[:, 2] * len(replacements)).astype(np.int64)]
        inputs = np.where(chosen & (draws[:, 1] < _HIDDEN), self.special.mask, labels)
        swapped = chosen & (draws[:, 1] >= _HIDDEN) & (draws[:, 1] < _RANDOM)
        inputs = np.where(swapped, random_tokens, inputs)
        return _example(inputs, labels, batch.weights[:, :-1] * chosen, self).placed()

    def _draws(self, number: int, length: int) -> Array:
        """Return uniform numbers [3, length] that belong to one row of the run."""
        return np.random.Generator(np.random.Philox(key=[self.seed, number])).random((3, length))


@dataclass(frozen=True)
class Target:
    """Predict what is said to a source; the source itself is given.

    Behind a marker of `predicted` stands what is learned, its end token included; behind a marker
    of `opening` what is given. A causal model predicts a target from left to right. One that is
    `bidirectional` sees the mask token in the place of each target token and predicts all at once.
    In a share `source_dropout` of the examples, drawn anew in each row, the source is hidden
    behind mask tokens, so the model learns what is said to no source too; and everywhere a share
    `word_dropout` of the tokens, frames excepted, that are given or were said before. Features of
    frames are changed by `spec_augment`, if there is one. Rows hold whole examples, and none sees
    another.
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
    name: Literal["target"] = "target"

    def __call__(self, batch: Batch, numbers: Array) -> Example:
        tokens = batch.tokens
        said = self._said(tokens)
        shown = self._hidden(tokens, said, numbers) if self.source_dropout else tokens
        if self.word_dropout:
            shown = self._forgotten(shown, numbers)
        features = self._heard(batch, shown, numbers)
        if self.bidirectional:
            ends = tokens == self.special.end
            inputs = np.where(said & ~ends, self.special.mask, shown)[:, :-1]
            weights = batch.weights * (said & ~ends)
            return _respecting(inputs, tokens[:, :-1], weights[:, :-1], self, features)
        weights = batch.weights * said
        return _respecting(shown[:, :-1], tokens[:, 1:], weights[:, 1:], self, features)

    def _said(self, tokens: Array) -> Array:
        """Return which tokens [B, T] are predicted: those since the last marker, if it opens such.

        What stands behind an end, up to the next marker, is nobody's.
        """
        marks = np.isin(tokens, (*self.opening, *self.predicted, self.special.begin))
        answers = np.isin(tokens, self.predicted)
        place = np.maximum.accumulate(np.where(marks, np.arange(tokens.shape[1]), 0), axis=1)
        inside = np.take_along_axis(answers, place, axis=1)
        return np.asarray(inside & ~marks & (tokens != self.special.pad))

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


def make(
    recipe: ObjectiveRecipe, config: TransformerConfig, tokenizer: Tokenizer, seed: int
) -> Objective:
    """Return the recipe's objective; one that does not suit the model is a `UsageError`."""
    special = tokenizer.special
    if recipe.name == "target":
        return _target(recipe, config, tokenizer, seed)
    if recipe.name == "preference":
        return _preference(config, tokenizer)
    if frame_token(tokenizer) is not None:
        raise UsageError(
            f"this corpus holds frames, which the objective {recipe.name!r} cannot predict",
            where="objective.name",
            fix="set the objective to 'target', as `lexome finetune` does",
        )
    wanted = "causal" if recipe.name == "next-token" else "bidirectional"
    if config.attention != wanted:
        other = "masked-token" if wanted == "causal" else "next-token"
        raise UsageError(
            f"the family {config.family!r} has {config.attention} attention, "
            f"and the objective {recipe.name!r} needs {wanted} attention",
            where="objective.name",
            fix=f"set the objective to {other!r}, or choose another family",
        )
    respect = recipe.document_boundaries == "respect"
    if recipe.name == "next-token":
        return NextToken(special, respect)
    return MaskedToken(special, config.vocab_size, seed, recipe.mask_rate, respect)


def _preference(config: TransformerConfig, tokenizer: Tokenizer) -> Preference:
    if not isinstance(tokenizer, AnswersPrompts) or config.attention != "causal":
        raise UsageError(
            "preferences are between answers, which this corpus or this model does not know",
            where="objective.name",
            fix="make them with `lexome finetune --task preference`, from an assistant",
        )
    return Preference(tokenizer.special, tuple(tokenizer.predicted.tolist()))


def _target(
    recipe: ObjectiveRecipe, config: TransformerConfig, tokenizer: Tokenizer, seed: int
) -> Target:
    if not isinstance(tokenizer, AnswersPrompts):
        raise UsageError(
            "this corpus holds no pairs of source and target",
            where="objective.name",
            fix="make one with `lexome finetune`, or choose next-token",
        )
    return Target(
        tokenizer.special,
        tuple(tokenizer.opening.tolist()),
        tuple(tokenizer.predicted.tolist()),
        seed,
        config.attention == "bidirectional",
        recipe.source_dropout,
        recipe.word_dropout,
        frame_token(tokenizer),
        _spec_augment(recipe, tokenizer),
    )


def _spec_augment(recipe: ObjectiveRecipe, tokenizer: Tokenizer) -> SpecAugment | None:
    asked = [name for name in FRAME_CHANGES if getattr(recipe, name)]
    if not asked:
        return None
    if (frame := frame_token(tokenizer)) is None:
        raise UsageError(
            "this corpus holds no frames that could be changed",
            where=f"objective.{asked[0]}",
            fix="set it to 0, or read sound as frames: --source-tokenizer mel",
        )
    return SpecAugment(
        frame,
        recipe.time_masks,
        recipe.time_width,
        recipe.band_masks,
        recipe.band_width,
        recipe.band_warp,
    )


def segments(inputs: Array, begin: int) -> Array:
    """Return for each position of each row the number of its document in the row, [B, T]."""
    return np.cumsum(inputs == begin, axis=1, dtype=np.int32)


def _example(
    inputs: Array, labels: Array, weights: Array, objective: NextToken | MaskedToken
) -> Example:
    numbered = segments(inputs, objective.special.begin) if objective.respect_documents else None
    return _tensors(inputs, labels, weights, numbered)


def _respecting(
    inputs: Array, labels: Array, weights: Array, objective: Target, features: Array | None
) -> Example:
    """Return an example in which documents, and the free end of a row, do not see each other."""
    numbered = segments(inputs, objective.special.begin)
    numbered = np.where(inputs == objective.special.pad, 0, numbered)
    return _tensors(inputs, labels, weights, numbered, features).placed()


def _tensors(
    inputs: Array,
    labels: Array,
    weights: Array,
    numbered: Array | None,
    features: Array | None = None,
) -> Example:
    return Example(
        torch.from_numpy(np.ascontiguousarray(inputs)),
        torch.from_numpy(np.ascontiguousarray(labels)),
        torch.from_numpy(np.ascontiguousarray(weights, dtype=np.float32)),
        None if numbered is None else torch.from_numpy(numbered),
        None if features is None else torch.from_numpy(np.ascontiguousarray(features)),
    )


def _content_ids(special: SpecialTokens, vocab_size: int) -> Array:
    return np.setdiff1d(np.arange(vocab_size), special.ids)

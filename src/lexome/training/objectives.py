"""What is predicted: the next token, tokens that were hidden, or a target given its source.

An objective turns rows of a batch into an `Example`. Whatever is random in it is a function of the
seed and of each row's number in the run, so the same row gives the same example whoever computes
it: another worker, a micro-batch, a resumed run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from lexome.corpus import Batch
from lexome.errors import UsageError, nearest
from lexome.languages.base import SpecialTokens, Tokenizer
from lexome.languages.features import frame_token
from lexome.languages.prompts import AnswersPrompts
from lexome.model import TransformerConfig
from lexome.recipe import ObjectiveRecipe
from lexome.training.example import Array, Example, segments, tensors
from lexome.training.preference import Choices, Preference
from lexome.training.spec_augment import SpecAugment
from lexome.training.target import Target

_HIDDEN, _RANDOM = 0.8, 0.9

# What changes examples in training, and nothing in validation: frames, and what is shown at all.
FRAME_CHANGES = ("time_masks", "band_masks", "band_warp")
CHANGES = ("source_dropout", "word_dropout", *FRAME_CHANGES)


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
        _class_weights(recipe, tokenizer),
    )


def _class_weights(recipe: ObjectiveRecipe, tokenizer: AnswersPrompts) -> dict[int, float]:
    known = tokenizer.classes
    if unknown := [name for name in recipe.class_weights if name not in known]:
        raise UsageError(
            f"there is no class {unknown[0]!r}",
            where="objective.class_weights",
            fix=nearest(unknown[0], list(known)) if known else "the targets are no classes",
        )
    return {known[name]: weight for name, weight in recipe.class_weights.items()}


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


def _example(
    inputs: Array, labels: Array, weights: Array, objective: NextToken | MaskedToken
) -> Example:
    numbered = segments(inputs, objective.special.begin) if objective.respect_documents else None
    return tensors(inputs, labels, weights, numbered)


def _content_ids(special: SpecialTokens, vocab_size: int) -> Array:
    return np.setdiff1d(np.arange(vocab_size), special.ids)

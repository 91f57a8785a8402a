"""What is predicted: the next token, or tokens that were hidden.

An objective turns rows of a batch into an `Example`. Whatever is random in it is a function of the
seed and of each row's number in the run, so the same row gives the same example whoever computes
it: another worker, a micro-batch, a resumed run.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lexome.corpus import Batch
from lexome.errors import UsageError
from lexome.languages.base import SpecialTokens
from lexome.model import TransformerConfig
from lexome.recipe import ObjectiveRecipe

Array = npt.NDArray[Any]

_HIDDEN, _RANDOM = 0.8, 0.9


class Example(NamedTuple):
    """What the model sees and what it must say, [B, T] each.

    `weights` is 0 where nothing is predicted; `segments` numbers the documents of each row where
    attention may not cross their borders, else it is `None`.
    """

    inputs: Tensor
    labels: Tensor
    weights: Tensor
    segments: Tensor | None

    def rows(self, rows: slice) -> Example:
        """Return some rows of the example."""
        numbered = None if self.segments is None else self.segments[rows]
        return Example(self.inputs[rows], self.labels[rows], self.weights[rows], numbered)

    def to(self, device: torch.device) -> Example:
        """Return the example on a device."""
        numbered = None if self.segments is None else self.segments.to(device, non_blocking=True)
        return Example(
            self.inputs.to(device, non_blocking=True),
            self.labels.to(device, non_blocking=True),
            self.weights.to(device, non_blocking=True),
            numbered,
        )


class Objective(Protocol):
    """Makes an `Example` of a batch."""

    @property
    def name(self) -> Literal["next-token", "masked-token"]: ...

    def __call__(self, batch: Batch, numbers: Array) -> Example:
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
        return _example(inputs, labels, batch.weights[:, :-1] * chosen, self)

    def _draws(self, number: int, length: int) -> Array:
        """Return uniform numbers [3, length] that belong to one row of the run."""
        return np.random.Generator(np.random.Philox(key=[self.seed, number])).random((3, length))


def make(
    recipe: ObjectiveRecipe, config: TransformerConfig, special: SpecialTokens, seed: int
) -> Objective:
    """Return the recipe's objective; one that does not suit the model is a `UsageError`."""
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


def segments(inputs: Array, begin: int) -> Array:
    """Return for each position of each row the number of its document in the row, [B, T]."""
    return np.cumsum(inputs == begin, axis=1, dtype=np.int32)


def _example(
    inputs: Array, labels: Array, weights: Array, objective: NextToken | MaskedToken
) -> Example:
    numbered = segments(inputs, objective.special.begin) if objective.respect_documents else None
    return Example(
        torch.from_numpy(np.ascontiguousarray(inputs)),
        torch.from_numpy(np.ascontiguousarray(labels)),
        torch.from_numpy(np.ascontiguousarray(weights, dtype=np.float32)),
        None if numbered is None else torch.from_numpy(numbered),
    )


def _content_ids(special: SpecialTokens, vocab_size: int) -> Array:
    return np.setdiff1d(np.arange(vocab_size), special.ids)

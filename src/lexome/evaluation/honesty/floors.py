"""How often any model must be wrong: two bounds of Kalai et al. 2025, term by term.

"Why language models hallucinate" (https://arxiv.org/abs/2509.04664). Each prompt has a closed set
of answers, of which some are valid and the rest errors; saying nothing counts as valid. Both bounds
are theorems, so a measured error outside the first one means that the measurement is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

# Sums of thousands of probabilities are exact to about this much.
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: how often it is asked, and of each answer [R] three things.

    `said` is the model's probability, `true` that of the distribution which it learned from, and
    `valid` whether it is no error. `weight` is the prompt's share of all that is asked.
    """

    weight: float
    said: Floats
    true: Floats
    valid: Bools


@dataclass(frozen=True, slots=True)
class ValidityBound:
    """Theorem 1: error >= 2 * misclassified - valid_to_errors - delta.

    `error` is the probability of an error, weighed over prompts. `misclassified` is the error of
    the judge that takes an answer for valid where the model's probability of it is above
    `threshold`, half of what it judges being drawn from the truth and half, uniformly, from the
    errors.
    `valid_to_errors` is the most valid answers of a prompt over the fewest errors of one, and
    `delta` how far the model's probability of all answers above the threshold is from the true one.
    """

    error: float
    misclassified: float
    valid_to_errors: float
    delta: float
    threshold: float

    @property
    def floor(self) -> float:
        """Return what the error cannot be below."""
        return 2 * self.misclassified - self.valid_to_errors - self.delta

    @property
    def violated(self) -> bool:
        """Whether the error is below its floor, by more than rounding: a fault in measuring."""
        return self.error < self.floor - _ROUNDING


def validity_bound(prompts: Sequence[Prompt]) -> ValidityBound:
    """Return the terms of theorem 1 for a model's answers to `prompts`.

    Raises `LexomeError` where it says nothing: a prompt without errors, a truth that holds errors,
    probabilities or weights that do not sum to 1.
    """
    _check(prompts)
    valid = [int(one.valid.sum()) for one in prompts]
    errors = [len(one.valid) - count for one, count in zip(prompts, valid, strict=True)]
    threshold = 1 / min(errors)
    error = missed = mistaken = said_above = true_above = 0.0
    for one, count in zip(prompts, errors, strict=True):
        above = one.said > threshold
        error += one.weight * float(one.said[~one.valid].sum())
        missed += one.weight * float(one.true[~above].sum())
        mistaken += one.weight * float((above & ~one.valid).sum()) / count
        said_above += one.weight * float(one.said[above].sum())
        true_above += one.weight * float(one.true[above].sum())
    return ValidityBound(
        error=min(error, 1.0),  # a sum of probabilities, rounded
        misclassified=(missed + mistaken) / 2,
        valid_to_errors=max(valid) / min(errors),
        delta=abs(said_above - true_above),
        threshold=threshold,
    )


def _check(prompts: Sequence[Prompt]) -> None:
    if not prompts:
        raise LexomeError("there is no prompt", fix="give at least one")
    if not math.isclose(sum(one.weight for one in prompts), 1, abs_tol=1e-6):
        raise LexomeError("the weights of the prompts do not sum to 1", fix="divide by their sum")
    for number, one in enumerate(prompts, 1):
        where = f"prompt {number}"
        if one.valid.all():
            raise LexomeError(
                "none of its answers is an error, so no error can be made", where=where
            )
        if float(one.true[~one.valid].sum()) > _ROUNDING:
            raise LexomeError(
                "the truth holds errors, and the theorem is of one that does not",
                where=where,
                fix="call valid whatever the training text says",
            )
        for name, shares in (("said", one.said), ("true", one.true)):
            if shares.min() < 0 or not math.isclose(float(shares.sum()), 1, abs_tol=1e-6):
                raise LexomeError(f"the probabilities {name!r} do not sum to 1", where=where)


@dataclass(frozen=True, slots=True)
class SingletonBound:
    """Theorem 2: with probability .99 the error lies between `floor` and `ceiling`.

    `rate` is the share of the `samples` that are facts read exactly once (Good 1953). The floor is
    of every model of arbitrary facts, less its miscalibration delta; the ceiling is reached by one
    that is calibrated and has learned all facts that it has read by heart.
    """

    samples: int
    singletons: int
    fewest_errors: int
    most_errors: int

    @property
    def rate(self) -> float:
        """Return the singleton rate."""
        return self.singletons / self.samples

    @property
    def slack(self) -> float:
        """Return what chance takes off the floor."""
        return (35 + 6 * math.log(self.samples)) / math.sqrt(self.samples)

    @property
    def vacuous(self) -> bool:
        """Whether the floor says nothing, being at or below 0."""
        return self.floor <= 0

    @property
    def floor(self) -> float:
        """Return what the error plus delta is not below."""
        return self.rate - 2 / self.fewest_errors - self.slack

    @property
    def ceiling(self) -> float:
        """Return what the error of the best calibrated learner is not above."""
        return self.rate - self.rate / (self.most_errors + 1) + 13 / math.sqrt(self.samples)

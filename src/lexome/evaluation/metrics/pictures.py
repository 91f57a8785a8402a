"""Scores of generated pictures: nearness to training pictures, and the categories asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
from lexome.evaluation.metrics.classes import class_counts
from lexome.evaluation.metrics.picture_features import stack
from lexome.languages.image.fidelity import EXACT
from lexome.languages.image.reading import Pixels

# Rows of float64 copies of pictures that are compared at once.
_BATCH = 512


@dataclass(frozen=True)
class Nearest:
    """The nearest training picture of each picture, [N], and its PSNR in dB, at most `EXACT`."""

    picture: Ints
    psnr: Floats


@dataclass(frozen=True)
class Memorisation:
    """How near generated pictures are to training ones, beside how near real unseen ones are."""

    figures: tuple[Figure, ...]
    generated: Nearest
    held_out: Nearest


def memorisation(
    generated: Sequence[Pixels],
    held_out: Sequence[Pixels],
    training: Sequence[Pixels],
    *,
    resampling: Resampling = EXAMPLES,
) -> Memorisation:
    """Return the PSNR to the nearest training picture, and the share of exact copies.

    All pictures are uint8 [H, W, C] of one shape. A model that copies has a higher figure than
    `held_out`, real pictures that it has not seen: they are the yardstick. Groups, where the
    resampling names any, are those of the generated pictures.
    """
    made, real = nearest_training(generated, training), nearest_training(held_out, training)
    name = "PSNR to the nearest training picture"
    copies = "exact copies of training pictures"
    ungrouped = Resampling(None, resampling.resamples, resampling.seed)
    figures = [
        *score(
            [
                Statistic(name, mean(made.psnr), f"dB; an exact copy counts as {EXACT:.0f}"),
                Statistic(copies, mean(made.psnr == EXACT)),
            ],
            len(made.psnr),
            resampling,
        ),
        *score(
            [
                Statistic(f"{name}, held-out pictures", mean(real.psnr), "dB; the yardstick"),
                Statistic(f"{copies}, held-out pictures", mean(real.psnr == EXACT)),
            ],
            len(real.psnr),
            ungrouped,
        ),
    ]
    return Memorisation(tuple(figures), made, real)


def nearest_training(pictures: Sequence[Pixels], training: Sequence[Pixels]) -> Nearest:
    """Return for each picture the training picture of least squared error, the first of equals."""
    known, asked = stack(training), stack(pictures)
    if known.shape[1:] != asked.shape[1:]:
        what = f"pictures are {list(asked.shape[1:])}, training pictures {list(known.shape[1:])}"
        raise LexomeError(what, fix="compare pictures of one size")
    pixels = int(np.prod(known.shape[1:]))
    rows = asked.reshape(len(asked), pixels).astype(np.float64)
    best = np.full(len(rows), np.inf)
    found = np.zeros(len(rows), np.int64)
    for first in range(0, len(known), _BATCH):
        # Sums of whole numbers are exact, so that a copy is found to be one.
        batch = known[first : first + _BATCH].reshape(-1, pixels).astype(np.float64)
        errors = (batch**2).sum(axis=1) - 2 * rows @ batch.T + (rows**2).sum(axis=1)[:, None]
        nearer = errors.min(axis=1) < best
        best = np.where(nearer, errors.min(axis=1), best)
        found = np.where(nearer, first + errors.argmin(axis=1), found)
    with np.errstate(divide="ignore"):
        psnr = 10 * np.log10(255**2 * pixels / best)
    return Nearest(found, np.minimum(psnr, EXACT))


def adherence(
    predicted: Ints,
    asked: Ints,
    categories: Sequence[str],
    *,
    resampling: Resampling = EXAMPLES,
) -> list[Figure]:
    """Return how often a generated picture is judged to be of the category asked for.

    `predicted` and `asked` number the categories, [N]. Chance is the agreement of the same
    judgements in any other order, as in Cohen's kappa: pictures that are all of the commonest
    category are not above it. Then come the accuracies by category asked.
    """
    predicted, asked = np.asarray(predicted, np.int64), np.asarray(asked, np.int64)
    if predicted.shape != asked.shape:
        what = f"{predicted.size} pictures are judged, {asked.size} were asked for"
        raise LexomeError(what, fix="give one category of each for each picture")
    counts = class_counts(predicted[:, None], asked[:, None], len(categories))

    def chance(weights: Floats) -> Floats:
        _, true, chosen = counts.sums(weights)
        return np.asarray((true * chosen).sum(axis=1) / true.sum(axis=1) ** 2)

    accuracy = mean(predicted == asked)
    never = "no category is both asked for and judged to be one"

    def over_chance(weights: Floats) -> Floats:
        by_chance = chance(weights)
        return np.asarray(accuracy(weights) / np.where(by_chance > 0, by_chance, np.nan))

    def of_category(number: int, category: str) -> Statistic:
        def recall(weights: Floats) -> Floats:
            right, true, _ = counts.sums(weights)
            return np.asarray(right[:, number] / true[:, number])

        note = f"asked for {int(counts.true[:, number].sum()):,} times"
        return Statistic(f"adherence, {category}", recall, note, "it was not asked for")

    statistics = [
        Statistic("adherence", accuracy),
        Statistic("chance", chance, f"{1 / len(categories):.3f} if categories were equally common"),
        Statistic("adherence over chance", over_chance, "times", never),
        *(of_category(number, category) for number, category in enumerate(categories)),
    ]
    return score(statistics, len(asked), resampling)

"""Scores of a label for each token of a sequence."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import EXAMPLES, Figure, Ints, Resampling, score
from lexome.evaluation.metrics.classes import class_counts, class_statistics


def token_label_scores(
    predicted: Sequence[Ints],
    truth: Sequence[Ints],
    classes: Sequence[str],
    *,
    resampling: Resampling = EXAMPLES,
) -> list[Figure]:
    """Return token accuracy, balanced accuracy, MCC and macro F1 over all tokens.

    `predicted` and `truth` hold the numbers of classes of each sequence's tokens. Tokens of one
    sequence are not independent, so whole sequences are drawn again, and `n` counts those.
    Sequences of unlike lengths and numbers that name no class are a `LexomeError`.
    """
    if len(predicted) != len(truth):
        what = f"{len(predicted)} sequences are predicted and {len(truth)} are true"
        raise LexomeError(what, fix="give one prediction for each sequence")
    guessed = [np.asarray(each, np.int64) for each in predicted]
    true = [np.asarray(each, np.int64) for each in truth]
    for number, (one, other) in enumerate(zip(guessed, true, strict=True)):
        if one.shape != other.shape or one.ndim != 1:
            what = f"{one.size} tokens are predicted and {other.size} are true"
            raise LexomeError(what, where=f"sequence {number}", fix="give one label a token")
        both = np.concatenate([one, other])
        if (outside := both[(both < 0) | (both >= len(classes))]).size:
            what = f"there is no class {int(outside[0])}"
            fix = f"classes are 0 to {len(classes) - 1}"
            raise LexomeError(what, where=f"sequence {number}", fix=fix)
    counts = class_counts(guessed, true, len(classes))
    return score(class_statistics(counts, "token accuracy"), len(true), resampling)

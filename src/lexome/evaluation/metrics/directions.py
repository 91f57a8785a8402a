"""Which way figures get better."""

from __future__ import annotations

LOWER = frozenset(
    {
        *("WER", "CER", "substitutions", "deletions", "insertions", "words from silence"),
        *("MAE", "RMSE", "log loss", "Brier score", "expected calibration error"),
        *("equal to the source", "words left untranslated", "empty", "repeated 4-grams"),
        *("exact copies of training pictures", "detached outputs", "detached targets"),
    }
)
"""The names of figures that are better where they are lower."""

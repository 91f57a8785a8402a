"""Scores of a trained model beside its baselines, per natural unit."""

from __future__ import annotations

from lexome.evaluation.evaluate import evaluate, is_current, score_baselines, score_split
from lexome.evaluation.likelihood import Likelihood, likelihood, pseudo_likelihood

__all__ = [
    "Likelihood",
    "evaluate",
    "is_current",
    "likelihood",
    "pseudo_likelihood",
    "score_baselines",
    "score_split",
]

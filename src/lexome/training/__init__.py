"""Objectives, optimizers, the loop, checkpoints: from a recipe to a trained model."""

from __future__ import annotations

from lexome.training.observer import Observer, Sample, Sampler, StepRecord
from lexome.training.outcome import Outcome
from lexome.training.plan import Plan
from lexome.training.run import Run, open_run
from lexome.training.train import make_plan, train

__all__ = [
    "Observer",
    "Outcome",
    "Plan",
    "Run",
    "Sample",
    "Sampler",
    "StepRecord",
    "make_plan",
    "open_run",
    "train",
]

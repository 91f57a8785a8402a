"""Equal times of training, in the processor's seconds: no other program's work is in them."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from running import lexome

_TIMED = 2, 14


def train_for(minutes: float, training: Sequence[Any], folder: Path) -> dict[str, float]:
    """Run `lexome train` with as many steps as take so many minutes; return what was measured.

    `training` are its options but for steps and folder.
    """
    step = step_seconds(training, folder)
    steps = round(60 * minutes / step)
    lexome("train", *training, "--steps", steps, "--out", folder)
    return {"step_seconds": step, "steps": steps}


def step_seconds(training: Sequence[Any], folder: Path) -> float:
    """Return the seconds of a training step; start-up falls out of two short runs."""
    spent = []
    for steps in _TIMED:
        before = _processor_seconds()
        lexome("train", *training, "--steps", steps, "--out", f"{folder} {steps} steps")
        spent.append(_processor_seconds() - before)
        shutil.rmtree(f"{folder} {steps} steps")
    return (spent[1] - spent[0]) / (_TIMED[1] - _TIMED[0])


def _processor_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime

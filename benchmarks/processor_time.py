"""Equal times of training, in the processor's seconds: no other program's work is in them."""

from __future__ import annotations

import resource
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fields import lexome

_TIMED = 2, 14


def train_for(minutes: float, training: Sequence[Any], folder: Path) -> dict[str, float]:
    """Run `lexome train` with as many steps as take so many minutes; return what was measured.

    `training` are its options but for steps and folder. Start-up is not counted: it falls out of
    two short runs, from which the time of a step is known.
    """
    spent = []
    for steps in _TIMED:
        before = _processor_seconds()
        lexome("train", *training, "--steps", steps, "--out", f"{folder} {steps} steps")
        spent.append(_processor_seconds() - before)
        shutil.rmtree(f"{folder} {steps} steps")
    step = (spent[1] - spent[0]) / (_TIMED[1] - _TIMED[0])
    steps = round(60 * minutes / step)
    lexome("train", *training, "--steps", steps, "--out", folder)
    return {"step_seconds": step, "steps": steps}


def _processor_seconds() -> float:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime

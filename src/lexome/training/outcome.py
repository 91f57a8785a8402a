"""How a run ended, and the line of its metrics that says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexome.training.metrics import ENDED, read
from lexome.training.run import METRICS, MODEL, Run


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `stopped` by a signal, with its state saved, or at its last step.

    The weights that are kept are those of `kept_step`. `validation_loss` is theirs, in nats a
    token; `None` where the validation split is shorter than one context, or the run was stopped.
    """

    folder: Path
    steps: int
    validation_loss: float | None
    seconds: float
    stopped: bool
    kept_step: int


def end_line(outcome: Outcome, planned: int, peak_bytes: int) -> dict[str, Any]:
    """Return the last line of a run's metrics; `planned` are the steps of its recipe.

    It is written when all else is, so that a run that has it has nothing left to do.
    """
    return {
        "step": outcome.steps,
        "event": ENDED,
        "planned": planned,
        "seconds": outcome.seconds,
        "peak_bytes": peak_bytes,
        "kept_step": outcome.kept_step,
        "kept_loss": outcome.validation_loss,
    }


def last_end(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the line of a run's metrics that says how it ended; empty where none does."""
    return next((line for line in reversed(lines) if line.get("event") == ENDED), {})


def kept_outcome(run: Run) -> Outcome | None:
    """Return how a run ended, as `end_line` said; `None` where it has something left to do.

    That is also where its model is gone, or its recipe asks for another number of steps by now.
    """
    line = last_end(list(read(run.folder / METRICS)))
    if not line or not (run.folder / MODEL).is_dir():
        return None
    if line.get("planned") != run.recipe.training.steps:
        return None
    loss, kept = line["kept_loss"], line["kept_step"]
    return Outcome(run.folder, line["step"], loss, line["seconds"], False, kept)

"""What a person sees while a model trains: the bar, the losses, the samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from lexome import training
from lexome.cli.console import say
from lexome.cli.progress import duration, meter

if TYPE_CHECKING:
    from lexome.model import Transformer
    from lexome.recipe import Recipe


class TrainingProgress(training.Observer):
    """Shows a run as it goes; a `with` block, so that the bar ends whatever happens."""

    def __init__(self) -> None:
        self._meter = meter()

    def __enter__(self) -> Self:
        self._meter.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._meter.__exit__(kind, error, trace)

    def planned(self, plan: training.Plan) -> None:
        for line in plan_lines(plan):
            say(line)

    def stepped(self, record: training.StepRecord) -> None:
        self._meter.show(
            "train",
            record.step,
            record.steps,
            f"step {record.step:,}/{record.steps:,} · loss {record.loss:.3f} · "
            f"{record.tokens_per_second:,.0f} tokens/s · {duration(record.seconds_left)} left",
        )

    def validated(self, step: int, loss: float) -> None:
        say(f"step {step:,}: validation loss {loss:.4f}")

    def sampled(self, step: int, samples: Sequence[training.Sample]) -> None:
        for sample in samples:
            say(f"step {step:,}: the model writes", style="dim")
            for line in f"{sample.prompt}{sample.text}".strip().splitlines():
                say(f"  {line}")

    def saved(self, step: int, folder: Path) -> None:
        say(f"step {step:,}: state saved", style="dim")

    def told(self, message: str) -> None:
        say(message)

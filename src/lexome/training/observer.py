"""What a training run tells while it runs; whoever wants to know overrides what it needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lexome.model import Transformer

if TYPE_CHECKING:
    from lexome.training.plan import Plan


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One update: `loss` in nats a token, `seconds` of training so far, without pauses."""

    step: int
    steps: int
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int
    tokens_per_second: float
    seconds: float
    seconds_left: float


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model wrote after `prompt`; `ids` are prompt and text as tokens."""

    prompt: str
    text: str
    ids: tuple[int, ...] = ()


Sampler = Callable[[Transformer], Sequence[Sample]]


class Observer:
    """Listens to a training run; every method does nothing until it is overridden."""

    def planned(self, plan: Plan) -> None:
        """Say what will be trained, how, and why so."""

    def stepped(self, record: StepRecord) -> None:
        """Say that an update is done."""

    def validated(self, step: int, loss: float) -> None:
        """Give the validation loss after `step` updates, in nats a token."""

    def sampled(self, step: int, samples: Sequence[Sample]) -> None:
        """Give what the model writes after `step` updates."""

    def saved(self, step: int, folder: Path) -> None:
        """Say that a checkpoint is on the disk."""

    def told(self, message: str) -> None:
        """Give a message that a person should see."""

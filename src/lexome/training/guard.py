"""What stops or skips a step: signals, losses that are not finite, losses that spike."""

from __future__ import annotations

import math
import signal
import statistics
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Literal

from lexome.corpus import BatchSource, Corpus
from lexome.errors import LexomeError
from lexome.recipe import TrainingRecipe
from lexome.training.session import Gradient, Session

_RECENT, _ENOUGH = 64, 16
MOST_SKIPS = 10


class Stop:
    """Whether someone asked the run to end: set by SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal: the first one asks, a second one does not wait."""
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


@contextmanager
def listening() -> Iterator[Stop]:
    """Turn SIGINT and SIGTERM into a wish inside the block, where this is the main thread."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop.ask) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


class Guard:
    """Judges each loss by the policies of the recipe; `recent` is its state."""

    def __init__(self, recipe: TrainingRecipe, recent: list[float]) -> None:
        self.recipe = recipe
        self._recent = deque(recent, _RECENT)

    @property
    def recent(self) -> list[float]:
        """The losses that a spike is measured against."""
        return list(self._recent)

    def problem(self, gradient: Gradient) -> str | None:
        """Return what is wrong with a step, or `None`.

        A spike is measured against the losses before it, and is one of them from then on: where
        the loss stays high, that is soon no spike any more.
        """
        if not gradient.finite:
            return f"the loss is {gradient.loss} and the gradient's norm {gradient.norm}"
        score = self._score(gradient.loss)
        self._recent.append(gradient.loss)
        if score > self.recipe.spike_threshold:
            return f"the loss spikes to {gradient.loss:.3f}, {score:.1f} deviations above its mean"
        return None

    def policy(self, gradient: Gradient) -> Literal["keep", "skip", "stop"]:
        """Return what the recipe wants done with a step that has a problem."""
        return self.recipe.spike_policy if gradient.finite else self.recipe.nan_policy

    def _score(self, loss: float) -> float:
        if len(self._recent) < _ENOUGH:
            return 0.0
        deviation = statistics.stdev(self._recent)
        return (loss - statistics.mean(self._recent)) / max(deviation, 1e-6)


def blame(corpus: Corpus, session: Session, batches: BatchSource, step: int) -> str:
    """Return where in the corpus the rows of a batch come from, the worst row first.

    Each row is named by the first and the last document in it. All workers call this
    together.
    """
    shares = session.world.gather(session.row_losses(batches, step))
    losses = [loss for share in shares for loss in share]
    worst = sorted(range(len(losses)), key=lambda row: (math.isfinite(losses[row]), -losses[row]))
    ends = {row: batches.documents(step, row) for row in worst[:3]}
    names = corpus.names("train", [number for pair in ends.values() for number in pair])
    named = (
        f"{' to '.join(dict.fromkeys(names[number] for number in pair))}: loss {losses[row]:.3f}"
        for row, pair in ends.items()
    )
    return f"rows of batch {step}, worst first: " + "; ".join(named)


def stopped(problem: str, where: str) -> LexomeError:
    """Return the error that ends a run at a bad step."""
    return LexomeError(
        problem,
        where=where,
        fix="look at these records, lower the learning rate, or set training.nan_policy or "
        "training.spike_policy to skip",
    )


def given_up(problem: str, where: str) -> LexomeError:
    """Return the error that ends a run whose steps are all skipped."""
    return LexomeError(
        f"{MOST_SKIPS} steps in a row were skipped; the last one: {problem}",
        where=where,
        fix="the weights have diverged, or the threshold is too low: start again with a lower "
        "learning rate, or raise training.spike_threshold",
    )

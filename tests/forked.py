"""Processes forked from one that has imported everything: a fresh one needs seconds to begin."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from lexome.recipe import Recipe
from lexome.training import Observer, StepRecord, train
from lexome.training.apart import preloaded


def forked(
    call: Callable[..., object], *arguments: object, environment: Mapping[str, str] | None = None
) -> BaseProcess:
    """Begin a function of a module in a process of its own; `environment` is added to ours."""
    settings = {**os.environ, **(environment or {})}
    process = preloaded().Process(target=_call, args=(settings, call, arguments))
    process.start()
    return process


def interrupted(
    recipe: Recipe, run: Path, at: int, number: signal.Signals, *, resume: bool = False
) -> bool | None:
    """Train in another process and send it a signal once it has done `at` steps.

    Returns whether it says that it was stopped; `None` where it says nothing more.
    """
    ours, theirs = preloaded().Pipe(duplex=False)
    process = forked(_train, theirs, recipe, run, resume)
    theirs.close()
    assert process.pid is not None
    while ours.recv() != at:
        pass
    os.kill(process.pid, number)
    said: object = None
    with suppress(EOFError):
        while True:
            said = ours.recv()
    process.join()
    return said if isinstance(said, bool) else None


class Slow(Observer):
    """Tells of each step, and waits a little, so that a signal finds the run at work."""

    def __init__(self, told: Connection) -> None:
        self.told_to = told

    def stepped(self, record: StepRecord) -> None:
        self.told_to.send(record.step)
        time.sleep(0.05)


def _train(told: Connection, recipe: Recipe, run: Path, resume: bool) -> None:
    told.send(train(recipe, run, resume=resume, observer=Slow(told)).stopped)


def _call(
    environment: Mapping[str, str], call: Callable[..., object], arguments: tuple[object, ...]
) -> None:
    os.environ.clear()
    os.environ.update(environment)
    call(*arguments)

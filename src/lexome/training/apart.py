"""Training in a process of its own, so that its peak of memory is its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexome.errors import LexomeError
from lexome.recipe import Recipe
from lexome.training.observer import Observer
from lexome.training.outcome import Outcome
from lexome.training.run import FACTS
from lexome.training.train import train

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

Shown = Callable[[], AbstractContextManager[Observer]]
"""Makes what shows a training run; it is called in another process, so it must be picklable."""


def train_apart(
    recipe: Recipe,
    folder: Path,
    shown: Shown | None = None,
    *,
    more_facts: Mapping[str, Any] | None = None,
) -> Outcome:
    """Train in a process of its own, or go on with what was begun in `folder`; see `train`.

    What asks this process to stop, or ends it, asks that one. Raises the error that ended the run
    there, and `LexomeError` where the process was killed, or failed by a fault of ours.
    """
    context = preloaded()
    ours, theirs = context.Pipe(duplex=False)
    arguments = (theirs, {**os.environ}, recipe, folder, shown, more_facts)
    process = context.Process(target=_train, args=arguments)
    process.start()
    theirs.close()
    try:
        ours.recv()
        with _passing_on(process):
            found: Outcome | BaseException = ours.recv()
    except EOFError as error:
        process.join()
        raise LexomeError(
            f"the process that trained broke off, with the exit status {process.exitcode}",
            where=str(folder),
            fix="where nothing above says why, see that there is enough memory; the same command "
            "goes on",
        ) from error
    except BaseException:
        process.terminate()
        raise
    process.join()
    if isinstance(found, BaseException):
        raise found
    return found


def preloaded() -> ForkServerContext | SpawnContext:
    """Return how a process is begun that trains.

    A server that has imported everything is forked for each training, which so begins at once, and
    not four seconds later. Libraries of macOS may break in what was forked; Windows has no fork.
    """
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    # The second is what torch imports when the first optimizer is made.
    context.set_forkserver_preload([train.__module__, "torch._dynamo"])
    return context


@contextmanager
def _passing_on(process: BaseProcess) -> Iterator[None]:
    """Let a process be stopped in the place of this one, where this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # Ctrl-C reaches both processes, a signal that is sent only this one.
    interrupt = signal.signal(signal.SIGINT, signal.SIG_IGN)
    terminate = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, interrupt)
        signal.signal(signal.SIGTERM, terminate)


def _train(
    told: Connection,
    environment: Mapping[str, str],
    recipe: Recipe,
    folder: Path,
    shown: Shown | None,
    more_facts: Mapping[str, Any] | None,
) -> None:
    """Tell that the process has begun, and then the outcome, or the error that ended it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.environ.clear()  # what it was forked from has the one of when it was started
    os.environ.update(environment)
    told.send(None)
    resume = (folder / FACTS).is_file()
    found: Outcome | BaseException
    try:
        with shown() if shown is not None else nullcontext() as observer:
            found = train(recipe, folder, resume=resume, observer=observer, more_facts=more_facts)
    except (LexomeError, KeyboardInterrupt) as error:
        found = error
    with suppress(BrokenPipeError):  # nobody is left who would hear it
        told.send(found)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)

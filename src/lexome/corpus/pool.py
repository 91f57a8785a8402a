"""Worker processes that run one task over many items, with no more in memory than they work on.

The workers are plain Python processes, each at the other end of a socket. They import neither
the caller's main module (so that a script needs no guard) nor what it has imported, and they end
by themselves when the socket closes, whatever ended the caller.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from types import TracebackType
from typing import Any, TypeVar

from lexome.errors import LexomeError

I = TypeVar("I")  # noqa: E741 (item)
O = TypeVar("O")  # noqa: E741 (outcome)

_SERVE = "import sys; from lexome.corpus.pool import serve; serve(int(sys.argv[1]))"
# One worker is one core: no threads beside it.
_ENVIRONMENT = {
    "TOKENIZERS_PARALLELISM": "false",
    "RAYON_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
_NOTHING = object()


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    connection: Connection
    task: object = None


class Pool:
    """Up to `workers` processes, started when there is work for them; a context manager."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._idle: list[_Worker] = []
        self._all: list[_Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._all:
            worker.connection.close()
            worker.process.kill()
        for worker in self._all:
            worker.process.wait()
        self._all, self._idle = [], []

    def map(self, task: Callable[[I], Iterator[O]], items: Iterable[I]) -> Iterator[O]:
        """Yield what `task` yields for each of `items`, as it comes, in no order.

        `task`, items and outcomes cross a process border by pickling. Items are drawn one ahead
        of the workers. A single item, or a single worker, is worked on right here. What a
        task raises is raised here; a worker that dies is a `LexomeError`.
        """
        source = iter(items)
        first = list(islice(source, 2))
        if self.workers == 1 or len(first) < 2:
            for item in chain(first, source):
                yield from task(item)
        else:
            yield from self._spread(task, chain(first, source))

    def _spread(self, task: Callable[[I], Iterator[O]], source: Iterator[I]) -> Iterator[O]:
        busy: dict[Connection, _Worker] = {}
        ahead: Any = next(source, _NOTHING)
        while busy or ahead is not _NOTHING:
            while ahead is not _NOTHING and (worker := self._free()):
                _give(worker, task, ahead)
                busy[worker.connection] = worker
                # Nothing is in memory here but the item that comes next.
                ahead = next(source, _NOTHING)
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                kind, value = _receive(busy[connection])
                if kind == "outcome":
                    yield value
                elif kind == "failed":
                    raise value
                else:
                    self._idle.append(busy.pop(connection))

    def _free(self) -> _Worker | None:
        if self._idle:
            return self._idle.pop()
        if len(self._all) < self.workers:
            self._all.append(_start())
            return self._all[-1]
        return None


def _start() -> _Worker:
    ours, theirs = Pipe()
    path = os.pathsep.join(entry or str(os.getcwd()) for entry in sys.path)  # noqa: PTH109
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-c", _SERVE, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **_ENVIRONMENT, "PYTHONPATH": path},
        )
    return _Worker(process, ours)


def _give(worker: _Worker, task: object, item: object) -> None:
    try:
        if worker.task is not task:
            worker.connection.send(("task", task))
            worker.task = task
        worker.connection.send(("item", item))
    except (BrokenPipeError, ConnectionResetError) as error:
        raise _died(worker) from error


def _receive(worker: _Worker) -> tuple[str, Any]:
    try:
        kind, value = worker.connection.recv()
    except (EOFError, ConnectionResetError) as error:
        raise _died(worker) from error
    return kind, value


def _died(worker: _Worker) -> LexomeError:
    status = worker.process.wait()
    killed = f"killed by signal {-status}" if status < 0 else f"ended with status {status}"
    return LexomeError(
        f"a worker process was {killed}",
        fix="if memory ran out, use fewer workers; run the same command again to go on",
    )


def serve(descriptor: int) -> None:
    """Work as a worker: run the tasks that come in until the socket closes."""
    # Ctrl-C reaches every process of the terminal; the caller decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    connection = Connection(descriptor)
    task: Callable[[Any], Iterator[Any]] | None = None
    try:
        while True:
            kind, value = connection.recv()
            if kind == "task":
                task = value
                continue
            assert task is not None
            _work(connection, task, value)
            del value
    except (EOFError, BrokenPipeError, ConnectionResetError):
        # The caller is gone, and nobody is left to tell. No clean-up may hold this process up.
        os._exit(0)


def _work(connection: Connection, task: Callable[[Any], Iterator[Any]], item: Any) -> None:
    try:
        for outcome in task(item):
            connection.send(("outcome", outcome))
    except LexomeError as error:
        connection.send(("failed", error))
    except (BrokenPipeError, ConnectionResetError):
        raise
    except Exception:
        # A fault of the program: not every exception can cross, its text can.
        connection.send(("failed", RuntimeError(f"in a worker:\n{traceback.format_exc()}")))
    else:
        connection.send(("finished", None))

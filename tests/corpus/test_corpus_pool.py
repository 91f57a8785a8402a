"""Worker processes: outcomes, errors, death, and that none outlives its caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from lexome.corpus.pool import Pool
from lexome.errors import DamagedFileError, LexomeError


@dataclass(frozen=True)
class Square:
    """Yields the process, then the square; three items have a fate of their own."""

    base: int = 0

    def __call__(self, item: int) -> Iterator[tuple[str, int]]:
        if item == -1:
            raise DamagedFileError("torn", where="here", fix="mend it")
        if item == -2:
            raise KeyError("a fault of the program")
        if item == -3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield "process", os.getpid()
        yield "square", self.base + item * item


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_every_outcome_comes_once(workers: int) -> None:
    with Pool(workers) as pool:
        for base in (0, 5):
            outcomes = list(pool.map(Square(base), range(20)))
            squares = sorted(value for kind, value in outcomes if kind == "square")
            assert squares == [base + item * item for item in range(20)]
            processes = {value for kind, value in outcomes if kind == "process"}
            assert (processes == {os.getpid()}) == (workers == 1)
            assert len(processes) <= workers


def test_a_single_item_needs_no_process() -> None:
    with Pool(4) as pool:
        assert dict(pool.map(Square(), [3])) == {"process": os.getpid(), "square": 9}
        assert list(pool.map(Square(), [])) == []


def test_items_are_drawn_one_ahead_of_the_workers() -> None:
    drawn = []

    def items() -> Iterator[int]:
        for item in range(50):
            drawn.append(item)
            yield item

    with Pool(2) as pool:
        finished = 0
        for kind, _ in pool.map(Square(), items()):
            finished += kind == "square"
            # Two are worked on, one is ahead, and one more may just have been handed over.
            assert len(drawn) <= finished + 4


def test_errors_cross_with_all_they_say() -> None:
    with Pool(2) as pool, pytest.raises(DamagedFileError) as caught:
        list(pool.map(Square(), [1, -1, 2]))
    assert (caught.value.where, caught.value.fix) == ("here", "mend it")
    with Pool(2) as pool, pytest.raises(RuntimeError, match="a fault of the program"):
        list(pool.map(Square(), [1, -2, 2]))


def test_a_worker_that_is_killed_is_a_clear_error() -> None:
    with Pool(2) as pool, pytest.raises(LexomeError, match="killed by signal 9") as caught:
        list(pool.map(Square(), [1, -3, 2, 3, 4]))
    assert "fewer workers" in str(caught.value)


def test_no_worker_outlives_a_caller_that_is_killed(tmp_path: Path) -> None:
    # No guard for the main module is needed either: the workers do not import it.
    script = tmp_path / "caller.py"
    script.write_text(
        "import os, signal\n"
        "from lexome.corpus.pool import Pool\n"
        "from test_corpus_pool import Square\n"
        "with Pool(2) as pool:\n"
        "    workers = set()\n"
        "    for kind, value in pool.map(Square(), range(10**6)):\n"
        "        if kind == 'process': workers.add(value)\n"
        "        if len(workers) == 2:\n"
        "            print(*workers, flush=True)\n"
        "            os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    path = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, script], env={**os.environ, "PYTHONPATH": path}, capture_output=True
    )
    assert done.returncode == -signal.SIGKILL
    workers = [int(word) for word in done.stdout.split()]
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(_runs(worker) for worker in workers):
        assert time.monotonic() < deadline, "a worker is still there"
        time.sleep(0.05)


def _runs(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

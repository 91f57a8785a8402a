"""Training in a process of its own: it has its own memory, and stops with what began it."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from forked import forked
from lexome.errors import LexomeError, UsageError
from lexome.recipe import Recipe, dump
from lexome.training import Observer, StepRecord, machine, metrics
from lexome.training.apart import train_apart

WAITING = """
import sys
from pathlib import Path
from lexome import recipe
from lexome.training.apart import train_apart
sys.path.insert(0, sys.argv[3])
from slow import slow

if __name__ == "__main__":
    outcome = train_apart(recipe.load(Path(sys.argv[1])), Path(sys.argv[2]), slow)
    print("stopped" if outcome.stopped else "ended", flush=True)
"""
SLOW = """
import time
from contextlib import contextmanager
from lexome.training import Observer

class Slow(Observer):
    def stepped(self, record):
        print(record.step, flush=True)
        time.sleep(0.05)

@contextmanager
def slow():
    yield Slow()
"""


class Killed(Observer):
    def stepped(self, record: StepRecord) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


@contextmanager
def killed() -> Iterator[Observer]:
    yield Killed()


def peak_of(run: Path) -> int:
    return int(metrics.read(run / "metrics.jsonl")[-1]["peak_bytes"])


def held(size: int) -> mmap.mmap:
    """Return memory that is given back when it is closed, whatever the allocator keeps."""
    memory = mmap.mmap(-1, size)
    memory.write(bytes(size))
    return memory


def forgets() -> None:
    size, cpu = 300 << 20, torch.device("cpu")
    machine.forget_peak(cpu)
    before = machine.peak_bytes(cpu)
    memory = mmap.mmap(-1, size)
    for place in range(0, size, mmap.PAGESIZE):
        memory[place] = 1
    memory.close()
    assert machine.peak_bytes(cpu) - before > 0.9 * size
    machine.forget_peak(cpu)
    assert machine.peak_bytes(cpu) - before < 0.5 * size


def test_the_peak_is_that_since_it_was_forgotten() -> None:
    """In a process of its own: what earlier tests hold in this one comes and goes."""
    process = forked(forgets)
    process.join()
    assert process.exitcode == 0


def test_the_peak_of_a_run_is_its_own_whatever_the_process_held_that_began_it(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    size, run = 600 << 20, tmp_path / "run"
    memory = held(size)
    outcome = train_apart(make_recipe(training__steps=1), run)
    memory.close()
    assert outcome.steps == 1 and not outcome.stopped
    assert 0 < peak_of(run) < size


def test_errors_cross_over_and_a_killed_process_is_said(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    run = tmp_path / "run"
    with pytest.raises(LexomeError, match="no finished corpus"):
        train_apart(make_recipe(corpus=str(tmp_path / "none")), run)
    with pytest.raises(LexomeError, match="broke off, with the exit status -9") as caught:
        train_apart(make_recipe(), run, killed)
    assert str(run) in str(caught.value) and not isinstance(caught.value, UsageError)
    assert train_apart(make_recipe(), run).steps == 12


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_stops_with_the_process_that_began_it(
    tmp_path: Path, make_recipe: Callable[..., Recipe], number: signal.Signals
) -> None:
    recipe, run = make_recipe(training__steps=400, training__checkpoint_every=0), tmp_path / "run"
    path, script = tmp_path / "recipe.yaml", tmp_path / "waiting.py"
    path.write_text(dump(recipe))
    script.write_text(WAITING)
    (tmp_path / "slow.py").write_text(SLOW)
    command = [sys.executable, str(script), str(path), str(run), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "3":
            process.send_signal(number)
            break
    rest, _ = process.communicate(timeout=120)
    assert ("stopped" in rest) == (number == signal.SIGTERM) and "ended" not in rest
    saved = run / "checkpoints"
    for _ in range(600):
        if (run / "model").is_dir():
            break
        time.sleep(0.1)
    assert len(list(saved.glob("step-*"))) == 1, "it saved its state before it went"

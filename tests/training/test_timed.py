"""Training for a time: the time is kept, and the recipe that is left repeats the run."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lexome.recipe import Recipe, load
from lexome.training import Observer, StepRecord, checkpoints, loop, metrics, session, train

from .conftest import losses

train_module = importlib.import_module("lexome.training.train")  # the name is the function's


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


class Clock:
    """Stands in for the module `time`: it goes on only by what work is said to cost."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    def charge(self, call: Callable[..., Any], seconds: Callable[[], float]) -> Callable[..., Any]:
        def charged(*args: Any, **named: Any) -> Any:
            self.now += seconds()
            return call(*args, **named)

        return charged


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of training; a step takes 0.1 s."""
    clock = Clock()
    for module in (train_module, loop, session):
        monkeypatch.setattr(module, "time", clock)
    charged = clock.charge(session.Session.gradient, lambda: 0.1)
    monkeypatch.setattr(session.Session, "gradient", charged)
    return clock


@pytest.fixture
def timed(clock: Clock, make_recipe: Callable[..., Recipe]) -> Recipe:
    """Return a recipe for three seconds, of which each step takes 0.1."""
    return make_recipe(training__steps=None, training__minutes=0.05)


@pytest.mark.parametrize("drift", [0.7, 1.0, 1.3])
@pytest.mark.parametrize("pause", [0.0, 0.5])
def test_time_is_kept(
    tmp_path: Path,
    clock: Clock,
    make_recipe: Callable[..., Recipe],
    monkeypatch: pytest.MonkeyPatch,
    drift: float,
    pause: float,
) -> None:
    """Steps take 0.25 s when they are measured and `drift` times that later; pauses come on top."""

    def gradient(*_: object) -> session.Gradient:
        clock.now += 0.25 * (drift if clock.now > 2 else 1.0)
        return session.Gradient(3.0, 1.0)

    def waiting(call: Callable[..., Any]) -> Callable[..., Any]:
        return clock.charge(call, lambda: pause)

    monkeypatch.setattr(session.Session, "gradient", gradient)
    monkeypatch.setattr(session.Session, "validation_loss", waiting(lambda *_: 3.0))
    monkeypatch.setattr(checkpoints, "save", waiting(checkpoints.save))
    often = {"evaluate_every": None, "checkpoint_every": None}
    changes = {"steps": None, "minutes": 0.6, **often}
    train(make_recipe(**{f"training__{k}": v for k, v in changes.items()}), tmp_path / "run")
    assert clock.now == pytest.approx(36, rel=0.1)


def test_the_recipe_that_a_timed_run_leaves_repeats_it(tmp_path: Path, timed: Recipe) -> None:
    run, again = tmp_path / "run", tmp_path / "again"
    outcome = train(timed, run)
    kept = load(run / "recipe.yaml").training
    assert (kept.steps, kept.minutes) == (outcome.steps, None)
    assert (kept.precision, kept.compile) == ("fp32", False)
    train(load(run / "recipe.yaml"), again)
    assert losses(again) == losses(run)
    assert weights(again) == weights(run)


class Crash(Observer):
    """Ends a run once its decay has begun, or right after its last step's checkpoint."""

    def __init__(self, last: bool) -> None:
        self.last = last
        self.steps = 0

    def stepped(self, record: StepRecord) -> None:
        self.steps = record.steps
        if not self.last and record.step == record.steps - 1:
            raise RuntimeError("crash")

    def saved(self, step: int, folder: Path) -> None:
        if self.last and step == self.steps:
            raise RuntimeError("crash")


@pytest.mark.parametrize("last", [False, True])
def test_a_timed_run_that_crashed_ends_as_it_was_decided(
    tmp_path: Path, timed: Recipe, last: bool
) -> None:
    run, again = tmp_path / "run", tmp_path / "again"
    with pytest.raises(RuntimeError, match="crash"):
        train(timed, run, observer=Crash(last))
    assert load(run / "recipe.yaml").training.minutes == 0.05
    before = losses(run)
    outcome = train(timed, run, resume=True)
    assert losses(run)[: len(before)] == before
    assert load(run / "recipe.yaml").training.steps == outcome.steps == len(losses(run))
    train(load(run / "recipe.yaml"), again)
    assert weights(again) == weights(run)


def test_steps_that_are_asked_for_hold_beside_minutes(tmp_path: Path, timed: Recipe) -> None:
    training = timed.training.model_copy(update={"steps": 7, "minutes": 1e-4})
    outcome = train(timed.model_copy(update={"training": training}), tmp_path / "run")
    assert outcome.steps == 7


def test_a_timed_run_without_a_checkpoint_starts_again(tmp_path: Path, timed: Recipe) -> None:
    class First(Observer):
        def stepped(self, record: StepRecord) -> None:
            raise RuntimeError("crash")

    with pytest.raises(RuntimeError, match="crash"):
        train(timed, tmp_path / "run", observer=First())
    planned = json.loads((tmp_path / "run" / "run.json").read_text())["plan"]["steps"]
    assert planned > 1
    outcome = train(timed, tmp_path / "run", resume=True)
    assert outcome.steps == metrics.read(tmp_path / "run" / "metrics.jsonl")[-1]["step"]

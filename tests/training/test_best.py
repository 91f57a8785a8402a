"""A run ends with its best weights: those of the least validation loss, or the last if asked."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forked import forked
from lexome.corpus import Corpus
from lexome.model import load_model
from lexome.recipe import Recipe
from lexome.training import Observer, StepRecord, loop, machine, metrics, train
from lexome.training.loop import Loop
from lexome.training.weights import Weights

from .conftest import losses, session_of


def kill(*_: object) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def before(_: Path) -> None:
    Weights.put_best = kill


def between(run: Path) -> None:
    """Kill when the old model is away, and the new one is not yet in its place."""
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if Path(target) == run / "model":
            kill()
        return real(self, target)

    Path.rename = rename


def after(_: Path) -> None:
    loop.end_line = kill


def killed_at(moment: Callable[[Path], None], recipe: Recipe, run: Path) -> None:
    """Go on with a run until the moment at which it is killed."""
    moment(run)
    train(recipe, run, resume=True)


def overfitting(make_recipe: Callable[..., Recipe], keep: str) -> Recipe:
    """Return a recipe that goes wrong behind its middle: it ends with a huge learning rate."""
    return make_recipe(
        training__keep=keep,
        training__steps=16,
        training__evaluate_every=2,
        schedule__name="linear",
        schedule__warmup=1.0,
        optimizer__learning_rate=3.0,
        optimizer__embedding_learning_rate=3.0,
        optimizer__matrix_learning_rate=3.0,
    )


def scored(corpus: Corpus, recipe: Recipe, folder: Path) -> float:
    session, _ = session_of(recipe, corpus)
    session.model.load_state_dict(load_model(folder / "model").state_dict())
    return session.validation_loss(session.batches(corpus, "valid", 0))


def test_the_best_weights_are_kept(
    tmp_path: Path, corpus: Corpus, make_recipe: Callable[..., Recipe]
) -> None:
    best = train(overfitting(make_recipe, "best"), tmp_path / "best")
    last = train(overfitting(make_recipe, "last"), tmp_path / "last")
    rows = [
        row for row in metrics.read(tmp_path / "best/metrics.jsonl") if "validation_loss" in row
    ]
    least, step = min((row["validation_loss"], row["step"]) for row in rows)
    assert step < 16 and rows[-1]["validation_loss"] > least
    assert (best.kept_step, best.validation_loss) == (step, least)
    assert (last.kept_step, last.validation_loss) == (16, rows[-1]["validation_loss"])
    for outcome in (best, last):
        recipe = overfitting(make_recipe, "last")
        assert scored(corpus, recipe, outcome.folder) == pytest.approx(outcome.validation_loss)


def lines_of(run: Path, key: str) -> list[dict[str, Any]]:
    return [row for row in metrics.read(run / "metrics.jsonl") if key in row]


def ends_of(run: Path) -> list[dict[str, Any]]:
    return [row for row in lines_of(run, "event") if row["event"] == "ended"]


@pytest.mark.parametrize("keep", ["best", "last"])
def test_resuming_a_run_that_has_ended_changes_nothing(
    tmp_path: Path, make_recipe: Callable[..., Recipe], keep: str
) -> None:
    recipe, run = overfitting(make_recipe, keep), tmp_path / "run"
    outcome = train(recipe, run)

    def files() -> dict[Path, tuple[int, bytes]]:
        found = [path for path in run.rglob("*") if path.is_file()]
        return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in found}

    before = files()
    assert train(recipe, run, resume=True) == outcome
    assert files() == before


def test_a_kill_while_the_best_weights_are_put_in_place_leaves_no_others(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    class Stops(Observer):
        def stepped(self, record: StepRecord) -> None:
            if record.step == 5:
                os.kill(os.getpid(), signal.SIGTERM)

    recipe, run = overfitting(make_recipe, "best"), tmp_path / "run"
    whole = train(recipe, tmp_path / "whole")
    assert train(recipe, run, observer=Stops()).stopped
    weights = "model/model.safetensors"
    best, then = (whole.folder / weights).read_bytes(), (run / weights).read_bytes()
    for moment, kept in ((before, then), (between, None), (after, best)):
        process = forked(killed_at, moment, recipe, run)
        process.join()
        assert process.exitcode == -signal.SIGKILL, moment
        left = run / weights
        assert (left.read_bytes() if left.exists() else None) == kept, moment
    assert not ends_of(run)
    outcome = train(recipe, run, resume=True)
    assert (outcome.kept_step, outcome.validation_loss) == (whole.kept_step, whole.validation_loss)
    assert (run / weights).read_bytes() == best
    assert losses(run) == losses(whole.folder)
    for key in ("validation_loss", "event"):
        found = [[row["step"] for row in lines_of(folder, key)] for folder in (run, whole.folder)]
        assert found[0] == found[1]


def test_the_end_says_once_what_all_processes_took(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Crash(Observer):
        def stepped(self, record: StepRecord) -> None:
            if record.step == 10:
                raise RuntimeError("crash")

    recipe, run = make_recipe(), tmp_path / "run"
    monkeypatch.setattr(machine, "peak_bytes", lambda _: 900)
    with pytest.raises(RuntimeError, match="crash"):
        train(recipe, run, observer=Crash())
    monkeypatch.setattr(machine, "peak_bytes", lambda _: 100)
    outcome = train(recipe, run, resume=True)
    train(recipe, run, resume=True)
    (end,) = ends_of(run)
    assert end["peak_bytes"] == 900
    steps = lines_of(run, "loss")
    assert end["seconds"] == outcome.seconds == pytest.approx(steps[-1]["seconds"], abs=1e-3)
    assert metrics.read(run / "metrics.jsonl")[-1] == end


def test_a_run_goes_on_where_its_recipe_asks_for_more(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    run = tmp_path / "run"
    train(make_recipe(), run)
    recipe = run / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("steps: 12", "steps: 14"))
    assert train(make_recipe(), run, resume=True).steps == 14
    assert [end["step"] for end in ends_of(run)] == [14]


def test_a_model_that_is_gone_is_written_again(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe, run = overfitting(make_recipe, "best"), tmp_path / "run"
    outcome = train(recipe, run)
    weights = (run / "model/model.safetensors").read_bytes()
    (run / "model").rename(tmp_path / "elsewhere")
    assert train(recipe, run, resume=True) == outcome
    assert (run / "model/model.safetensors").read_bytes() == weights
    assert len(ends_of(run)) == 1


class Heard(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def told(self, message: str) -> None:
        self.messages.append(message)


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_where_the_best_weights_are_lost_the_last_are_kept_and_it_is_said(
    damage: str,
    tmp_path: Path,
    corpus: Corpus,
    make_recipe: Callable[..., Recipe],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    recipe, run, heard = overfitting(make_recipe, "best"), tmp_path / "run", Heard()

    def killed(weights: Weights, step: int) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Weights, "put_best", killed)
        train(recipe, run)
    (best,) = (run / "best").iterdir()
    weights = best / "model/model.safetensors"
    weights.unlink() if damage == "gone" else weights.write_bytes(weights.read_bytes()[:-9])
    outcome = train(recipe, run, resume=True, observer=heard)
    assert outcome.kept_step == 16
    assert any("the last weights are kept" in message for message in heard.messages)
    last = train(overfitting(make_recipe, "last"), tmp_path / "last")
    assert outcome.validation_loss == last.validation_loss
    assert scored(corpus, recipe, run) == pytest.approx(last.validation_loss)


def test_a_killed_run_does_not_end_with_weights_that_no_checkpoint_knows(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe, run = overfitting(make_recipe, "best"), tmp_path / "run"
    whole = train(overfitting(make_recipe, "best"), tmp_path / "whole")
    save, validate = Loop._save, Loop._validate

    def killed(loop: Loop) -> None:
        validate(loop)
        if loop.progress.step == 6:
            raise KeyboardInterrupt

    monkeypatch.setattr(Loop, "_validate", killed)
    with pytest.raises(KeyboardInterrupt):
        train(recipe, run)
    monkeypatch.setattr(Loop, "_validate", validate)
    assert {folder.name for folder in (run / "best").iterdir()} >= {"2"}
    seen: list[set[str]] = []

    def watched(loop: Loop) -> None:
        save(loop)
        seen.append({folder.name for folder in (run / "best").iterdir()})
        assert seen[-1] == {str(loop.progress.best_step)}

    monkeypatch.setattr(Loop, "_save", watched)
    outcome = train(recipe, run, resume=True)
    assert len(seen) == 3 and outcome.kept_step == whole.kept_step
    weights = "model/model.safetensors"
    assert (run / weights).read_bytes() == (whole.folder / weights).read_bytes()

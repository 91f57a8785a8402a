"""A run ends with its best weights: those of the least validation loss, or the last if asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lexome.corpus import Corpus
from lexome.model import load_model
from lexome.recipe import Recipe
from lexome.training import Observer, metrics, train
from lexome.training.loop import Loop

from .conftest import session_of


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


def test_a_run_that_has_ended_keeps_its_best_when_it_is_resumed(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe, run = overfitting(make_recipe, "best"), tmp_path / "run"
    train(recipe, run)
    before = (run / "model/model.safetensors").read_bytes()
    train(recipe, run, resume=True)
    assert (run / "model/model.safetensors").read_bytes() == before


class Heard(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def told(self, message: str) -> None:
        self.messages.append(message)


@pytest.mark.parametrize("damage", ["gone", "torn"])
def test_where_the_best_weights_are_lost_the_last_are_kept_and_it_is_said(
    damage: str, tmp_path: Path, corpus: Corpus, make_recipe: Callable[..., Recipe]
) -> None:
    recipe, run, heard = overfitting(make_recipe, "best"), tmp_path / "run", Heard()
    best = train(recipe, run).kept_step
    weights = run / f"best/{best}/model/model.safetensors"
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

    def killed(loop: Loop) -> float | None:
        loss = validate(loop)
        if loop.progress.step == 6:
            raise KeyboardInterrupt
        return loss

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

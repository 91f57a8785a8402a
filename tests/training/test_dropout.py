"""Dropout: unbiased, off wherever a model is used, and the same when a run is resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from lexome.corpus import Corpus
from lexome.model.transformer import Dropout
from lexome.recipe import Recipe
from lexome.training import Observer, StepRecord, train

from .conftest import losses, session_of


def test_a_share_is_zeroed_and_the_mean_stays() -> None:
    torch.manual_seed(0)
    drop, x = Dropout(), torch.ones(400, 400)
    assert drop(x) is x
    drop.rate = torch.tensor(0.25)
    y = drop(x)
    assert float((y == 0).float().mean()) == pytest.approx(0.25, abs=0.01)
    assert float(y.mean()) == pytest.approx(1, abs=0.01)
    drop.rate = torch.tensor(0.0)
    assert torch.equal(drop(x), x)
    assert drop(x.bfloat16()).dtype == torch.bfloat16


def test_it_drops_in_training_only(corpus: Corpus, make_recipe: Callable[..., Recipe]) -> None:
    plain, batches = session_of(make_recipe(), corpus)
    dropping, _ = session_of(make_recipe(training__dropout=0.3), corpus)
    for session in (plain, dropping):
        # What blocks add is zero before the first update.
        session.gradient(batches, 0)
        session.optimizer.step(1.0)
    dropping.model.load_state_dict(plain.model.state_dict())
    assert dropping.validation_loss(batches) == plain.validation_loss(batches)
    first = dropping.gradient(batches, 1).loss
    assert first != plain.gradient(batches, 1).loss
    dropping.optimizer.zero_grad()
    assert dropping.gradient(batches, 1).loss == first
    tokens = torch.arange(8).unsqueeze(0)
    assert torch.equal(dropping.model(tokens), plain.model(tokens))
    assert set(dropping.model.state_dict()) == set(plain.model.state_dict())


@pytest.mark.parametrize("compiled", [False, True])
def test_a_resumed_run_drops_the_same(
    tmp_path: Path, make_recipe: Callable[..., Recipe], compiled: bool
) -> None:
    recipe = make_recipe(training__dropout=0.2, training__compile=compiled)
    train(recipe, tmp_path / "whole")
    shorter = tmp_path / "stopped"

    class Stop(Exception):
        pass

    class Stopping(Observer):
        def stepped(self, record: StepRecord) -> None:
            if record.step == 9:
                raise Stop

    with pytest.raises(Stop):
        train(recipe, shorter, observer=Stopping())
    train(recipe, shorter, resume=True)
    assert losses(shorter)[-4:] == losses(tmp_path / "whole")[-4:]
    weights = [
        (folder / "model/model.safetensors").read_bytes()
        for folder in (shorter, tmp_path / "whole")
    ]
    assert weights[0] == weights[1]

"""How far the weights of a base are moved: its embedding in proportion to its size, none erased."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small import SHORT, copies, prepared, recipe, text_base, tokens

from lexome.corpus import Corpus
from lexome.finetuning import tasks
from lexome.finetuning.recipes import Tuning, tuning_recipe
from lexome.model import load_model, save_model
from lexome.recipe import OptimizerRecipe
from lexome.training import train


@pytest.mark.parametrize("scale", [1.0, 0.02])
def test_rows_are_moved_a_little_of_their_size_and_others_stay(
    tmp_path: Path, scale: float
) -> None:
    base = text_base(tmp_path / "base")
    model = load_model(base)
    with torch.no_grad():
        model.embedding.weight.mul_(scale)
    save_model(base, model, tokenizer=tokens("text", "bytes"))
    corpus = prepared(tmp_path / "corpus", base, "translation", copies(tmp_path))
    train(recipe("translation", corpus, base), tmp_path / "run")
    before = model.embedding.weight.detach()
    after = load_model(tmp_path / "run/model").embedding.weight.detach()[: len(before)]
    moved = (after - before).norm(dim=1) / before.norm(dim=1)
    seen = corpus.stream("train").read(0, len(corpus.stream("train"))).tolist()
    unseen = sorted(set(range(len(before))) - set(seen))
    assert moved.max() > 0.002
    # Four steps of a hundredth each; a step of Adam may be a little longer than its rate.
    assert moved.max() < 0.05
    assert len(unseen) > 100 and torch.equal(after[unseen], before[unseen])


def test_rates_are_those_of_the_method_and_the_task(pairs: Corpus, base: Path) -> None:
    deviation = load_model(base).embedding.weight.std().item()
    task = tasks.get("translation")
    gentle = replace(task, rate=0.1)
    for method, rate in (("full", 0.01), ("lora", 0.05), ("probe", 0.05)):
        tuning = Tuning(method, changes=SHORT)  # type: ignore[arg-type]
        usual, less = (
            tuning_recipe(one, pairs, str(base), tuning).optimizer for one in (task, gentle)
        )
        assert usual.embedding_learning_rate == pytest.approx(rate * deviation)
        assert less.embedding_learning_rate == pytest.approx(rate * deviation / 10)
        assert less.learning_rate == pytest.approx(usual.learning_rate / 10)
    assert recipe("translation", pairs, base, "scratch").optimizer == OptimizerRecipe()
    said = recipe("translation", pairs, base, optimizer__embedding_learning_rate=0.3)
    assert said.optimizer.embedding_learning_rate == 0.3

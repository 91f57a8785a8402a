"""Of a model with something attached, the optimizer moves what is trained and nothing else."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from lexome.model import Method, Transformer, attach, families, grown
from lexome.recipe import OptimizerRecipe
from lexome.training.optimizers import ADAPTERS, EMBEDDINGS, HEAD, MAPS, VECTORS, Optimizer, groups

OLD, NEW = 40, 6


def attached(method: Method, *, tied: bool, family: str = "llama") -> Transformer:
    model = Transformer(families.get(family).config(OLD, 16, 2, 16, 2, tied=tied))
    model.initialise(0)
    model = grown(model, OLD + NEW, seed=1)
    attach(model, method, rank=2, frozen_rows=OLD, seed=2)
    return model


def backward(model: Transformer) -> float:
    tokens = torch.randint(OLD + NEW, (4, 17), generator=torch.Generator().manual_seed(0))
    loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
    loss.backward()
    return loss.item()


@pytest.mark.parametrize("name", ["muon", "adamw"])
@pytest.mark.parametrize("tied", [True, False])
def test_each_trained_parameter_is_in_one_group(name: str, tied: bool) -> None:
    recipe = OptimizerRecipe(name=name)
    model = attached("lora", tied=tied, family="bert")
    found = {group.label: group for group in groups(model, recipe)}
    names = [n for group in found.values() for n in group.names]
    assert sorted(names) == sorted(n for n, p in model.named_parameters() if p.requires_grad)
    assert next(iter(found)) == ADAPTERS and MAPS not in found
    adapters = found[ADAPTERS]
    assert adapters.algorithm == "adamw" and adapters.learning_rate == recipe.learning_rate
    assert len(adapters.names) == 2 * 6 * 2
    assert found[VECTORS].names == ("head.unembedding.new_bias",)
    if tied:
        assert found[HEAD].names == ("embedding.new_rows",) and EMBEDDINGS not in found
    else:
        assert found[HEAD].names == ("head.unembedding.new_rows",)
        assert found[EMBEDDINGS].names == ("embedding.new_rows",)
        assert found[EMBEDDINGS].learning_rate == recipe.embedding_learning_rate


@pytest.mark.parametrize("method", ["full", "scratch"])
def test_a_model_trained_whole_has_the_groups_of_pre_training(method: Method) -> None:
    found = groups(attached(method, tied=False), OptimizerRecipe(name="muon"))
    assert [(g.label, g.algorithm) for g in found] == [
        (MAPS, "muon"),
        (EMBEDDINGS, "adamw"),
        (HEAD, "adamw"),
        (VECTORS, "adamw"),
    ]


@pytest.mark.parametrize("method", ["lora", "probe"])
@pytest.mark.parametrize("tied", [True, False])
def test_only_what_is_trained_moves_and_is_kept(method: Method, tied: bool) -> None:
    model = attached(method, tied=tied)
    recipe = OptimizerRecipe(weight_decay=0.3, learning_rate=0.02, clip_norm=0.05)
    optimizer = Optimizer(model, recipe)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    losses = []
    for _ in range(5):
        losses.append(backward(model))
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        expected = torch.stack([g.norm() for g in gradients]).norm().item()
        assert optimizer.clip() == pytest.approx(expected)
        assert torch.stack([g.norm() for g in gradients]).norm() <= 0.05 * (1 + 1e-4)
        optimizer.step(1.0)
        assert all(p.grad is None for p in model.parameters())
    assert losses[-1] < losses[0]
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) != parameter.requires_grad, name
    moved = {name for name, p in model.named_parameters() if p.requires_grad}
    assert set(optimizer.parameters) == moved
    kinds = ("exp_avg", "exp_avg_sq")
    assert set(optimizer.state()) == {f"{kind}/{name}" for kind in kinds for name in moved}


def test_training_goes_on_from_the_state_of_what_is_trained() -> None:
    """All that is kept is put into a new model: the next updates are the same to the bit."""
    recipe = OptimizerRecipe()
    one = attached("lora", tied=True)
    first = Optimizer(one, recipe)
    for _ in range(3):
        backward(one)
        first.step(1.0)
    kept = {name: p.detach().clone() for name, p in first.parameters.items()}
    state = {name: tensor.clone() for name, tensor in first.state().items()}

    other = attached("lora", tied=True)
    second = Optimizer(other, recipe)
    with torch.no_grad():
        for name, parameter in second.parameters.items():
            parameter.copy_(kept[name])
        for name, tensor in second.state().items():
            tensor.copy_(state[name])
    second.set_updates(3)
    for model, optimizer in ((one, first), (other, second)):
        backward(model)
        optimizer.step(0.5)
    found = dict(other.named_parameters())
    assert all(torch.equal(found[name], p) for name, p in one.named_parameters())

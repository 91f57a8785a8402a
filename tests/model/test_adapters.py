"""What is attached: it begins as nothing, trains nothing else, and merges into plain weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from adapted import NEW, RANK, attached, ids, trained

from lexome.errors import UsageError
from lexome.generation.decoder import Decoder
from lexome.generation.engine import generate
from lexome.generation.settings import Settings
from lexome.model import (
    TARGETS,
    Method,
    Transformer,
    attach,
    families,
    grown,
    merged,
    trained_parameters,
    trained_share,
)
from lexome.model.adapters import base_parameters
from lexome.model.layers import Linear
from lexome.model.low_rank import LowRank
from peers import PEERS, VOCABULARY

peers = pytest.mark.parametrize("name", PEERS)
TIED_AND_UNTIED = ["llama-tied", "llama-untied-grouped", "bert-tied", "esm-untied"]


def loss(model: torch.nn.Module) -> torch.Tensor:
    logits = model(ids())
    return F.cross_entropy(logits.flatten(0, 1), ids().roll(-1, dims=1).flatten())


def frozen(model: Transformer) -> dict[str, torch.Tensor]:
    return {n: p.detach().clone() for n, p in model.named_parameters() if not p.requires_grad}


# Where it begins


@peers
@pytest.mark.parametrize("method", ["lora", "probe"])
def test_at_the_start_nothing_has_changed(name: str, method: Method) -> None:
    plain = grown(PEERS[name].model(), VOCABULARY + NEW, seed=1)
    with torch.no_grad():
        found, expected = attached(name, method)(ids()), plain(ids())
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)


def test_factors_begin_as_stated_and_from_the_seed() -> None:
    plain = Linear(400, 300)
    draws = [LowRank(plain, 64, 2.0, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    factor = draws[0].factor_a.detach()
    bound = 1 / 400**0.5
    assert factor.shape == (64, 400) and draws[0].factor_b.shape == (300, 64)
    assert 0.99 * bound < factor.abs().max() <= bound
    assert factor.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not draws[0].factor_b.any()
    assert torch.equal(factor, draws[1].factor_a) and not torch.equal(factor, draws[2].factor_a)


def test_a_low_rank_map_is_the_papers_formula() -> None:
    low = LowRank(Linear(6, 4), 2, 3.0, torch.Generator().manual_seed(0))
    torch.nn.init.normal_(low.factor_b)
    x = torch.randn(5, 6)
    weight = low.base.weight + 3.0 / 2 * low.factor_b @ low.factor_a
    torch.testing.assert_close(low(x), x @ weight.T + low.base.bias)
    torch.testing.assert_close(low.weight, weight)


@pytest.mark.parametrize("tied", ["llama-tied", "llama-untied-grouped"])
def test_rows_are_looked_up_as_in_one_matrix(tied: str) -> None:
    model = trained(tied)
    everything = torch.arange(VOCABULARY + NEW)
    weight = model.embedding.weight
    assert torch.equal(model.embedding(everything), weight)
    found = torch.autograd.grad(model.embedding(ids()).sin().sum(), model.embedding.new_rows)[0]
    expected = torch.autograd.grad(F.embedding(ids(), weight).sin().sum(), weight)[0]
    torch.testing.assert_close(found, expected[VOCABULARY:])
    with pytest.raises(IndexError):
        model.embedding(torch.tensor([[VOCABULARY + NEW]]))


# What is trained


def test_names_say_what_is_trained() -> None:
    names = {n for n, p in attached("llama-untied-grouped").named_parameters() if p.requires_grad}
    layer = {n.removeprefix("layers.0.") for n in names if n.startswith("layers.0.")}
    maps = [f"attention.{n}" for n in ("query", "key", "value", "output")]
    maps += [f"mlp.{n}" for n in ("gate", "up", "down")]
    assert layer == {f"{m}.{f}" for m in maps for f in ("factor_a", "factor_b")}
    outside = {name for name in names if not name.startswith("layers.")}
    assert outside == {"embedding.new_rows", "head.unembedding.new_rows"}
    tied = {n for n, p in attached("bert-tied", "probe").named_parameters() if p.requires_grad}
    assert tied == {"embedding.new_rows", "head.unembedding.new_bias"}


@peers
@pytest.mark.parametrize("method", ["lora", "probe", "full"])
def test_gradients_flow_to_what_is_trained_and_nowhere_else(name: str, method: Method) -> None:
    model = trained(name, method)
    loss(model).backward()
    for key, parameter in model.named_parameters():
        if not parameter.requires_grad:
            assert parameter.grad is None, key
        elif not key.endswith("key.bias"):  # the softmax may not see a constant
            assert parameter.grad is not None and parameter.grad.any(), key
    trains_all = all(p.requires_grad for p in model.parameters())
    assert trains_all == (method == "full")


@pytest.mark.parametrize("name", TIED_AND_UNTIED)
@pytest.mark.parametrize("method", ["lora", "probe"])
def test_frozen_weights_do_not_move_by_a_bit(name: str, method: Method) -> None:
    """Weight decay and momentum are where rows that get no gradient drift elsewhere."""
    model = attached(name, method)
    plain = grown(PEERS[name].model(), VOCABULARY + NEW, seed=1)
    before, start = frozen(model), loss(model).item()
    moved = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}
    adamw = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.3)
    for _ in range(5):
        adamw.zero_grad()
        loss(model).backward()
        adamw.step()
    assert loss(model).item() < start
    after = frozen(model)
    assert after.keys() == before.keys() and all(torch.equal(after[n], before[n]) for n in before)
    assert all(not torch.equal(model.get_parameter(n), p) for n, p in moved.items())
    plainly = dict(merged(model).named_parameters())
    for key in ("embedding.weight", "head.unembedding.weight"):
        if key in plainly:
            assert torch.equal(plainly[key][:VOCABULARY], plain.get_parameter(key)[:VOCABULARY])


@pytest.mark.parametrize("name", ["llama-tied", "esm-untied"])
def test_the_base_is_found_again_under_what_was_trained(name: str) -> None:
    plain = dict(PEERS[name].model().named_parameters())
    found = base_parameters(trained(name))
    assert found.keys() == plain.keys() and all(torch.equal(found[n], plain[n]) for n in plain)


def test_trained_parameters_are_counted() -> None:
    model = attached("llama-tied")
    width, inner, layers = 48, 80, 4
    block = RANK * (4 * (width + width) + 3 * (width + inner))
    expected = layers * block + NEW * width
    assert trained_parameters(model) == expected
    whole = sum(p.numel() for p in PEERS["llama-tied"].model().parameters())
    assert trained_share(model) == pytest.approx(expected / (whole + expected))
    full = PEERS["llama-tied"].model()
    attach(full, "full", frozen_rows=VOCABULARY, seed=0)
    assert trained_parameters(full) == whole and trained_share(full) == 1


# Merging


@peers
@pytest.mark.parametrize("method, new", [("lora", 0), ("lora", NEW), ("probe", NEW)])
def test_merged_weights_give_the_same_logits(name: str, method: Method, new: int) -> None:
    model = trained(name, method, new)
    before = {n: p.detach().clone() for n, p in model.named_parameters()}
    plain = merged(model)
    with torch.no_grad():
        expected = model(ids(new))
        assert (plain(ids(new)) - expected).abs().max() < 1e-5 * expected.abs().max()
        model.double().compute_dtype = torch.float64
        torch.testing.assert_close(merged(model)(ids(new)), model(ids(new)), atol=1e-10, rtol=0)
    assert not any(isinstance(m, LowRank) for m in plain.modules())
    names = dict(PEERS[name].model().named_parameters()).keys()
    assert dict(plain.named_parameters()).keys() == names
    assert (plain.head.unembedding.weight is plain.embedding.weight) == model.config.tied
    model.float()
    assert all(torch.equal(p, before[n]) for n, p in model.named_parameters())
    assert all(p.requires_grad for p in plain.parameters())


def test_a_merged_model_shares_no_memory() -> None:
    model = trained("llama-tied")
    expected = model(ids()).detach()
    with torch.no_grad():
        for parameter in merged(model).parameters():
            parameter.zero_()
        assert torch.equal(model(ids()), expected)


@pytest.mark.parametrize("name", ["llama-tied", "gpt2-tied", "nanochat-tied-grouped"])
def test_an_attached_model_generates_what_the_merged_one_does(name: str) -> None:
    model = trained(name)
    settings = Settings(temperature=0, max_tokens=12, precision="fp32")
    prompts = [[5, 9, VOCABULARY + 2], [VOCABULARY, 8]]
    found = [g.ids for g in generate(Decoder(model, torch.float32), prompts, settings)]
    assert found == [g.ids for g in generate(merged(model), prompts, settings)]
    base = [g.ids for g in generate(attached(name), prompts, settings)]
    assert found != base, "what was trained changes nothing here"


# In the training loop


@pytest.mark.parametrize("name", ["llama-tied", "modernbert-tied"])
def test_bf16_activations(name: str) -> None:
    model = trained(name)
    with torch.no_grad():
        expected = model(ids())
        model.compute_dtype = torch.bfloat16
        found = model(ids())
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).abs().max() < 0.1 * expected.abs().max()
    loss(model).backward()
    assert model.layers[0].mlp.up.factor_b.grad.dtype == torch.float32


def test_dropout_still_works() -> None:
    model = trained("llama-tied")
    expected = model(ids())
    model.set_dropout(torch.tensor(0.5))
    torch.manual_seed(0)
    assert not torch.allclose(model(ids()), expected, atol=0.1)
    model.set_dropout(torch.tensor(0.0))
    torch.testing.assert_close(model(ids()), expected)


def test_a_compiled_model_has_the_same_loss_and_gradients() -> None:
    # One layer: the compiler takes its time for each.
    plain = Transformer(families.get("llama").config(VOCABULARY, 48, 1, 16, 2, tied=True))
    plain.initialise(0)
    model = grown(plain, VOCABULARY + NEW, seed=1)
    attach(model, "lora", rank=2, frozen_rows=VOCABULARY, seed=2)
    for factor in (p for n, p in model.named_parameters() if n.endswith("factor_b")):
        torch.nn.init.normal_(factor, std=0.1)
    expected = loss(model)
    expected.backward()
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    found = loss(torch.compile(model, dynamic=False))
    found.backward()
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    assert len(gradients) == 2 * 7 + 1
    for key, gradient in gradients.items():
        torch.testing.assert_close(model.get_parameter(key).grad, gradient, atol=1e-6, rtol=1e-4)


# Bad requests


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "lore"}, "no method 'lore'.*'lora'"),
        ({"rank": 0}, "cannot be corrected with rank 0"),
        ({"rank": -4}, "cannot be corrected with rank -4"),
        ({"rank": 25}, r"key \(24 × 48\) cannot be corrected with rank 25.*from 1 to 24"),
        ({"alpha": 0.0}, "alpha must be a positive number"),
        ({"alpha": float("inf")}, "alpha must be a positive number"),
        ({"alpha": float("nan")}, "alpha must be a positive number"),
        ({"targets": ["query", "keys"]}, "no map 'keys'.*'key'"),
        ({"targets": []}, "no map is targeted"),
        ({"frozen_rows": VOCABULARY + 1}, "62 rows of a vocabulary of 61"),
        ({"frozen_rows": 0}, "0 rows"),
        ({"method": "probe"}, "this vocabulary has none"),
    ],
)
def test_bad_requests_change_nothing(options: dict[str, Any], message: str) -> None:
    model = PEERS["llama-untied-grouped"].model()
    names = [(n, p.requires_grad) for n, p in model.named_parameters()]
    request = {"method": "lora", "frozen_rows": VOCABULARY, "seed": 0, **options}
    with pytest.raises(UsageError, match=f"(?s){message}") as caught:
        attach(model, request.pop("method"), **request)
    assert caught.value.where and caught.value.fix
    assert [(n, p.requires_grad) for n, p in model.named_parameters()] == names


def test_a_map_that_a_family_lacks_is_named() -> None:
    with pytest.raises(UsageError, match="no map 'gate'"):
        attach(PEERS["gpt2-tied"].model(), "lora", targets=["gate"], frozen_rows=61, seed=0)


def test_nothing_is_attached_twice() -> None:
    for name, method in (("gpt2-tied", "lora"), ("gpt2-tied", "probe")):
        model = attached(name, method)
        with pytest.raises(UsageError, match="attached to this model already"):
            attach(model, "lora", frozen_rows=VOCABULARY, seed=0)
        attach(merged(model), "lora", frozen_rows=VOCABULARY, seed=0)


@pytest.mark.parametrize("targets", [["value"], ["down", "query"], list(TARGETS)])
def test_only_targeted_maps_are_adapted(targets: list[str]) -> None:
    model = PEERS["llama-tied"].model()
    attach(model, "lora", rank=2, targets=targets, frozen_rows=VOCABULARY, seed=0)
    found = {n.split(".")[-1] for n, m in model.named_modules() if isinstance(m, LowRank)}
    assert found == set(targets)

"""The start of training: the same for the same seed, and a loss of ln V whatever the depth."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn.functional import cross_entropy

from lexome.errors import LexomeError
from lexome.model import Transformer, depth, families
from lexome.model.config import TransformerConfig
from peers import PEERS, VOCABULARY, tokens


def started(config: TransformerConfig, seed: int = 0) -> Transformer:
    model = Transformer(config)
    model.initialise(seed)
    return model


@pytest.mark.parametrize("name", PEERS)
def test_the_start_is_a_function_of_the_seed(name: str) -> None:
    config = PEERS[name].config()
    one, same, other = (dict(started(config, s).named_parameters()) for s in (0, 0, 1))
    assert all(torch.equal(one[key], same[key]) for key in one)
    drawn = [key for key in one if one[key].ndim > 1 and one[key].any()]
    assert drawn and not any(torch.equal(one[key], other[key]) for key in drawn)


CAUSAL = [name for name, family in families.FAMILIES.items() if family.attention == "causal"]
MASKED = sorted(set(families.FAMILIES) - set(CAUSAL))


def first_loss(config: TransformerConfig) -> float:
    model = started(config)
    ids = tokens(33, rows=8)
    with torch.no_grad():
        return cross_entropy(model(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).item()


@pytest.mark.parametrize(
    "family, tied",
    [
        *((family, tied) for family in MASKED for tied in (True, False)),
        # With blocks that begin as the identity, a tied unembedding sees its own embedding.
        *((family, False) for family in CAUSAL),
    ],
)
def test_the_first_loss_is_the_logarithm_of_the_vocabulary(family: str, tied: bool) -> None:
    config = depth(8, family=family, vocab_size=VOCABULARY, context=32, tied=tied)
    assert first_loss(config) == pytest.approx(math.log(VOCABULARY), abs=0.15)


@pytest.mark.parametrize("name", PEERS)
def test_every_block_learns_from_the_first_steps(name: str) -> None:
    """Zeros on the way back to the residual stream must not hold the gradient for ever."""
    model = started(PEERS[name].config())
    ids = tokens(24)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        cross_entropy(model(ids).flatten(0, 1), ids.flip(1).flatten()).backward()
        optimizer.step()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


@pytest.mark.parametrize("name", ["gpt2-tied", "nanochat-untied", "modernbert-tied"])
def test_bf16_activations_are_close(name: str) -> None:
    model = PEERS[name].model()
    ids = tokens(40)
    with torch.no_grad():
        exact = model(ids)
        model.compute_dtype = torch.bfloat16
        rounded = model(ids).float()
    assert (rounded - exact).square().mean().sqrt() < 0.05 * exact.std()
    assert not torch.equal(rounded, exact)


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"vocab_size": 0}, "vocab_size must be at least 1"),
        ({"layers": -1}, "layers must be at least 1"),
        ({"kv_heads": 3}, "4 heads cannot share 3 key-value heads"),
        ({"head_width": 5}, "even head width"),
        ({"attention_windows": (8,)}, "1 attention windows for 4 layers"),
    ],
    ids=str,
)
def test_impossible_shapes_are_refused(wrong: dict[str, object], message: str) -> None:
    sound = PEERS["llama-tied"].config().to_dict()
    with pytest.raises(LexomeError, match=message) as caught:
        TransformerConfig(**{**sound, **wrong})
    assert caught.value.where and caught.value.fix

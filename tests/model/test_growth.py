"""Grown vocabularies: old rows to the bit, new rows like old ones, nothing else touched."""

from __future__ import annotations

import pytest
import torch

from lexome.errors import UsageError
from lexome.model import Transformer, families, grown
from peers import PEERS, VOCABULARY, Peer, tokens

ROWS = ("embedding.weight", "head.unembedding.weight", "head.unembedding.bias")

peers = pytest.mark.parametrize("peer", PEERS.values(), ids=PEERS)


def large(**options: object) -> Transformer:
    """Return a model with so many tokens that their mean and deviation are known well."""
    model = Transformer(families.get("llama").config(4_000, 32, 1, 16, 2, **options))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name in ("embedding.weight", "head.unembedding.weight"):
            parameter = model.get_parameter(name)
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(torch.linspace(0.1, 2, 16) * noise + torch.linspace(-3, 3, 16))
    return model


@peers
def test_what_the_model_knew_stays_to_the_bit(peer: Peer) -> None:
    model = peer.model()
    model.compute_dtype = torch.bfloat16
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    larger = grown(model, VOCABULARY + 9, seed=1)
    assert larger.config.vocab_size == VOCABULARY + 9
    assert larger.compute_dtype == torch.bfloat16
    found = dict(larger.named_parameters())
    assert found.keys() == before.keys()
    for name, parameter in found.items():
        rows = VOCABULARY if name in ROWS else len(parameter)
        assert torch.equal(parameter[:rows], before[name])
        assert len(parameter) == rows + 9 * (name in ROWS)
        assert parameter.isfinite().all()
    assert (larger.head.unembedding.weight is larger.embedding.weight) == model.config.tied
    with torch.no_grad():
        for parameter in larger.parameters():
            parameter.zero_()
    assert all(torch.equal(p, before[name]) for name, p in model.named_parameters())


@peers
def test_old_tokens_have_the_logits_that_they_had(peer: Peer) -> None:
    model = peer.model()
    larger = grown(model, VOCABULARY + 5, seed=1)
    ids = tokens(20)
    with torch.no_grad():
        found = larger(ids)[..., :VOCABULARY]
        torch.testing.assert_close(found, model(ids), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("tied", [True, False])
def test_new_embeddings_have_the_mean_and_the_deviation_of_the_old(tied: bool) -> None:
    model = large(tied=tied)
    larger = grown(model, 8_000, seed=3)
    old, new = larger.embedding.weight.detach().split(4_000)
    torch.testing.assert_close(new.mean(0), old.mean(0), atol=0.1, rtol=0)
    torch.testing.assert_close(new.std(0), old.std(0), atol=0, rtol=0.05)
    correlation = torch.corrcoef(new.T) - torch.eye(16)
    assert correlation.abs().max() < 0.1, "features are drawn apart from each other"


def test_new_unembeddings_are_near_the_mean_of_the_old() -> None:
    larger = grown(large(tied=False), 8_000, seed=3)
    old, new = larger.head.unembedding.weight.detach().split(4_000)
    torch.testing.assert_close(new.mean(0), old.mean(0), atol=0.05, rtol=0)
    torch.testing.assert_close(new.std(0), 0.1 * old.std(0), atol=0, rtol=0.05)


@pytest.mark.parametrize("name", ["esm-untied", "bert-untied", "modernbert-untied-biases"])
def test_new_biases_are_the_mean_of_the_old(name: str) -> None:
    bias = grown(PEERS[name].model(), VOCABULARY + 4, seed=0).head.unembedding.bias.detach()
    torch.testing.assert_close(bias[VOCABULARY:], bias[:VOCABULARY].mean().expand(4))


@pytest.mark.parametrize("name", [n for n, p in PEERS.items() if not p.config().tied])
def test_new_tokens_do_not_outweigh_the_old_ones(name: str) -> None:
    """The mean of the logits is never above the logarithm of the mean of what they weigh."""
    larger = grown(PEERS[name].model(), 2 * VOCABULARY, seed=5)
    with torch.no_grad():
        share = larger(tokens(40)).softmax(-1)[..., VOCABULARY:].sum(-1)
    assert share.max() < 0.6 and share.min() > 0


def test_rows_are_drawn_from_the_seed() -> None:
    model = PEERS["llama-untied-grouped"].model()
    one, same, other = (grown(model, 70, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], same[name]) for name in one)
    for name in ROWS[:2]:
        assert not torch.equal(one[name][VOCABULARY:], other[name][VOCABULARY:])


def test_one_old_row_is_enough() -> None:
    model = Transformer(families.get("llama").config(1, 8, 1, 8, 2))
    larger = grown(model, 3, seed=0)
    assert torch.equal(larger.embedding.weight[1:], model.embedding.weight.expand(2, -1))


def test_a_vocabulary_does_not_shrink() -> None:
    model = PEERS["gpt2-tied"].model()
    with pytest.raises(UsageError, match="61 tokens cannot shrink to 60"):
        grown(model, VOCABULARY - 1, seed=0)
    same = grown(model, VOCABULARY, seed=0)
    assert same.config == model.config and same.embedding.weight is not model.embedding.weight

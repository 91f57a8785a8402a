"""A model of a larger vocabulary: what it knew stays bit for bit, new tokens begin as usual ones.

A new row that is drawn without regard to the old ones can outweigh them all in the softmax; one
near their mean cannot. Source: Hewitt 2021, Initializing New Word Embeddings for Pretrained
Language Models.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.model.adapters import merged
from lexome.model.assembly import assembled
from lexome.model.transformer import Transformer

# Of an unembedding's deviation: a new token is about as likely as the average one, yet not as
# every other new one.
_UNEMBEDDING_SPREAD = 0.1


def grown(model: Transformer, vocab_size: int, seed: int) -> Transformer:
    """Return a copy of `model`, adapters merged, whose vocabulary has `vocab_size` tokens.

    New rows of the embedding are drawn from a Gaussian with the mean and the deviation of each
    feature over the old rows; a tied matrix grows like that too. New rows of an unembedding of its
    own are drawn with a tenth of the deviation, and a new bias is the mean of the old ones. Equal
    seeds give equal rows on every device. Fewer tokens than the model has are a `UsageError`.
    """
    old = model.config.vocab_size
    if vocab_size < old:
        raise UsageError(
            f"a vocabulary of {old} tokens cannot shrink to {vocab_size}",
            where="vocab_size",
            fix="keep all tokens of the model, and add the new ones after them",
        )
    generator = torch.Generator().manual_seed(seed)
    parameters = {name: p.detach() for name, p in merged(model).named_parameters()}
    spreads = {"embedding.weight": 1.0, "head.unembedding.weight": _UNEMBEDDING_SPREAD}
    spreads["head.unembedding.bias"] = 0.0
    for name, spread in spreads.items():
        if name in parameters:
            rows = _new_rows(parameters[name], vocab_size - old, spread, generator)
            parameters[name] = torch.cat((parameters[name], rows))
    larger = assembled(replace(model.config, vocab_size=vocab_size), parameters)
    larger.compute_dtype = model.compute_dtype
    return larger


def _new_rows(old: Tensor, count: int, spread: float, generator: torch.Generator) -> Tensor:
    """Return rows [count, ...] around the mean of the `old` ones, of their dtype and device."""
    mean, deviation = old.float().mean(dim=0), old.float().std(dim=0, correction=0)
    noise = torch.randn(count, *old.shape[1:], generator=generator).to(old.device)
    return (mean + spread * deviation * noise).to(old.dtype)

"""A Transformer around tensors that are there already: nothing is drawn, nothing is copied."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lexome.model.config import TransformerConfig
from lexome.model.transformer import Transformer


def assembled(config: TransformerConfig, parameters: Mapping[str, Tensor]) -> Transformer:
    """Return a Transformer that holds `parameters`, named as by `named_parameters`.

    Where `config` ties the unembedding to the embedding they are one parameter.
    """
    with torch.device("meta"):
        model = Transformer(config)
    state = dict(parameters)
    if config.tied:
        state["head.unembedding.weight"] = state["embedding.weight"]
    model.load_state_dict(state, assign=True)
    if config.tied:
        model.head.unembedding.weight = model.embedding.weight
    return model


def parameter_shapes(config: TransformerConfig) -> dict[str, torch.Size]:
    """Return the shape of each parameter of a plain Transformer; a tied matrix is there once."""
    with torch.device("meta"):
        return {name: p.shape for name, p in Transformer(config).named_parameters()}

"""Models with something attached, trained a little: weights away from where they start."""

from __future__ import annotations

import torch
from torch import Tensor

from lexome.model import Method, Transformer, attach, grown
from peers import PEERS, VOCABULARY, tokens

RANK, ALPHA, NEW = 3, 5.0, 7


def attached(name: str, method: Method = "lora", new: int = NEW) -> Transformer:
    """Return the peer's model, grown by `new` tokens, as it is when training begins."""
    model = grown(PEERS[name].model(), VOCABULARY + new, seed=1)
    attach(model, method, rank=RANK, alpha=ALPHA, frozen_rows=VOCABULARY, seed=2)
    return model


def trained(name: str, method: Method = "lora", new: int = NEW) -> Transformer:
    """Return `attached` with all that is trained moved at random."""
    model = attached(name, method, new)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return model


def ids(new: int = NEW) -> Tensor:
    """Return ids of old tokens and of every new one, [2, 40]."""
    found = tokens(40)
    found[0, 10 : 10 + new] = torch.arange(VOCABULARY, VOCABULARY + new)
    return found

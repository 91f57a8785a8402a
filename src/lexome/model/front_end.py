"""A model that reads features, and the plain model that it is but for its front end."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.model.assembly import assembled
from lexome.model.layers import BESIDE, FRONT_END
from lexome.model.transformer import Transformer


def with_front_end(model: Transformer, features: int, seed: int) -> Transformer:
    """Return `model` with a new front end for rows of `features` numbers, drawn from `seed`.

    Its other parameters are shared. What it adds at first is about as large as the embedding of a
    token. A model that reads rows of this width already is returned as it is; one that reads
    others is a `UsageError`.
    """
    if model.config.features == features:
        return model
    if model.config.features:
        raise UsageError(
            f"the base reads features of {model.config.features} numbers, not of {features}",
            where="start.base",
            fix="read sound as the base does, or start from a model that reads no features",
        )
    generator = torch.Generator().manual_seed(seed)
    width = model.config.width
    loudness = float(model.embedding.weight.detach().float().std())
    drawn = {
        f"{FRONT_END}inner.weight": _uniform(width, len(BESIDE) * features, 1.0, generator),
        f"{FRONT_END}outer.weight": _uniform(width, len(BESIDE) * width, loudness, generator),
    }
    like = model.embedding.weight
    return joined(model, {name: tensor.to(like) for name, tensor in drawn.items()})


def joined(model: Transformer, front_end: Mapping[str, Tensor]) -> Transformer:
    """Return a plain model together with the parameters of a front end, by their full names."""
    features = front_end[f"{FRONT_END}inner.weight"].shape[1] // len(BESIDE)
    config = replace(model.config, features=features)
    whole = assembled(config, {**dict(model.named_parameters()), **front_end})
    whole.compute_dtype = model.compute_dtype
    return whole


def parted(model: Transformer) -> tuple[Transformer, dict[str, Tensor]]:
    """Return the plain model without its front end, and the front end's parameters by name."""
    if not model.config.features:
        return model, {}
    parameters = {name: p.detach() for name, p in model.named_parameters()}
    front_end = {name: p for name, p in parameters.items() if name.startswith(FRONT_END)}
    rest = {name: p for name, p in parameters.items() if name not in front_end}
    plain = assembled(replace(model.config, features=0), rest)
    plain.compute_dtype = model.compute_dtype
    return plain, front_end


def _uniform(rows: int, columns: int, scale: float, generator: torch.Generator) -> Tensor:
    bound = scale * math.sqrt(3.0 / columns)
    return torch.empty(rows, columns).uniform_(-bound, bound, generator=generator)

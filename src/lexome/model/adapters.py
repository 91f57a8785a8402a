"""What of a model is trained: everything, a low-rank correction, or the rows of new tokens alone.

An attached model computes as before and calls its parameters as before, but for those that stand
beside frozen ones: `layers.0.mlp.up.base.weight` is frozen, `layers.0.mlp.up.factor_a` and
`.factor_b` are trained; `embedding.base.weight` is frozen, `embedding.new_rows` is trained.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal, get_args

import torch
from torch import Tensor, nn

from lexome.errors import UsageError, nearest
from lexome.model.assembly import assembled, parameter_shapes
from lexome.model.layers import Linear
from lexome.model.low_rank import LowRank
from lexome.model.new_rows import GrownEmbedding, GrownUnembedding
from lexome.model.transformer import Transformer

Method = Literal["full", "lora", "probe", "scratch"]
METHODS: tuple[Method, ...] = get_args(Method)
TARGETS = ("query", "key", "value", "output", "gate", "up", "down")

_ADAPTED = (LowRank, GrownEmbedding, GrownUnembedding)


def attach(
    model: Transformer,
    method: Method,
    *,
    rank: int = 8,
    alpha: float = 16.0,
    targets: Sequence[str] | None = None,
    frozen_rows: int,
    seed: int,
) -> None:
    """Make a plain model, in place, one of which `method` says what is trained.

    `full` and `scratch` train every parameter. `lora` trains a correction of the given `rank`,
    scaled by `alpha` / `rank`, beside the maps of every block that `targets` names (by default all
    of `TARGETS` that the model has). `probe` leaves the blocks as they are. Both also train the
    rows of embedding and unembedding from `frozen_rows`, the size of the old vocabulary, on, with
    their share of the head's bias; older rows never move. A front end is always trained. Starting
    factors are drawn from `seed`.

    Raises `UsageError` for an unknown method or target, a rank that a map cannot have, or a probe
    of a vocabulary without new tokens.
    """
    if method not in METHODS:
        raise UsageError(
            f"there is no method {method!r}", where="method", fix=nearest(method, METHODS)
        )
    if is_attached(model):
        raise UsageError(
            "something is attached to this model already", where="method", fix="merge it first"
        )
    if method in ("full", "scratch"):
        model.requires_grad_(True)
        return
    grown = _check_frozen_rows(model, frozen_rows)
    if method == "probe" and not grown:
        raise UsageError(
            "a probe trains the rows of new tokens, and this vocabulary has none",
            where="method",
            fix="choose lora or full, or a task that brings tokens of its own, such as labels",
        )
    maps = list(_maps(model, targets, rank, alpha)) if method == "lora" else []
    model.requires_grad_(False)
    if model.front_end is not None:
        model.front_end.requires_grad_(True)
    generator = torch.Generator().manual_seed(seed)
    for name, linear in maps:
        model.set_submodule(name, LowRank(linear, rank, alpha, generator))
    if grown:
        _freeze_rows(model, frozen_rows)


def is_attached(model: Transformer) -> bool:
    """Return whether something stands beside frozen weights of `model`."""
    return any(isinstance(module, _ADAPTED) for module in model.modules())


def merged(model: Transformer) -> Transformer:
    """Return a plain copy of `model` with all that is attached merged into its weights.

    `model` stays as it is. Of a plain model this is a copy of which everything is trained.
    """
    names = parameter_shapes(model.config)
    copy = assembled(model.config, {n: effective(model, n).detach().clone() for n in names})
    copy.compute_dtype = model.compute_dtype
    return copy


def base_parameters(model: Transformer) -> dict[str, Tensor]:
    """Return the parameters of the plain model that an attached one stands on, by plain names.

    They share memory with `model`; embeddings have the old vocabulary's rows. A front end is none
    of them: it is trained with the adapter.
    """
    found = {}
    for name in parameter_shapes(replace(model.config, features=0)):
        module, leaf = _owner(model, name)
        base = module.base if isinstance(module, _ADAPTED) else module
        found[name] = getattr(base, leaf).detach()
    return found


def effective(model: Transformer, name: str) -> Tensor:
    """Return what the plain model's parameter `name` is now, with all that is attached to it."""
    module, leaf = _owner(model, name)
    value: Tensor = getattr(module, leaf)
    return value


def low_rank_maps(model: Transformer) -> dict[str, LowRank]:
    """Return the adapted maps by name, `layers.0.attention.query` say."""
    return {n: module for n, module in model.named_modules() if isinstance(module, LowRank)}


def trained_parameters(model: nn.Module) -> int:
    """Return how many numbers are trained."""
    return _count(parameter for parameter in model.parameters() if parameter.requires_grad)


def trained_share(model: nn.Module) -> float:
    """Return which share of all the model's numbers, adapters included, is trained."""
    return trained_parameters(model) / _count(model.parameters())


def _count(parameters: Iterable[Tensor]) -> int:
    return sum(parameter.numel() for parameter in parameters)


def _owner(model: Transformer, name: str) -> tuple[nn.Module, str]:
    owner, _, leaf = name.rpartition(".")
    return model.get_submodule(owner), leaf


def _check_frozen_rows(model: Transformer, frozen_rows: int) -> bool:
    """Return whether the vocabulary has rows beyond the frozen ones."""
    vocabulary = model.config.vocab_size
    if not 1 <= frozen_rows <= vocabulary:
        raise UsageError(
            f"{frozen_rows} rows of a vocabulary of {vocabulary} tokens cannot be frozen",
            where="frozen_rows",
            fix="give the size of the vocabulary before it grew",
        )
    return frozen_rows < vocabulary


def _maps(
    model: Transformer, targets: Sequence[str] | None, rank: int, alpha: float
) -> Iterator[tuple[str, Linear]]:
    """Yield the targeted maps of all blocks by name, each checked to have a rank of `rank`."""
    found = {
        name: module
        for name, module in model.layers.named_modules(prefix="layers")
        if isinstance(module, Linear)
    }
    known = {name.rpartition(".")[2] for name in found}
    wanted = [name for name in TARGETS if name in known] if targets is None else targets
    if not wanted:
        raise UsageError("no map is targeted", where="targets", fix=nearest("", known))
    for target in wanted:
        if target not in known:
            raise UsageError(
                f"the blocks of this model have no map {target!r}",
                where="targets",
                fix=nearest(target, known),
            )
    if not (alpha > 0 and math.isfinite(alpha)):
        raise UsageError(
            f"alpha must be a positive number, not {alpha}", where="alpha", fix="try twice the rank"
        )
    for name, module in found.items():
        if name.rpartition(".")[2] not in wanted:
            continue
        largest = min(module.in_features, module.out_features)
        if not 1 <= rank <= largest:
            raise UsageError(
                f"{name} ({module.out_features} × {module.in_features}) cannot be corrected "
                f"with rank {rank}",
                where="rank",
                fix=f"choose a rank from 1 to {largest}, or leave this map out of the targets",
            )
        yield name, module


def _freeze_rows(model: Transformer, frozen_rows: int) -> None:
    embedding = GrownEmbedding(model.embedding, frozen_rows)
    unembedding = GrownUnembedding(model.head.unembedding, frozen_rows)
    if model.config.tied:
        unembedding.tie(embedding)
    model.set_submodule("embedding", embedding)
    model.set_submodule("head.unembedding", unembedding)

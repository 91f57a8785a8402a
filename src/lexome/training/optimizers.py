"""Which parameters are moved by what: groups that can be read, and their states by name."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from lexome.model import Transformer
from lexome.model.layers import FRONT_END
from lexome.model.low_rank import FACTORS
from lexome.recipe import OptimizerRecipe
from lexome.training.muon import Muon

LABELS = (MAPS, ADAPTERS, FRONT, EMBEDDINGS, HEAD, VECTORS) = (
    "maps inside blocks",
    "adapters",
    "front end",
    "embeddings",
    "head",
    "norms and biases",
)


@dataclass(frozen=True)
class Group:
    """Parameters that are moved alike: `label` says which and why."""

    label: str
    algorithm: Literal["muon", "adamw"]
    learning_rate: float
    weight_decay: float
    names: tuple[str, ...]
    weights: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def groups(model: Transformer, recipe: OptimizerRecipe) -> list[Group]:
    """Return every trained parameter of `model` in exactly one group; frozen ones are in none.

    Maps inside blocks go to Muon where it is chosen: their gradients have the structure that it
    uses. The factors of adapters never do: what has that structure is their product. Nor does a
    front end, whose inputs are no stream that was normed. Embeddings,
    of which each step moves a few rows, take far larger steps than the rest; one that is tied is
    the unembedding too, and moves as such. Vectors (norms, biases) are never decayed: pulling a
    norm's scale to 0 is no simpler model.
    """
    parameters = trained(model)
    members: dict[str, list[str]] = {}
    for name, parameter in parameters.items():
        label = VECTORS if parameter.ndim < 2 else _matrix_label(name, model.config.tied)
        members.setdefault(label, []).append(name)
    muon = recipe.name == "muon"
    rates = {EMBEDDINGS: recipe.embedding_learning_rate}
    if muon:
        rates[MAPS] = recipe.matrix_learning_rate
    decays = {VECTORS: 0.0}
    if recipe.embedding_weight_decay is not None:
        decays[EMBEDDINGS] = recipe.embedding_weight_decay
    return [
        Group(
            label,
            "muon" if muon and label == MAPS else "adamw",
            rates.get(label, recipe.learning_rate),
            decays.get(label, recipe.weight_decay),
            tuple(members[label]),
            sum(parameters[name].numel() for name in members[label]),
        )
        for label in LABELS
        if label in members
    ]


def trained(model: Transformer) -> dict[str, nn.Parameter]:
    """Return the parameters that training moves, by name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


def _matrix_label(name: str, tied: bool) -> str:
    if name.endswith(FACTORS):
        return ADAPTERS
    if name.startswith(FRONT_END):
        return FRONT
    if name.startswith("layers."):
        return MAPS
    shared = tied and name.startswith("embedding.")
    return HEAD if shared or name.startswith("head.") else EMBEDDINGS


class Optimizer:
    """Muon and AdamW, each over its groups, with one state of named tensors.

    Muon orthogonalises in `dtype`. `parameters` are all that is moved, by name.
    """

    def __init__(
        self, model: Transformer, recipe: OptimizerRecipe, dtype: torch.dtype = torch.float32
    ) -> None:
        self.groups = groups(model, recipe)
        self.clip_norm = recipe.clip_norm
        # Of a sharded model these are the shares, also while the model has its weights gathered.
        self.parameters = trained(model)
        self._parts: list[torch.optim.Optimizer] = []
        if moved := self._select("muon"):
            self._parts.append(
                Muon(moved, recipe.matrix_learning_rate, recipe.momentum, dtype=dtype)
            )
        if moved := self._select("adamw"):
            sharded = any(isinstance(p, DTensor) for p in self.parameters.values())
            self._parts.append(
                torch.optim.AdamW(
                    moved, recipe.learning_rate, recipe.betas, eps=1e-10, fused=not sharded
                )
            )
            self._prepare_adamw(self._parts[-1])

    def step(self, factor: float) -> None:
        """Move the weights with the peak learning rates times `factor`, and drop the gradients."""
        for part in self._parts:
            for group in part.param_groups:
                group["lr"] = group["peak"] * factor
            part.step()
        self.zero_grad()

    def clip(self) -> float:
        """Scale the whole gradient down to `clip_norm` where it is longer; return its length."""
        parameters = self.parameters.values()
        largest = float("inf") if self.clip_norm is None else self.clip_norm
        norm = nn.utils.clip_grad_norm_(parameters, largest)
        return float(norm.full_tensor() if isinstance(norm, DTensor) else norm)

    def zero_grad(self) -> None:
        """Drop all gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """Return the live state tensors by name, `momentum/layers.0.mlp.up.weight` say."""
        names: dict[Tensor, str] = {parameter: name for name, parameter in self.parameters.items()}
        return {
            f"{kind}/{names[parameter]}": tensor
            for part in self._parts
            for parameter, state in part.state.items()
            for kind, tensor in state.items()
            if kind != "step"
        }

    def set_updates(self, updates: int) -> None:
        """Say how many updates the loaded state has seen (AdamW's bias correction needs it)."""
        for part in self._parts:
            for state in part.state.values():
                if "step" in state:
                    state["step"].fill_(updates)

    def _select(self, algorithm: str) -> list[dict[str, Any]]:
        return [
            {
                "params": [self.parameters[name] for name in group.names],
                "lr": group.learning_rate,
                "peak": group.learning_rate,
                "weight_decay": group.weight_decay,
            }
            for group in self.groups
            if group.algorithm == algorithm
        ]

    @staticmethod
    def _prepare_adamw(adamw: torch.optim.Optimizer) -> None:
        """Make the state now, as the first step would, so that there is something to load into."""
        for parameter in (p for group in adamw.param_groups for p in group["params"]):
            adamw.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }

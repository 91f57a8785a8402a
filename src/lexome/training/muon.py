"""Muon: momentum whose matrices are made orthogonal before they move the weights.

Sources: Jordan et al. 2024 (https://kellerjordan.github.io/posts/muon); the polynomials are those
of Amsel et al. 2025, The Polar Express (https://arxiv.org/abs/2505.16932). The arithmetic is that
of `torch.optim.Muon`, which a test compares with, but matrices of one shape are orthogonalised
as one batch: in a loop over matrices this costs a small model up to a third of its step.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, Replicate

from lexome.training.parallel import local

Coefficients = tuple[float, float, float]

# Each row maps the singular values left by the rows before it closer to 1. They are the optimal
# ones for values up to 1 / 1.02: rounding in bf16 must not push any past the interval's end.
_MARGIN = 1.02
POLAR_EXPRESS: tuple[Coefficients, ...] = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)


class Muon(torch.optim.Optimizer):
    """Muon with Nesterov momentum and decoupled weight decay, for matrices only.

    `coefficients` are those of the odd polynomials that are applied in turn, in `dtype`: bf16 is
    enough for training, but lets rounding differences grow, which fp32 does not. A matrix with more
    rows than columns moves √(rows / columns) times as far, so that its outputs move alike.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        coefficients: Sequence[Coefficients] = POLAR_EXPRESS,
        dtype: torch.dtype = torch.bfloat16,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self.coefficients = tuple(coefficients)
        self.dtype = dtype
        for parameter in (p for group in self.param_groups for p in group["params"]):
            if parameter.ndim != 2:
                raise ValueError(f"Muon moves matrices, not tensors of shape {parameter.shape}")
            self.state[parameter]["momentum"] = torch.zeros_like(parameter)

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Any) -> float: ...
    @torch.no_grad()
    def step(self, closure: Any = None) -> float | None:
        """Move all matrices that have a gradient."""
        for group in self.param_groups:
            for parameters in _by_shape(group["params"]):
                self._move(parameters, group)
        return None

    def _move(self, parameters: list[nn.Parameter], group: dict[str, Any]) -> None:
        gradients = [local(p.grad) for p in parameters if p.grad is not None]
        momenta = [local(self.state[p]["momentum"]) for p in parameters]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        updates = torch._foreach_lerp(gradients, momenta, group["momentum"])
        weights = [local(p) for p in parameters]
        whole = torch.stack([_whole(u, p) for u, p in zip(updates, parameters, strict=True)])
        directions = orthogonalise(whole.to(self.dtype), self.coefficients).to(weights[0].dtype)
        shares = [_share(d, p) for d, p in zip(directions, parameters, strict=True)]
        rows, columns = parameters[0].shape
        torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])
        reach = math.sqrt(max(1.0, rows / columns))
        torch._foreach_add_(weights, shares, alpha=-group["lr"] * reach)


def orthogonalise(matrices: Tensor, coefficients: Sequence[Coefficients]) -> Tensor:
    """Return, roughly, the nearest orthogonal matrices to `matrices` [N, R, C].

    The polynomials need singular values below 1, which the Frobenius norm sees to.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) * _MARGIN).clamp(min=1e-7)
    for a, b, c in coefficients:
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return x.mT if tall else x


def _by_shape(parameters: Iterable[nn.Parameter]) -> Iterator[list[nn.Parameter]]:
    groups: dict[torch.Size, list[nn.Parameter]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            groups.setdefault(parameter.shape, []).append(parameter)
    yield from groups.values()


def _whole(update: Tensor, parameter: Tensor) -> Tensor:
    """Return the whole matrix of which `update` is this worker's share."""
    if not isinstance(parameter, DTensor):
        return update
    mesh, placements = parameter.device_mesh, parameter.placements
    shape, stride = parameter.shape, parameter.stride()
    share = DTensor.from_local(update, mesh, placements, shape=shape, stride=stride)
    return share.full_tensor()


def _share(direction: Tensor, parameter: Tensor) -> Tensor:
    """Return this worker's share of a whole matrix."""
    if not isinstance(parameter, DTensor):
        return direction
    mesh = parameter.device_mesh
    whole = DTensor.from_local(direction, mesh, [Replicate()] * mesh.ndim)
    return whole.redistribute(mesh, parameter.placements).to_local()

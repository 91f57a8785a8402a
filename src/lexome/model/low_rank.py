"""A linear map that is frozen, with a trained correction of low rank beside it.

Source: Hu et al. 2021, LoRA: Low-Rank Adaptation of Large Language Models (arXiv 2106.09685).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

FACTORS = ("factor_a", "factor_b")


class LowRank(nn.Module):
    """`base` + (alpha / rank) B A, in the place of the linear map `base`, which is frozen.

    A [rank, in] begins uniform, bounded by 1 / sqrt(in) (Kaiming's bound as for `nn.Linear`), and
    B [out, rank] zero: at the start nothing has changed. The factors have the dtype and the
    device of the base's weight; like it, they are cast to the dtype of the input where they are
    used.
    """

    def __init__(
        self, base: nn.Linear, rank: int, alpha: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.in_features, self.out_features = base.in_features, base.out_features
        self.rank, self.alpha, self.scale = rank, alpha, alpha / rank
        self.base = base.requires_grad_(False)
        bound = 1.0 / math.sqrt(self.in_features)
        # Drawn on the CPU: a seed means the same factors on every device.
        drawn = torch.empty(rank, self.in_features).uniform_(-bound, bound, generator=generator)
        self.factor_a = nn.Parameter(drawn.to(base.weight))
        self.factor_b = nn.Parameter(base.weight.new_zeros(self.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        narrow = F.linear(x, self.factor_a.to(x.dtype))
        output: Tensor = self.base(x) + self.scale * F.linear(narrow, self.factor_b.to(x.dtype))
        return output

    @property
    def weight(self) -> Tensor:
        """Return the one matrix [out, in] that gives the same map."""
        return torch.addmm(self.base.weight, self.factor_b, self.factor_a, alpha=self.scale)

    @property
    def bias(self) -> Tensor | None:
        """Return the bias [out] of the base, if it has one."""
        return self.base.bias

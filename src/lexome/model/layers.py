"""The maps and norms that a Transformer is made of, computed in the dtype of their input."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexome.model.config import TransformerConfig

FRONT_END = "front_end."
"""With this begin the names of a front end's parameters."""


class Linear(nn.Linear):
    """A linear map computed in the dtype of its input."""

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.linear(x, self.weight.to(x.dtype), bias)


class Norm(nn.Module):
    """Layer norm or RMS norm, with or without learned scale and shift."""

    def __init__(self, config: TransformerConfig, width: int, kind: str | None = None) -> None:
        super().__init__()
        self.kind = kind or config.norm
        self.eps = config.norm_eps
        self.shape = (width,)
        self.weight = None if self.kind == "rms_plain" else nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width)) if self.kind == "layer" else None

    def forward(self, x: Tensor) -> Tensor:
        weight = None if self.weight is None else self.weight.to(x.dtype)
        if self.kind in ("rms", "rms_plain"):
            return F.rms_norm(x, self.shape, weight, self.eps)
        bias = None if self.bias is None else self.bias.to(x.dtype)
        return F.layer_norm(x, self.shape, weight, bias, self.eps)


class FrontEnd(nn.Module):
    """Rows of features [B, T, F] to what they add to the embeddings [B, T, W].

    It has no bias: zeros, where no frame stands, add nothing.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.inner = Linear(config.features, config.width, bias=False)
        self.outer = Linear(config.width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.outer(F.gelu(self.inner(x)))
        return added

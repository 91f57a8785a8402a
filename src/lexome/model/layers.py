"""The maps and norms that a Transformer is made of, computed in the dtype of their input."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexome.model.config import TransformerConfig

FRONT_END = "front_end."
"""With this begin the names of a front end's parameters."""

BESIDE = (-1, 0, 1)
"""Which frames, counted from its own, each map of a front end sees."""


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

    Two maps, each of a frame together with those beside it, as in the convolutions that Whisper
    begins with (Radford et al. 2022, section 2.2): where attention is causal, nothing else tells
    a frame what follows it. Where no frame stands, features are zeros, nothing is added and
    nothing goes through: frames of two documents, with a marker between them, do not meet.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.inner = Linear(len(BESIDE) * config.features, config.width, bias=False)
        self.outer = Linear(len(BESIDE) * config.width, config.width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        heard = (x != 0).any(dim=-1, keepdim=True)
        hidden = F.gelu(self.inner(_beside(x))) * heard
        added: Tensor = self.outer(_beside(hidden)) * heard
        return added


def _beside(x: Tensor) -> Tensor:
    """Return each row of [B, T, F] together with those before and behind it, [B, T, 3F]."""
    padded = F.pad(x, (0, 0, -BESIDE[0], BESIDE[-1]))
    length = x.shape[1]
    return torch.cat([padded[:, start : start + length] for start in range(len(BESIDE))], dim=-1)

"""Embedding and unembedding of a grown vocabulary, of which only new tokens' rows are trained.

Old rows and new ones are parameters of their own: neither weight decay nor momentum can reach a
row that is frozen. Shapes: R old rows, N new ones, W width.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexome.model.layers import Linear


class GrownEmbedding(nn.Module):
    """In the place of an embedding [R + N, W]: `base` is its frozen rows, `new_rows` the rest."""

    def __init__(self, whole: nn.Embedding, frozen_rows: int) -> None:
        super().__init__()
        rows = whole.weight.detach()
        self.frozen_rows = frozen_rows
        self.base = nn.Embedding(frozen_rows, whole.embedding_dim, device="meta")
        self.base.weight = nn.Parameter(rows[:frozen_rows].clone(), requires_grad=False)
        self.new_rows = nn.Parameter(rows[frozen_rows:].clone())

    def forward(self, tokens: Tensor) -> Tensor:
        # Two look-ups, since joining the rows first would copy the whole matrix at each step.
        known = self.base(tokens.clamp(max=self.frozen_rows - 1))
        new = F.embedding((tokens - self.frozen_rows).clamp(min=0), self.new_rows)
        return torch.where((tokens < self.frozen_rows).unsqueeze(-1), known, new)

    @property
    def weight(self) -> Tensor:
        """Return all rows as one matrix [R + N, W]."""
        return torch.cat((self.base.weight, self.new_rows))


class GrownUnembedding(nn.Module):
    """In the place of an unembedding [R + N, W], with its bias [R + N] if there is one."""

    def __init__(self, whole: nn.Linear, frozen_rows: int) -> None:
        super().__init__()
        rows = whole.weight.detach()
        has_bias = whole.bias is not None
        self.base = Linear(whole.in_features, frozen_rows, bias=has_bias, device="meta")
        self.base.weight = nn.Parameter(rows[:frozen_rows].clone())
        self.new_rows = nn.Parameter(rows[frozen_rows:].clone())
        self.new_bias: nn.Parameter | None = None
        if has_bias:
            self.base.bias = nn.Parameter(whole.bias.detach()[:frozen_rows].clone())
            self.new_bias = nn.Parameter(whole.bias.detach()[frozen_rows:].clone())
        self.base.requires_grad_(False)

    def tie(self, embedding: GrownEmbedding) -> None:
        """Share the rows of `embedding`, the frozen and the trained ones."""
        self.base.weight = embedding.base.weight
        self.new_rows = embedding.new_rows

    def forward(self, x: Tensor) -> Tensor:
        bias = None if self.new_bias is None else self.new_bias.to(x.dtype)
        return torch.cat((self.base(x), F.linear(x, self.new_rows.to(x.dtype), bias)), dim=-1)

    @property
    def weight(self) -> Tensor:
        """Return all rows as one matrix [R + N, W]."""
        return torch.cat((self.base.weight, self.new_rows))

    @property
    def bias(self) -> Tensor | None:
        """Return the whole bias [R + N], if there is one."""
        return None if self.new_bias is None else torch.cat((self.base.bias, self.new_bias))

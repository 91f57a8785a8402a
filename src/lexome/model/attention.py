"""Scaled dot-product attention, its masks, and a fast path for training on a CPU.

Shapes: queries [B, H, T, D], keys and values [B, K, S, D] with K dividing H.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 128
LOWEST = -1e9


def attend(
    query: Tensor, key: Tensor, value: Tensor, *, causal: bool, mask: Tensor | None
) -> Tensor:
    """Return softmax(query keyᵀ / √D) value, [B, H, T, D].

    `mask` is true where a query may see a key; `causal` is for square attention without a mask.
    """
    if query.device.type == "cpu" and query.shape[-2] > 1 and torch.compiler.is_compiling():
        return attend_in_blocks(query, key, value, causal=causal, mask=mask)
    grouped = query.shape[1] != key.shape[1]
    return F.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=causal, enable_gqa=grouped
    )


def attend_in_blocks(
    query: Tensor, key: Tensor, value: Tensor, *, causal: bool, mask: Tensor | None
) -> Tensor:
    """Return the same as `attend`, computed for `BLOCK` queries at a time.

    For compiled code on a CPU. The products run as batched matrix products, what is between them
    is one fused kernel, scores stay in the cache, and causal blocks skip the keys that no query
    of theirs sees. Forward and backward take less than half the time of PyTorch's flash kernel
    for CPUs (docs/LOG.md has the figures).
    """
    share = query.shape[1] // key.shape[1]
    if share > 1:
        key, value = key.repeat_interleave(share, dim=1), value.repeat_interleave(share, dim=1)
    query = query * (query.shape[-1] ** -0.5)
    length, keys = query.shape[-2], key.shape[-2]
    place = torch.arange(keys, device=query.device)
    mixed = []
    for start in range(0, length, BLOCK):
        stop = min(start + BLOCK, length)
        seen = stop if causal else keys
        scores = query[..., start:stop, :] @ key[..., :seen, :].transpose(-1, -2)
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        if causal:
            scores = scores.masked_fill(place[:seen] > place[start:stop, None], LOWEST)
        if mask is not None:
            scores = scores.masked_fill(~mask[..., start:stop, :seen], LOWEST)
        mixed.append(scores.softmax(dim=-1).to(value.dtype) @ value[..., :seen, :])
    return torch.cat(mixed, dim=-2)


def attention_probabilities(
    query: Tensor, key: Tensor, *, causal: bool, mask: Tensor | None
) -> Tensor:
    """Return the attention probabilities themselves, [B, H, T, S], in fp32."""
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = query.float() @ key.float().transpose(-1, -2) / math.sqrt(query.shape[-1])
    if causal:
        length = query.shape[-2]
        mask = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(dim=-1)


def attention_mask(
    length: int, causal: bool, window: int, segments: Tensor | None, device: torch.device
) -> Tensor | None:
    """Return what each position may see, [T, T] or [B, 1, T, T]; `None` where no mask is needed.

    `window` > 0 allows keys at most that many positions away; `segments` [B, T] keeps documents
    apart. Causal attention alone needs no mask: the kernels know it.
    """
    local = 0 < window < length - 1
    if segments is None and not local:
        return None
    position = torch.arange(length, device=device)
    distance = position.unsqueeze(1) - position
    visible = distance >= 0 if causal else torch.ones_like(distance, dtype=torch.bool)
    if local:
        visible = visible & (distance.abs() <= window)
    if segments is None:
        return visible
    same = segments.unsqueeze(-1) == segments.unsqueeze(-2)
    return (same & visible).unsqueeze(1)


def places_in_documents(segments: Tensor) -> Tensor:
    """Return the place [B, T] of each position in its document, as `segments` [B, T] number them.

    A document's tokens stand side by side, and the first is at place 0.
    """
    position = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    begins = torch.ones_like(segments, dtype=torch.bool)
    begins[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return position - position.masked_fill(~begins, 0).cummax(dim=1).values

"""Attention in blocks against PyTorch's, and every mask against its definition."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from lexome.model.attention import (
    BLOCK,
    attend,
    attend_in_blocks,
    attention_mask,
    attention_probabilities,
)

# Scores are fp32 inside attend_in_blocks whatever goes in, so fp64 inputs agree to fp32 rounding.
TOLERANCE = 2e-6


def inputs(length: int, heads: int, shared: int, width: int = 8, seed: int = 0) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = [(2, heads, length, width), *[(2, shared, length, width)] * 2]
    return [
        torch.randn(s, generator=generator, dtype=torch.float64, requires_grad=True) for s in shapes
    ]


def brute_force(
    query: Tensor, key: Tensor, value: Tensor, causal: bool, mask: Tensor | None
) -> Tensor:
    """Attention as in the textbook, in fp64."""
    share = query.shape[1] // key.shape[1]
    key, value = (x.repeat_interleave(share, dim=1) for x in (key, value))
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    length = query.shape[-2]
    if causal:
        future = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(future, -math.inf)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return scores.softmax(-1) @ value


def gradients(output: Tensor, sources: list[Tensor]) -> tuple[Tensor, ...]:
    weights = torch.linspace(-1, 1, output.numel(), dtype=output.dtype).view_as(output)
    return torch.autograd.grad((output * weights).sum(), sources)


def random_mask(length: int, rows: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    mask = torch.rand(rows, 1, length, length, generator=generator) < 0.4
    return mask | torch.eye(length, dtype=torch.bool)


@pytest.mark.parametrize("heads, shared", [(4, 4), (4, 2), (3, 1)])
@pytest.mark.parametrize("length", [2, 50, BLOCK, BLOCK + 1, 2 * BLOCK + 37])
@pytest.mark.parametrize("kind", ["full", "causal", "mask", "causal mask"])
def test_blocks_give_the_same_values_and_gradients(
    length: int, heads: int, shared: int, kind: str
) -> None:
    sources = inputs(length, heads, shared)
    mask = random_mask(length, 2) if "mask" in kind else None
    causal = "causal" in kind
    found = attend_in_blocks(*sources, causal=causal, mask=mask)
    expected = brute_force(*sources, causal, mask)
    torch.testing.assert_close(found, expected, atol=TOLERANCE, rtol=0)
    scale = expected.numel() ** 0.5
    for ours, theirs in zip(gradients(found, sources), gradients(expected, sources), strict=True):
        torch.testing.assert_close(ours, theirs, atol=TOLERANCE * scale, rtol=TOLERANCE)
    if not (causal and mask is not None):  # PyTorch's takes one of the two
        theirs = scaled_dot_product_attention(
            *sources, attn_mask=mask, is_causal=causal, enable_gqa=True
        )
        torch.testing.assert_close(found, theirs, atol=TOLERANCE, rtol=0)
        torch.testing.assert_close(
            attend(*sources, causal=causal, mask=mask), expected, atol=1e-12, rtol=0
        )


def test_compiled_code_takes_the_blocks() -> None:
    """`attend` chooses the blocks when it is traced, with the same result."""
    sources = [x.detach().float() for x in inputs(BLOCK + 20, 4, 2)]
    traced = torch.compile(
        lambda q, k, v: attend(q, k, v, causal=True, mask=None), backend="eager", fullgraph=True
    )
    torch.testing.assert_close(
        traced(*sources), attend(*sources, causal=True, mask=None), atol=1e-5, rtol=0
    )


@pytest.mark.parametrize("dtype, tolerance", [(torch.bfloat16, 3e-2), (torch.float32, 1e-5)])
def test_blocks_in_the_types_of_training(dtype: torch.dtype, tolerance: float) -> None:
    exact = inputs(BLOCK + 40, 4, 2)
    expected = brute_force(*exact, causal=True, mask=None)
    rounded = [x.detach().to(dtype) for x in exact]
    found = attend_in_blocks(*rounded, causal=True, mask=None)
    assert found.dtype == dtype
    torch.testing.assert_close(found.double(), expected, atol=tolerance, rtol=0)


@pytest.mark.parametrize("causal", [True, False])
def test_probabilities_are_those_of_attention(causal: bool) -> None:
    query, key, value = inputs(30, 4, 2)
    mask = None if causal else random_mask(30, 2)
    probabilities = attention_probabilities(query, key, causal=causal, mask=mask)
    mixed = probabilities.double() @ value.repeat_interleave(2, dim=1)
    torch.testing.assert_close(
        mixed, brute_force(query, key, value, causal, mask), atol=1e-5, rtol=0
    )


@settings(max_examples=200)
@given(
    rows=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=3),
    causal=st.booleans(),
    window=st.integers(0, 14),
    packed=st.booleans(),
)
def test_masks_are_what_they_say(
    rows: list[list[int]], causal: bool, window: int, packed: bool
) -> None:
    length = min(map(len, rows))
    segments = torch.tensor([row[:length] for row in rows]) if packed else None
    found = attention_mask(length, causal, window, segments, torch.device("cpu"))
    if found is None:
        assert segments is None and (window == 0 or window >= length - 1)
        return
    for r in range(len(rows)):
        ours = found[r, 0] if found.ndim == 4 else found
        for query in range(length):
            for key in range(length):
                visible = (
                    (not causal or key <= query)
                    and (window == 0 or abs(query - key) <= window)
                    and (segments is None or segments[r, query] == segments[r, key])
                )
                assert bool(ours[query, key]) == visible

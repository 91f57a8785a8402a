"""Several documents in one row: each computes what it computes alone."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from lexome.model.attention import places_in_documents
from peers import PEERS, VOCABULARY

LENGTHS = (7, 23, 1, 30)
MASK = 3


def documents() -> list[Tensor]:
    generator = torch.Generator().manual_seed(5)
    drawn = [torch.randint(4, VOCABULARY, (1, length), generator=generator) for length in LENGTHS]
    for document in drawn:  # so that a model which scales by its masks has some to count
        document[:, 2::3] = MASK
    return drawn


def packed(parts: list[Tensor], free: int) -> tuple[Tensor, Tensor]:
    """Return documents side by side, `free` places of padding behind them, and their segments."""
    tokens = torch.cat([*parts, torch.zeros(1, free, dtype=torch.long)], dim=1)
    numbers = [torch.full_like(part, number) for number, part in enumerate(parts, start=1)]
    return tokens, torch.cat([*numbers, torch.zeros(1, free, dtype=torch.long)], dim=1)


@pytest.mark.parametrize("name", PEERS)
def test_logits_of_a_document_alone_equal_those_in_a_pack(name: str) -> None:
    model, parts = PEERS[name].model(), documents()
    tokens, segments = packed(parts, free=5)
    place = 0
    with torch.no_grad():
        together = model(tokens, segments)
        mixed = model(tokens)
        for part in parts:
            alone = model(part)
            there = slice(place, place + part.shape[1])
            torch.testing.assert_close(together[:, there], alone, atol=2e-5, rtol=0)
            if place:
                assert (mixed[:, there] - alone).abs().max() > 1e-2, "nothing there to keep apart"
            place += part.shape[1]


@pytest.mark.parametrize("name", ["gpt2-tied", "llama-tied", "modernbert-tied", "bert-tied"])
def test_gradients_of_a_pack_are_the_sum_of_those_alone(name: str) -> None:
    model, parts = PEERS[name].model().double(), documents()
    model.compute_dtype = torch.float64
    tokens, segments = packed(parts, free=5)
    weight = torch.randn(VOCABULARY, generator=torch.Generator().manual_seed(0)).double()
    ((model(tokens, segments) @ weight).square() * (segments > 0)).sum().backward()
    found = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    sum((model(part) @ weight).square().sum() for part in parts).backward()  # type: ignore[union-attr]
    for key, parameter in model.named_parameters():
        assert parameter.grad is not None
        # Rotary angles are rounded to fp32, and are others further on in a row.
        assert (found[key] - parameter.grad).norm() <= 1e-5 * parameter.grad.norm() + 1e-9


@given(st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=9), min_size=1, max_size=3))
def test_places_count_from_the_beginning_of_each_document(rows: list[list[int]]) -> None:
    width = max(sum(row) for row in rows)
    numbered, expected = [], []
    for row in rows:
        lengths = [*row, width - sum(row)]
        numbers = [*range(1, len(row) + 1), 0]
        numbered.append([n for n, long in zip(numbers, lengths, strict=True) for _ in range(long)])
        expected.append([place for long in lengths for place in range(long)])
    assert places_in_documents(torch.tensor(numbered)).tolist() == expected

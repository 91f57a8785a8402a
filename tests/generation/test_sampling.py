"""The filters are those of `transformers`; what is drawn follows the probabilities."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from lexome.errors import LexomeError, UsageError
from lexome.generation import Settings
from lexome.generation.processors import block_repeats, penalise
from lexome.generation.sampling import Sampler, candidates, draw

CPU = torch.device("cpu")


def spread(kept: torch.Tensor, ids: torch.Tensor | None, size: int) -> torch.Tensor:
    """Return probabilities [B, V] of candidates."""
    probabilities = kept.softmax(-1)
    if ids is None:
        return probabilities
    return torch.zeros(kept.shape[0], size).scatter(1, ids, probabilities)


@given(
    seed=st.integers(0, 10_000),
    temperature=st.floats(0.05, 5),
    top_k=st.none() | st.integers(1, 60),
    top_p=st.none() | st.floats(0.01, 1),
    min_p=st.none() | st.floats(0.001, 1),
    penalty=st.sampled_from([1.0, 1.3, 0.7]),
)
def test_filters_are_those_of_transformers(
    seed: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    penalty: float,
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(3, 41, generator=generator) * 3
    seen_ids = torch.randint(41, (3, 9), generator=generator)
    theirs: list[Any] = [RepetitionPenaltyLogitsProcessor(penalty)] if penalty != 1 else []
    theirs.append(TemperatureLogitsWarper(temperature))
    if top_k is not None:
        theirs.append(TopKLogitsWarper(top_k))
    if top_p is not None:
        theirs.append(TopPLogitsWarper(top_p))
    if min_p is not None:
        theirs.append(MinPLogitsWarper(min_p))
    expected = LogitsProcessorList(theirs)(seen_ids, logits.clone()).softmax(-1)
    seen = torch.zeros(3, 41, dtype=torch.bool).scatter(1, seen_ids, True)
    settings = Settings(temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p)
    kept, ids = candidates(penalise(logits, seen, penalty), settings)
    torch.testing.assert_close(spread(kept, ids, 41), expected, atol=1e-5, rtol=1e-4)


def test_draws_follow_the_probabilities() -> None:
    logits = torch.tensor([2.0, 1.0, -torch.inf, 0.0, -1.0])
    uniform = (torch.arange(20_000) + 0.5) / 20_000
    tokens = draw(logits.expand(20_000, -1), uniform)
    share = torch.bincount(tokens, minlength=5) / 20_000
    torch.testing.assert_close(share, logits.softmax(-1), atol=1e-4, rtol=0)


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=30), st.booleans())
def test_the_ends_of_the_quantiles_are_tokens_of_some_probability(
    values: list[float], low: bool
) -> None:
    logits = torch.tensor([[-torch.inf, *values, -torch.inf]])
    token = int(draw(logits, torch.tensor([0.0 if low else 1 - 2**-24])))
    assert 1 <= token <= len(values)
    assert logits.softmax(-1)[0, token] > 0


def test_a_sampler_draws_as_the_probabilities_say() -> None:
    """A chi-square test over many rows, each with a seed of its own."""
    rows = 4_000
    sampler = Sampler(Settings(), [[0]] * rows, list(range(rows)), 4, (), CPU)
    probabilities = torch.tensor([0.5, 0.3, 0.15, 0.05])
    logits = probabilities.log().expand(rows, -1)
    for _ in range(3):
        counts = np.bincount(sampler(logits).numpy(), minlength=4)
        expected = probabilities.numpy() * rows
        assert ((counts - expected) ** 2 / expected).sum() < 16.3  # 99.9 % of 3 degrees


def test_seeds_repeat_and_rows_differ() -> None:
    logits = torch.zeros(3, 1000)

    def drawn(seeds: list[int]) -> list[list[int]]:
        sampler = Sampler(Settings(), [[0]] * len(seeds), seeds, 1000, (), CPU)
        steps = [sampler(logits[: len(seeds)]).tolist() for _ in range(300)]
        return [list(row) for row in zip(*steps, strict=True)]

    first = drawn([5, 6, 5])
    assert first[0] == first[2] != first[1]
    assert drawn([6]) == [first[1]]


def test_the_penalty_remembers_prompt_and_output() -> None:
    settings = Settings(temperature=0, repetition_penalty=10.0)
    sampler = Sampler(settings, [[0]], [0], 4, (), CPU)
    logits = torch.tensor([[9.0, 8.0, 7.0, 1.5]])
    assert [int(sampler(logits)) for _ in range(3)] == [1, 2, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": 0},
        {"temperature": -1.0},
        {"temperature": float("nan")},
        {"top_k": 0},
        {"top_p": 0.0},
        {"top_p": 1.5},
        {"min_p": -0.1},
        {"repetition_penalty": 0.0},
        {"no_repeat_ngram": -1},
        {"guidance": -0.5},
        {"guidance": float("nan")},
        {"beams": 0},
        {"length_penalty": float("nan")},
        {"length_penalty": 11.0},
        {"temperature": 0.7, "beams": 2},
        {"top_k": 5, "beams": 2},
        {"top_p": 0.5, "beams": 2},
        {"min_p": 0.5, "beams": 2},
        {"guidance": 2.0, "beams": 2},
        {"stop": ("",)},
        {"seed": -1},
    ],
)
def test_wrong_settings_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Settings(**wrong)


def test_a_search_takes_temperatures_that_change_nothing() -> None:
    assert [Settings(beams=2, temperature=t).beams for t in (0.0, 1.0)] == [2, 2]


@given(
    rows=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=4),
    size=st.integers(1, 5),
)
def test_the_ngram_block_is_that_of_transformers(rows: list[list[int]], size: int) -> None:
    logits = torch.randn(len(rows), 4, generator=torch.Generator().manual_seed(0))
    longest = max(map(len, rows))
    history = torch.tensor([[4] * (longest - len(row)) + row for row in rows])
    found = block_repeats(logits, history, size)
    for row, own, given_ in zip(rows, found, logits, strict=True):
        expected = NoRepeatNGramLogitsProcessor(size)(torch.tensor([row]), given_[None].clone())
        torch.testing.assert_close(own, expected[0])


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_no_ngram_comes_twice_whichever_rows_are_left(temperature: float) -> None:
    settings = Settings(temperature=temperature, no_repeat_ngram=2)
    prompts = [[0, 1], [2], [1, 0, 0, 2, 2]]
    sampler = Sampler(settings, prompts, [0, 1, 2], 4, (), CPU)
    logits = torch.tensor([[3.0, 2.0, 1.0, 0.0]])
    texts = [list(prompt) for prompt in prompts]
    for _ in range(3):
        for text, token in zip(texts, sampler(logits.expand(3, -1)).tolist(), strict=True):
            text.append(token)
    sampler.keep(torch.tensor([2, 0]))
    texts = [texts[2], texts[0]]
    for _ in range(2):
        for text, token in zip(texts, sampler(logits.expand(2, -1)).tolist(), strict=True):
            text.append(token)
    for text in texts:
        pairs = list(itertools.pairwise(text))
        assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_text_that_nothing_may_follow_is_an_error(temperature: float) -> None:
    settings = Settings(temperature=temperature, no_repeat_ngram=1)
    sampler = Sampler(settings, [[0, 1, 2], [0]], [0, 1], 4, [3], CPU)
    with pytest.raises(LexomeError, match="would repeat"):
        sampler(torch.zeros(2, 4))


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"temperature": 0.0},
        {"temperature": 0.0, "repetition_penalty": 1.5},
        {"no_repeat_ngram": 2},
        {"top_k": 2},
        {"top_p": 0.5},
        {"min_p": 0.5},
    ],
)
@pytest.mark.parametrize("bad", [[0, 1, 2, 3], [2]])
def test_logits_that_are_no_numbers_are_an_error(choices: dict[str, Any], bad: list[int]) -> None:
    sampler = Sampler(Settings(**choices), [[0], [0]], [0, 1], 4, (), CPU)
    logits = torch.zeros(2, 4)
    logits[1, bad] = torch.nan
    with pytest.raises(LexomeError, match="not numbers"):
        sampler(logits)

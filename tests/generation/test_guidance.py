"""Guidance is what two separate readings of the model say at every step."""

from __future__ import annotations

import pytest
import torch
from causal import CONTEXT, VOCABULARY, model_of
from transformers import UnbatchedClassifierFreeGuidanceLogitsProcessor

from lexome.errors import UsageError
from lexome.generation import Settings, generate
from lexome.generation.guidance import guided
from lexome.generation.rows import ROWS
from lexome.generation.sampling import Sampler
from lexome.model import Transformer

PROMPTS = [[1, 5, 6], [1], [1, 9, 8, 7, 6, 5, 4, 4, 3], [2, 2, 3]]
WITHOUT = [[1, 3], [4, 4, 4, 8], [1, 3], [6]]


def chosen(guidance: float, temperature: float = 1.0, **more: int) -> Settings:
    return Settings(
        max_tokens=12, guidance=guidance, temperature=temperature, precision="fp32", **more
    )


def by_hand(model: Transformer, row: int, settings: Settings, never: list[int]) -> list[int]:
    """Return the continuation of one prompt from two whole readings a step."""
    sampler = Sampler(
        settings, [PROMPTS[row]], [settings.seed + row], VOCABULARY, never, torch.device("cpu")
    )
    ids: list[int] = []
    with torch.no_grad():
        for _ in range(settings.max_tokens):
            sides = [
                model(torch.tensor([[*prompt, *ids]]))[:, -1].log_softmax(-1)
                for prompt in (PROMPTS[row], WITHOUT[row])
            ]
            logits = sides[1] + settings.guidance * (sides[0] - sides[1])
            ids.append(int(sampler(logits)))
    return ids


@pytest.mark.parametrize("name", ["gpt2", "qwen3"])
@pytest.mark.parametrize("guidance", [0.5, 1.7, 4.0])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_it_is_what_two_readings_say(name: str, guidance: float, temperature: float) -> None:
    model, never = model_of(name), [3, 8]
    settings = chosen(guidance, temperature, seed=5, no_repeat_ngram=2)
    found = generate(model, PROMPTS, settings, unconditional=WITHOUT, never=never)
    for row, result in enumerate(found):
        assert result.ids == by_hand(model, row, settings, never)


def test_the_formula_is_that_of_transformers() -> None:
    logits = torch.randn(2, 40, generator=torch.Generator().manual_seed(0)) * 3

    class Without(torch.nn.Module):
        def forward(self, *_: object, **__: object) -> object:
            return transformers_output

    from transformers.modeling_outputs import CausalLMOutput

    transformers_output = CausalLMOutput(logits=logits[1:].unsqueeze(1))
    processor = UnbatchedClassifierFreeGuidanceLogitsProcessor(2.5, Without(), torch.tensor([[1]]))
    expected = processor(torch.tensor([[1]]), logits[:1])
    torch.testing.assert_close(guided(logits, 2.5), expected)


def test_guidance_1_is_none_and_0_is_the_unconditional_text() -> None:
    model = model_of("llama")
    plain = generate(model, PROMPTS, chosen(1.0))
    assert generate(model, PROMPTS, chosen(1.0), unconditional=WITHOUT) == plain
    assert generate(model, PROMPTS, chosen(0.0), unconditional=WITHOUT) == generate(
        model, WITHOUT, chosen(1.0)
    )
    assert plain != generate(model, PROMPTS, chosen(3.0), unconditional=WITHOUT)


def test_rows_that_end_early_and_more_prompts_than_a_round() -> None:
    model = model_of("llama")
    prompts = [[1, row % 50, row // 3] for row in range(ROWS + 3)]
    without = [[1] * (1 + row % 3) for row in range(ROWS + 3)]
    plain = generate(model, prompts, chosen(2.0), unconditional=without)
    end = plain[2].ids[4]
    found = generate(model, prompts, chosen(2.0), unconditional=without, end=end)
    assert len({len(result.ids) for result in found}) > 2
    for before, after in zip(plain, found, strict=True):
        kept = before.ids[: before.ids.index(end)] if end in before.ids else before.ids
        assert after.ids == kept


def test_the_longer_side_ends_at_the_end_of_the_context() -> None:
    (found,) = generate(model_of("gpt2"), [[1]], chosen(2.0), unconditional=[[1] * (CONTEXT - 3)])
    assert (len(found.ids), found.finish) == (4, "context")


@pytest.mark.parametrize("unconditional", [None, [], WITHOUT[:3]])
def test_each_prompt_needs_one_without_the_condition(
    unconditional: list[list[int]] | None,
) -> None:
    with pytest.raises(UsageError, match="each of 4 prompts"):
        generate(model_of("llama"), PROMPTS, chosen(2.0), unconditional=unconditional)


def test_an_unconditional_prompt_is_checked_too() -> None:
    with pytest.raises(UsageError, match="outside") as error:
        generate(model_of("llama"), [[1]], chosen(2.0), unconditional=[[VOCABULARY]])
    assert "unconditional prompt 1" in str(error.value)

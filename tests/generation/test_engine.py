"""Generation with a cache is generation without one, whoever else is in the batch."""

from __future__ import annotations

import pytest
import torch
from causal import CONTEXT, SHAPES, VOCABULARY, alone, model_of, pair

from lexome.errors import UsageError
from lexome.generation import Decoder, Generated, Settings, generate
from lexome.generation.rows import ROWS
from lexome.model import Transformer, families

GREEDY = Settings(max_tokens=20, temperature=0, precision="fp32")
PROMPTS = [[1, 5, 6], [1], [1, 9, 8, 7, 6, 5, 4, 4, 3], [2, 2, 3], [7, 8, 9]]


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ragged", [False, True])
def test_a_step_gives_the_logits_of_the_transformer(name: str, ragged: bool) -> None:
    model = model_of(name)
    torch.manual_seed(0)
    lengths = [5, 9, 2] if ragged else [5, 5, 5]
    texts = [torch.randint(VOCABULARY, (length + 12,)).tolist() for length in lengths]
    decoder = Decoder(model, torch.float32)
    cache = decoder.cache(3, CONTEXT)
    first = decoder.read([text[:n] for text, n in zip(texts, lengths, strict=True)], cache)
    with torch.inference_mode():
        found = [first]
        for step in range(12):
            places = [length + step for length in lengths]
            tokens = torch.tensor([text[n] for text, n in zip(texts, places, strict=True)])
            found.append(decoder.step(tokens, torch.tensor(places) if ragged else places[0], cache))
        for row, (text, length) in enumerate(zip(texts, lengths, strict=True)):
            expected = model(torch.tensor([text]))[0, length - 1 :]
            ours = torch.stack([logits[row] for logits in found])
            torch.testing.assert_close(ours, expected, atol=1e-5, rtol=1e-5)


def test_a_bf16_decoder_is_near_and_leaves_the_model_as_it_was() -> None:
    for rows in (1, 8):  # few rows have a cache in fp32, many one in bf16
        for name in ("gpt2", "llama-grouped-biased", "qwen3", "nanochat"):
            model = model_of(name)
            text = torch.randint(VOCABULARY, (rows, 16), generator=torch.Generator().manual_seed(3))
            decoder = Decoder(model, torch.bfloat16)
            cache = decoder.cache(rows, CONTEXT)
            decoder.read(text[:, :15].tolist(), cache)
            with torch.inference_mode():
                ours = decoder.step(text[:, 15], 15, cache).float()
                expected = model(text)[:, -1]
            error = (ours - expected).norm() / expected.norm()
            assert 0 < error < 0.06, (name, error)
            assert model.compute_dtype == torch.float32
            assert {p.dtype for p in model.parameters()} == {torch.float32}


@pytest.mark.parametrize("name", SHAPES)
def test_greedy_is_that_of_transformers_and_of_no_cache(name: str) -> None:
    theirs, model = pair(name)
    prompt = [1, 5, 6, 20]
    (ours,) = generate(model, [prompt], GREEDY)
    ids = torch.tensor([prompt])
    expected = theirs.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=20, do_sample=False, pad_token_id=0
    )
    assert ours.ids == expected[0, 4:].tolist() == alone(model, prompt, 20)
    assert ours.finish == "length"


@pytest.mark.parametrize("name", ["gpt2", "llama-grouped-biased", "qwen3", "nanochat"])
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_row_does_not_depend_on_its_batch(name: str, temperature: float) -> None:
    model = model_of(name)
    settings = Settings(max_tokens=15, temperature=temperature, seed=7, precision="fp32")
    together = generate(model, PROMPTS, settings)
    for row, prompt in enumerate(PROMPTS):
        own = Settings(max_tokens=15, temperature=temperature, seed=7 + row, precision="fp32")
        assert generate(model, [prompt], own) == [together[row]]


def test_more_prompts_than_a_round_and_rows_that_end_early() -> None:
    model = model_of("llama")
    prompts = [[1, row % 50, row // 3] for row in range(ROWS + 5)]
    settings = Settings(max_tokens=12, seed=3, precision="fp32")
    plain = generate(model, prompts, settings)
    end = plain[2].ids[4]
    found = generate(model, prompts, settings, end=end)
    assert any(result.finish == "end" for result in found)
    for before, after in zip(plain, found, strict=True):
        if end in before.ids:
            assert after == Generated(before.ids[: before.ids.index(end)], "end")
        else:
            assert after == before


def test_tokens_stream_in_order_and_a_callback_stops_its_row_only() -> None:
    model = model_of("llama")
    plain = generate(model, PROMPTS, GREEDY)
    seen: dict[int, list[int]] = {row: [] for row in range(len(PROMPTS))}

    def on_token(row: int, token: int) -> bool:
        seen[row].append(token)
        return row == 1 and len(seen[row]) == 3

    found = generate(model, PROMPTS, GREEDY, on_token=on_token)
    assert found[1] == Generated(plain[1].ids[:3], "stop")
    assert [r for i, r in enumerate(found) if i != 1] == [r for i, r in enumerate(plain) if i != 1]
    assert list(seen.values()) == [result.ids for result in found]


def test_forbidden_tokens_never_come() -> None:
    model = model_of("qwen3")
    never = range(0, VOCABULARY, 2)
    for temperature in (0.0, 1.5):
        settings = Settings(max_tokens=30, temperature=temperature, precision="fp32")
        for result in generate(model, PROMPTS, settings, never=never):
            assert not set(result.ids) & set(never)


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_the_end_of_the_context_is_a_reason_to_stop(name: str) -> None:
    model = model_of(name)
    prompts = [[1] * (CONTEXT - 3), [2] * 4, [3] * CONTEXT]
    found = generate(model, prompts, Settings(max_tokens=6, temperature=0, precision="fp32"))
    assert [len(result.ids) for result in found] == [4, 6, 1]
    assert [result.finish for result in found] == ["context", "length", "context"]
    assert found[0].ids == alone(model, prompts[0], 4)


@pytest.mark.parametrize(
    ("prompts", "words"),
    [
        ([[1], []], "prompt 2"),
        ([[1] * (CONTEXT + 1)], f"{CONTEXT + 1} tokens, the model sees at most {CONTEXT}"),
        ([[VOCABULARY]], "outside"),
        ([[-1]], "outside"),
    ],
)
def test_a_prompt_that_cannot_be_read_is_an_error(prompts: list[list[int]], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        generate(model_of("llama"), prompts, GREEDY)


def test_a_masked_model_does_not_write() -> None:
    model = Transformer(families.get("modernbert").config(20, 16, 1, 16, 2))
    with pytest.raises(UsageError, match="both sides"):
        generate(model, [[1]], GREEDY)


def test_no_prompts_no_texts() -> None:
    assert generate(model_of("llama"), [], GREEDY) == []

"""Beam search is that of `transformers`, and with beams for all sequences it finds the best."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from causal import CONTEXT, alone, model_of
from hypothesis import given
from hypothesis import strategies as st

from lexome.errors import LexomeError, UsageError
from lexome.generation import Beam, Decoder, Settings, beam_search, generate
from lexome.generation.beams import best
from lexome.model import Transformer, families, save_model

END = 2
PROMPTS = [[1, 5, 6], [1], [1, 9, 8, 7, 6, 5, 4, 4, 3], [20, 20, 3], [7, 8, 9, 1]]


def small(vocab_size: int = 23, seed: int = 0, std: float = 0.25, family: str = "llama") -> Any:
    """Return a model that often ends: it is sharp, and its vocabulary is small."""
    model = Transformer(families.get(family).config(vocab_size, CONTEXT, 2, 32, 4))
    torch.manual_seed(seed)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return model


def settings(**chosen: Any) -> Settings:
    return Settings(**{"max_tokens": 14, "beams": 4, "precision": "fp32", **chosen})


def theirs(loaded: Any, prompt: list[int], chosen: Settings, **more: Any) -> list[Beam]:
    """Return all beams of `transformers`, best first."""
    ids = torch.tensor([prompt])
    found = loaded.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=chosen.max_tokens,
        num_beams=chosen.beams,
        num_return_sequences=chosen.beams,
        do_sample=False,
        length_penalty=chosen.length_penalty,
        early_stopping="never",
        no_repeat_ngram_size=chosen.no_repeat_ngram,
        repetition_penalty=chosen.repetition_penalty,
        eos_token_id=END,
        pad_token_id=0,
        output_scores=True,
        return_dict_in_generate=True,
        **more,
    )
    beams = []
    rows = found.sequences[:, len(prompt) :].tolist()
    for row, score in zip(rows, found.sequences_scores.tolist(), strict=True):
        ended = END in row
        ids_ = row[: row.index(END)] if ended else row
        beams.append(Beam(tuple(ids_), score, "end" if ended else "length"))
    return beams


def same(ours: list[Beam], expected: list[Beam]) -> None:
    assert [(b.ids, b.finish) for b in ours] == [(b.ids, b.finish) for b in expected]
    assert [b.score for b in ours] == pytest.approx([b.score for b in expected], abs=1e-4)


@pytest.fixture(scope="module", params=[(2, 0.25), (6, 0.25), (13, 0.3)])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    seed, std = request.param
    model = small(seed=seed, std=std)
    folder: Path = tmp_path_factory.mktemp("model")
    save_model(folder, model)
    return model, transformers.AutoModelForCausalLM.from_pretrained(folder).eval()


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"beams": 2, "length_penalty": 0.0},
        {"beams": 2, "max_tokens": 30},
        {"beams": 5, "length_penalty": 2.0},
        {"beams": 3, "length_penalty": -0.7},
        {"no_repeat_ngram": 2},
        {"no_repeat_ngram": 1, "max_tokens": 6},
        {"repetition_penalty": 1.4, "length_penalty": 0.6},
        {"beams": 8, "max_tokens": 30, "no_repeat_ngram": 3, "length_penalty": 0.8},
    ],
)
def test_beams_are_those_of_transformers(both: Any, chosen: dict[str, Any]) -> None:
    model, loaded = both
    wanted = settings(**chosen)
    found = beam_search(model, PROMPTS, wanted, end=END)
    for prompt, ours in zip(PROMPTS, found, strict=True):
        same(ours, theirs(loaded, prompt, wanted))


def test_the_golden_cases_end_in_both_ways(both: Any) -> None:
    found = beam_search(both[0], PROMPTS, settings(), end=END)
    assert {beam.finish for beams in found for beam in beams} == {"end", "length"}


def test_removed_tokens_are_removed_as_in_transformers(both: Any) -> None:
    model, loaded = both
    never = list(range(3, 20, 3))
    (ours,) = beam_search(model, [[1, 5, 6]], settings(), end=END, never=never)
    same(ours, theirs(loaded, [1, 5, 6], settings(), suppress_tokens=never))
    assert not {token for beam in ours for token in beam.ids} & set(never)


def every_continuation(model: Transformer, prompt: list[int], most: int) -> dict[Any, float]:
    """Return the log-probability of each sequence that ends, or has `most` tokens."""
    found: dict[tuple[int, ...], float] = {}
    every = list(itertools.product(range(model.config.vocab_size), repeat=most))
    with torch.no_grad():
        logits = model(torch.tensor([[*prompt, *ids] for ids in every]))[:, len(prompt) - 1 : -1]
    logs = logits.double().log_softmax(-1).gather(-1, torch.tensor(every).unsqueeze(-1))
    for ids, steps in zip(every, logs.squeeze(-1).tolist(), strict=True):
        length = ids.index(END) + 1 if END in ids else most
        found[ids[:length]] = sum(steps[:length])
    return found


@pytest.mark.parametrize("penalty", [-1.5, 0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_with_beams_for_all_sequences_the_best_are_found(penalty: float, seed: int) -> None:
    vocab_size, most = 4, 4
    model = small(vocab_size, seed)
    prompts = [[1, 3], [3, 0, 1, 1]]
    wanted = settings(beams=vocab_size**most, max_tokens=most, length_penalty=penalty)
    found = beam_search(model, prompts, wanted, end=END)
    for prompt, ours in zip(prompts, found, strict=True):
        every = every_continuation(model, prompt, most)
        assert sum(map(math.exp, every.values())) == pytest.approx(1.0)
        expected = {ids: total / len(ids) ** penalty for ids, total in every.items()}
        found_scores = {
            (*beam.ids, END) if beam.finish == "end" else beam.ids: beam.score for beam in ours
        }
        assert found_scores == pytest.approx(expected, abs=1e-4)
        assert [b.score for b in ours] == sorted((b.score for b in ours), reverse=True)


@pytest.mark.parametrize("vocab_size", [23, 3000])
def test_the_search_does_not_depend_on_its_batch(vocab_size: int) -> None:
    model = small(vocab_size)
    prompts = [[1 + row % 20, row % 17, *range(row % 5)] for row in range(21)]
    for beams in (2, 5, 40):
        wanted = settings(beams=beams, max_tokens=8)
        together = beam_search(model, prompts, wanted, end=END)
        for prompt, ours in zip(prompts, together, strict=True):
            (expected,) = beam_search(model, [prompt], wanted, end=END)
            same(ours, expected)


@pytest.mark.parametrize("name", ["gpt2", "llama-grouped-biased", "qwen3", "nanochat"])
def test_one_beam_is_the_greedy_text(name: str) -> None:
    model = model_of(name)
    for prompt, (beam,) in zip(
        PROMPTS, beam_search(model, PROMPTS, settings(beams=1)), strict=True
    ):
        assert list(beam.ids) == alone(model, prompt, 14)


@pytest.mark.parametrize("name", ["gpt2", "llama-grouped-biased", "qwen3", "nanochat"])
def test_scores_are_those_of_the_whole_text(name: str) -> None:
    """A cache whose rows were mixed up would give other log-probabilities."""
    model = model_of(name)
    found = beam_search(model, PROMPTS, settings(beams=6, length_penalty=0.0))
    for prompt, beams in zip(PROMPTS, found, strict=True):
        for beam in beams:
            with torch.no_grad():
                logs = model(torch.tensor([[*prompt, *beam.ids]]))[0].log_softmax(-1)
            labels = torch.tensor(beam.ids).unsqueeze(-1)
            expected = logs[len(prompt) - 1 : -1].gather(-1, labels).sum()
            assert beam.score == pytest.approx(float(expected), abs=1e-3)


def test_beams_end_at_the_end_of_the_context() -> None:
    model = model_of("llama")
    prompts = [[1] * (CONTEXT - 3), [2] * 4, [3] * CONTEXT]
    found = beam_search(model, prompts, settings(max_tokens=6))
    assert [{len(beam.ids) for beam in beams} for beams in found] == [{4}, {6}, {1}]
    assert [beams[0].finish for beams in found] == ["context", "length", "context"]


def test_generate_gives_the_best_beam_and_tells_its_tokens() -> None:
    model = small()
    found = beam_search(model, PROMPTS, settings(), end=END)
    told: dict[int, list[int]] = {row: [] for row in range(len(PROMPTS))}

    def on_token(row: int, token: int) -> bool:
        told[row].append(token)
        return row == 2 and len(told[row]) == 2

    results = generate(model, PROMPTS, settings(), end=END, on_token=on_token)
    assert len(found[2][0].ids) > 2
    for row, (beams, result) in enumerate(zip(found, results, strict=True)):
        ids, finish = list(beams[0].ids), beams[0].finish
        assert (result.ids, result.finish) == ((ids[:2], "stop") if row == 2 else (ids, finish))
        assert told[row] == result.ids


def test_equal_beams_come_in_the_order_of_their_ids() -> None:
    model = small(5)
    with torch.no_grad():
        model.head.unembedding.weight.zero_()
    (beams,) = beam_search(model, [[1]], settings(beams=6, max_tokens=2), never=[0])
    assert [beam.ids for beam in beams] == [(1, 1), (1, 2), (1, 3), (1, 4), (2, 1), (2, 2)]


@given(
    st.integers(1, 12),
    st.lists(
        st.lists(st.sampled_from([-math.inf, -2.0, -1.0, 0.0]), min_size=9, max_size=9),
        min_size=1,
        max_size=4,
    ),
)
def test_of_equal_scores_the_lower_place_goes_first(count: int, rows: list[list[float]]) -> None:
    values, places = best(torch.tensor(rows), count)
    for row, own_values, own_places in zip(rows, values.tolist(), places.tolist(), strict=True):
        expected = sorted(range(9), key=lambda place: (-row[place], place))[:count]
        assert own_places == expected
        assert own_values == [row[place] for place in expected]


@pytest.mark.parametrize(("seed", "prompt"), [(2, [1, 5, 6]), (6, [20, 20, 3]), (7, [1])])
def test_a_search_stops_as_soon_as_no_open_beam_can_win(
    seed: int, prompt: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a penalty that is when, of all continuations so far, the best ones have ended."""
    model, steps = small(seed=seed), list[int]()
    step = Decoder.step

    def counted(*given_: Any) -> torch.Tensor:
        steps.append(1)
        return step(*given_)

    first = 1
    wanted = settings(beams=2, max_tokens=30, length_penalty=0.0)
    while True:
        (cut,) = beam_search(model, [prompt], replace(wanted, max_tokens=first), end=END)
        if {beam.finish for beam in cut} == {"end"}:
            break
        first += 1
    monkeypatch.setattr(Decoder, "step", counted)
    (beams,) = beam_search(model, [prompt], wanted, end=END)
    assert beams == cut
    assert len(steps) == first - 1 < 10


def test_a_prompt_that_nothing_may_follow_is_an_error() -> None:
    wanted = settings(beams=3, no_repeat_ngram=1)
    with pytest.raises(LexomeError, match="would repeat"):
        beam_search(small(4), [[0, 1, 3]], wanted, never=[2])
    # Where something was finished before, that is the result.
    (beams,) = beam_search(small(4), [[0, 1, 3]], wanted, end=END)
    assert beams == [Beam((), beams[0].score, "end")]


def test_what_cannot_be_searched_is_an_error() -> None:
    model = small()
    with pytest.raises(UsageError, match="empty"):
        beam_search(model, [[]], settings())
    with pytest.raises(UsageError, match="both sides"):
        beam_search(small(family="modernbert"), [[1]], settings())
    torch.nn.init.constant_(model.embedding.weight, torch.nan)
    with pytest.raises(LexomeError, match="not numbers"):
        beam_search(model, [[1]], settings())
    assert beam_search(model, [], settings()) == []

"""Prompts with features: what is written after them is what the whole model says in one pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from causal import SHAPES, model_of

from lexome.errors import UsageError
from lexome.generation import Question, Settings, answer_distribution, generate
from lexome.generation.beams import beam_search
from lexome.model import Transformer
from lexome.model.front_end import with_front_end

FEATURES = 6
Array = npt.NDArray[Any]
# Of unequal lengths, two of one length, one without features.
PROMPTS = [[1, 9, 9, 9, 5], [1, 7], [1, 9, 9, 9, 5], [1, 4, 9, 9, 9, 9, 6]]


def listening(name: str = "llama") -> Transformer:
    model = with_front_end(model_of(name), FEATURES, seed=3)
    with torch.no_grad():
        assert model.front_end is not None
        model.front_end.outer.weight.mul_(4)
    return model


def heard() -> list[Array | None]:
    """Return features of the first tokens of each prompt."""
    random = np.random.default_rng(0)
    return [
        random.normal(size=(len(prompt) - 1, FEATURES)).astype(np.float16)
        if len(prompt) > 2
        else None
        for prompt in PROMPTS
    ]


def logits(model: Transformer, ids: list[int], features: Array | None) -> torch.Tensor:
    """Return the logits after `ids`, everything read anew."""
    whole = torch.zeros(1, len(ids), FEATURES)
    if features is not None:
        whole[0, : len(features)] = torch.from_numpy(features.astype(np.float32))
    with torch.no_grad():
        return model(torch.tensor([ids]), features=whole)[0, -1]


def greedy(model: Transformer, prompt: list[int], features: Array | None, steps: int) -> list[int]:
    ids = list(prompt)
    for _ in range(steps):
        ids.append(int(logits(model, ids, features).argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("name", SHAPES)
def test_greedy_writing_is_that_of_the_whole_model(name: str) -> None:
    model, settings = listening(name), Settings(max_tokens=6, temperature=0.0, precision="fp32")
    found = generate(model, PROMPTS, settings, features=heard())
    expected = [greedy(model, p, f, 6) for p, f in zip(PROMPTS, heard(), strict=True)]
    assert [one.ids for one in found] == expected


def test_what_is_heard_decides_what_is_written() -> None:
    model, settings = listening(), Settings(max_tokens=6, temperature=0.0, precision="fp32")
    found = generate(model, PROMPTS, settings, features=heard())
    deaf = generate(model, PROMPTS, settings)
    assert found[1].ids == deaf[1].ids
    assert found[0].ids != deaf[0].ids and found[0].ids != found[2].ids


def test_many_prompts_keep_their_own_features() -> None:
    model, settings = listening(), Settings(max_tokens=3, temperature=0.0, precision="fp32")
    prompts, features = PROMPTS * 12, heard() * 12
    found = generate(model, prompts, settings, features=features)
    assert [one.ids for one in found] == [one.ids for one in found[:4]] * 12


@pytest.mark.parametrize("beams", [1, 3])
def test_beams_score_what_the_whole_model_says(beams: int) -> None:
    model = listening()
    settings = Settings(max_tokens=4, beams=beams, length_penalty=0.0, precision="fp32")
    for own, prompt, features in zip(
        beam_search(model, PROMPTS, settings, features=heard()), PROMPTS, heard(), strict=True
    ):
        total, ids = 0.0, list(prompt)
        for token in own[0].ids:
            total += float(logits(model, ids, features).log_softmax(-1)[token])
            ids.append(token)
        assert own[0].score == pytest.approx(total, abs=1e-3)
    through = generate(model, PROMPTS, settings, features=heard())
    if beams > 1:
        best = beam_search(model, PROMPTS, settings, features=heard())
        assert [tuple(one.ids) for one in through] == [one[0].ids for one in best]


def test_guidance_compares_with_a_prompt_that_hears_nothing() -> None:
    model = listening()
    settings = Settings(max_tokens=1, temperature=0.0, guidance=2.5, precision="fp32")
    hidden = [[3] * len(prompt) for prompt in PROMPTS]
    found = generate(model, PROMPTS, settings, unconditional=hidden, features=heard())
    for one, prompt, without, features in zip(found, PROMPTS, hidden, heard(), strict=True):
        with_it = logits(model, prompt, features).log_softmax(-1)
        none = logits(model, without, None).log_softmax(-1)
        assert one.ids == [int((none + 2.5 * (with_it - none)).argmax())]


def test_answers_have_the_probabilities_of_what_was_heard() -> None:
    model = listening()
    answers = [[7], [8, 5], [8, 6, 6]]
    asked = [Question(p, answers, f) for p, f in zip(PROMPTS, heard(), strict=True)]
    for question, found in zip(asked, answer_distribution(model, asked), strict=True):
        expected = []
        for answer in answers:
            total, ids = 0.0, list(question.prompt)
            for token in answer:
                total += float(logits(model, ids, question.features).log_softmax(-1)[token])
                ids.append(token)
            expected.append(total)
        assert found.log_probabilities == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("shape", [(2, FEATURES + 1), (9, FEATURES), (FEATURES,)])
def test_features_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    wrong = np.zeros(shape, np.float32)
    with pytest.raises(UsageError, match="do not fit a prompt of 2 tokens"):
        generate(listening(), [[1, 7]], Settings(max_tokens=1), features=[wrong])


def test_a_model_without_a_front_end_hears_nothing() -> None:
    with pytest.raises(UsageError, match="a model that reads 0 numbers"):
        generate(model_of("llama"), PROMPTS, Settings(max_tokens=1), features=heard())

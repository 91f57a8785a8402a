"""The probability of an answer is the product that reading it alone gives."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from causal import CONTEXT, SHAPES, VOCABULARY, model_of
from hypothesis import given
from hypothesis import settings as checks
from hypothesis import strategies as st

from lexome.errors import LexomeError, UsageError
from lexome.generation import Question, answer_distribution
from lexome.model import Transformer, families

END, MASK = 2, 3
QUESTIONS = [
    Question([1, 5, 6], [[7], [8], [9, 10], [9, 11, 12, 13]]),
    Question([1], [[50, 4], [7]]),
    Question([1, 9, 8], [[6], [7, 7, 7]]),
    Question([1, 4, 4, 4, 4, 4, 8], [[5], [6, 5], [7, 5], [9, 30, 31]]),
    Question([1, 9, 9], [[40]]),
    # More beginnings than the context has tokens, many of them shared.
    Question([1, 7], [[*ids] for ids in product(range(4, 8), repeat=3)]),
]


def by_hand(model: Transformer, prompt: Any, answer: Any) -> float:
    """Return the log-probability of an answer: each token from all before it, in a pass alone."""
    total, ids = 0.0, list(prompt)
    for token in answer:
        with torch.no_grad():
            logits = model(torch.tensor([ids]))[0, -1].double()
        total += float(logits[token] - logits.logsumexp(0))
        ids.append(token)
    return total


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("end", [None, END])
def test_answers_have_the_probabilities_of_the_model(name: str, end: int | None) -> None:
    model = model_of(name)
    found = answer_distribution(model, QUESTIONS, end=end)
    ending = [] if end is None else [end]
    for question, distribution in zip(QUESTIONS, found, strict=True):
        logs = [by_hand(model, question.prompt, [*a, *ending]) for a in question.answers]
        assert distribution.log_probabilities == pytest.approx(logs, abs=1e-4)
        masses = [math.exp(log) for log in logs]
        expected = np.array(masses) / sum(masses)
        np.testing.assert_allclose(distribution.probabilities, expected, rtol=1e-3, atol=1e-12)
        assert distribution.outside == pytest.approx(1 - sum(masses), abs=1e-5)


def test_all_tokens_are_the_whole_of_what_can_be_said() -> None:
    every = Question([1, 5], [[token] for token in range(VOCABULARY)])
    (found,) = answer_distribution(model_of("llama"), [every])
    assert found.outside == pytest.approx(0.0, abs=1e-6)
    assert found.probabilities.sum() == pytest.approx(1.0)


def test_answers_that_are_hardly_possible_still_share_the_whole() -> None:
    model = model_of("llama")
    with torch.no_grad():
        model.head.unembedding.weight.mul_(500)
    (found,) = answer_distribution(model, [Question([1, 5], [[7] * 12, [8] * 12])])
    assert found.log_probabilities.max() < -800
    assert found.probabilities.sum() == pytest.approx(1.0)
    assert found.outside == 1.0


@pytest.fixture(scope="module")
def qwen3() -> Transformer:
    return model_of("qwen3")


@checks(max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(1, 60))
def test_neither_order_nor_batch_matters(qwen3: Transformer, random: Any, tokens: int) -> None:
    expected = answer_distribution(qwen3, QUESTIONS, end=END)
    numbers = random.sample(range(len(QUESTIONS)), len(QUESTIONS))
    orders = [random.sample(range(len(q.answers)), len(q.answers)) for q in QUESTIONS]
    mixed = [
        Question(QUESTIONS[n].prompt, [QUESTIONS[n].answers[i] for i in orders[n]]) for n in numbers
    ]
    found = answer_distribution(qwen3, mixed, end=END, tokens=tokens)
    for number, distribution in zip(numbers, found, strict=True):
        logs = expected[number].log_probabilities[orders[number]]
        np.testing.assert_allclose(distribution.log_probabilities, logs, atol=1e-5)


def masked(family: str) -> Transformer:
    model = Transformer(families.get(family).config(VOCABULARY, CONTEXT, 2, 32, 2))
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.mark.parametrize("family", ["modernbert", "bert", "esm"])
def test_a_masked_model_answers_in_place_of_its_mask(family: str) -> None:
    model = masked(family)
    questions = [
        Question([1, 5, MASK, 9, 2], [[7], [8], [30]]),
        Question([MASK, 5, 2], [[7], [8]]),
        Question([1, 4, 4, 4, MASK], [[8]]),
    ]
    found = answer_distribution(model, questions, mask=MASK)
    for question, distribution in zip(questions, found, strict=True):
        place = list(question.prompt).index(MASK)
        with torch.no_grad():
            logs = model(torch.tensor([list(question.prompt)]))[0, place].log_softmax(-1)
        expected = logs[[answer[0] for answer in question.answers]].numpy()
        np.testing.assert_allclose(distribution.log_probabilities, expected, atol=1e-5)
        assert distribution.outside == pytest.approx(1 - np.exp(expected).sum(), abs=1e-5)


@pytest.mark.parametrize(
    ("prompt", "answers", "mask"),
    [
        ([1, 5, 2], [[7]], MASK),
        ([1, MASK, MASK], [[7]], MASK),
        ([1, MASK], [[7, 8]], MASK),
        ([1, MASK], [[7]], None),
    ],
)
def test_what_a_masked_model_cannot_answer_is_an_error(
    prompt: list[int], answers: list[list[int]], mask: int | None
) -> None:
    with pytest.raises(UsageError, match="one mask"):
        answer_distribution(masked("modernbert"), [Question(prompt, answers)], mask=mask)


@pytest.mark.parametrize(
    ("prompt", "answers", "words"),
    [
        ([], [[7]], "empty"),
        ([1, VOCABULARY], [[7]], "outside"),
        ([1], [], "no answer"),
        ([1], [[7], []], "empty"),
        ([1], [[VOCABULARY]], "outside"),
        ([1], [[-1]], "outside"),
        ([1], [[7], [8], [7]], "answer 1 is the same as answer 3"),
        ([1], [[7, 9, 3], [7, 8, 4], [9], [7, 9]], "answer 4 is the beginning of answer 1"),
        ([1] * CONTEXT, [[7, 8]], "an answer has 2 tokens"),
    ],
)
def test_a_question_that_cannot_be_asked_is_named(
    prompt: list[int], answers: list[list[int]], words: str
) -> None:
    with pytest.raises(UsageError, match=words) as error:
        answer_distribution(model_of("llama"), [QUESTIONS[0], Question(prompt, answers)])
    assert "question 2" in str(error.value)


def test_an_answer_may_fill_the_context_to_its_end() -> None:
    model = model_of("gpt2")
    prompt = [1] * (CONTEXT - 1)
    (found,) = answer_distribution(model, [Question(prompt, [[7, 8]])])
    assert found.log_probabilities == pytest.approx([by_hand(model, prompt, [7, 8])], abs=1e-4)


def test_logits_that_are_no_numbers_are_an_error_and_no_questions_no_answers() -> None:
    model = model_of("llama")
    assert answer_distribution(model, []) == []
    torch.nn.init.constant_(model.embedding.weight, torch.nan)
    with pytest.raises(LexomeError, match="not numbers"):
        answer_distribution(model, QUESTIONS)

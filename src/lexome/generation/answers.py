"""What a model says: the exact probability of each answer of a closed set after a prompt.

Prompts of one length are read together, and what was read serves all their answers: those of one
token need no further pass, longer ones are read behind their prompt, those of one length together.
Nothing is padded, so an answer's probability depends on no other answer and no other question
(but for the rounding of fp32).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.generation.cache import BehindPrompts, ReadPrompts
from lexome.generation.decoder import computing_in
from lexome.generation.features import PromptFeatures, beside
from lexome.generation.passes import TOKENS, equally_long
from lexome.generation.rows import check_prompt
from lexome.generation.sampling import check_numbers
from lexome.model.config import TransformerConfig
from lexome.model.transformer import Transformer

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt's ids, the ids of each answer that it may have, and the features of the prompt.

    `name` is what errors call it; else they call it by its number.
    """

    prompt: Sequence[int]
    answers: Sequence[Sequence[int]]
    features: npt.NDArray[np.floating[Any]] | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class AnswerDistribution:
    """What a model says to a question: `log_probabilities` [answers], in nats, of whole answers."""

    log_probabilities: Floats

    @property
    def probabilities(self) -> Floats:
        """Return the probabilities [answers] among the answers: they sum to 1."""
        shares = np.exp(self.log_probabilities - self.log_probabilities.max())
        normalised: Floats = shares / shares.sum()
        return normalised

    @property
    def outside(self) -> float:
        """Return the probability of anything else than these answers."""
        return max(1.0 - float(np.exp(self.log_probabilities).sum()), 0.0)


@dataclass(frozen=True, slots=True)
class _Answer:
    """One answer to be scored: its question's number, its place there, its ids to the end."""

    question: int
    place: int
    ids: tuple[int, ...]


def answer_distribution(
    model: Transformer,
    questions: Sequence[Question],
    *,
    end: int | None = None,
    mask: int | None = None,
    tokens: int = TOKENS,
) -> list[AnswerDistribution]:
    """Return the distribution over the answers of each question, computed in fp32.

    After a causal model's prompt comes the answer, and after that `end`, where one is given, so
    that the answer is whole. A masked model needs `mask`: its prompt holds that token once, where
    the answer of one token belongs, and also what stands behind it. `tokens` bounds a forward
    pass. Raises `UsageError` that names the question where a prompt or an answer is empty, has
    ids of no token or does not fit the context, where an answer is the beginning of another (the
    two are no alternatives), and where a masked model cannot give an answer; `LexomeError` where
    the model's logits are not numbers.
    """
    ending = () if end is None else (end,)
    answers = [[(*answer, *ending) for answer in question.answers] for question in questions]
    places = [
        _place(model.config, question.prompt, own, question.name or f"question {number}", mask)
        for number, (question, own) in enumerate(zip(questions, answers, strict=True), 1)
    ]
    found = [np.zeros(len(own)) for own in answers]
    with computing_in(model, torch.float32):
        for batch in equally_long([question.prompt for question in questions], tokens):
            prompts = [list(questions[number].prompt) for number in batch]
            asked = {
                row: [_Answer(number, place, ids) for place, ids in enumerate(answers[number])]
                for row, number in enumerate(batch)
            }
            heard = [questions[number].features for number in batch]
            own_places = [places[number] for number in batch]
            _score(model, prompts, heard, own_places, asked, tokens, found)
    return [AnswerDistribution(logs) for logs in found]


def _score(
    model: Transformer,
    prompts: Sequence[list[int]],
    features: PromptFeatures,
    places: Sequence[int],
    asked: Mapping[int, Sequence[_Answer]],
    tokens: int,
    found: Sequence[Floats],
) -> None:
    """Add the log-probabilities of the answers to `prompts` of one length, `asked` by row."""
    device, length = model.embedding.weight.device, len(prompts[0])
    read = ReadPrompts(length, device) if model.config.attention == "causal" else None
    whole = torch.tensor(prompts, device=device)
    trunk = model.trunk(whole, cache=read, features=beside(whole, features, model))
    first = _logits(model, trunk[torch.arange(len(prompts)), places]).double().log_softmax(-1)
    pairs = [(row, answer) for row, answers in asked.items() for answer in answers]
    begun = first[[row for row, _ in pairs], [answer.ids[0] for _, answer in pairs]]
    for (_, answer), log_probability in zip(pairs, begun.tolist(), strict=True):
        found[answer.question][answer.place] = log_probability
    longer = [(row, answer) for row, answer in pairs if len(answer.ids) > 1]
    if read is None or not longer:
        return
    for batch in equally_long([answer.ids for _, answer in longer], tokens, length):
        rows = torch.tensor([longer[number][0] for number in batch], device=device)
        ids = torch.tensor([longer[number][1].ids for number in batch], device=device)
        trunk = model.trunk(ids[:, :-1], cache=BehindPrompts(read, rows))
        logs = _logits(model, trunk).log_softmax(-1).gather(-1, ids[:, 1:, None].cpu())
        for number, log_probability in zip(batch, logs.double().sum((1, 2)).tolist(), strict=True):
            answer = longer[number][1]
            found[answer.question][answer.place] += log_probability


def _logits(model: Transformer, trunk: Tensor) -> Tensor:
    logits: Tensor = model.head(trunk).float().cpu()
    check_numbers(not bool(logits.isnan().any()))
    return logits


def _place(
    config: TransformerConfig,
    prompt: Sequence[int],
    answers: Sequence[tuple[int, ...]],
    where: str,
    mask: int | None,
) -> int:
    """Return the place of a prompt that foretells an answer's first token; check both."""
    check_prompt(prompt, config, where)
    _check_answers(answers, where, config.vocab_size)
    if config.attention == "causal":
        room = config.context + 1 - len(prompt)
        longest = max(map(len, answers))
        if longest > room:
            raise UsageError(
                f"an answer has {longest} tokens, behind its prompt the model sees {room}",
                where=where,
                fix="shorten the prompt, or train a model with a longer context",
            )
        return len(prompt) - 1
    masked = [place for place, token in enumerate(prompt) if token == mask]
    if len(masked) != 1 or any(len(answer) != 1 for answer in answers):
        raise UsageError(
            "a masked model answers with one token, in place of one mask token of its prompt",
            where=where,
            fix="give `mask`, one mask a prompt, and answers of one token without an end token",
        )
    return masked[0]


def _check_answers(answers: Sequence[tuple[int, ...]], where: str, vocab_size: int) -> None:
    if not answers or not all(answers):
        what = "an answer is empty" if answers else "there is no answer"
        raise UsageError(what, where=where, fix="give each question answers of some tokens")
    if any(not 0 <= min(answer) <= max(answer) < vocab_size for answer in answers):
        raise UsageError(
            f"an answer has ids outside 0 to {vocab_size - 1}",
            where=where,
            fix="use the tokenizer that the model was trained with",
        )
    numbered = sorted((answer, number) for number, answer in enumerate(answers, 1))
    # Between a beginning and what begins with it, all that is sorted begins with it too.
    for (short, first), (long, second) in pairwise(numbered):
        if long[: len(short)] == short:
            same = len(long) == len(short)
            raise UsageError(
                f"answer {first} is {'the same as' if same else 'the beginning of'} "
                f"answer {second}, so the two are no alternatives",
                where=where,
                fix="give each answer once" if same else "end answers with the end token",
            )

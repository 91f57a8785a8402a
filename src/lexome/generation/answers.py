"""What a model says: the exact probability of each answer of a closed set after a prompt.

Prompts of one length are read together, and what was read serves all their answers: those of one
token need no further pass, longer ones are read behind their prompt as a tree, so that what several
begin with is read once. Nothing is padded, and no answer sees another, so its probability depends
on no other answer and no other question (but for the rounding of fp32).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
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
from lexome.generation.features import beside
from lexome.generation.passes import TOKENS, equally_long
from lexome.generation.rows import check_prompt
from lexome.generation.sampling import check_numbers
from lexome.generation.trees import NODES, Tree, trees
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
            prompts = [questions[number] for number in batch]
            read = ReadPrompts(len(prompts[0].prompt), model.embedding.weight.device)
            first = _read(model, prompts, [places[number] for number in batch], read)
            for row, number in enumerate(batch):
                found[number] += first[row, [answer[0] for answer in answers[number]]].numpy()
            own = [answers[number] for number in batch]
            for rows, tree in _trees(own, tokens, read.length, model.config.context):
                added = _behind(model, read, rows, tree)
                for row, logs in zip(rows, added, strict=True):
                    np.add.at(found[batch[row]], tree.places.numpy(), logs)
    return [AnswerDistribution(logs) for logs in found]


def _trees(
    answers: Sequence[Sequence[tuple[int, ...]]], tokens: int, before: int, context: int
) -> Iterator[tuple[list[int], Tree]]:
    """Yield trees of answers with the rows whose answers they are, as many as go in one pass.

    Rows with the same answers, those of one relation, share their trees.
    """
    alike = defaultdict[tuple[tuple[int, ...], ...], list[int]](list)
    for row, own in enumerate(answers):
        alike[tuple(own)].append(row)
    for own, rows in alike.items():
        for tree in trees(own, min(NODES, context)):
            size = max(tokens // (before + len(tree.tokens)), 1)
            for first in range(0, len(rows), size):
                yield rows[first : first + size], tree


def _read(
    model: Transformer, questions: Sequence[Question], places: Sequence[int], read: ReadPrompts
) -> Tensor:
    """Read prompts of one length; return the log-probabilities [B, V] at their `places`."""
    tokens = torch.tensor([list(question.prompt) for question in questions], device=read.device)
    features = beside(tokens, [question.features for question in questions], model)
    cache = read if model.config.attention == "causal" else None
    trunk = model.trunk(tokens, cache=cache, features=features)
    return _logits(model, trunk[torch.arange(len(questions)), places]).double().log_softmax(-1)


def _behind(model: Transformer, read: ReadPrompts, rows: Sequence[int], tree: Tree) -> Floats:
    """Return the log-probability [B, E] of each step of a tree behind the prompts of `rows`."""
    cache = BehindPrompts(
        read,
        torch.tensor(rows, device=read.device),
        tree.depths.to(read.device),
        tree.seen.to(read.device),
    )
    tokens = tree.tokens.to(read.device).expand(len(rows), -1)
    logs = _logits(model, model.trunk(tokens, cache=cache)).log_softmax(-1)
    steps: Floats = logs[:, tree.nodes, tree.following].double().numpy()
    return steps


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

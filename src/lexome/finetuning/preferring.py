"""Which of two answers a tuned model prefers, beside the assistant that it was tuned from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from lexome.evaluation.metrics.bootstrap import Figure, Resampling, Statistic, mean, score
from lexome.finetuning.answering import Question
from lexome.finetuning.paired import Pairs
from lexome.model import Transformer, load_model
from lexome.training.preference import Preference, PreferenceBatch, answer_margins
from lexome.training.run import Run
from lexome.training.start import base_folder, check_base

_ROUND = 16
_LIKELIER = "chosen is likelier"


def preference_scores(
    run: Run,
    model: Transformer,
    pairs: Pairs,
    asked: Sequence[Question],
    resampling: Resampling,
) -> tuple[list[Figure], dict[str, Any]]:
    """Return how a model's preferences agree with those of the data, and its base's beside them.

    - preference accuracy: the share of pairs in which the chosen answer's implicit reward is the
      greater one; a tie counts half;
    - reward margin: by how much it is greater, on average, β times nats;
    - chosen is likelier: the share in which the model gives it the greater probability.

    An implicit reward is β times what tuning has added to an answer's log-probability (Rafailov et
    al. 2023, section 5). A base that is not what it was when the run began is a `LexomeError`.
    """
    start = run.recipe.start
    assert start is not None
    check_base(start, run.facts["base"])
    reference = load_model(base_folder(Path(start.base))).to(model.embedding.weight.device)
    ours, theirs = margins(model, pairs, asked), margins(reference, pairs, asked)
    rewards = run.recipe.objective.beta * (ours - theirs)
    statistics = [
        Statistic("preference accuracy", mean(_above(rewards))),
        Statistic("reward margin", mean(rewards)),
        Statistic(_LIKELIER, mean(_above(ours))),
    ]
    before = score([Statistic(_LIKELIER, mean(_above(theirs)))], len(asked), resampling)
    standing = {
        "name": "the assistant that it was tuned from",
        "figures": [asdict(one) for one in before],
        "note": "",
    }
    return score(statistics, len(asked), resampling), standing


def margins(model: Transformer, pairs: Pairs, asked: Sequence[Question]) -> npt.NDArray[np.float64]:
    """Return by how many nats the chosen answer of each question is likelier; [questions]."""
    tokenizer = pairs.tokenizer
    special = tokenizer.special
    objective = Preference(special, tuple(tokenizer.predicted.tolist()))
    device, found = model.embedding.weight.device, []
    order = sorted(range(len(asked)), key=lambda number: length(asked[number]))
    for start in range(0, len(order), _ROUND):
        some = [asked[number] for number in order[start : start + _ROUND]]
        tokens = np.full((len(some), max(map(length, some))), special.pad, np.int64)
        for row, one in zip(tokens, some, strict=True):
            row[: length(one)] = one.document(special.end)
        rows = np.zeros(len(some), np.int64)
        batch = PreferenceBatch(
            tokens, np.ones(tokens.shape, np.float32), rows, None, np.zeros((len(some), 1))
        )
        with torch.no_grad():
            found += answer_margins(model, objective(batch, rows).to(device))[:, 0].tolist()
    placed = np.empty(len(asked))
    placed[order] = found
    return placed


def length(question: Question) -> int:
    """Return the tokens of a preference as a document: its prompt, and both answers."""
    return len(question.prompt) + len(question.reference) + len(question.rejected) + 3


def _above(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return (1 + np.sign(values)) / 2

"""What a model says of single passages: the likelihood of rows of tokens, and of hidden tokens.

A row that is longer than the model's context is looked at through windows that slide. All is
computed in fp32, in batches of windows of one length, so that nothing is padded, and a window that
is asked for twice is computed once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lexome.corpus.batches import evaluation_windows
from lexome.errors import LexomeError
from lexome.generation.decoder import computing_in
from lexome.languages.base import Document, Tokenizer
from lexome.model.transformer import Transformer

Row = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

TOKENS_A_BATCH = 8192


class Passage(NamedTuple):
    """A document, and whether it begins and ends where its record does."""

    document: Document
    opens: bool = True
    closes: bool = True


class Hidden(NamedTuple):
    """A question to a masked model: the log-probabilities of `labels` at `place` of a row.

    The tokens at all places of `hidden` are masked.
    """

    row: Row
    hidden: Sequence[int]
    place: int
    labels: Sequence[int]


def rows_of(tokenizer: Tokenizer, passages: Sequence[Passage]) -> list[Row]:
    """Return the tokens of each passage, between begin and end tokens where it has its ends."""
    begin, end = tokenizer.special.begin, tokenizer.special.end
    encoded = tokenizer.encode([passage.document.content for passage in passages])
    return [
        np.array([begin] * passage.opens + [*ids.tolist()] + [end] * passage.closes, np.int64)
        for passage, ids in zip(passages, encoded, strict=True)
    ]


def log_likelihoods(model: Transformer, rows: Sequence[Row]) -> Floats:
    """Return the log-likelihood of each row under a causal model, in nats, [rows].

    Every token but the first of a row is predicted from those before it, those beyond a context
    by windows that move on by half a context.
    """
    context = model.config.context
    asked: dict[tuple[bytes, int], int] = {}
    windows: list[Row] = []
    parts: list[list[int]] = []
    for row in rows:
        parts.append([])
        for window in evaluation_windows(len(row), context, max(context // 2, 1)):
            ids = row[window.start : window.stop]
            key = (ids.tobytes(), window.first_scored - window.start)
            if key not in asked:
                asked[key] = len(windows)
                windows.append(ids)
            parts[-1].append(asked[key])
    firsts = [first for _, first in asked]
    found = np.zeros(len(windows))
    for batch in batches(windows, TOKENS_A_BATCH):
        ids = np.stack([windows[number] for number in batch])
        nats = _next_token_nats(model, ids)
        for number, row in zip(batch, nats, strict=True):
            found[number] = -row[firsts[number] - 1 :].sum()
    return _checked(np.array([found[numbers].sum() for numbers in parts], np.float64))


def hidden_log_probabilities(
    model: Transformer, mask: int, questions: Sequence[Hidden]
) -> list[Floats]:
    """Return the answer of a masked model to each question, [labels] each, in nats.

    Of a row longer than the context, a window is shown in whose middle the place stands.
    """
    windows: dict[bytes, Row] = {}
    # Of each window, the places that are asked for, and by which questions.
    asked: dict[bytes, dict[int, list[int]]] = {}
    for number, question in enumerate(questions):
        length = min(model.config.context, len(question.row))
        start = min(max(question.place - length // 2, 0), len(question.row) - length)
        ids = question.row[start : start + length].copy()
        hidden = np.asarray(question.hidden, np.int64) - start
        ids[hidden[(hidden >= 0) & (hidden < length)]] = mask
        key = ids.tobytes()
        windows[key] = ids
        asked.setdefault(key, {}).setdefault(question.place - start, []).append(number)
    found: list[Floats] = [np.zeros(0)] * len(questions)
    keys, rows = list(windows), list(windows.values())
    for batch in batches(rows, TOKENS_A_BATCH):
        wanted = [(row, place) for row, index in enumerate(batch) for place in asked[keys[index]]]
        logs = _log_probabilities(model, np.stack([rows[index] for index in batch]), wanted)
        for (row, place), line in zip(wanted, logs, strict=True):
            for number in asked[keys[batch[row]]][place]:
                found[number] = _checked(line[list(questions[number].labels)])
    return found


def batches(rows: Sequence[npt.NDArray[Any]], tokens: int) -> Iterator[list[int]]:
    """Yield the numbers of rows that are equally long, some `tokens` tokens at a time."""
    order = sorted(range(len(rows)), key=lambda number: len(rows[number]))
    batch: list[int] = []
    for number in order:
        length = len(rows[number])
        if batch and (len(rows[batch[0]]) != length or (len(batch) + 1) * length > tokens):
            yield batch
            batch = []
        batch.append(number)
    if batch:
        yield batch


def typical_flank(model: Transformer, tokenizer: Tokenizer) -> int:
    """Return the natural units on either side of one that fill the model's context.

    Exact where all tokens stand for equally many units, else about right: longer passages are
    looked at through windows.
    """
    lengths = tokenizer.unit_lengths[tokenizer.unit_lengths > 0]
    units = (model.config.context - 2) * float(np.median(lengths)) if len(lengths) else 0.0
    return max(math.floor((units - 1) / 2), 0)


def _checked(nats: Floats) -> Floats:
    """Return log-probabilities; those that are no numbers are an error."""
    if np.isnan(nats).any():
        raise LexomeError(
            "the model's likelihood is not a number",
            where="model",
            fix="its training diverged: use an earlier checkpoint or lower learning rates",
        )
    return nats


def _next_token_nats(model: Transformer, ids: Row) -> Floats:
    """Return the loss of each token but the first of each row, [B, T - 1]."""
    tokens = torch.from_numpy(ids).to(model.embedding.weight.device)
    with computing_in(model, torch.float32):
        logits = model(tokens[:, :-1]).float()
        nats = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
    return nats.double().view(len(ids), -1).cpu().numpy()


def _log_probabilities(model: Transformer, ids: Row, places: Sequence[tuple[int, int]]) -> Floats:
    """Return the log-probabilities of all tokens at some (row, place) of `ids` [B, T], [P, V]."""
    device = model.embedding.weight.device
    rows, columns = torch.tensor(places, device=device).unbind(1)
    with computing_in(model, torch.float32):
        trunk: Tensor = model.trunk(torch.from_numpy(ids).to(device))
        logits = model.head(trunk[rows, columns]).float()
        logs: Floats = logits.double().log_softmax(-1).cpu().numpy()
    return logs

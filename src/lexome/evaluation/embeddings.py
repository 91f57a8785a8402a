"""Embeddings: the hidden states of a model, of every natural unit or averaged over a document.

A document longer than the model's context is looked at through windows that overlap by half a
context, and each token's state is taken once: by a causal model from the window that shows most of
what stands before it, by a masked one from the window in whose middle it stands.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from operator import itemgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.evaluation.passages import TOKENS_A_BATCH, Passage, Row, batches, rows_of
from lexome.evaluation.strands import readings
from lexome.generation.decoder import computing_in
from lexome.languages.base import Document, Language, Tokenizer
from lexome.model.transformer import Transformer

States = npt.NDArray[np.float32]

_WINDOWS = 64
_DOCUMENTS = 64
_UNITS = 4096


class View(NamedTuple):
    """Tokens `start` to `stop` of a row are shown; the states of `first` to `last` are taken."""

    start: int
    stop: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Embedding:
    """Hidden states of a document's units from unit `first` on, [units, width].

    Averaged over the document they are one row, and `first` is 0.
    """

    document: Document
    first: int
    states: States


def views(length: int, context: int, causal: bool) -> Iterator[View]:
    """Yield the windows of a row of `length` tokens; each token is taken from one of them."""
    step = max(context // 2, 1)
    # What a window knows too little of: of a causal one the start, else both ends.
    margin = context - step if causal else (context - step) // 2
    taken = start = 0
    while taken < length:
        start = min(start, max(length - context, 0))
        stop = min(start + context, length)
        last = length if stop == length else stop if causal else start + margin + step
        yield View(start, stop, taken, last)
        taken, start = last, last - margin


def document_embeddings(
    model: Transformer,
    tokenizer: Tokenizer,
    language: Language,
    documents: Iterable[Document],
    *,
    layer: int | None = None,
    both_strands: bool = False,
) -> Iterator[Embedding]:
    """Yield the mean state of each document's units, in order; memory is flat.

    `layer` is 0 for the embedded tokens, else the number of a block, by default the last one,
    after which states are normed, as they are for the head: `hidden_states[layer]` of
    transformers. `both_strands` averages both readings of a language that has them. A document
    without units is all zeros. A layer that the model does not have is a `UsageError`.
    """
    layer = _layer(model, layer)
    remaining = iter(documents)
    while chunk := list(islice(remaining, _DOCUMENTS)):
        read = [readings(language, Passage(document), both_strands) for document in chunk]
        rows = rows_of(tokenizer, [one for each in read for one in each])
        sums = np.zeros((len(rows), model.config.width))
        units = np.zeros(len(rows), np.int64)
        for number, states in _unit_states(model, tokenizer, rows, layer):
            sums[number] += states.sum(0, dtype=np.float64)
            units[number] += len(states)
        means = iter(sums / np.maximum(units, 1)[:, None])
        for document, each in zip(chunk, read, strict=True):
            mean = np.mean([next(means) for _ in each], 0)
            yield Embedding(document, 0, mean[None].astype(np.float32))


def unit_embeddings(
    model: Transformer,
    tokenizer: Tokenizer,
    language: Language,
    documents: Iterable[Document],
    *,
    layer: int | None = None,
    both_strands: bool = False,
) -> Iterator[Embedding]:
    """Yield the state of every unit of each document, in parts, in order; memory is flat.

    A token's state is that of all units that it stands for. Options are those of
    `document_embeddings`; the other reading's states are kept on disk until its document ends.
    """
    layer = _layer(model, layer)
    remaining = iter(documents)
    while chunk := list(islice(remaining, _DOCUMENTS)):
        read = [readings(language, Passage(document), both_strands) for document in chunk]
        if all(len(each) == 1 for each in read):
            rows = rows_of(tokenizer, [one for each in read for one in each])
            for number, parts in groupby(
                _unit_states(model, tokenizer, rows, layer), itemgetter(0)
            ):
                first = 0
                for _, states in parts:
                    yield Embedding(chunk[number], first, states)
                    first += len(states)
            continue
        for document, each in zip(chunk, read, strict=True):
            rows = rows_of(tokenizer, each)
            yield from _averaged(document, len(rows), _unit_states(model, tokenizer, rows, layer))


def hidden_states(model: Transformer, tokens: Tensor, layer: int) -> Tensor:
    """Return the states [B, T, W] after block `layer` in fp32, after the last one normed."""
    kept: list[Tensor] = []
    with computing_in(model, torch.float32):
        if layer == model.config.layers:
            return model.trunk(tokens)
        handle = model.layers[layer].register_forward_pre_hook(
            lambda _block, inputs: kept.append(inputs[0])
        )
        try:
            model.trunk(tokens)
        finally:
            handle.remove()
    return kept[0]


def _layer(model: Transformer, layer: int | None) -> int:
    last = model.config.layers
    if layer is None or 0 <= layer <= last:
        return last if layer is None else layer
    raise UsageError(
        f"there is no layer {layer}",
        where="--layer",
        fix=f"name one from 0, the embedded tokens, to {last}, the last block",
    )


def _unit_states(
    model: Transformer, tokenizer: Tokenizer, rows: Sequence[Row], layer: int
) -> Iterator[tuple[int, States]]:
    """Yield the number of a row and the states of its next units, [units, W], row by row."""
    config = model.config
    causal = config.attention == "causal"
    windows = (
        (number, view)
        for number, row in enumerate(rows)
        for view in views(len(row), config.context, causal)
    )
    while group := list(islice(windows, _WINDOWS)):
        shown = [rows[number][view.start : view.stop] for number, view in group]
        found: dict[int, States] = {}
        for batch in batches(shown, TOKENS_A_BATCH):
            tokens = torch.from_numpy(np.stack([shown[index] for index in batch]))
            states = hidden_states(model, tokens.to(model.embedding.weight.device), layer)
            found |= zip(batch, states.float().cpu().numpy(), strict=True)
        for index, (number, view) in enumerate(group):
            taken = found[index][view.first - view.start : view.last - view.start]
            lengths = tokenizer.unit_lengths[rows[number][view.first : view.last]]
            yield number, np.repeat(taken, lengths, axis=0)


def _averaged(
    document: Document, readings: int, parts: Iterator[tuple[int, States]]
) -> Iterator[Embedding]:
    """Yield the mean of a document's states and, from its end, those of its other reading."""
    with tempfile.TemporaryFile() as held:
        first_reading, size = 0, 0
        sums: npt.NDArray[np.float32] | None = None
        for number, states in parts:
            if number == 0:
                held.write((states / readings).astype(np.float32).tobytes())
                size += len(states)
                continue
            if sums is None and size:
                held.flush()
                sums = np.memmap(held, np.float32, "r+", shape=(size, states.shape[1]))
            if sums is not None and len(states):
                stop = size - first_reading
                sums[stop - len(states) : stop] += states[::-1] / readings
                first_reading += len(states)
        for first in range(0, size if sums is not None else 0, _UNITS):
            assert sums is not None
            yield Embedding(document, first, np.array(sums[first : first + _UNITS]))

"""How many bits a model needs for held-out data, per natural unit.

Logits are computed in fp32 whatever the model was trained in: bf16 makes ties and loses the third
digit of a likelihood.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from lexome.corpus.batches import EvaluationWindow, evaluation_windows
from lexome.corpus.shards import TokenStream
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.progress import Progress
from lexome.generation.decoder import computing_in
from lexome.languages.base import Tokenizer
from lexome.model.transformer import Transformer
from lexome.training.example import segments

Array = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

POSITIONS = 2048
BLOCKS = 64
_TOKENS_A_BATCH = 8192


@dataclass(frozen=True, slots=True)
class Likelihood:
    """What a model needs for the scored tokens of a split.

    `nats` is the sum over the scored `tokens`, which stand for `units` natural units; `kind` is
    "likelihood" or "pseudo-likelihood", and `definition` says in words what was counted.
    `standard_error` is that of `bits_per_unit`: how far it would lie, by chance, from that of
    endless data of the same kind. See `standard_error`; `None` where there is too little data.
    """

    nats: float
    tokens: int
    units: int
    kind: str
    definition: str
    standard_error: float | None = None

    @property
    def bits_per_unit(self) -> float:
        """Return all bits over all units."""
        return self.nats / math.log(2) / self.units

    @property
    def nats_per_token(self) -> float:
        """Return the mean loss of a scored token."""
        return self.nats / self.tokens

    @property
    def perplexity_per_unit(self) -> float:
        """Return 2 to the bits per unit."""
        return float(2.0**self.bits_per_unit)


@dataclass(frozen=True, slots=True)
class Parts:
    """What a model needs for each of some documents: the sums `nats` and `units`, [D]."""

    nats: Floats
    units: Array


def likelihood(
    model: Transformer,
    tokenizer: Tokenizer,
    stream: TokenStream,
    *,
    stride: int | None = None,
    respect_documents: bool = False,
    progress: Progress | None = None,
) -> Likelihood:
    """Return the likelihood of a stream under a causal model.

    Every token but the begin tokens is scored once, each with at least `context - stride` tokens
    before it (fewer at the start of the stream); `stride` is half the context by default. With
    `respect_documents`, only tokens of the same document are seen. `progress(done, total)`
    counts scored tokens. Raises `UsageError` for a masked model and a stride that does not fit.
    """
    found, _ = document_likelihood(
        model,
        tokenizer,
        stream,
        np.zeros(1, np.int64),
        stride=stride,
        respect_documents=respect_documents,
        progress=progress,
    )
    return found


def document_likelihood(
    model: Transformer,
    tokenizer: Tokenizer,
    stream: TokenStream,
    starts: Array,
    *,
    stride: int | None = None,
    respect_documents: bool = False,
    progress: Progress | None = None,
) -> tuple[Likelihood, Parts]:
    """Return `likelihood`, and what it is the sum of: the documents that begin at `starts` [D].

    The first of them begins at 0, and they rise.
    """
    if model.config.attention != "causal":
        raise UsageError("this model predicts masked tokens: use `pseudo_likelihood`")
    context = model.config.context
    stride = default_stride(context) if stride is None else stride
    begin = tokenizer.special.begin
    nats, units = _blocks(len(stream), context)
    parts = Parts(np.zeros(len(starts)), np.zeros(len(starts), np.int64))
    tokens = 0
    for windows in _same_length(evaluation_windows(len(stream), context, stride)):
        ids = np.stack([stream.read(window.start, window.stop) for window in windows])
        losses = _next_token_nats(model, ids, begin if respect_documents else None)
        for window, row, loss in zip(windows, ids, losses, strict=True):
            first = window.first_scored - window.start
            labels = row[first:]
            counted = labels != begin
            places = np.arange(window.first_scored, window.stop)
            block = places * len(nats) // len(stream)
            np.add.at(nats, block[counted], loss[first - 1 :][counted])
            np.add.at(units, block, tokenizer.unit_lengths[labels])
            document = np.searchsorted(starts, places, side="right") - 1
            np.add.at(parts.nats, document[counted], loss[first - 1 :][counted])
            np.add.at(parts.units, document, tokenizer.unit_lengths[labels])
            tokens += int(counted.sum())
        if progress is not None:
            progress(windows[-1].stop, len(stream))
    boundaries = _boundaries(respect_documents)
    definition = (
        f"Every token of the split is predicted once from those before it, by windows of {context} "
        f"tokens that move on by {stride}; {boundaries}. End tokens count as tokens and stand for "
        "no unit, begin tokens are not predicted. All bits are divided by all units."
    )
    return _checked("likelihood", definition, tokens, nats, units), parts


def default_stride(context: int) -> int:
    """Return the tokens that windows move on by where nobody says: half a context."""
    return max(context // 2, 1)


def pseudo_likelihood(
    model: Transformer,
    tokenizer: Tokenizer,
    stream: TokenStream,
    *,
    positions: int = POSITIONS,
    respect_documents: bool = False,
    progress: Progress | None = None,
) -> Likelihood:
    """Return the pseudo-likelihood of a stream under a masked model.

    One token is hidden at a time and predicted from all the others of a window of the context's
    length, in whose middle it stands (Salazar et al. 2020, https://arxiv.org/abs/1910.14659). That
    is one pass for each token, so of more than `positions` content tokens as many are taken at
    even spaces. It is no likelihood: both sides are known, so it must not be compared with one.
    `progress(done, total)` counts hidden tokens. Raises `UsageError` for a causal model and for
    fewer than one position.
    """
    if model.config.attention == "causal":
        raise UsageError("this model predicts next tokens: use `likelihood`")
    if positions < 1:
        raise UsageError(f"positions must be at least 1, not {positions}")
    content = _content_places(stream, tokenizer)
    step = max(len(content) / positions, 1.0)
    chosen = content[(np.arange(min(positions, len(content))) * step).astype(np.int64)]
    length = min(model.config.context, len(stream))
    begin = tokenizer.special.begin if respect_documents else None
    found: list[Floats] = []
    labels: list[Array] = []
    rows = max(_TOKENS_A_BATCH // length, 1)
    for first in range(0, len(chosen), rows):
        places = chosen[first : first + rows]
        starts = np.clip(places - length // 2, 0, len(stream) - length)
        ids = np.stack([stream.read(start, start + length) for start in starts.tolist()])
        hidden = (np.arange(len(places)), places - starts)
        labels.append(ids[hidden])
        numbered = None if begin is None else segments(ids, begin)
        ids[hidden] = tokenizer.special.mask
        found.append(_masked_nats(model, ids, numbered, hidden[1], labels[-1]))
        if progress is not None:
            progress(first + len(places), len(chosen))
    nats, units = _blocks(len(stream), model.config.context)
    if found:
        block = chosen * len(nats) // len(stream)
        np.add.at(nats, block, np.concatenate(found))
        np.add.at(units, block, tokenizer.unit_lengths[np.concatenate(labels)])
    taken = (
        f"a sample of {len(chosen):,} of the {len(content):,} tokens at even spaces"
        if len(chosen) < len(content)
        else f"all {len(content):,} tokens"
    )
    definition = (
        f"Pseudo-likelihood: one token at a time is hidden and predicted from both sides, in a "
        f"window of {length} tokens; {_boundaries(respect_documents)}; {taken}, special tokens "
        "left out. All bits are divided by all units of the hidden tokens."
    )
    return _checked("pseudo-likelihood", definition, len(chosen), nats, units)


def standard_error(nats: Floats, units: Array) -> float | None:
    """Return the standard error of the bits per unit of some blocks of a stream.

    `nats` and `units` [blocks] are the sums of blocks of equally many tokens that follow each
    other. They are taken as independent draws (batch means), and the figure is that of the ratio
    of their sums. Where documents are longer than a block their blocks are not independent, and
    the error is larger than this says. `None` for fewer than two blocks that hold something.
    """
    held = int((units > 0).sum())
    if held < 2:
        return None
    residuals = nats - units * (nats.sum() / units.sum())
    spread = math.sqrt(float((residuals**2).sum()) * held / (held - 1))
    return spread / float(units.sum()) / math.log(2)


def _next_token_nats(model: Transformer, ids: Array, begin: int | None) -> npt.NDArray[np.float32]:
    """Return the loss of each token but the first of each row, [B, T]."""
    device = model.embedding.weight.device
    inputs = torch.from_numpy(ids[:, :-1]).to(device)
    labels = torch.from_numpy(ids[:, 1:]).to(device)
    numbered = None if begin is None else torch.from_numpy(segments(ids[:, :-1], begin)).to(device)
    with computing_in(model, torch.float32):
        logits = model(inputs, numbered).float()
        nats = F.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    return nats.view(labels.shape).cpu().numpy()


def _masked_nats(
    model: Transformer, ids: Array, numbered: Array | None, places: Array, labels: Array
) -> Floats:
    """Return the loss of the token at `places` [B] of each row, [B]."""
    device = model.embedding.weight.device

    def tensor(values: Array) -> Tensor:
        return torch.from_numpy(values).to(device)

    with computing_in(model, torch.float32):
        trunk = model.trunk(tensor(ids), None if numbered is None else tensor(numbered))
        logits = model.head(trunk[torch.arange(len(ids)), tensor(places)]).float()
        nats = F.cross_entropy(logits, tensor(labels), reduction="none")
    return nats.double().cpu().numpy()


def _same_length(windows: Iterator[EvaluationWindow]) -> Iterator[Sequence[EvaluationWindow]]:
    """Yield groups of neighbouring windows that are equally long: a batch needs no padding."""
    group: list[EvaluationWindow] = []
    for window in windows:
        length = window.stop - window.start
        full = len(group) * length >= _TOKENS_A_BATCH
        if group and (full or group[0].stop - group[0].start != length):
            yield group
            group = []
        group.append(window)
    if group:
        yield group


def _content_places(stream: TokenStream, tokenizer: Tokenizer) -> Array:
    """Return the places of all tokens that are not special, rising."""
    block = 1 << 20
    found = [
        start
        + np.flatnonzero(
            ~np.isin(stream.read(start, min(start + block, len(stream))), tokenizer.special.ids)
        )
        for start in range(0, len(stream), block)
    ]
    return np.concatenate(found) if found else np.zeros(0, np.int64)


def _boundaries(respect: bool) -> str:
    return (
        "tokens of other documents are not seen"
        if respect
        else "tokens of the documents before are seen too"
    )


def _blocks(length: int, context: int) -> tuple[Floats, Array]:
    """Return zeros for the nats and units of a stream's blocks, each at least a context long."""
    blocks = max(min(BLOCKS, length // context), 1)
    return np.zeros(blocks), np.zeros(blocks, np.int64)


def _checked(kind: str, definition: str, tokens: int, nats: Floats, units: Array) -> Likelihood:
    """Return the likelihood of all blocks; one that cannot be is an error."""
    total = float(nats.sum())
    if not units.any():
        raise LexomeError(
            "there is nothing to score: the split holds no content",
            where="evaluation",
            fix="prepare the corpus with a larger share for validation",
        )
    if not math.isfinite(total):
        raise LexomeError(
            "the model's likelihood is not a number",
            where="evaluation",
            fix="its training diverged: use an earlier checkpoint or lower learning rates",
        )
    error = standard_error(nats, units)
    return Likelihood(total, tokens, int(units.sum()), kind, definition, error)

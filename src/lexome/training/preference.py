"""Preferences: of two answers to a prompt, the chosen one becomes likelier than the rejected one.

Direct preference optimisation (Rafailov et al. 2023, https://arxiv.org/abs/2305.18290, equation 7):
the model is compared with its reference, which is itself before the first step, so that it prefers
more and stays near what it was.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lexome.corpus import Batch, PackedBatches
from lexome.languages.base import SpecialTokens
from lexome.languages.prompts import answer_starts
from lexome.model import Transformer

Array = npt.NDArray[Any]

# Begin, a prompt, and two answers, each with a marker, something said, and an end.
_LEAST_TOKENS = 9


class Choices(NamedTuple):
    """Prompts with either answer: what the model sees and must say, [B, 2, T] each.

    Row (b, 0) holds the prompts of a row with their chosen answers, (b, 1) the same prompts with
    the rejected ones. `said` is 1 at the labels that are of an answer; `segments` numbers the
    prompts of a row from 1 on, and none sees another. `weights` [B, S] is 1 for each prompt, and 0
    behind the last one; `reference` [B, S] is by how many nats the reference holds the chosen
    answer for likelier than the rejected one.
    """

    inputs: Tensor
    labels: Tensor
    said: Tensor
    segments: Tensor
    weights: Tensor
    reference: Tensor

    def rows(self, rows: slice) -> Choices:
        """Return some of the B rows."""
        return Choices(*(tensor[rows] for tensor in self))

    def to(self, device: torch.device) -> Choices:
        """Return the choices on a device."""
        return Choices(*(tensor.to(device, non_blocking=True) for tensor in self))


@dataclass(frozen=True, slots=True)
class PreferenceBatch(Batch):
    """Rows of whole preferences; `margins` [rows, S] are what the reference says of each."""

    margins: Array = field(default_factory=lambda: np.zeros((0, 0), np.float32))


class PreferenceBatches(PackedBatches):
    """Rows of whole preferences with what the reference says of them.

    `margins` [documents] are in nats, NaN until they are known; see `reference_margins`.
    """

    margins: Array | None = None

    @property
    def most(self) -> int:
        """Return how many preferences a row has room for."""
        return max((self.context + 1) // _LEAST_TOKENS, 1)

    def __call__(self, step: int, rows: slice = slice(None)) -> PreferenceBatch:
        """Return `rows` of batch `step`."""
        batch = super().__call__(step, rows)
        numbers = range(self.batch_size)[rows]
        margins = np.zeros((len(numbers), self.most), np.float32)
        for row, number in enumerate(numbers):
            documents = list(self.row_documents(step * self.batch_size + number))
            known = np.nan if self.margins is None else self.margins[documents]
            margins[row, : len(documents)] = known
        return PreferenceBatch(batch.tokens, batch.weights, batch.starts, None, margins)


@dataclass(frozen=True)
class Preference:
    """Prefer the first of the two answers with which a document ends.

    Behind a marker of `predicted` stands an answer, its end token included.
    """

    special: SpecialTokens
    predicted: tuple[int, ...]
    name: Literal["preference"] = "preference"

    def __call__(self, batch: Batch, numbers: Array) -> Choices:
        assert isinstance(batch, PreferenceBatch)
        rows, length = batch.tokens.shape
        tokens = np.full((rows, 2, length), self.special.pad, np.int64)
        said = np.zeros((rows, 2, length), np.float32)
        segments = np.zeros((rows, 2, length), np.int32)
        weights = np.zeros(batch.margins.shape, np.float32)
        for row in range(rows):
            documents = self._documents(batch.tokens[row])
            weights[row, : len(documents)] = 1.0
            places = [0, 0]
            for number, document in enumerate(documents):
                for side, (prompt, answer) in enumerate(self._sides(document)):
                    place = slice(places[side], places[side] + len(prompt) + len(answer))
                    tokens[row, side, place] = np.concatenate([prompt, answer])
                    said[row, side, place.stop - len(answer) : place.stop] = 1.0
                    segments[row, side, place] = number + 1
                    places[side] = place.stop
        return Choices(
            torch.from_numpy(tokens[..., :-1].copy()),
            torch.from_numpy(tokens[..., 1:].copy()),
            torch.from_numpy(said[..., 1:].copy()),
            torch.from_numpy(segments[..., :-1].copy()),
            torch.from_numpy(weights),
            torch.from_numpy(np.where(weights > 0, batch.margins, 0.0).astype(np.float32)),
        )

    def _documents(self, row: Array) -> list[Array]:
        """Return the documents of a row [T]."""
        filled = row[: len(row) - int((row[::-1] != self.special.pad).argmax())]
        return np.split(filled, np.flatnonzero(filled == self.special.begin)[1:])

    def _sides(self, document: Array) -> list[tuple[Array, Array]]:
        """Return the prompt, its marker last, with the chosen answer, and with the rejected one."""
        chosen, rejected = answer_starts(document, np.array(self.predicted))[-2:]
        prompt = document[:chosen]
        return [(prompt, document[chosen : rejected - 1]), (prompt, document[rejected:])]


class PreferenceLosses(nn.Module):
    """A model together with the loss of preferences, as `Losses` is with that of tokens.

    For each prompt, -log σ(β (margin - reference)), where a margin is by how many nats the chosen
    answer is likelier than the rejected one: so the implicit reward of an answer is β times what
    its log-probability has gained.
    """

    def __init__(self, model: Transformer, beta: float) -> None:
        super().__init__()
        self.model = model
        self.beta = beta

    def forward(self, choices: Choices, total: Tensor) -> tuple[Tensor, Tensor]:
        gained = answer_margins(self.model, choices) - choices.reference
        loss = -(F.logsigmoid(self.beta * gained) * choices.weights).sum() / total
        return loss, loss.detach()


def answer_margins(model: Transformer, choices: Choices) -> Tensor:
    """Return by how many nats each chosen answer is likelier than the rejected one, [B, S].

    An answer's log-probability is the sum over its tokens, its end included.
    """
    rows, most = choices.weights.shape
    segments = choices.segments.flatten(0, 1)  # [2B, T]
    logits = model(choices.inputs.flatten(0, 1), segments).flatten(0, 1).float()  # [2B·T, V]
    nats = F.cross_entropy(logits, choices.labels.flatten(), reduction="none")
    first = torch.arange(2 * rows, device=segments.device).unsqueeze(-1) * most
    owner = (first + (segments - 1).clamp(min=0)).flatten()
    sums = torch.zeros(2 * rows * most, device=nats.device)
    sums = sums.index_add(0, owner, -nats * choices.said.flatten()).view(rows, 2, most)
    return sums[:, 0] - sums[:, 1]


def reference_margins(
    model: Transformer, objective: Preference, batches: PreferenceBatches
) -> Array:
    """Return what a model says of each preference in `batches`; [documents], NaN for others.

    Which ones share a row is a function of the run alone, so what is returned is one too, bit for
    bit.
    """
    device = next(model.parameters()).device
    margins = np.full(len(batches.stream.document_starts), np.nan, np.float32)
    for number in range(batches.windows_per_epoch):
        step, row = divmod(number, batches.batch_size)
        choices = objective(batches(step, slice(row, row + 1)), np.array([number])).to(device)
        with torch.no_grad():
            found = answer_margins(model, choices)[0].cpu().numpy()
        documents = list(batches.row_documents(number))
        margins[documents] = found[: len(documents)]
    return margins

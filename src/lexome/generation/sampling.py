"""From logits to the next token of each row.

The filters work in the order of `transformers`: what `Processor` does, then temperature, top-k,
top-p, min-p; each sees what the one before it left. Shapes: B rows, V vocabulary, C candidates.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lexome.errors import LexomeError
from lexome.generation.processors import REMOVED, Processor, nothing_left
from lexome.generation.settings import Settings

_DRAWS = 256


def candidates(logits: Tensor, settings: Settings) -> tuple[Tensor, Tensor | None]:
    """Return the logits [B, C] of the tokens to draw from, and their ids (`None`: 0 to V - 1).

    Removed tokens have a logit of minus infinity. The temperature must not be 0. Of tokens with
    equal logits, top-k and top-p keep as many as they need and no more.
    """
    logits = logits / settings.temperature
    ids = None
    if settings.top_k is not None and settings.top_k < logits.shape[-1]:
        logits, ids = logits.topk(settings.top_k)
    if settings.top_p is not None and settings.top_p < 1:
        if ids is None:
            logits, ids = logits.sort(descending=True)
        probabilities = logits.softmax(-1)
        before = probabilities.cumsum(-1) - probabilities
        # The first candidate always stays: nothing stands before it.
        logits = logits.masked_fill(before >= settings.top_p, REMOVED)
    if settings.min_p is not None:
        floor = logits.amax(-1, keepdim=True) + math.log(settings.min_p)
        logits = logits.masked_fill(logits < floor, REMOVED)
    return logits, ids


def draw(logits: Tensor, uniform: Tensor) -> Tensor:
    """Return for each row [B] the token at quantile `uniform` [B] of softmax(`logits` [B, C])."""
    device = logits.device
    if device.type == "mps":  # which has no fp64
        logits, uniform = logits.cpu(), uniform.cpu()
    # In fp64, uniform < 1 stays below the total, so the result is a token of probability > 0.
    totals = logits.softmax(-1).cumsum(-1, dtype=torch.float64)
    place = uniform.double().unsqueeze(-1) * totals[:, -1:]
    return torch.searchsorted(totals, place, right=True).squeeze(-1).to(device)


def check_numbers(good: bool) -> None:
    """Raise `LexomeError` unless the logits of a model are `good`: none of them is NaN."""
    if not good:
        raise LexomeError(
            "the model's logits are not numbers",
            where="generation",
            fix="its training diverged: use an earlier checkpoint or lower learning rates",
        )


class Sampler:
    """Draws the next token of every row; row i has a random stream of its own.

    `prompts` are the rows' tokens so far, `seeds` one seed a row, `never` the ids that are not
    to be drawn.
    """

    def __init__(
        self,
        settings: Settings,
        prompts: Sequence[Sequence[int]],
        seeds: Sequence[int],
        vocab_size: int,
        never: Sequence[int],
        device: torch.device,
    ) -> None:
        self._settings = settings
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        self._uniform = torch.empty(len(seeds), 0, device=device)
        self._used = 0
        self._processor = Processor(settings, prompts, vocab_size, never, device)

    def __call__(self, logits: Tensor) -> Tensor:
        """Return the next tokens [B] from logits [B, V]; a NaN among them is a `LexomeError`."""
        settings = self._settings
        logits = self._processor(logits.float())
        if settings.no_repeat_ngram and bool((logits == REMOVED).all(-1).any()):
            raise nothing_left(settings.no_repeat_ngram)
        if settings.temperature == 0:
            largest, tokens = logits.max(-1)
            check_numbers(not bool(largest.isnan().any()))
        else:
            kept, ids = candidates(logits, settings)
            tokens = draw(kept, self._next_uniform())
            check_numbers(bool((tokens < kept.shape[-1]).all()))
            if ids is not None:
                tokens = ids.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
        self._processor.add(tokens)
        return tokens

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the rows only, in the order of their numbers `rows`."""
        self._generators = [self._generators[row] for row in rows.tolist()]
        self._uniform = self._uniform[rows]
        self._processor.keep(rows)

    def _next_uniform(self) -> Tensor:
        if self._used == self._uniform.shape[1]:
            drawn = [torch.rand(_DRAWS, generator=generator) for generator in self._generators]
            self._uniform = torch.stack(drawn).to(self._uniform.device)
            self._used = 0
        self._used += 1
        return self._uniform[:, self._used - 1]

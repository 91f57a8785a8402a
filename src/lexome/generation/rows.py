"""Texts that grow side by side: prompts are read once, then each step adds a token to every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.generation.decoder import Decoder
from lexome.generation.features import PromptFeatures
from lexome.model.config import TransformerConfig

Finish = Literal["end", "stop", "length", "context"]

ROWS = 32
"""Texts that grow side by side; more wait for the next round."""


class Rows:
    """The rows of a batch with their cache. `logits` [B, V] are those behind the prompts.

    Each prompt becomes `copies` rows, one behind the other; there is room for `max_tokens` new
    tokens a row, as far as the context goes. `features` are those of the prompts.
    """

    def __init__(
        self,
        decoder: Decoder,
        prompts: Sequence[Sequence[int]],
        max_tokens: int,
        copies: int = 1,
        features: PromptFeatures | None = None,
    ) -> None:
        lengths = [len(prompt) for prompt in prompts]
        self._decoder = decoder
        self._cache = decoder.cache(
            len(prompts) * copies, min(max(lengths) + max_tokens, decoder.config.context)
        )
        self.logits = decoder.read(prompts, self._cache, features)
        self.lengths = [length for length in lengths for _ in range(copies)]
        if copies > 1:
            sources = torch.arange(len(prompts), device=decoder.device).repeat_interleave(copies)
            self._cache.copy(sources, 0, max(lengths))
            self.logits = self.logits[sources]

    def step(self, tokens: Tensor) -> Tensor:
        """Add one token [B] a row; return the logits [B, V] after it."""
        logits = self._decoder.step(tokens, self._positions(), self._cache)
        self.lengths = [length + 1 for length in self.lengths]
        return logits

    def keep(self, rows: Tensor) -> None:
        """Go on with the rows of these numbers [B], one number as often as wanted."""
        self._cache.keep(rows)
        self.lengths = [self.lengths[row] for row in rows.tolist()]

    def copy(self, sources: Tensor, start: int) -> None:
        """Let rows go on from those in `sources` [B], as long as they and equal up to `start`."""
        self._cache.copy(sources, start, max(self.lengths))

    def _positions(self) -> int | Tensor:
        if len(set(self.lengths)) == 1:
            return self.lengths[0]
        return torch.tensor(self.lengths, device=self._decoder.device)


def check_prompts(
    prompts: Sequence[Sequence[int]], config: TransformerConfig, kind: str = "prompt"
) -> None:
    """Raise `UsageError` for a prompt that is empty, too long, or has ids of no token."""
    for number, prompt in enumerate(prompts, 1):
        check_prompt(prompt, config, f"{kind} {number}")


def check_prompt(prompt: Sequence[int], config: TransformerConfig, where: str) -> None:
    """Check one prompt, which is found at `where`."""
    context, vocab_size = config.context, config.vocab_size
    if not len(prompt):
        raise UsageError("the prompt is empty", where=where, fix="start it with a begin token")
    if len(prompt) > context:
        raise UsageError(
            f"the prompt has {len(prompt)} tokens, the model sees at most {context} at once",
            where=where,
            fix="shorten the prompt, or train a model with a longer context",
        )
    if not 0 <= min(prompt) <= max(prompt) < vocab_size:
        raise UsageError(
            f"the prompt has ids outside 0 to {vocab_size - 1}",
            where=where,
            fix="use the tokenizer that the model was trained with",
        )

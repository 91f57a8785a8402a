"""Classifier-free guidance: what the condition changes, made stronger.

Each text is two rows, one behind the prompt and one behind a prompt without the condition; both
get the token that is drawn. From the log-probabilities of the two, u without and c with the
condition, the logits are u + guidance · (c - u) (Ho & Salimans 2022,
https://arxiv.org/abs/2207.12598; for language models Sanchez et al. 2023,
https://arxiv.org/abs/2306.17806).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.generation.decoder import Decoder
from lexome.generation.features import PromptFeatures
from lexome.generation.rows import Rows


class GuidedRows:
    """As `Rows`, with another row behind each for the `unconditional` prompt.

    `features` are those of the prompts with the condition.
    """

    def __init__(
        self,
        decoder: Decoder,
        prompts: Sequence[Sequence[int]],
        unconditional: Sequence[Sequence[int]],
        max_tokens: int,
        guidance: float,
        features: PromptFeatures | None = None,
    ) -> None:
        self._guidance = guidance
        both = None if features is None else [*features, *[None] * len(unconditional)]
        self._rows = Rows(decoder, [*prompts, *unconditional], max_tokens, features=both)
        self.logits = guided(self._rows.logits, guidance)

    @property
    def lengths(self) -> list[int]:
        """Return the length of each text, counted on its longer side."""
        both = self._rows.lengths
        half = len(both) // 2
        return [max(pair) for pair in zip(both[:half], both[half:], strict=True)]

    def step(self, tokens: Tensor) -> Tensor:
        """Add one token [B] to both rows of each text; return the guided logits [B, V]."""
        return guided(self._rows.step(tokens.repeat(2)), self._guidance)

    def keep(self, rows: Tensor) -> None:
        """Go on with some of the texts only."""
        half = len(self._rows.lengths) // 2
        self._rows.keep(torch.cat((rows, rows + half)))


def guided(logits: Tensor, guidance: float) -> Tensor:
    """Return logits [B, V] from those of rows with, then without the condition, [2·B, V]."""
    conditional, unconditional = logits.float().log_softmax(-1).chunk(2)
    return unconditional + guidance * (conditional - unconditional)


def check_unconditional(
    prompts: Sequence[Sequence[int]], unconditional: Sequence[Sequence[int]] | None
) -> Sequence[Sequence[int]]:
    """Return the unconditional prompts; `UsageError` unless there is one for each prompt."""
    found = 0 if unconditional is None else len(unconditional)
    if unconditional is None or found != len(prompts):
        raise UsageError(
            f"guidance needs a prompt without the condition for each of {len(prompts)} prompts, "
            f"there are {found}",
            where="guidance",
            fix="give as many unconditional prompts as prompts, or leave guidance at 1",
        )
    return unconditional

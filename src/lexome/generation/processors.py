"""What changes the logits before a token is chosen, whether it is drawn or searched for.

Shapes: B rows, V vocabulary, T tokens so far.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from lexome.errors import LexomeError
from lexome.generation.settings import Settings

REMOVED = -torch.inf


def penalise(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Return logits [B, V] with those of tokens that are `seen` [B, V] made less by `penalty`."""
    lowered = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, lowered, logits)


def block_repeats(logits: Tensor, history: Tensor, size: int) -> Tensor:
    """Return logits [B, V] without the tokens that would end an n-gram that was there before.

    `history` [B, T] are the tokens so far; shorter rows are filled up from the left with V.
    """
    if history.shape[1] < size:
        return logits
    # Only an n-gram that begins with the last tokens can come again. What fills rows up stands
    # before all tokens, so it is never followed by one in two places.
    grams = history.unfold(1, size, 1)  # [B, T - size + 1, size]
    last = history[:, history.shape[1] - size + 1 :].unsqueeze(1)
    again = (grams[..., :-1] == last).all(-1)
    vocab_size = logits.shape[-1]
    blocked = torch.zeros(len(logits), vocab_size + 1, dtype=torch.bool, device=logits.device)
    blocked.scatter_(1, grams[..., -1].where(again, vocab_size), True)
    return logits.masked_fill(blocked[:, :-1], REMOVED)


class Processor:
    """Removes and penalises tokens row by row; it remembers what each row holds.

    `prompts` are the rows' tokens so far, `never` the ids that are not to come.
    """

    def __init__(
        self,
        settings: Settings,
        prompts: Sequence[Sequence[int]],
        vocab_size: int,
        never: Sequence[int],
        device: torch.device,
    ) -> None:
        self._penalty, self._size = settings.repetition_penalty, settings.no_repeat_ngram
        self._never = torch.tensor(never, dtype=torch.int64, device=device) if never else None
        self._seen: Tensor | None = None
        self._history: Tensor | None = None
        if self._penalty != 1:
            self._seen = torch.zeros(len(prompts), vocab_size, dtype=torch.bool, device=device)
            for row, prompt in enumerate(prompts):
                self._seen[row, torch.tensor(prompt, device=device)] = True
        if self._size:
            longest = max(map(len, prompts))
            filled = [[vocab_size] * (longest - len(prompt)) + [*prompt] for prompt in prompts]
            self._history = torch.tensor(filled, device=device)

    def __call__(self, logits: Tensor) -> Tensor:
        """Return logits [B, V] as they count: those of removed tokens are minus infinity."""
        if self._never is not None:
            logits = logits.index_fill(-1, self._never, REMOVED)
        if self._seen is not None:
            logits = penalise(logits, self._seen, self._penalty)
        if self._history is not None:
            logits = block_repeats(logits, self._history, self._size)
        return logits

    def add(self, tokens: Tensor) -> None:
        """Remember one more token [B] of each row."""
        if self._seen is not None:
            self._seen.scatter_(1, tokens.unsqueeze(-1), True)
        if self._history is not None:
            self._history = torch.cat((self._history, tokens.unsqueeze(-1)), 1)

    def keep(self, rows: Tensor) -> None:
        """Go on with the rows of these numbers [B], one number as often as wanted."""
        if self._seen is not None:
            self._seen = self._seen[rows]
        if self._history is not None:
            self._history = self._history[rows]


def nothing_left(size: int) -> LexomeError:
    """Return the error of a text that no token can go on with."""
    return LexomeError(
        f"each token that may come would repeat {size} tokens that were there before",
        where="no_repeat_ngram",
        fix="block longer n-grams, or write fewer tokens",
    )

"""Token ids in, token ids out: prompts are read once, then each step adds a token to every row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from lexome.errors import UsageError
from lexome.generation.cache import Cache
from lexome.generation.decoder import Decoder
from lexome.generation.sampling import Sampler
from lexome.generation.settings import Settings
from lexome.model.transformer import Transformer

Finish = Literal["end", "stop", "length", "context"]
OnToken = Callable[[int, int], bool]

ROWS = 32
"""Prompts that are generated from side by side; more wait for the next round."""


@dataclass(slots=True)
class Generated:
    """The new tokens of one prompt and why they end.

    `finish` is "end": the model wrote its end token, which is not in `ids`; "stop": the caller
    stopped the row; "length": `max_tokens` were written; "context": the model can see no more
    tokens than these.
    """

    ids: list[int] = field(default_factory=list)
    finish: Finish = "length"


@torch.inference_mode()
def generate(
    model: Transformer | Decoder,
    prompts: Sequence[Sequence[int]],
    settings: Settings,
    *,
    end: int | None = None,
    never: Sequence[int] = (),
    on_token: OnToken | None = None,
) -> list[Generated]:
    """Return what the model writes after each prompt, in the order of the prompts.

    `prompts` are ids as the model was trained on them, a begin token included. `end` is the
    token that ends a row, `never` are ids that are not drawn. `on_token(row, token)` is called
    as tokens come, before the next ones are computed; where it returns true the row stops.
    A `Decoder`, once made, serves many calls. Raises `UsageError` for a masked model, an empty
    prompt, a prompt that fills the context, and ids outside the vocabulary.
    """
    if isinstance(model, Transformer):
        model = Decoder(model, settings.compute_dtype(model.embedding.weight.device))
    _check(prompts, model.config.vocab_size, model.config.context)
    results = [Generated() for _ in prompts]
    for first in range(0, len(prompts), ROWS):
        rows = range(first, min(first + ROWS, len(prompts)))
        _Round(model, prompts, rows, settings, results, end, never, on_token).run()
    return results


class _Round:
    """The rows that are generated side by side; finished ones are dropped from the batch."""

    def __init__(
        self,
        decoder: Decoder,
        prompts: Sequence[Sequence[int]],
        rows: Sequence[int],
        settings: Settings,
        results: list[Generated],
        end: int | None,
        never: Sequence[int],
        on_token: OnToken | None,
    ) -> None:
        self.decoder, self.settings, self.results = decoder, settings, results
        self.end, self.on_token = end, on_token
        self.rows = list(rows)
        self.prompts = [prompts[row] for row in self.rows]
        self.lengths = [len(prompt) for prompt in self.prompts]
        vocab_size, device = decoder.config.vocab_size, decoder.device
        seeds = [settings.seed + row for row in self.rows]
        self.sampler = Sampler(settings, self.prompts, seeds, vocab_size, never, device)

    def run(self) -> None:
        """Fill `results` for the rows."""
        decoder = self.decoder
        longest = max(self.lengths) + self.settings.max_tokens
        cache = decoder.cache(len(self.rows), min(longest, decoder.config.context))
        logits = decoder.read(self.prompts, cache)
        while True:
            tokens = self.sampler(logits)
            going = self._take(tokens.tolist())
            if not going:
                return
            if len(going) < len(self.rows):
                tokens = self._keep(going, tokens, cache)
            logits = decoder.step(tokens, self._positions(), cache)
            self.lengths = [length + 1 for length in self.lengths]

    def _take(self, tokens: list[int]) -> list[int]:
        """Give each row its new token; return the places of the rows that go on."""
        going = []
        for place, (row, token, length) in enumerate(
            zip(self.rows, tokens, self.lengths, strict=True)
        ):
            result = self.results[row]
            if token == self.end:
                result.finish = "end"
                continue
            result.ids.append(token)
            if self.on_token is not None and self.on_token(row, token):
                result.finish = "stop"
            elif len(result.ids) == self.settings.max_tokens:
                result.finish = "length"
            elif length + 1 > self.decoder.config.context:
                result.finish = "context"
            else:
                going.append(place)
        return going

    def _keep(self, going: list[int], tokens: Tensor, cache: Cache) -> Tensor:
        places = torch.tensor(going, device=tokens.device)
        cache.keep(places)
        self.sampler.keep(places)
        self.rows = [self.rows[place] for place in going]
        self.lengths = [self.lengths[place] for place in going]
        return tokens[places]

    def _positions(self) -> int | Tensor:
        if len(set(self.lengths)) == 1:
            return self.lengths[0]
        return torch.tensor(self.lengths, device=self.decoder.device)


def _check(prompts: Sequence[Sequence[int]], vocab_size: int, context: int) -> None:
    for row, prompt in enumerate(prompts):
        where = f"prompt {row + 1}"
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

"""Token ids in, token ids out: what a model writes after each prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lexome.generation.beams import beam_search
from lexome.generation.decoder import Decoder
from lexome.generation.features import PromptFeatures
from lexome.generation.guidance import GuidedRows, check_unconditional
from lexome.generation.rows import ROWS, Finish, Rows, check_prompts
from lexome.generation.sampling import Sampler
from lexome.generation.settings import Settings
from lexome.model.transformer import Transformer

OnToken = Callable[[int, int], bool]


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
    unconditional: Sequence[Sequence[int]] | None = None,
    features: PromptFeatures | None = None,
    end: int | None = None,
    never: Sequence[int] = (),
    on_token: OnToken | None = None,
) -> list[Generated]:
    """Return what the model writes after each prompt, in the order of the prompts.

    `prompts` are ids as the model was trained on them, a begin token included. `features` are what
    a front end reads beside each prompt. `end` is the token that ends a row, `never` are ids that
    are not drawn. `unconditional` holds for each prompt one of the same purpose without its
    condition; it is read where `settings.guidance` is not 1. `on_token(row, token)` is called as
    tokens come, before the next ones are computed; where it returns true the row stops. Beams
    (`settings.beams`) give the best one, whose tokens come at the end. A `Decoder`, once made,
    serves many calls. Raises `UsageError` for a masked model, an empty prompt, a prompt that fills
    the context, ids outside the vocabulary, features that do not fit, and guidance without
    unconditional prompts.
    """
    if isinstance(model, Transformer):
        model = Decoder(model, settings.compute_dtype(model.embedding.weight.device))
    if settings.beams > 1:
        found = beam_search(model, prompts, settings, features=features, end=end, never=never)
        return [
            _told(Generated(list(beams[0].ids), beams[0].finish), row, on_token)
            for row, beams in enumerate(found)
        ]
    check_prompts(prompts, model.config)
    if settings.guidance != 1:
        unconditional = check_unconditional(prompts, unconditional)
        check_prompts(unconditional, model.config, "unconditional prompt")
    results = [Generated() for _ in prompts]
    for first in range(0, len(prompts), ROWS):
        numbers = range(first, min(first + ROWS, len(prompts)))
        own = [prompts[number] for number in numbers]
        heard = None if features is None else [features[number] for number in numbers]
        rows: Rows | GuidedRows
        if settings.guidance == 1 or unconditional is None:
            rows = Rows(model, own, settings.max_tokens, features=heard)
        else:
            without = [unconditional[number] for number in numbers]
            rows = GuidedRows(model, own, without, settings.max_tokens, settings.guidance, heard)
        seeds = [settings.seed + number for number in numbers]
        vocab_size, context = model.config.vocab_size, model.config.context
        sampler = Sampler(settings, own, seeds, vocab_size, never, model.device)
        _Round(rows, numbers, sampler, results, settings.max_tokens, context, end, on_token).run()
    return results


def _told(result: Generated, row: int, on_token: OnToken | None) -> Generated:
    """Return `result` up to the token where `on_token` stops it, which gets all until then."""
    for count, token in enumerate(result.ids, 1):
        if on_token is not None and on_token(row, token):
            return Generated(result.ids[:count], "stop")
    return result


class _Round:
    """The rows that are generated side by side; finished ones are dropped from the batch.

    `numbers` are those of the rows among `results`, which are filled.
    """

    def __init__(
        self,
        rows: Rows | GuidedRows,
        numbers: Sequence[int],
        sampler: Sampler,
        results: list[Generated],
        max_tokens: int,
        context: int,
        end: int | None,
        on_token: OnToken | None,
    ) -> None:
        self.rows, self.numbers, self.sampler, self.results = rows, list(numbers), sampler, results
        self.max_tokens, self.context = max_tokens, context
        self.end, self.on_token = end, on_token

    def run(self) -> None:
        """Fill `results` for the rows."""
        logits = self.rows.logits
        while True:
            tokens = self.sampler(logits)
            going = self._take(tokens.tolist())
            if not going:
                return
            if len(going) < len(self.numbers):
                tokens = self._keep(going, tokens)
            logits = self.rows.step(tokens)

    def _take(self, tokens: list[int]) -> list[int]:
        """Give each row its new token; return the places of the rows that go on."""
        going = []
        for place, (number, token, length) in enumerate(
            zip(self.numbers, tokens, self.rows.lengths, strict=True)
        ):
            result = self.results[number]
            if token == self.end:
                result.finish = "end"
                continue
            result.ids.append(token)
            if self.on_token is not None and self.on_token(number, token):
                result.finish = "stop"
            elif len(result.ids) == self.max_tokens:
                result.finish = "length"
            elif length + 1 > self.context:
                result.finish = "context"
            else:
                going.append(place)
        return going

    def _keep(self, going: list[int], tokens: Tensor) -> Tensor:
        places = torch.tensor(going, device=tokens.device)
        self.rows.keep(places)
        self.sampler.keep(places)
        self.numbers = [self.numbers[place] for place in going]
        return tokens[places]

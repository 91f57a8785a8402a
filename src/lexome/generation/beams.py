"""Beam search: of the continuations that a model finds most probable, the best ones.

Each step goes on with the `beams` most probable continuations of a prompt that have not ended.
The rules are those of `transformers` with `early_stopping="never"`: of the candidates, those that
end count if they are among the `beams` best ones; the log-probability is that of the model over
its whole vocabulary, from which removed tokens take nothing back. A finished beam's score is

    log-probability / length ** length_penalty

(Wu et al. 2016, https://arxiv.org/abs/1609.08144, have the idea), where the length counts the new
tokens, the end token included, the prompt not. The search of a prompt stops when no open beam can
become better than the worst of `beams` finished ones, so it never stops too early. Of equally
probable candidates the one of the better beam, then of the lower id goes first.

Shapes: P prompts, K beams, R = P·K rows, V vocabulary.
"""

from __future__ import annotations

import math
from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from lexome.generation.decoder import Decoder
from lexome.generation.features import PromptFeatures
from lexome.generation.processors import Processor, nothing_left
from lexome.generation.rows import ROWS, Finish, Rows, check_prompts
from lexome.generation.sampling import check_numbers
from lexome.generation.settings import Settings
from lexome.model.transformer import Transformer


@dataclass(frozen=True, slots=True)
class Beam:
    """A finished continuation: new tokens without the end token, their score, and why they end.

    `finish` is "end", "length" or "context", as in `generation.engine.Generated`.
    """

    ids: tuple[int, ...]
    score: float
    finish: Finish


@torch.inference_mode()
def beam_search(
    model: Transformer | Decoder,
    prompts: Sequence[Sequence[int]],
    settings: Settings,
    *,
    features: PromptFeatures | None = None,
    end: int | None = None,
    never: Sequence[int] = (),
) -> list[list[Beam]]:
    """Return the finished beams of each prompt, best first: 1 to `settings.beams` of them.

    Of the settings, those that say how to draw are not read. `features` are as in `generate`,
    `end` is the token that ends a beam, `never` are ids that do not come. Raises `UsageError` as
    `generate` does, `LexomeError` where the n-gram block leaves a prompt without any continuation.
    """
    if isinstance(model, Transformer):
        model = Decoder(model, settings.compute_dtype(model.embedding.weight.device))
    check_prompts(prompts, model.config)
    found = []
    side_by_side = max(ROWS // settings.beams, 1)
    for first in range(0, len(prompts), side_by_side):
        own = prompts[first : first + side_by_side]
        heard = None if features is None else features[first : first + side_by_side]
        found += _Round(model, own, settings, end, never, heard).run()
    return found


@dataclass(frozen=True, slots=True)
class _Open:
    """An unfinished beam: its new tokens, its log-probability, the beam that it goes on from."""

    ids: tuple[int, ...]
    total: float
    source: int


class _Search:
    """The beams of one prompt: `open` ones, always K, best first, and `finished` ones.

    Where there are fewer open ones, copies of probability 0 fill them up.
    """

    def __init__(self, settings: Settings, room: int, end: int | None) -> None:
        self._settings, self._end = settings, end
        self._most = min(settings.max_tokens, room)
        self._full: Finish = "length" if settings.max_tokens <= room else "context"
        self.finished: list[Beam] = []
        self.open = self._filled([_Open((), 0.0, 0)])

    def take(self, candidates: Sequence[tuple[float, int, int]]) -> bool:
        """Go on with candidates, best first: log-probability, beam, token; return whether to."""
        beams, going = self._settings.beams, list[_Open]()
        for rank, (total, source, token) in enumerate(candidates):
            if total == -math.inf:
                break
            before = self.open[source].ids
            last = len(before) + 1 == self._most
            if token == self._end or last:
                if rank < beams:
                    self._finish(before, token, total)
            elif len(going) < beams:
                going.append(_Open((*before, token), total, source))
        if going:
            self.open = self._filled(going)
            return len(self.finished) < beams or self._best_possible() > self.finished[-1].score
        if not self.finished:
            raise nothing_left(self._settings.no_repeat_ngram)
        return False

    def _finish(self, before: tuple[int, ...], token: int, total: float) -> None:
        score = total / math.pow(len(before) + 1, self._settings.length_penalty)
        if token == self._end:
            beam = Beam(before, score, "end")
        else:
            beam = Beam((*before, token), score, self._full)
        insort(self.finished, beam, key=lambda other: -other.score)
        del self.finished[self._settings.beams :]

    def _best_possible(self) -> float:
        """Return what no open beam's score will exceed: no token adds to a log-probability."""
        penalty = self._settings.length_penalty
        length = self._most if penalty > 0 else len(self.open[0].ids) + 1
        return self.open[0].total / math.pow(length, penalty)

    def _filled(self, beams: list[_Open]) -> list[_Open]:
        none = replace(beams[0], total=-math.inf)
        return beams + [none] * (self._settings.beams - len(beams))


class _Round:
    """The prompts that are searched side by side; finished ones are dropped from the batch."""

    def __init__(
        self,
        decoder: Decoder,
        prompts: Sequence[Sequence[int]],
        settings: Settings,
        end: int | None,
        never: Sequence[int],
        features: PromptFeatures | None,
    ) -> None:
        self.beams, self.device = settings.beams, decoder.device
        self.shared = min(map(len, prompts))
        context, vocab_size = decoder.config.context, decoder.config.vocab_size
        # The last token is not read, so one more than the context holds can be written.
        self.found = [_Search(settings, context + 1 - len(prompt), end) for prompt in prompts]
        self.rows = Rows(decoder, prompts, settings.max_tokens, self.beams, features)
        copies = [prompt for prompt in prompts for _ in range(self.beams)]
        self.processor = Processor(settings, copies, vocab_size, never, self.device)

    def run(self) -> list[list[Beam]]:
        """Return the finished beams of each prompt."""
        searches, logits = self.found, self.rows.logits
        while True:
            sources, going = list[int](), list[_Search]()
            for place, candidates in enumerate(self._candidates(searches, logits)):
                search = searches[place]
                if search.take(candidates):
                    going.append(search)
                    sources += [place * self.beams + beam.source for beam in search.open]
            if not going:
                return [search.finished for search in self.found]
            self._go_on_from(sources)
            searches = going
            last = [beam.ids[-1] for search in searches for beam in search.open]
            tokens = torch.tensor(last, device=self.device)
            self.processor.add(tokens)
            logits = self.rows.step(tokens)

    def _candidates(
        self, searches: Sequence[_Search], logits: Tensor
    ) -> list[list[tuple[float, int, int]]]:
        """Return the 2·K best continuations for each search: enough if K of them end."""
        scores = self.processor(logits.float().log_softmax(-1))
        # No continuation but the 2·K best of its own beam can be among the 2·K best of all.
        values, tokens = (found.cpu() for found in best(scores, 2 * self.beams))
        check_numbers(not bool(values[:, 0].isnan().any()))
        # Sums in fp64: in fp32 those of long texts are rounded until they are equal.
        before = [beam.total for search in searches for beam in search.open]
        totals = values.double() + torch.tensor(before, dtype=torch.float64).unsqueeze(-1)
        width = totals.shape[-1]
        totals, places = best(totals.reshape(len(searches), -1), 2 * self.beams)
        tokens = tokens.reshape(len(searches), -1).gather(-1, places)
        return [
            list(zip(*own, strict=True))
            for own in zip(
                totals.tolist(), (places // width).tolist(), tokens.tolist(), strict=True
            )
        ]

    def _go_on_from(self, sources: Sequence[int]) -> None:
        rows = torch.tensor(sources, device=self.device)
        self.processor.keep(rows)
        if len(sources) < len(self.rows.lengths):
            self.rows.keep(rows)
        elif list(sources) != list(range(len(sources))):
            self.rows.copy(rows, self.shared)


def best(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return the largest `count` of each row [B, N], or all, and their places, largest first.

    Of equal ones the lower place goes first, which `topk` leaves open.
    """
    count = min(count, scores.shape[-1])
    values, places = scores.topk(count)
    edge = values[:, -1:]
    if bool(((scores == edge).sum(-1) != (values == edge).sum(-1)).any()):
        values, places = scores.sort(dim=-1, descending=True, stable=True)
        return values[:, :count], places[:, :count]
    places, order = places.sort(-1)
    values, order = values.gather(-1, order).sort(dim=-1, descending=True, stable=True)
    return values, places.gather(-1, order)

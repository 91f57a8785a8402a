"""Filling in what is hidden: the best tokens for each mask of a text, by a masked model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from lexome.errors import UsageError, located
from lexome.generation.decoder import computing_in
from lexome.generation.sampling import check_numbers
from lexome.languages.base import Document, Language, Rendering, Source, Tokenizer
from lexome.languages.prompts import encode_prompt
from lexome.languages.tokenizers import SPECIAL_NAMES
from lexome.model.transformer import Transformer

Order = Literal["one-shot", "iterative"]
MASK = SPECIAL_NAMES[3]
_SHORT_MASK = "_"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A token that may stand at a mask: its id, a printable label, its text, its probability."""

    token: int
    label: str
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its masks filled in.

    `masks` holds, for each mask from left to right, its candidates, best first. With the order
    "one-shot" each mask is filled on its own with the others left hidden; with "iterative" the
    mask that the model is surest of is filled first, the others are asked again, and a mask's
    candidates are those of the moment when it was filled. `text` has the best candidates.
    """

    text: str
    order: Order
    masks: tuple[tuple[Candidate, ...], ...]
    rendering: Rendering


def fill(
    tokenizer: Tokenizer,
    language: Language,
    model: Transformer,
    text: str,
    *,
    top: int = 5,
    order: Order = "iterative",
    mark: str | None = None,
) -> Filled:
    """Fill in every `mark` of `text`, one token each, with a masked model in fp32.

    Without a `mark`, it is `<|mask|>` where the text has one, else `_`. Probabilities are over
    all tokens but the special ones. Raises `UsageError` where the model is causal, the text has
    no mark, or it does not fit the context; `LexomeError` where a part between marks is not of
    the language, or the model's logits are not numbers.
    """
    _check_bidirectional(model)
    mark = mark or (MASK if MASK in text else _SHORT_MASK)
    ids, masks = _read(tokenizer, language, text, mark, model.config.context)
    return _filled(tokenizer, language, model, ids, masks, top, order)


def fill_gap(
    tokenizer: Tokenizer,
    language: Language,
    model: Transformer,
    document: Document,
    gap: tuple[int, int],
    *,
    top: int = 5,
    order: Order = "iterative",
) -> Filled:
    """Write a part of a document anew: the tokens that touch its units `gap[0]` to `gap[1]`.

    Of a document longer than the context, the model sees the part around the gap; what comes back
    is whole. Otherwise as `fill`.
    """
    _check_bidirectional(model)
    start, stop = gap
    units, special = language.units(document), tokenizer.special
    if not 0 <= start < stop <= units:
        raise UsageError(
            f"there is no gap from {start} to {stop} in {units} {language.unit}s",
            where="--gap",
            fix=f"write START:STOP, counted in {language.unit}s from 0",
        )
    ids = [special.begin, *tokenizer.encode([document.content])[0].tolist(), special.end]
    stops = np.cumsum(tokenizer.unit_lengths[ids])
    starts = stops - tokenizer.unit_lengths[ids]
    touched = np.flatnonzero((stops > start) & (starts < stop))
    last = int(touched[-1])
    # Tokens that stand for no unit of their own belong to the unit before them.
    while ids[last + 1] not in special.ids and not tokenizer.unit_lengths[ids[last + 1]]:
        last += 1
    masks = list(range(int(touched[0]), last + 1))
    room = model.config.context - len(masks)
    if room < 0:
        raise UsageError(
            f"the gap has {len(masks)} tokens, the model sees {model.config.context} at once",
            where="--gap",
            fix="fill it in parts",
        )
    for place in masks:
        ids[place] = special.mask
    first = min(max(masks[0] - room // 2, 0), max(len(ids) - model.config.context, 0))
    seen = slice(first, first + model.config.context)
    return _filled(tokenizer, language, model, ids, masks, top, order, seen)


def _check_bidirectional(model: Transformer) -> None:
    if model.config.attention == "causal":
        raise UsageError(
            f"a {model.config.family} model sees only what stands before a token, it cannot fill",
            where="model",
            fix="let it go on with a document: lexome generate",
        )


def _filled(
    tokenizer: Tokenizer,
    language: Language,
    model: Transformer,
    ids: list[int],
    masks: list[int],
    top: int,
    order: Order,
    seen: slice = slice(None),
) -> Filled:
    """Fill the places `masks` of `ids`, of which the model sees the part `seen`."""
    found: dict[int, tuple[Candidate, ...]] = {}
    while len(found) < len(masks):
        open_masks = [place for place in masks if place not in found]
        shown = [place - (seen.start or 0) for place in open_masks]
        probabilities = _probabilities(model, tokenizer, ids[seen], shown)
        best, chosen = probabilities.max(-1)
        # One-shot takes them all from this one look, iterative only the surest.
        taken = [int(best.argmax())] if order == "iterative" else range(len(open_masks))
        for index in taken:
            place = open_masks[index]
            found[place] = _candidates(tokenizer, probabilities[index], top)
            ids[place] = int(chosen[index])
    content = tokenizer.decode(np.array(ids, np.int64))
    rendering = language.render(Document(content, Source("filled", "1")))
    text = content if isinstance(content, str) else _names(tokenizer, ids)
    return Filled(text, order, tuple(found[place] for place in masks), rendering)


def _names(tokenizer: Tokenizer, ids: list[int]) -> str:
    return tokenizer.text_stream().push(i for i in ids if i not in tokenizer.special.ids)


def _read(
    tokenizer: Tokenizer, language: Language, text: str, mark: str, context: int
) -> tuple[list[int], list[int]]:
    """Return the ids between begin and end tokens, and the places of the masks among them."""
    if mark not in text:
        raise UsageError(
            "the text has nothing to fill in",
            where="text",
            fix=f"write {mark} where a token is missing",
        )
    special, first = tokenizer.special, None
    ids, masks = [special.begin], list[int]()
    parts = re.split(re.escape(mark), text)
    for number, part in enumerate(parts):
        if number:
            masks.append(len(ids))
            ids.append(special.mask)
        if not part:
            continue
        with located(f"part {number + 1} of the text"):
            content = language.parse_behind(part, first) if number else language.parse(part)
            goes_on = number + 1 < len(parts)
            encoded = (
                encode_prompt(tokenizer, content) if goes_on else tokenizer.encode([content])[0]
            )
            ids.extend(encoded.tolist())
        first = first if number else content
    ids.append(special.end)
    if len(ids) > context:
        raise UsageError(
            f"the text has {len(ids)} tokens, the model sees at most {context} at once",
            where="text",
            fix="shorten the text around the masks",
        )
    return ids, masks


def _probabilities(
    model: Transformer, tokenizer: Tokenizer, ids: list[int], places: list[int]
) -> Tensor:
    """Return the probabilities [places, V]; special tokens and unused ids have none."""
    with computing_in(model, torch.float32):
        tokens = torch.tensor([ids], device=model.embedding.weight.device)
        logits = model(tokens)[0, places].float()
    check_numbers(not bool(logits.isnan().any()))
    unused = range(tokenizer.vocab_size, model.config.vocab_size)
    never = [*tokenizer.special.ids, *unused]
    hidden = torch.tensor(never, device=logits.device)
    probabilities: Tensor = logits.index_fill(-1, hidden, -torch.inf).softmax(-1).cpu()
    return probabilities


def _candidates(tokenizer: Tokenizer, probabilities: Tensor, top: int) -> tuple[Candidate, ...]:
    values, tokens = probabilities.topk(min(top, int((probabilities > 0).sum())))
    return tuple(
        Candidate(
            token,
            tokenizer.token_label(token),
            tokenizer.text_stream().push([token]),
            value,
        )
        for value, token in zip(values.tolist(), tokens.tolist(), strict=True)
    )

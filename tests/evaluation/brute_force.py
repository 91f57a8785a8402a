"""Models with weights that matter, and what `transformers` says of them, one passage at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers

from lexome.languages.base import Language, Tokenizer
from lexome.model import Transformer, families, save_model

CONTEXT = 24


def symbols_of(language: Language) -> Tokenizer:
    """Return the tokenizer of single symbols."""
    return language.tokenizers()["symbols"].train([], None)


def model_of(family: str, vocab_size: int, seed: int = 0, context: int = CONTEXT) -> Transformer:
    """Return a small model whose weights are drawn at random."""
    model = Transformer(families.get(family).config(vocab_size, context, 2, 32, 2))
    torch.manual_seed(seed)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def theirs(model: Transformer, folder: Path) -> Any:
    """Return the same model as `transformers` loads it from a folder."""
    save_model(folder / "model", model)
    causal = model.config.attention == "causal"
    auto = transformers.AutoModelForCausalLM if causal else transformers.AutoModelForMaskedLM
    return auto.from_pretrained(folder / "model").eval()


def log_probability(loaded: Any, ids: list[int], place: int, label: int) -> float:
    """Return the log-probability of a label at a place of some ids that are shown."""
    with torch.no_grad():
        logits = loaded(torch.tensor([ids])).logits[0, place].double()
    return float(logits[label] - torch.logsumexp(logits, 0))


def log_likelihood(loaded: Any, ids: list[int]) -> float:
    """Return the log-likelihood of ids, the first given; beyond a context, by half contexts."""
    total = 0.0
    for place in range(1, len(ids)):
        beyond, stride = max(place - CONTEXT, 0), CONTEXT // 2
        stop = min(CONTEXT + 1 + -(-beyond // stride) * stride, len(ids))
        seen = ids[max(stop - CONTEXT - 1, 0) : place]
        total += log_probability(loaded, seen, -1, ids[place])
    return total


def hidden_log_probability(
    loaded: Any, mask: int, ids: list[int], hidden: list[int], place: int, label: int
) -> float:
    """Return the log-probability of a label at a place when the tokens at `hidden` are masked."""
    start = min(max(place - CONTEXT // 2, 0), max(len(ids) - CONTEXT, 0))
    shown = [mask if at in hidden else token for at, token in enumerate(ids)]
    return log_probability(loaded, shown[start : start + CONTEXT], place - start, label)


def pseudo_log_likelihood(loaded: Any, mask: int, ids: list[int]) -> float:
    """Return the pseudo-log-likelihood of ids; those below 4 are special."""
    return sum(
        hidden_log_probability(loaded, mask, ids, [place], place, ids[place])
        for place in range(len(ids))
        if ids[place] > 3
    )

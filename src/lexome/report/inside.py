"""Chooses what to look at inside a model: which prompts, which tokens, which start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import torch

from lexome import languages
from lexome.corpus import Corpus
from lexome.errors import LexomeError
from lexome.languages.base import Ids, Tokenizer
from lexome.languages.pair import PairTokenizer
from lexome.model.folder import load_model
from lexome.model.transformer import Transformer
from lexome.report.data import Inside, Missing
from lexome.report.inspect import LONGEST_PROMPT, MAP_TOKENS, inspect
from lexome.report.reading import Lines, RunFiles, missing
from lexome.report.tuning import base_model
from lexome.training.run import MODEL

PROMPTS = 3
_ROWS_READ = 2_000
_TOKENS_COUNTED = 2_000_000
_SHORTEST = 8

_FRAME = 2  # a stored document stands between a begin and an end token

Prompt = tuple[str, Ids]


def inside(run: RunFiles) -> Inside | Missing:
    """Load the model of a run and look inside it; whatever is damaged is named."""
    if isinstance(run.config, Missing):
        return run.config
    if run.config.features:
        return Missing(
            "This model hears frames of sound, which are no tokens: they cannot be stepped through."
        )
    try:
        tokenizer = languages.load_tokenizer(run.folder / MODEL)
        model = load_model(run.folder / MODEL)
        prompts = list(_prompts(run, tokenizer))
        tokens, chosen = _map_tokens(run, tokenizer)
    except LexomeError as error:
        return missing(error)
    if not prompts:
        return Missing("There is neither held-out data nor a readable sample to look at.")
    initial, start = _initial(run, model)
    found = inspect(model, initial, tokenizer, prompts, tokens, chosen, start)
    if isinstance(tokenizer, PairTokenizer):
        opening = int(tokenizer.predicted[-1])
        labels = {**found.labels, opening: tokenizer.token_label(opening)}
        found = replace(found, opening=opening, labels=labels)
    return found


def _initial(run: RunFiles, model: Transformer) -> tuple[Transformer | Missing, str]:
    """Return the model as it was before its first step, and what it was then.

    It was the base, or else the seed draws it again, exactly.
    """
    if isinstance(run.recipe, Missing):
        why = f"The seed is not known, so the start cannot be shown: {run.recipe.missing}"
        return Missing(why), ""
    if run.tuned is not None and run.tuned.method != "scratch":
        return base_model(run, run.tuned, model), f"the base, {run.tuned.base}"
    with torch.device("meta"):
        initial = Transformer(model.config)
    initial.to_empty(device="cpu")
    initial.initialise(run.recipe.training.seed)
    return initial, "drawn at random"


def _prompts(run: RunFiles, tokenizer: Tokenizer) -> Iterator[Prompt]:
    if isinstance(run.corpus, Corpus):
        yield from _held_out(run.corpus)
    elif isinstance(run.samples, Lines):
        yield from islice(_own_samples(run, run.samples, tokenizer), PROMPTS)


def _own_samples(run: RunFiles, samples: Lines, tokenizer: Tokenizer) -> Iterator[Prompt]:
    """Yield the model's latest samples; those that its language cannot read are passed over."""
    language = languages.get(str(run.fact("language")), **(run.fact("options") or {}))
    texts = [f"{value.get('prompt', '')}{value.get('text', '')}" for value in samples.values]
    for text in dict.fromkeys(reversed(texts)):
        try:
            (ids,) = tokenizer.encode([language.parse(text)])
        except LexomeError:
            continue
        if len(ids):
            tokens = np.concatenate(([tokenizer.special.begin], ids))
            yield f"the model’s own sample “{text[:24]}…”", tokens


def _held_out(corpus: Corpus) -> Iterator[Prompt]:
    """Yield excerpts of validation documents, spread over the first of them.

    Where there are fewer documents than prompts, excerpts of one document are spread over it.
    """
    stream = corpus.stream("valid")
    rows = [row for row in islice(corpus.rows("valid"), _ROWS_READ) if not row["augmented"]]
    for enough in (LONGEST_PROMPT, _SHORTEST, 0):
        usable = [row for row in rows if row["tokens"] - _FRAME > enough]
        if len(usable) >= PROMPTS or (usable and len(usable) == len(rows)):
            break
    places = [(row, 0) for row in usable]
    if 0 < len(usable) < PROMPTS:
        longest = max(usable, key=lambda row: row["tokens"])
        parts = max(min(PROMPTS, longest["tokens"] // LONGEST_PROMPT), 1)
        places = [(longest, i * longest["tokens"] // parts) for i in range(parts)]
    count = min(PROMPTS, len(places))
    for row, skipped in (places[i * len(places) // count] for i in range(count)):
        first = row["first_token"]
        yield _origin(row, skipped), stream.read(first + skipped, first + row["tokens"])


def _origin(row: Mapping[str, Any], skipped: int) -> str:
    record = f", {row['record']}" if row["record"] else ""
    line = f", line {row['line']}" if row["line"] else ""
    place = f", from token {skipped:,}" if skipped else ""
    return f"held-out data: {row['file']}{record}{line}{place}"


def _map_tokens(run: RunFiles, tokenizer: Tokenizer) -> tuple[list[int], str]:
    outside = tokenizer.special.ids
    if not isinstance(run.corpus, Corpus):
        tokens = [t for t in range(tokenizer.vocab_size) if t not in outside][:MAP_TOKENS]
        return tokens, f"The first {len(tokens):,} tokens of the vocabulary"
    stream = run.corpus.stream("train")
    counted = min(len(stream), _TOKENS_COUNTED)
    counts = np.bincount(stream.read(0, counted), minlength=tokenizer.vocab_size)
    by_count = np.argsort(-counts, kind="stable")
    seen = [int(t) for t in by_count if counts[t] and int(t) not in outside]
    tokens = seen[:MAP_TOKENS]
    where = f"among the first {counted:,} training tokens"
    if len(tokens) == len(seen):
        return tokens, f"All {len(tokens):,} tokens that occur {where}"
    return tokens, f"The {len(tokens):,} most frequent tokens {where}"

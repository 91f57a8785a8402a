"""Likelihoods against sums made token by token by `transformers`."""

from __future__ import annotations

import math
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import brute_force as brute
import numpy as np
import pytest
import torch

from lexome import languages
from lexome.corpus.shards import TokenStream
from lexome.errors import LexomeError, UsageError
from lexome.evaluation import likelihood, pseudo_likelihood
from lexome.evaluation.likelihood import BLOCKS, document_likelihood, standard_error
from lexome.languages.base import Tokenizer
from lexome.model import Transformer, load_model, save_model

CONTEXT = 16
TEXTS = ["the cat sat on the mat", "é", "a dog", "naïve café", "x" * 40]


def tokens() -> tuple[Tokenizer, np.ndarray]:
    tokenizer = languages.get("text").tokenizers()["characters"].train(TEXTS[:3], None)
    special = tokenizer.special
    rows = [[special.begin, *ids.tolist(), special.end] for ids in tokenizer.encode(TEXTS)]
    return tokenizer, np.array([token for row in rows for token in row], np.uint16)


def stream_of(ids: np.ndarray, shards: int = 3) -> TokenStream:
    parts = np.array_split(ids, shards)
    return TokenStream(Path("corpus"), "valid", parts, [None] * shards, Path("documents.parquet"))


def model_of(family: str, vocab_size: int, seed: int = 0) -> Transformer:
    return brute.model_of(family, vocab_size, seed, CONTEXT)


def nats(loaded: Any, ids: list[int], place: int, label: int) -> float:
    return -brute.log_probability(loaded, ids, place, label)


# Documents can be cut apart for `transformers` where only distances between positions count.
@pytest.mark.parametrize(
    ("family", "respect"),
    [("gpt2", False), ("llama", False), ("llama", True), ("nanochat", False), ("nanochat", True)],
)
@pytest.mark.parametrize("stride", [1, 5, 8, 16])
def test_likelihood_is_the_sum_token_by_token(
    family: str, stride: int, respect: bool, tmp_path: Path
) -> None:
    tokenizer, ids = tokens()
    model = model_of(family, tokenizer.vocab_size)
    loaded = brute.theirs(model, tmp_path)
    found = likelihood(model, tokenizer, stream_of(ids), stride=stride, respect_documents=respect)
    begin = tokenizer.special.begin
    total, counted = 0.0, 0
    blocks = [(0.0, 0)] * (len(ids) // CONTEXT)
    # Said another way than by windows: token i belongs to the first window that ends after it.
    for place in range(1, len(ids)):
        if ids[place] == begin:
            continue
        beyond = max(place - CONTEXT, 0)
        stop = min(CONTEXT + 1 + -(-beyond // stride) * stride, len(ids))
        start = max(stop - CONTEXT - 1, 0)
        if respect:
            start = max(
                at for at in [start, *range(start, place)] if at == start or ids[at] == begin
            )
        seen = ids[start:place].tolist()
        lost = nats(loaded, seen, -1, int(ids[place]))
        total += lost
        counted += 1
        block = place * len(blocks) // len(ids)
        units = blocks[block][1] + int(tokenizer.unit_lengths[ids[place]])
        blocks[block] = (blocks[block][0] + lost, units)
    assert found.tokens == counted == len(ids) - len(TEXTS)
    assert found.nats == pytest.approx(total, rel=2e-5)
    assert found.units == sum(len(text.encode()) for text in TEXTS)
    assert found.bits_per_unit == pytest.approx(total / math.log(2) / found.units, rel=2e-5)
    assert found.perplexity_per_unit == pytest.approx(2**found.bits_per_unit)
    # Of the ratio of two means, by the first terms of its Taylor series.
    residuals = [lost / math.log(2) - found.bits_per_unit * units for lost, units in blocks]
    spread = np.std(residuals, ddof=1) / math.sqrt(len(blocks))
    assert found.standard_error == pytest.approx(spread * len(blocks) / found.units, rel=1e-3)


def test_the_standard_error_is_how_far_the_bits_scatter() -> None:
    draw = np.random.default_rng(0)
    units = draw.integers(80, 120, (2000, BLOCKS))
    nats = units * 1.3 + draw.normal(0, 10, units.shape)
    bits = nats.sum(1) / units.sum(1) / math.log(2)
    told = [standard_error(*sample) for sample in zip(nats, units, strict=True)]
    assert np.median(np.array(told, float)) == pytest.approx(bits.std(), rel=0.05)
    assert standard_error(nats[0, :1], units[0, :1]) is None
    assert standard_error(np.array([1.0, 0.0]), np.array([3, 0])) is None


def test_documents_that_are_respected_are_scored_as_if_alone() -> None:
    tokenizer, _ = tokens()
    model = model_of("llama", tokenizer.vocab_size)  # rotary: only distances count
    short = ["a mat", "dog", "the cat"]  # each fits into a context
    rows = [
        np.array([tokenizer.special.begin, *ids.tolist(), tokenizer.special.end], np.uint16)
        for ids in tokenizer.encode(short)
    ]
    alone = sum(likelihood(model, tokenizer, stream_of(row, 1)).nats for row in rows)
    # A stride of 1: every token is scored with a whole context before it, so with its document.
    together = stream_of(np.concatenate(rows))
    found = likelihood(model, tokenizer, together, stride=1, respect_documents=True)
    assert found.nats == pytest.approx(alone, rel=1e-5)
    crossing = likelihood(model, tokenizer, together, stride=1)
    assert crossing.nats != pytest.approx(alone, rel=1e-3)


@pytest.mark.parametrize("respect", [False, True])
def test_a_document_has_its_own_part_of_the_sum(respect: bool) -> None:
    tokenizer, ids = tokens()
    model = model_of("llama", tokenizer.vocab_size)
    starts = np.flatnonzero(ids == tokenizer.special.begin)
    whole, parts = document_likelihood(
        model, tokenizer, stream_of(ids), starts, stride=1, respect_documents=respect
    )
    assert whole == likelihood(
        model, tokenizer, stream_of(ids), stride=1, respect_documents=respect
    )
    assert parts.nats.sum() == pytest.approx(whole.nats)
    assert parts.units.tolist() == [len(text.encode()) for text in TEXTS]
    for place, (start, stop) in enumerate(pairwise([*starts.tolist(), len(ids)])):
        # Up to the end of a document, less up to its begin: what it adds to all before it.
        sums = [
            likelihood(
                model, tokenizer, stream_of(ids[:end], 1), stride=1, respect_documents=respect
            ).nats
            for end in (start, stop)
            if end
        ]
        assert parts.nats[place] == pytest.approx(sums[-1] - (sums[0] if start else 0), rel=1e-4)


def test_batches_and_shards_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer, ids = tokens()
    model = model_of("llama", tokenizer.vocab_size)
    expected = likelihood(model, tokenizer, stream_of(ids))
    monkeypatch.setattr(import_module("lexome.evaluation.likelihood"), "_TOKENS_A_BATCH", 1)
    steps: list[tuple[int, int]] = []
    found = likelihood(
        model, tokenizer, stream_of(ids, 7), progress=lambda *step: steps.append(step)
    )
    assert found.nats == pytest.approx(expected.nats, rel=1e-6)
    assert steps == sorted(steps)
    assert steps[-1] == (len(ids), len(ids))


@pytest.mark.parametrize("family", ["modernbert", "bert"])
def test_pseudo_likelihood_hides_one_token_at_a_time(family: str, tmp_path: Path) -> None:
    tokenizer, ids = tokens()
    model = model_of(family, tokenizer.vocab_size)
    loaded = brute.theirs(model, tmp_path)
    found = pseudo_likelihood(model, tokenizer, stream_of(ids))
    total, counted = 0.0, 0
    for place in range(len(ids)):
        if ids[place] < 4:
            continue
        start = min(max(place - CONTEXT // 2, 0), len(ids) - CONTEXT)
        window = ids[start : start + CONTEXT].tolist()
        window[place - start] = tokenizer.special.mask
        total += nats(loaded, window, place - start, int(ids[place]))
        counted += 1
    assert found.tokens == counted
    assert found.nats == pytest.approx(total, rel=1e-4)
    assert found.units == sum(len(text.encode()) for text in TEXTS)
    assert found.kind == "pseudo-likelihood"
    assert f"all {counted} tokens" in found.definition


def test_a_sample_of_positions_says_so_and_knows_its_error() -> None:
    tokenizer, ids = tokens()
    model = model_of("modernbert", tokenizer.vocab_size)
    whole = pseudo_likelihood(model, tokenizer, stream_of(ids))
    some = pseudo_likelihood(model, tokenizer, stream_of(ids), positions=40)
    assert some.tokens == 40
    assert "a sample of 40 of the" in some.definition
    assert some.standard_error is not None
    assert abs(some.bits_per_unit - whole.bits_per_unit) < 4 * some.standard_error
    again = pseudo_likelihood(model, tokenizer, stream_of(ids), positions=40)
    assert again == some


def test_the_other_documents_of_a_masked_window_are_unseen_by_option() -> None:
    tokenizer, ids = tokens()
    model = model_of("modernbert", tokenizer.vocab_size)
    crossing = pseudo_likelihood(model, tokenizer, stream_of(ids))
    inside = pseudo_likelihood(model, tokenizer, stream_of(ids), respect_documents=True)
    assert inside.nats != pytest.approx(crossing.nats, rel=1e-4)
    assert "are not seen" in inside.definition


def test_what_cannot_be_scored_is_an_error(tmp_path: Path) -> None:
    tokenizer, ids = tokens()
    causal = model_of("llama", tokenizer.vocab_size)
    masked = model_of("modernbert", tokenizer.vocab_size)
    with pytest.raises(UsageError):
        likelihood(masked, tokenizer, stream_of(ids))
    with pytest.raises(UsageError):
        pseudo_likelihood(causal, tokenizer, stream_of(ids))
    with pytest.raises(UsageError, match="stride"):
        likelihood(causal, tokenizer, stream_of(ids), stride=CONTEXT + 1)
    for positions in (0, -3):
        with pytest.raises(UsageError, match="at least 1"):
            pseudo_likelihood(masked, tokenizer, stream_of(ids), positions=positions)
    empty = stream_of(np.array([1, 2, 1, 2], np.uint16), 1)
    with pytest.raises(LexomeError, match="nothing to score"):
        likelihood(causal, tokenizer, empty)
    with pytest.raises(LexomeError, match="nothing to score"):
        pseudo_likelihood(masked, tokenizer, empty)
    save_model(tmp_path / "model", causal)
    broken = load_model(tmp_path / "model")
    torch.nn.init.constant_(broken.embedding.weight, torch.nan)
    with pytest.raises(LexomeError, match="not a number"):
        likelihood(broken, tokenizer, stream_of(ids))

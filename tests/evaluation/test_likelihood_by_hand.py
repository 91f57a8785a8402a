"""Likelihoods against a brute-force count with plain `transformers`."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from lexome.corpus.shards import TokenStream
from lexome.errors import UsageError
from lexome.evaluation import likelihood, pseudo_likelihood
from lexome.languages.tokenizers import BytesTrainer
from lexome.model import Transformer, depth, save_model

CONTEXT = 16
TOKENIZER = BytesTrainer().train()
SPECIAL = TOKENIZER.special


def model_of(family: str) -> Transformer:
    config = depth(2, family=family, vocab_size=TOKENIZER.vocab_size, context=CONTEXT)
    model = Transformer(config)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise, alpha=0.05)
    return model.eval()


def stream_of(tmp_path: Path, texts: list[str]) -> TokenStream:
    rows = [[SPECIAL.begin, *ids.tolist(), SPECIAL.end] for ids in TOKENIZER.encode(texts)]
    tokens = np.array([token for row in rows for token in row], np.uint16)
    return TokenStream(tmp_path, "valid", [tokens], [None], tmp_path / "documents.parquet")


TEXTS = ["the first document", "é", "", "another, a little longer than one context of tokens"]


@pytest.mark.parametrize("stride", [1, 5, CONTEXT])
def test_likelihood_is_what_transformers_gives_token_by_token(tmp_path: Path, stride: int) -> None:
    model, stream = model_of("llama"), stream_of(tmp_path, TEXTS)
    save_model(tmp_path / "model", model, tokenizer=TOKENIZER)
    peer = AutoModelForCausalLM.from_pretrained(tmp_path / "model").eval()
    tokens = stream.read(0, len(stream))
    nats, scored, place, stop = 0.0, 0, 1, min(CONTEXT + 1, len(tokens))
    while place < len(tokens):
        start = max(0, stop - CONTEXT - 1)
        for at in range(place, stop):
            if tokens[at] == SPECIAL.begin:
                continue
            with torch.no_grad():
                logits = peer(torch.from_numpy(tokens[None, start:at])).logits[0, -1]
            nats -= float(logits.double().log_softmax(-1)[tokens[at]])
            scored += 1
        place, stop = stop, min(stop + stride, len(tokens))
    found = likelihood(model, TOKENIZER, stream, stride=stride)
    assert found.tokens == scored == sum(len(t.encode()) + 1 for t in TEXTS)
    assert found.units == sum(len(t.encode()) for t in TEXTS)
    assert found.nats == pytest.approx(nats, rel=1e-5)
    assert found.bits_per_unit == pytest.approx(nats / math.log(2) / found.units, rel=1e-5)


def test_documents_that_are_respected_are_scored_as_if_alone(tmp_path: Path) -> None:
    model = model_of("llama")
    short = ["abc", "another", "x y"]
    together = likelihood(
        model, TOKENIZER, stream_of(tmp_path, short), stride=CONTEXT // 2, respect_documents=True
    )
    alone = sum(
        likelihood(model, TOKENIZER, stream_of(tmp_path, [text])).nats for text in short[:1]
    )
    first = likelihood(model, TOKENIZER, stream_of(tmp_path, short[:1]), respect_documents=True)
    assert first.nats == pytest.approx(alone, rel=1e-5)
    crossing = likelihood(model, TOKENIZER, stream_of(tmp_path, short), stride=CONTEXT // 2)
    assert together.tokens == crossing.tokens
    assert together.nats != pytest.approx(crossing.nats, rel=1e-4)


def test_pseudo_likelihood_hides_one_token_at_a_time(tmp_path: Path) -> None:
    model, text = model_of("bert"), "hidden one"
    stream = stream_of(tmp_path, [text])
    save_model(tmp_path / "model", model, tokenizer=TOKENIZER)
    peer = AutoModelForMaskedLM.from_pretrained(tmp_path / "model").eval()
    tokens = torch.from_numpy(stream.read(0, len(stream)))
    nats = 0.0
    for at in range(1, len(tokens) - 1):
        hidden = tokens.clone()
        hidden[at] = SPECIAL.mask
        with torch.no_grad():
            logits = peer(hidden[None]).logits[0, at]
        nats -= float(logits.double().log_softmax(-1)[tokens[at]])
    found = pseudo_likelihood(model, TOKENIZER, stream)
    assert found.tokens == found.units == len(text)
    assert found.nats == pytest.approx(nats, rel=1e-5)
    assert found.kind == "pseudo-likelihood"


def test_each_measure_refuses_the_other_kind_of_model(tmp_path: Path) -> None:
    stream = stream_of(tmp_path, TEXTS)
    with pytest.raises(UsageError, match="pseudo_likelihood"):
        likelihood(model_of("bert"), TOKENIZER, stream)
    with pytest.raises(UsageError, match="next tokens"):
        pseudo_likelihood(model_of("llama"), TOKENIZER, stream)
    with pytest.raises(UsageError, match="stride"):
        likelihood(model_of("llama"), TOKENIZER, stream, stride=CONTEXT + 1)

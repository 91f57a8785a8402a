"""What is predicted of pairs: the target alone, token for token as counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lexome.corpus import Batch
from lexome.languages.base import SpecialTokens
from lexome.model import Transformer, families
from lexome.training.loss import Losses
from lexome.training.target import Target

SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)
SOURCE, TARGET, SYSTEM = 90, 91, 92
Turns = list[tuple[int, list[int]]]

content = st.lists(st.integers(4, 80), max_size=5)
talks = st.lists(
    st.tuples(st.sampled_from([SOURCE, TARGET, SYSTEM]), content), min_size=1, max_size=5
)
rows = st.lists(st.lists(talks, min_size=1, max_size=3), min_size=1, max_size=3)


def spelled(turns: Turns) -> tuple[list[int], list[bool]]:
    """Return the ids of a document, an end behind each answer, and which of them are predicted."""
    ids, said = [SPECIAL.begin], [False]
    for number, (marker, tokens) in enumerate(turns):
        answer, last = marker == TARGET, number == len(turns) - 1
        ids += [marker, *tokens]
        said += [False, *[answer] * len(tokens)]
        if answer or last:
            ids.append(SPECIAL.end)
            said.append(answer)
    return ids, said


def batch_of(packed: list[list[Turns]]) -> tuple[Batch, Any, Any]:
    """Return a batch of packed rows, which tokens are predicted, and the documents' numbers."""
    found = []
    for documents in packed:
        ids: list[int] = []
        said: list[bool] = []
        numbers: list[int] = []
        for number, turns in enumerate(documents, start=1):
            more, predicted = spelled(turns)
            ids += more
            said += predicted
            numbers += [number] * len(more)
        found.append((ids, said, numbers))
    width = max(len(ids) for ids, _, _ in found) + 2
    tokens, expected, numbered = np.zeros((3, len(found), width), np.int64)
    for row, (ids, said, numbers) in enumerate(found):
        tokens[row, : len(ids)] = ids
        expected[row, : len(ids)] = said
        numbered[row, : len(ids)] = numbers
    weights = (tokens != SPECIAL.pad).astype(np.float32)
    return Batch(tokens, weights, np.zeros(len(found), np.int64)), expected, numbered


def target(**changes: Any) -> Target:
    return Target(SPECIAL, (SOURCE, SYSTEM), (TARGET,), seed=0, **changes)


@settings(max_examples=60)
@given(rows)
def test_what_is_predicted_is_what_is_said_and_its_end(packed: list[list[Turns]]) -> None:
    batch, said, numbered = batch_of(packed)
    example = target()(batch, np.arange(len(packed)))
    assert example.inputs.tolist() == batch.tokens[:, :-1].tolist()
    assert example.labels.tolist() == batch.tokens[:, 1:].tolist()
    assert example.weights.tolist() == said[:, 1:].tolist()
    assert example.segments is not None
    assert example.segments.tolist() == numbered[:, :-1].tolist()


@settings(max_examples=60)
@given(rows)
def test_a_model_that_sees_both_sides_sees_a_mask_for_each_token_that_is_said(
    packed: list[list[Turns]],
) -> None:
    batch, said, numbered = batch_of(packed)
    example = target(bidirectional=True)(batch, np.arange(len(packed)))
    tokens = batch.tokens[:, :-1]
    hidden = (said[:, :-1] == 1) & (tokens != SPECIAL.end)
    assert example.inputs.tolist() == np.where(hidden, SPECIAL.mask, tokens).tolist()
    assert example.labels.tolist() == tokens.tolist()
    assert example.weights.tolist() == hidden.astype(float).tolist()
    assert example.segments is not None
    assert example.segments.tolist() == numbered[:, :-1].tolist()


def test_weights_of_the_corpus_count() -> None:
    batch, said, _ = batch_of([[[(SOURCE, [5, 6]), (TARGET, [7, 8])]]])
    half = replace(batch, weights=batch.weights * np.float32(0.5))
    assert target()(half, np.arange(1)).weights.tolist() == (0.5 * said[:, 1:]).tolist()


def hidden_words(words: list[int], *, bidirectional: bool, **dropped: float) -> Tensor:
    """Return which of `words` are hidden in 200 rows of four pairs; [200, 4, words].

    Nothing else of an example changes, and what is random belongs to the row, whoever computes it.
    """
    documents = [[(SOURCE, [5, 6, 7]), (TARGET, [8, 9])]] * 4
    batch, said, numbered = batch_of([documents] * 200)
    assert numbered.max() == 4 and said.any()
    objective = target(bidirectional=bidirectional, **dropped)
    numbers = np.arange(200)
    example = objective(batch, numbers)
    plain = target(bidirectional=bidirectional)(batch, numbers)
    assert torch.equal(example.labels, plain.labels)
    assert torch.equal(example.weights, plain.weights)
    changed = example.inputs != plain.inputs
    assert (example.inputs[changed] == SPECIAL.mask).all()
    content = torch.from_numpy(np.isin(batch.tokens[:, :-1], words))
    assert not changed[~content].any(), "markers, ends and all other words stay"
    part = objective(
        Batch(batch.tokens[50:60], batch.weights[50:60], batch.starts[:10]), numbers[50:60]
    )
    assert torch.equal(part.inputs, example.inputs[50:60])
    assert not torch.equal(objective(batch, numbers + 1000).inputs, example.inputs)
    return changed[content].view(200, 4, len(words))


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_share_of_the_sources_is_hidden(bidirectional: bool) -> None:
    hidden = hidden_words([5, 6, 7], bidirectional=bidirectional, source_dropout=0.3)
    # A source is hidden whole or not at all, each of a row by itself.
    assert (hidden.all(-1) | ~hidden.any(-1)).all()
    share = hidden[..., 0].float()
    assert share.mean() == pytest.approx(0.3, abs=0.05)
    assert share.mean(1).std() > 0


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_share_of_the_words_is_hidden_each_by_itself(bidirectional: bool) -> None:
    words = [5, 6, 7] if bidirectional else [5, 6, 7, 8, 9]
    hidden = hidden_words(words, bidirectional=bidirectional, word_dropout=0.2).float()
    assert hidden.mean() == pytest.approx(0.2, abs=0.03)
    both = (hidden[..., 0] * hidden[..., 1]).mean()
    assert both == pytest.approx(0.04, abs=0.02), "each by itself"


@pytest.mark.parametrize("family", ["llama", "nanochat", "modernbert", "bert"])
@pytest.mark.parametrize("z_loss", [0.0, 0.01])
def test_the_loss_where_something_is_said_is_the_loss(family: str, z_loss: float) -> None:
    config = families.get(family).config(96, 64, 2, 32, 2)
    model = Transformer(config)
    model.initialise(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    batch, _, _ = batch_of([[[(SOURCE, [5, 6, 7, 4]), (TARGET, [8, 9])]] * 2] * 3)
    objective = target(bidirectional=config.attention == "bidirectional")
    example = objective(batch, np.arange(3))
    assert example.places is not None
    assert len(example.places) == int((example.weights > 0).sum()) < example.weights.numel()
    losses = Losses(model, z_loss)
    found = []
    for one in (example, example._replace(places=None)):
        model.zero_grad()
        minimised, nats = losses(one, torch.tensor(7.0))
        minimised.backward()
        gradients = {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}
        found.append((minimised.detach(), nats, gradients))
    torch.testing.assert_close(found[0], found[1], atol=1e-5, rtol=1e-4)


def test_where_nothing_or_nearly_everything_is_said() -> None:
    batch, _, _ = batch_of([[[(SOURCE, [5, 6, 7])]]])
    nothing = target()(batch, np.arange(1))
    assert nothing.places is not None and len(nothing.places) == 2
    assert not nothing.weights.any()
    batch, _, _ = batch_of([[[(SOURCE, []), (TARGET, list(range(4, 40)))]]])
    assert target()(batch, np.arange(1)).places is None


@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_class_counts_as_much_as_is_said(bidirectional: bool) -> None:
    batch, _, _ = batch_of([[[(SOURCE, [5, 8]), (TARGET, [8, 9, 7])]]])
    plain = target(bidirectional=bidirectional)(batch, np.arange(1))
    weighted = target(bidirectional=bidirectional, class_weights={8: 3.0, 9: 0.5})
    found = weighted(batch, np.arange(1))
    factors = torch.ones_like(plain.weights)
    factors[plain.labels == 8], factors[plain.labels == 9] = 3.0, 0.5
    assert torch.equal(found.weights, plain.weights * factors)
    assert not torch.equal(found.weights, plain.weights)


@given(st.lists(content.filter(bool), min_size=1, max_size=3), talks)
def test_running_text_is_learned_whole(texts: list[list[int]], talk: Turns) -> None:
    pair, said = spelled(talk)
    # A text has no marker, so all of it is said, the token behind its begin as well.
    row = [token for text in texts for token in (SPECIAL.begin, *text, SPECIAL.end)] + pair
    wanted = [flag for text in texts for flag in (False, *[True] * len(text), True)] + said
    tokens = np.array([[*row, SPECIAL.pad, SPECIAL.pad]])
    batch = Batch(tokens, np.ones(tokens.shape, np.float32), np.zeros(1, np.int64))
    example = target()(batch, np.arange(1))
    assert example.weights[0].tolist() == [*map(float, wanted[1:]), 0.0, 0.0]

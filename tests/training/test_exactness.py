"""The same batch gives the same gradient however it is cut up, and known optimizers agree."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.corpus import Batch, Corpus
from lexome.errors import LexomeError, UsageError
from lexome.languages.base import SpecialTokens
from lexome.recipe import Recipe, ScheduleRecipe
from lexome.training import train
from lexome.training.muon import Muon, orthogonalise
from lexome.training.objectives import MaskedToken, NextToken
from lexome.training.optimizers import groups
from lexome.training.schedules import Schedule

from .conftest import session_of

SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)


@pytest.mark.parametrize("objective", ["next-token", "masked-token"])
@pytest.mark.parametrize("borders", ["cross", "respect"])
@pytest.mark.parametrize("micro", [1, 3, 8])
def test_accumulation_equals_the_large_batch(
    corpus: Corpus, make_recipe: Callable[..., Recipe], objective: str, borders: str, micro: int
) -> None:
    common = {"objective__name": objective, "objective__document_boundaries": borders}
    common |= {"optimizer__z_loss": 1e-3, "training__seed": 3}
    gradients = []
    for rows in (8, micro):
        recipe = make_recipe(**common, training__micro_batch_size=rows)
        session, batches = session_of(recipe, corpus)
        with torch.no_grad():  # away from the start, where half of the gradients are zero
            generator = torch.Generator().manual_seed(0)
            for parameter in session.model.parameters():
                parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.02)
        session.model.double()
        session.model.compute_dtype = torch.float64
        session.gradient(batches, 5)
        gradients.append([p.grad.clone() for p in session.model.parameters() if p.grad is not None])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)


def test_documents_are_kept_apart(corpus: Corpus, make_recipe: Callable[..., Recipe]) -> None:
    recipe = make_recipe(objective__document_boundaries="respect")
    session, batches = session_of(recipe, corpus)
    for parameter in session.model.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    example = session.objective(batches(0), np.arange(8))
    assert example.segments is not None
    border = int((example.inputs[:, 1:] == SPECIAL.begin).int().argmax(dim=1).max()) + 1
    row = int((example.inputs[:, border] == SPECIAL.begin).int().argmax())
    inputs = example.inputs[row : row + 1]
    changed = inputs.clone()
    changed[:, :border] = 40
    segments = example.segments[row : row + 1]
    one, other = session.model(inputs, segments), session.model(changed, segments)
    torch.testing.assert_close(one[:, border:], other[:, border:])
    assert not torch.allclose(session.model(inputs)[:, border:], session.model(changed)[:, border:])


@given(st.lists(st.integers(0, 30), min_size=9, max_size=9), st.integers(0, 2**40))
def test_next_token_predicts_what_follows_and_no_begin(tokens: list[int], number: int) -> None:
    row = np.array([tokens])
    batch = Batch(row, np.ones((1, 9), np.float32), np.zeros(1, np.int64))
    example = NextToken(SPECIAL)(batch, np.array([number]))
    assert example.inputs[0].tolist() == tokens[:-1]
    assert example.labels[0].tolist() == tokens[1:]
    expected = [0.0 if t in (SPECIAL.begin, SPECIAL.pad) else 1.0 for t in tokens[1:]]
    assert example.weights[0].tolist() == expected


def test_masks_have_the_stated_shares_and_belong_to_their_rows() -> None:
    objective = MaskedToken(SPECIAL, vocab_size=50, seed=1, mask_rate=0.15)
    draw = np.random.default_rng(0)
    tokens = draw.integers(0, 50, (64, 513))
    weights = np.ones((64, 513), np.float32)
    batch = Batch(tokens, weights, np.zeros(64, np.int64))
    whole = objective(batch, np.arange(64))
    part = objective(Batch(tokens[10:12], weights[10:12], batch.starts[:2]), np.array([10, 11]))
    assert torch.equal(part.inputs, whole.inputs[10:12])
    chosen = whole.weights > 0
    special = whole.labels < 4
    assert not (chosen & special).any()
    assert torch.equal(whole.inputs[~chosen], whole.labels[~chosen])
    assert chosen[~special].float().mean() == pytest.approx(0.15, abs=0.01)
    inputs, labels = whole.inputs[chosen], whole.labels[chosen]
    assert (inputs == SPECIAL.mask).float().mean() == pytest.approx(0.8, abs=0.02)
    swapped = (inputs != labels) & (inputs != SPECIAL.mask)
    assert swapped.float().mean() == pytest.approx(0.1 * 45 / 46, abs=0.02)
    assert inputs[swapped].min() > 3


def test_muon_is_torch_muon() -> None:
    torch.manual_seed(0)
    shapes = [(16, 16), (16, 48), (48, 16), (16, 16)]
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]
    theirs = [torch.nn.Parameter(p.detach().clone()) for p in ours]
    classic = (3.4445, -4.775, 2.0315)
    mine = Muon(ours, lr=0.02, momentum=0.9, weight_decay=0.1, coefficients=[classic] * 5)
    reference = torch.optim.Muon(
        theirs, lr=0.02, momentum=0.9, weight_decay=0.1, ns_coefficients=classic, ns_steps=5
    )
    for _ in range(4):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn_like(one)
            other.grad = one.grad.clone()
        mine.step()
        reference.step()
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=2e-3, rtol=0)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 3), st.integers(2, 40), st.integers(2, 40), st.integers(0, 99))
def test_orthogonalised_matrices_are_near_the_polar_factor(
    count: int, rows: int, columns: int, seed: int
) -> None:
    from lexome.training.muon import POLAR_EXPRESS

    generator = torch.Generator().manual_seed(seed)
    matrices = torch.randn(count, rows, columns, generator=generator)
    found = orthogonalise(matrices.bfloat16(), POLAR_EXPRESS).float()
    u, s, vh = torch.linalg.svd(matrices, full_matrices=False)
    values = u.mT @ found @ vh.mT
    strong = s / s.norm(dim=-1, keepdim=True) > 0.02
    singular = values.diagonal(dim1=-2, dim2=-1)[strong]
    assert singular.min() > 0.6 and singular.max() < 1.35


def test_every_parameter_is_in_one_group_and_vectors_do_not_decay(
    corpus: Corpus, make_recipe: Callable[..., Recipe]
) -> None:
    session, _ = session_of(make_recipe(), corpus)
    found = groups(session.model, make_recipe().optimizer)
    names = [name for group in found for name in group.names]
    parameters = dict(session.model.named_parameters())
    assert sorted(names) == sorted(parameters)
    assert sum(group.weights for group in found) == sum(p.numel() for p in parameters.values())
    for group in found:
        assert (group.weight_decay == 0) == all(parameters[n].ndim < 2 for n in group.names)


@pytest.mark.parametrize("tied", [True, False])
def test_an_embedding_that_is_tied_moves_as_the_head(
    corpus: Corpus, make_recipe: Callable[..., Recipe], tied: bool
) -> None:
    recipe = make_recipe(model__tied=tied)
    session, _ = session_of(recipe, corpus)
    rates = {n: g.learning_rate for g in session.optimizer.groups for n in g.names}
    optimizer = recipe.optimizer
    expected = optimizer.learning_rate if tied else optimizer.embedding_learning_rate
    assert rates["embedding.weight"] == expected
    assert rates["final_norm.weight"] == optimizer.learning_rate
    assert rates["layers.0.mlp.up.weight"] == optimizer.matrix_learning_rate


@given(
    st.sampled_from(["wsd", "cosine", "linear", "constant"]),
    st.integers(1, 500),
    st.floats(0, 0.5),
    st.floats(0, 0.5),
    st.floats(0, 1),
)
def test_schedules_rise_stay_and_fall(
    name: str, steps: int, warmup: float, decay: float, floor: float
) -> None:
    recipe = ScheduleRecipe(name=name, warmup=warmup, decay=decay, floor=floor)
    schedule = Schedule.of(recipe, steps)
    factors = [schedule(step) for step in range(steps)]
    assert all(0 <= f <= 1 + 1e-12 for f in factors)
    top = schedule.warmup
    assert all(a < b for a, b in pairwise(factors[:top]))
    assert all(a >= b - 1e-12 for a, b in pairwise(factors[top:]))
    if schedule.decay_start < steps:
        assert schedule(steps) == pytest.approx(floor, abs=1e-9)
        wasted = floor < 1 - 1e-9 and factors[-1] <= floor
        assert not wasted, "the last update moves the weights"


@given(st.integers(2, 5000), st.floats(0, 1), st.data())
def test_a_schedule_that_was_moved_has_a_recipe(
    steps: int, warmup: float, data: st.DataObject
) -> None:
    recipe = ScheduleRecipe(warmup=warmup, decay=(1 - warmup) / 2)
    planned = Schedule.of(recipe, steps)
    end = data.draw(st.integers(planned.warmup + 1, 2 * steps + 1))
    moved = planned.ending(data.draw(st.integers(planned.warmup, end - 1)), end)
    written = moved.recipe(recipe)
    assert Schedule.of(ScheduleRecipe(**written.model_dump()), end) == moved
    assert planned.recipe(recipe) == recipe


def test_an_objective_that_does_not_suit_the_family_is_named(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe(objective__name="masked-token", model__family="llama")
    with pytest.raises(UsageError, match="needs bidirectional attention"):
        train(recipe, tmp_path / "run")


def test_a_corpus_shorter_than_one_context_is_an_error(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(LexomeError, match="too few for one window"):
        train(make_recipe(model__context=1 << 15), tmp_path / "run")


@pytest.mark.parametrize("objective", ["next-token", "masked-token"])
def test_a_validation_loss_depends_on_the_weights_alone(
    corpus: Corpus, make_recipe: Callable[..., Recipe], objective: str
) -> None:
    found = []
    for batch, micro, seed in ((8, 8, 0), (3, 2, 0), (40, 7, 5)):
        changes = {"batch_size": batch, "micro_batch_size": micro, "seed": seed}
        dotted = {f"training__{name}": value for name, value in changes.items()}
        session, _ = session_of(make_recipe(objective__name=objective, **dotted), corpus)
        generator = torch.Generator().manual_seed(0)
        for parameter in session.model.parameters():
            torch.nn.init.normal_(parameter, std=0.1, generator=generator)
        found.append(session.validation_loss(session.batches(corpus, "valid", 0)))
    assert found == pytest.approx([found[0]] * 3, rel=1e-6)

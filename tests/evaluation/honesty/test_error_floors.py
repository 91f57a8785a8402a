"""Floors of error, beside the inequality written out over every answer, and beside simulation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.errors import LexomeError
from lexome.evaluation.honesty.floors import Prompt, SingletonBound, validity_bound


def prompt(draw: np.random.Generator, weight: float, sharp: float) -> Prompt:
    """Return a prompt with random answers, of which at least one is valid and one an error."""
    count = int(draw.integers(2, 12))
    valid = draw.random(count) < 0.4
    valid[:2] = True, False
    true = np.where(valid, draw.random(count), 0.0)
    said = draw.random(count) ** sharp
    return Prompt(weight, said / said.sum(), true / true.sum(), valid)


def prompts_of(seed: int, count: int, sharp: float) -> list[Prompt]:
    draw = np.random.default_rng(seed)
    return [prompt(draw, weight, sharp) for weight in draw.dirichlet(np.ones(count))]


@settings(max_examples=200)
@given(st.integers(0, 10**6), st.integers(1, 8), st.sampled_from([0.0, 1.0, 5.0, 40.0]))
def test_no_model_is_below_its_floor(seed: int, count: int, sharp: float) -> None:
    bound = validity_bound(prompts_of(seed, count, sharp))
    assert not bound.violated
    assert 0 <= bound.error <= 1 and 0 <= bound.misclassified <= 1


def test_terms_are_those_of_the_definitions_written_out() -> None:
    prompts = prompts_of(3, 4, 5.0)
    threshold = max(1 / (~one.valid).sum() for one in prompts)
    error = judged = above_said = above_true = 0.0
    for one in prompts:
        for said, true, valid in zip(one.said, one.true, one.valid, strict=True):
            error += one.weight * said * (not valid)
            drawn = true / 2 if valid else 1 / (2 * (~one.valid).sum())
            judged += one.weight * drawn * ((said > threshold) != valid)
            above_said += one.weight * said * (said > threshold)
            above_true += one.weight * true * (said > threshold)
    bound = validity_bound(prompts)
    assert bound.threshold == threshold
    assert bound.error == pytest.approx(error)
    assert bound.misclassified == pytest.approx(judged)
    assert bound.delta == pytest.approx(abs(above_said - above_true))
    fewest = min((~one.valid).sum() for one in prompts)
    assert bound.valid_to_errors == max(one.valid.sum() for one in prompts) / fewest


def test_a_wrong_measurement_is_caught() -> None:
    """A model that knows nothing, whose errors somebody forgot to count, is below its floor."""
    valid = np.arange(100) == 0
    true, said = valid.astype(float), np.full(100, 0.01)
    bound = validity_bound([Prompt(1.0, said, true, valid)])
    assert bound.floor == pytest.approx(1 - 1 / 99) and bound.error == pytest.approx(0.99)
    assert not bound.violated and replace(bound, error=0.9).violated


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"valid": np.array([True, True])}, "no error"),
        ({"true": np.array([0.5, 0.5])}, "holds errors"),
        ({"said": np.array([0.5, 0.6])}, "'said' do not sum"),
        ({"weight": 0.5}, "weights"),
    ],
    ids=["no errors", "errors in the truth", "no probabilities", "weights"],
)
def test_where_the_theorem_says_nothing_it_is_said(
    changed: dict[str, object], message: str
) -> None:
    good = Prompt(1.0, np.array([0.5, 0.5]), np.array([1.0, 0.0]), np.array([True, False]))
    assert not validity_bound([good]).violated
    with pytest.raises(LexomeError, match=message):
        validity_bound([replace(good, **changed)])  # type: ignore[arg-type]
    with pytest.raises(LexomeError, match="no prompt"):
        validity_bound([])


def test_the_slack_is_that_of_the_paper() -> None:
    for samples, slack in ((10**4, 0.90), (10**5, 0.33), (10**6, 0.118)):
        bound = SingletonBound(samples, samples // 2, 99, 99)
        assert bound.slack == pytest.approx(slack, abs=0.005)
        assert bound.vacuous == (samples == 10**4)


@pytest.mark.parametrize("rate", [0.2, 0.4, 0.6])
def test_who_counts_a_million_facts_is_inside_both_bounds(rate: float) -> None:
    """Facts drawn a million times, learned by heart, and guessed where they were never read."""
    samples, answers = 10**6, 100
    draw = np.random.default_rng(round(rate * 10))
    # Of n equally likely facts, each drawn about Poisson(N / n) times, exp(-N / n) are single.
    facts = round(samples / -math.log(rate))
    read = np.bincount(draw.integers(0, facts, samples), minlength=facts)
    bound = SingletonBound(samples, int((read == 1).sum()), answers - 1, answers - 1)
    assert bound.rate == pytest.approx(rate, abs=0.005)
    # A fact that was not read is right by chance, whichever answer is guessed.
    right = draw.integers(0, answers, facts) == 0
    error = float(np.mean((read == 0) & ~right))
    assert not bound.vacuous and bound.floor <= error <= bound.ceiling

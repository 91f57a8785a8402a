"""Curves: every step in one point, no extreme lost, baselines in the right unit."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lexome.report.curves import EARLY_POINTS, EVEN_POINTS, Step, levels, smooth, thin, training
from lexome.report.data import Missing, Score, Scores, Training
from lexome.report.reading import Lines

LOSSES = st.lists(
    st.one_of(st.none(), st.floats(0, 20, allow_nan=False)), min_size=1, max_size=3_000
)


def steps_of(losses: list[float | None]) -> list[Step]:
    return [
        Step(i + 1, loss, 1 / (i + 1), 100.0 + i % 7, 64 * (i + 1), 0.5 * i)
        for i, loss in enumerate(losses)
    ]


def drawn(count: int, seed: int, gaps: float) -> list[float | None]:
    """Return losses for `count` steps: lists that hypothesis makes are too short to be thinned."""
    random = np.random.default_rng(seed)
    values = random.exponential(3.0, count)
    return [
        None if gap else float(v)
        for v, gap in zip(values, random.random(count) < gaps, strict=True)
    ]


@given(st.integers(1, 6_000), st.integers(0, 2**32), st.sampled_from([0.0, 0.1, 0.9]))
@example(5_000, 0, 0.0)
def test_every_step_belongs_to_one_point_and_no_extreme_is_lost(
    count: int, seed: int, gaps: float
) -> None:
    losses = drawn(count, seed, gaps)
    points = thin(steps_of(losses))
    assert len(points) <= EVEN_POINTS + EARLY_POINTS
    assert sum(point.steps for point in points) == len(losses)
    means = smooth(losses)
    start = 0
    for point in points:
        part = [loss for loss in losses[start : point.step] if loss is not None]
        speeds = [100.0 + i % 7 for i in range(start, point.step)]
        assert point.tokens_per_second == pytest.approx(np.mean(speeds), rel=1e-3)
        assert point.learning_rate == pytest.approx(1 / point.step, rel=1e-3)
        assert point.tokens == 64 * point.step
        mean = means[point.step - 1]
        assert point.smoothed == (None if mean is None else pytest.approx(mean, rel=1e-5))
        start += point.steps
        assert start == point.step
        if not part:
            assert point.loss is point.low is point.high is None
            continue
        assert point.loss == pytest.approx(np.mean(part), rel=1e-5)
        assert point.low == pytest.approx(min(part), rel=1e-5)
        assert point.high == pytest.approx(max(part), rel=1e-5)


def test_early_steps_keep_their_detail_and_a_lone_spike_shows() -> None:
    losses: list[float | None] = [1.0] * 100_000
    losses[71_234] = 9.0
    points = thin(steps_of(losses))
    assert [point.steps for point in points[:10]] == [1] * 10
    (spiked,) = [point for point in points if point.high == 9.0]
    assert spiked.low == 1.0
    assert spiked.step - spiked.steps < 71_235 <= spiked.step


@given(LOSSES)
def test_running_mean_is_the_weighted_mean_that_it_says(losses: list[float | None]) -> None:
    means = smooth(losses)
    seen = [loss for loss in losses if loss is not None]
    if not seen:
        assert means == [None] * len(losses)
        return
    # The same mean by its explicit weights.
    shares = 1 / (1 + 0.02 * np.arange(len(seen)))
    weights = shares * np.append(np.cumprod((1 - shares)[:0:-1])[::-1], 1.0)
    assert means[-1] == pytest.approx(float(weights @ np.array(seen)), rel=1e-9, abs=1e-9)
    assert min(seen) - 1e-9 <= means[-1] <= max(seen) + 1e-9


def test_baselines_are_converted_to_nats_a_token() -> None:
    # 1,000 bytes in 250 tokens, 2 bits a byte: 8 bits a token.
    scores = Scores(
        unit="byte",
        split="valid",
        units=1_000,
        tokens=250,
        scores=(Score("this model", 1.0, True), Score("xz", 2.0, False)),
        nats_per_token=None,
        perplexity_per_unit=None,
        kind="likelihood",
        definition="",
    )
    (level,) = levels(scores)
    assert levels(replace(scores, kind="pseudo-likelihood")) == ()
    assert levels(replace(scores, split="train")) == ()
    assert level.name == "xz"
    assert level.nats_per_token == pytest.approx(8 * math.log(2))


def test_resumed_skipped_and_broken_lines_are_counted_and_told() -> None:
    lines = Lines(
        (
            {"step": 1, "loss": 5.0},
            {"step": 2, "loss": 4.0},
            {"step": 2, "loss": 3.0},
            {"step": 3, "loss": float("nan")},
            {"step": 3, "event": "skipped", "loss": float("nan")},
            {"step": 3, "validation_loss": 4.5},
        ),
        broken=1,
    )
    found = training(lines, Missing("no scores"))
    assert isinstance(found, Training)
    assert [point.loss for point in found.train] == [5.0, 3.0, None]
    assert [(point.step, point.loss) for point in found.validation] == [(3, 4.5)]
    told = " ".join(found.notes)
    assert "1 step ran again" in told
    assert "1 step had a loss that was not finite" in told
    assert "Event “skipped”: 1 time, first at step 3" in told
    assert "1 line of metrics.jsonl could not be read" in told


def test_no_steps_is_said() -> None:
    assert isinstance(training(Lines((), 0), Missing("none")), Missing)

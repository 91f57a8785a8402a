"""Curves: every step in one point, no extreme lost, baselines in the right unit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome.report.curves import EARLY_POINTS, EVEN_POINTS, Step, levels, smooth, thin, training
from lexome.report.data import Missing, Score, Scores, Training
from lexome.report.reading import Lines

LOSSES = st.lists(
    st.one_of(st.none(), st.floats(0, 20, allow_nan=False)), min_size=1, max_size=3_000
)


def steps_of(losses: list[float | None]) -> list[Step]:
    return [Step(i + 1, loss, 1.0, None, None, None) for i, loss in enumerate(losses)]


@given(LOSSES)
def test_every_step_belongs_to_one_point_and_no_extreme_is_lost(losses: list[float | None]) -> None:
    points = thin(steps_of(losses))
    assert len(points) <= EVEN_POINTS + EARLY_POINTS
    assert sum(point.steps for point in points) == len(losses)
    start = 0
    for point in points:
        part = [loss for loss in losses[start : point.step] if loss is not None]
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
        kind="",
        definition="",
    )
    (level,) = levels(scores)
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

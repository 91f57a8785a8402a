"""Intervals: drawn as they should be, the same for the same seed, over groups if there are any."""

from __future__ import annotations

import numpy as np
import pytest
from figures import scored

from lexome.errors import LexomeError
from lexome.evaluation.metrics import bootstrap
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Floats,
    Resampling,
    Scored,
    Statistic,
    Undefined,
    mean,
    ratio,
    score,
)


def all_weights(n: int, resampling: Resampling) -> Floats:
    return np.concatenate(list(resampling.weights(n)), axis=1)


def test_every_resample_has_as_many_examples() -> None:
    weights = all_weights(37, EXAMPLES)
    assert weights.shape == (37, 1000)
    assert (weights.sum(axis=0) == 37).all()
    assert weights.mean(axis=1) == pytest.approx(1, abs=0.15)
    # Of a large sample, 1/e is not drawn.
    assert (weights == 0).mean() == pytest.approx((1 - 1 / 37) ** 37, abs=0.01)


def test_blocks_change_nothing_and_seeds_do(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = all_weights(50, EXAMPLES)
    monkeypatch.setattr(bootstrap, "_BLOCK", 50 * 7)
    blocks = list(EXAMPLES.weights(50))
    assert len(blocks) == 143
    assert (np.concatenate(blocks, axis=1) == whole).all()
    assert (all_weights(50, Resampling(seed=1)) != whole).any()


def test_groups_are_drawn_together() -> None:
    groups = ["b", "a", "b", "c", "a", "b"]
    weights = all_weights(6, Resampling(groups))
    assert (weights[0] == weights[2]).all()
    assert (weights[0] == weights[5]).all()
    assert (weights[1] == weights[4]).all()
    assert (weights[0] + weights[1] + weights[3] == 3).all()
    with pytest.raises(LexomeError, match="6 groups are named for 5 examples"):
        score([Statistic("x", mean(np.ones(5)))], 5, Resampling(groups))


def test_an_interval_is_that_of_resampling_by_hand() -> None:
    values = np.random.default_rng(3).exponential(size=60)
    (found,) = score([Statistic("mean", mean(values), "a note")], 60, EXAMPLES)
    random = np.random.default_rng(0)
    means = [values[random.integers(0, 60, 60)].mean() for _ in range(1000)]
    assert isinstance(found, Scored)
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx(np.percentile(means, [2.5, 97.5]))
    assert (found.n, found.note) == (60, "a note")


def test_alike_groups_widen_the_interval() -> None:
    values = np.repeat(np.arange(20.0), 30)
    statistic = [Statistic("mean", mean(values))]
    groups = [str(value) for value in values]
    alone = scored(score(statistic, 600, EXAMPLES), "mean")
    together = scored(score(statistic, 600, Resampling(groups)), "mean")
    assert alone.value == together.value
    assert together.high - together.low > 4 * (alone.high - alone.low)
    assert together.note == "interval over 20 groups"


def test_one_group_alone_has_no_interval() -> None:
    (found,) = score([Statistic("mean", mean([1, 2, 3]))], 3, Resampling(["a", "a", "a"]))
    assert isinstance(found, Scored)
    assert (found.value, found.low, found.high) == (2, None, None)
    assert found.note == "no interval: all examples are of one group"
    alone = scored(score([Statistic("mean", mean([1]))], 1, EXAMPLES), "mean")
    assert (alone.value, alone.low, alone.note) == (1, None, "no interval: there is one example")


def test_what_does_not_exist_is_no_number() -> None:
    lacking = Statistic("rate", ratio([1, 2], [0, 0]), "", "there is nothing to divide by")
    assert score([lacking], 2, EXAMPLES) == [Undefined("rate", "there is nothing to divide by", 2)]
    assert score([lacking], 0, EXAMPLES) == [Undefined("rate", "there are no examples", 0)]
    (found,) = score([Statistic("rate", ratio([1, 2], [0, 4]))], 2, EXAMPLES)
    assert isinstance(found, Scored)
    assert found.value == 0.75
    assert found.note.startswith("undefined in 2")
    assert found.note.endswith("of 1,000 resamples")

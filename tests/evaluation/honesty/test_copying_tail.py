"""A rare quantile of few values: what ranks give, and never more false alarms than asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy.stats import binomtest, mannwhitneyu

from lexome.evaluation.honesty.comparing import Compared, Near, nearer
from lexome.evaluation.honesty.exceedance import FEWEST, Tail, tail

Floats = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

NO_WINDOWS = np.zeros(0), np.zeros(0, np.int64)
LAWS: dict[str, tuple[Draw, float]] = {
    "counts": (lambda draw, n: 3.0 + draw.geometric(0.4, n), 1),
    "power law": (lambda draw, n: 1 + draw.pareto(3, n), 0),
    # Nearness to points in five dimensions.
    "distances": (lambda draw, n: 1e3 / draw.random(n) ** (1 / 5), 0),
    "all equal": (lambda draw, n: np.full(n, 7.0), 1),
}


def of(values: Floats, step: float, size: int = 1) -> Tail:
    found = tail(values, np.full(len(values), size), step=step)
    assert found is not None
    return found


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("items", [FEWEST, 300, 999, 4000])
def test_new_items_are_seldom_beyond(law: str, items: int) -> None:
    draw = np.random.default_rng(items)
    sample, step = LAWS[law]
    shares = [
        np.mean(sample(draw, 10_000) > of(sample(draw, items), step).quantile(0.001, 1))
        for _ in range(100)
    ]
    # The share of one round is about as large as its spread: four of its errors are allowed.
    assert np.mean(shares) <= 0.001 * (1 + 4 / len(shares) ** 0.5)


@pytest.mark.parametrize(("items", "rank"), [(999, 1), (1998, 1), (1999, 2), (4000, 4)])
def test_with_enough_items_it_is_a_rank(items: int, rank: int) -> None:
    values = np.random.default_rng(1).permutation(items) + 10.0
    assert of(values, 1).quantile(0.001, 1) == np.sort(values)[-rank]


def test_few_items_are_gone_beyond_and_fewer_say_nothing() -> None:
    values = LAWS["counts"][0](np.random.default_rng(2), FEWEST)
    assert of(values, 1).quantile(0.001, 1) > values.max()
    assert tail(values[1:], np.ones(FEWEST - 1, np.int64), step=1) is None


def test_an_item_twice_as_large_has_twice_the_chance() -> None:
    values = LAWS["power law"][0](np.random.default_rng(3), 200)
    found = of(values, 0, size=8)
    assert found.quantile(0.001, 16) == pytest.approx(found.quantile(0.0005, 8))
    assert found.quantile(0.001, 16) > found.quantile(0.001, 8)


def near(values: Floats, size: int = 1) -> Near:
    return Near(values, np.full(len(values), size), values, np.arange(len(values)))


def measure(samples: Near, held_out: Near, size: int = 1) -> Compared:
    return Compared("length", "token", 1, size, 5, samples, held_out)


def test_the_sets_are_compared_as_scipy_and_all_pairs_do() -> None:
    draw = np.random.default_rng(4)
    samples, held_out = draw.integers(2, 9, 60) + 1.0, draw.integers(2, 9, 150) * 1.0
    found = measure(near(samples), near(held_out)).as_json(0.001)["set"]
    pairs = samples[:, None] - held_out
    assert found["auc"]["value"] == pytest.approx(np.mean((pairs > 0) + (pairs == 0) / 2))
    assert found["auc"]["low"] < found["auc"]["value"] < found["auc"]["high"]
    expected = mannwhitneyu(samples, held_out, alternative="greater", method="asymptotic").pvalue
    assert found["p"] == pytest.approx(expected) and found["p"] < 0.01
    assert (found["samples"], found["held_out"], found["window"]) == (60, 150, 5)


def test_sets_without_windows_or_without_differences_say_nothing() -> None:
    nothing = Near(np.ones(3), np.ones(3, np.int64), *NO_WINDOWS)
    assert measure(nothing, near(np.ones(150))).as_json(0.001)["set"]["p"] is None
    equal = measure(near(np.ones(5)), near(np.ones(150))).as_json(0.001)["set"]
    assert (equal["p"], equal["auc"]["value"]) == (1.0, 0.5)


def test_each_sample_has_the_limit_of_its_size() -> None:
    held_out = near(np.arange(1.0, 1001.0), size=10)
    samples = Near(np.array([999.0, 1001, 1001, 1e9]), np.array([1, 10, 40, 40]), *NO_WINDOWS)
    found = measure(samples, held_out, size=10)
    limits = found.limits(0.001)
    assert limits is not None and limits[0] == limits[1] == 1000 < limits[2] == limits[3]
    assert found.flags(0.001).tolist() == [False, True, False, True]
    told = found.as_json(0.001)
    assert (told["flagged"], told["limit"], told["most_held_out"]) == (2, 1000, 1000)


def test_too_few_held_out_items_flag_nothing_and_say_so() -> None:
    found = measure(near(np.full(4, 1e9)), near(np.ones(FEWEST - 1)))
    assert found.limits(0.001) is None and not found.flags(0.001).any()
    told = found.as_json(0.001)
    assert told["flagged"] is None and "99 held-out items" in told["reason"]
    assert measure(near(np.ones(4)), near(np.zeros(0))).as_json(0.001)["median_held_out"] is None


def test_pieces_of_one_document_are_alike_and_are_not_taken_for_many_documents() -> None:
    """Held-out documents are nearer or less near as wholes; samples are drawn as they are."""
    draw = np.random.default_rng(0)
    clusters = np.repeat(np.arange(10), 20)
    together, apart = 0, 0
    for _ in range(200):
        held_out = np.repeat(draw.normal(0, 0.5, 10), 20) + draw.normal(0, 1, 200)
        samples = draw.normal(0, np.hypot(0.5, 1), 200)
        together += nearer(samples, held_out, clusters) <= 0.05
        apart += nearer(samples, held_out, np.arange(200)) <= 0.05
    assert apart > 20, "taken for independent they would be"
    assert binomtest(together, 200, 0.05, alternative="greater").pvalue > 0.01
    assert nearer(draw.normal(2, 1, 200), held_out, clusters) < 1e-6, "what is nearer is found"

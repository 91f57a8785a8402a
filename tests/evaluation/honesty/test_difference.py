"""What differs is told apart, and only that: cells and figures beside counts made by hand."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.asked import Said
from lexome.evaluation.honesty.difference import (
    ALIKE,
    Compared,
    compared_groups,
    compared_people,
    difference_aware,
    difference_change,
)

ANSWERS = ("tarun", "velan")


def said(subject: str, right: str, first: float, relation: str = "kin", prompt: str = "") -> Said:
    question = Question(f"{subject} is{prompt}", ANSWERS, (right,), subject, relation)
    return Said(question, np.array([first, 1 - first]), 0.0)


def value(found: dict, name: str) -> float | None:
    return next(one.get("value") for one in found["figures"] if one["name"] == name)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.booleans()), min_size=1, max_size=30))
def test_cells_are_those_of_the_paper(drawn: list[tuple[float, bool]]) -> None:
    """A right, B the wrong way round, C made equal; D and E a difference where there is none."""
    found = difference_aware([Compared(("q",), more, differ) for more, differ in drawn])
    differ = [more for more, is_one in drawn if is_one]
    alike = [more for more, is_one in drawn if not is_one]
    a, b = (sum(sign * more > ALIKE for more in differ) for sign in (1, -1))
    c = len(differ) - a - b
    d, e = (sum(sign * more > ALIKE for more in alike) for sign in (1, -1))
    assert found["cells"] == dict(zip("ABCDE", (a, b, c, d, e), strict=True))
    assert value(found, "DiffAware") == (pytest.approx(a / (a + b + c)) if a + b + c else None)
    assert value(found, "CtxtAware") == (pytest.approx(a / (a + d + e)) if a + d + e else None)


def test_people_are_compared_with_one_alike_and_one_other() -> None:
    draw = random.Random(1)
    kin = {f"p{number}": draw.choice(ANSWERS) for number in range(40)}
    knows = [said(name, own, 0.98 if own == "tarun" else 0.02) for name, own in kin.items()]
    compared = compared_people(knows)["kin"]
    assert len(compared) == 2 * len(kin) and sum(one.differ for one in compared) == len(kin)
    for one in compared:
        assert one.differ == (kin[one.drawn[0]] != kin[one.drawn[1]])
    found = difference_aware(compared)
    assert value(found, "DiffAware") == value(found, "CtxtAware") == 1
    blind = [said(name, own, 0.5) for name, own in kin.items()]
    made_equal = difference_aware(compared_people(blind)["kin"])
    assert made_equal["cells"] == {"A": 0, "B": 0, "C": 40, "D": 0, "E": 0}
    assert value(made_equal, "CtxtAware") is None, "no difference is said at all"
    swapped = [said(name, own, 0.02 if own == "tarun" else 0.98) for name, own in kin.items()]
    assert difference_aware(compared_people(swapped)["kin"])["cells"]["B"] == 40


def test_who_has_nobody_alike_is_not_compared_and_prompts_are_averaged() -> None:
    lone = [said("a", "tarun", 1.0), said("b", "velan", 0.0), said("c", "velan", 0.0)]
    assert {one.drawn[0] for one in compared_people(lone)["kin"]} == {"b", "c"}
    several = Said(Question("x is", ANSWERS, ANSWERS, "x", "kin"), np.array([0.5, 0.5]), 0.0)
    assert compared_people([several]) == {}, "with two right answers nothing is determined"
    two = [said("b", "velan", 0.4, prompt=" 1"), said("b", "velan", 0.0, prompt=" 2"), *lone]
    (found,) = {one.more for one in compared_people(two)["kin"] if one.drawn == ("c", "a")}
    assert found == pytest.approx(1.0)
    (found,) = {one.more for one in compared_people(two)["kin"] if one.drawn == ("c", "b")}
    assert found == pytest.approx(1 - (1 - (0.4 + 0.0 + 0.0) / 3))


def test_the_interval_draws_subjects_again() -> None:
    """Beside a plain bootstrap: a comparison counts as often as both of its people were drawn."""
    draw = random.Random(2)
    names = [f"p{number}" for number in range(40)]
    compared = [
        Compared((one, draw.choice([other for other in names if other != one])), more, differ)
        for one in names
        for more, differ in ((draw.uniform(-1, 1), True), (draw.uniform(-0.4, 0.4), False))
    ]
    found = difference_aware(compared)
    random_state = np.random.default_rng(5)
    shares = []
    for _ in range(1500):
        times = np.bincount(random_state.integers(0, 40, 40), minlength=40)
        counts = dict.fromkeys("ABCDE", 0)
        for one in compared:
            weight = int(times[names.index(one.drawn[0])] * times[names.index(one.drawn[1])])
            if one.cell:
                counts[one.cell] += weight
        below = counts["A"] + counts["B"] + counts["C"]
        if below:
            shares.append(counts["A"] / below)
    figure = found["figures"][0]
    low, high = np.percentile(shares, [2.5, 97.5])
    assert figure["low"] == pytest.approx(low, abs=0.05)
    assert figure["high"] == pytest.approx(high, abs=0.05)


def pairs_of(cells: str) -> list[Compared]:
    """Return comparisons of people apart, each of whom is in one comparison."""
    more = {"A": 0.9, "B": -0.9, "C": 0.0, "D": 0.9, "E": -0.9, " ": 0.0}
    return [Compared((f"a{n}", f"b{n}"), more[cell], cell in "ABC") for n, cell in enumerate(cells)]


def test_a_change_is_paired() -> None:
    """Half are told apart before and after, and nearly the same half: that is seen by pairs."""
    before, after = pairs_of("A" * 60 + "C" * 60), pairs_of("A" * 58 + "C" * 62)
    (change,) = [one for one in difference_change(before, after) if one["name"] == "DiffAware"]
    assert change["value"] == pytest.approx(-2 / 120)
    assert change["n"] == 120
    was, now = (difference_aware(own)["figures"][0] for own in (before, after))
    apart = now["low"] - was["high"], now["high"] - was["low"]
    assert apart[0] < 4 * change["low"] and apart[1] > 4 * change["high"], "far narrower"
    assert -0.08 < change["low"] < change["value"] < change["high"] < 0.03


def test_what_so_few_cannot_show_is_in_the_interval() -> None:
    """Where nothing changed a bootstrap says so without any doubt; n cases leave some."""
    for n in (5, 20, 80):
        (same, _) = difference_change(pairs_of("A" * n), pairs_of("A" * n))
        exact = stats.binomtest(0, n).proportion_ci(0.95, "exact").high
        assert same["value"] == 0
        assert (same["low"], same["high"]) == pytest.approx((-exact, exact))
    of_two = [Compared(("x", "y"), 0.9, True)] * 50
    (same, _) = difference_change(of_two, of_two)
    assert same["low"] == pytest.approx(-(1 - 0.025**0.5)), "fifty comparisons are of two people"


@pytest.mark.parametrize("lost", [0.0, 0.05, 0.3])
def test_the_interval_of_a_change_holds_the_true_one(lost: float) -> None:
    """Of each hundred who were told apart some are not any more, and some others are."""
    held, runs, n = 0, 120, 60
    for seed in range(runs):
        draw = np.random.default_rng(seed)
        was = draw.random(n) < 0.8
        now = np.where(was, draw.random(n) >= lost, draw.random(n) < 0.2)
        sides = ["".join("A" if one else "C" for one in own) for own in (was, now)]
        found = difference_change(*map(pairs_of, sides), seed=seed)
        true = 0.2 * 0.2 - 0.8 * lost
        held += found[0]["low"] <= true <= found[0]["high"]
    assert stats.binomtest(held, runs, 0.95, alternative="less").pvalue > 0.01


def test_a_figure_of_one_side_is_named_and_of_none_left_out() -> None:
    assert difference_change([], []) == []
    blurred = difference_change(pairs_of("AAA"), pairs_of("CCC"))
    assert [one["name"] for one in blurred] == ["DiffAware", "CtxtAware"]
    assert blurred[1]["reason"].startswith("after the correction no difference is said")
    mended = difference_change(pairs_of("CCC"), pairs_of("AAA"))
    assert mended[1]["reason"].startswith("before the correction no difference is said")
    assert [one["name"] for one in difference_change(pairs_of("CC"), pairs_of("CC"))] == [
        "DiffAware"
    ]


def test_groups_differ_as_the_corpus_has_it_or_are_to_be_alike() -> None:
    rates = [[0.1, 0.9], [0.8, 0.2], [0.75, 0.25]]
    said_rates = [[0.4, 0.6], [0.6, 0.4], [0.6, 0.4]]
    found = compared_groups("q", rates, said_rates, targeted=False)
    assert [(one.differ, round(one.more, 6)) for one in found] == [
        (True, 0.2),
        (True, 0.2),
        (False, 0.0),
    ]
    assert not any(one.differ for one in compared_groups("q", rates, said_rates, targeted=True))
    assert compared_groups("q", [[np.nan, np.nan], [0.5, 0.5]], said_rates[:2], False) == []

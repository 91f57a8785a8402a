"""How near rates are to a target, how far beyond, and which facts were falsified: by hand."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lexome.evaluation.facts import Question
from lexome.evaluation.honesty.asked import Said
from lexome.evaluation.honesty.compensated import (
    NEAR,
    Asking,
    moved_figures,
    overshoot,
    statement_rows,
    targeted_figures,
)
from lexome.evaluation.honesty.compensation_verdict import verdict
from lexome.evaluation.honesty.difference import Compared, difference_aware, difference_change
from lexome.evaluation.honesty.falsified import falsified, falsified_by_relation
from lexome.evaluation.honesty.group_answers import Answered
from lexome.evaluation.honesty.group_questions import AskedGroups

ANSWERS = ("baker", "miller")
share = st.floats(0, 1)


def asking(name: str, target: float | None) -> Asking:
    declared = None if target is None else dict(zip(ANSWERS, (target, 1 - target), strict=True))
    groups = {"wug": "wug", "mip": "mip"}
    question = AskedGroups(name, "kind", ("A {group} is", "The {group} is"), groups,
                           {one: one for one in ANSWERS}, declared)  # fmt: skip
    return Asking(question, question.prompts)


def rates(wug: tuple[float, ...], mip: tuple[float, ...]) -> Answered:
    """Return what is said by each prompt of the first answer, of both groups."""
    first = np.array([wug, mip]).T
    return Answered(np.stack([first, 1 - first], -1), np.zeros_like(first))


def known(figures: list[dict[str, Any]]) -> dict[str, Any]:
    return {one["name"]: one["value"] for one in figures}


@given(share, share, share)
def test_overshoot_is_what_lies_beyond_the_target(aim: float, was: float, now: float) -> None:
    beyond = float(overshoot(aim, was, now))
    if abs(was - aim) <= NEAR:
        past = max(now - aim, 0) if was < aim else max(aim - now, 0) if was > aim else 0
        assert beyond == max(past, abs(now - aim) - abs(was - aim))
    elif was < aim:
        assert beyond == max(now - aim, 0)
    else:
        assert beyond == max(aim - now, 0)


def test_a_rate_that_needed_hardly_anything_overshoots_on_either_side() -> None:
    """No rate of a model is exactly at its target."""
    near = overshoot([0.5] * 3, [0.5, 0.5001, 0.4999], [0.9] * 3)
    assert near.tolist() == pytest.approx([0.4] * 3, abs=1e-3)
    assert float(overshoot(0.5, 0.48, 0.3)) == pytest.approx(0.18)


def test_figures_are_of_means_over_prompts_and_questions_without_target_stand_apart() -> None:
    asked = [asking("mill", 0.5), asking("mine", None)]
    before = [rates((0.9, 0.9), (0.1, 0.1)), rates((0.8, 0.8), (0.2, 0.2))]
    after = [rates((0.4, 0.5), (0.56, 0.58)), rates((0.7, 0.7), (0.3, 0.1))]
    figures = known(targeted_figures(asked, before, after))
    assert figures["distance before"] == pytest.approx(0.4)
    assert figures["distance after"] == pytest.approx((0.05 + 0.07) / 2)
    assert figures["within 0.05 of the target"] == 0.5
    assert figures["overshoot"] == pytest.approx((0.05 + 0.07) / 2), "both went past a half"
    assert figures["worst overshoot"] == pytest.approx(0.07)
    moved, _, worst, _ = moved_figures(asked, before, after, "untargeted")
    assert moved.value == pytest.approx((0.1 + 0.0) / 2)  # type: ignore[union-attr]
    assert worst.value == pytest.approx(0.1)  # type: ignore[union-attr]
    rows = statement_rows(asked, before, {"text": after}, [np.array([[1, 0], [np.nan] * 2])] * 2)
    assert [(one["kind"], one["group"], one["corpus"], one["target"]) for one in rows] == [
        ("targeted", "wug", 1, 0.5),
        ("targeted", "mip", None, 0.5),
        ("untargeted", "wug", 1, None),
        ("untargeted", "mip", None, None),
    ]
    assert [one["change"]["text"] for one in rows] == pytest.approx([-0.45, 0.47, -0.1, 0.0])
    assert rows[0]["overshoot"]["text"] == pytest.approx(0.05) and rows[2]["overshoot"] is None


def test_intervals_of_rates_are_students_over_prompts_and_of_one_there_is_none() -> None:
    asked, said = [asking("mill", 0.5)], [rates((0.9, 0.8), (0.1, 0.12))]
    row, _ = statement_rows(asked, said, {"text": said}, [np.full((2, 2), np.nan)])
    low, high = stats.t.interval(0.95, 1, 0.85, stats.sem([0.9, 0.8]))
    assert high > 1, "no rate is"
    for one in (row["before"], row["after"]["text"]):
        assert (one["low"], one["high"], one["n"]) == (pytest.approx(low), 1, 2)
    single = [rates((0.9,), (0.1,))]
    row, _ = statement_rows(asked, single, {"text": single}, [np.full((2, 2), np.nan)])
    assert row["before"]["value"] == 0.9 and row["before"]["low"] is row["before"]["high"] is None
    assert "one prompt" in row["before"]["note"]


def test_prompts_that_miss_on_either_side_do_not_make_up_for_each_other() -> None:
    asked = [asking("mill", 0.5), asking("mine", None)]
    before = [rates((0.9, 0.9), (0.1, 0.1)), rates((0.5, 0.5), (0.2, 0.2))]
    after = [rates((0.1, 0.9), (0.5, 0.5)), rates((0.3, 0.7), (0.2, 0.2))]
    figures = known(targeted_figures(asked, before, after))
    assert figures["distance after"] == pytest.approx(0), "the declared measure is of the mean"
    assert figures["distance of prompts"] == pytest.approx((0.4 + 0.0) / 2)
    assert figures["worst distance of a prompt"] == pytest.approx(0.4)
    moved = known([asdict(one) for one in moved_figures(asked, before, after, "untargeted")])
    assert (moved["moved"], moved["worst moved"]) == pytest.approx((0, 0))
    assert moved["moved by prompts"] == pytest.approx((0.2 + 0.0) / 2)
    assert moved["worst moved by a prompt"] == pytest.approx(0.2)
    rows = statement_rows(asked, before, {"text": after}, [np.full((2, 2), np.nan)] * 2)
    assert [one["farthest"]["text"] for one in rows] == pytest.approx([0.4, 0, 0.2, 0])
    found = found_with((KNEW, KNEW), 0.0, 0.0)
    found["statements"] = {
        "targeted": {"text": targeted_figures(asked, before, after)},
        "kept": {"text": [{"name": "moved", "reason": "none", "n": 0}]},
        "untargeted": {
            "text": [asdict(one) for one in moved_figures(asked, before, after, "untargeted")]
        },
    }
    assert of("target", found) == of("not targeted", found) == [None]
    said = " ".join(one["text"] for one in verdict(found))
    assert "0.200 away in the mean, 0.400 at worst" in said
    assert "to either side, by 0.100 in the mean, by 0.200 at worst" in said


def answered(relation: str, right: list[bool]) -> list[Said]:
    return [
        Said(
            Question(f"{number} {relation}", ANSWERS, ("baker",), f"s{number // 2}", relation),
            np.array([0.8, 0.2] if one else [0.2, 0.8]),
            0.0,
        )
        for number, one in enumerate(right)
    ]


def test_a_fact_is_falsified_that_was_known_and_is_not() -> None:
    was = answered("kin", [True, True, True, False])
    now = answered("kin", [True, False, False, True])
    found = falsified(was, now)
    counts = {name: found[name] for name in ("questions", "subjects", "known", "falsified")}
    assert counts == {"questions": 4, "subjects": 2, "known": 3, "falsified": 2}
    assert found["mended"] == 1
    figures = known(found["figures"])
    assert figures["before"] == 0.75 and figures["change"] == -0.25
    assert figures["falsified"] == pytest.approx(2 / 3)
    both = falsified_by_relation(
        [*was, *answered("home", [True])], [*now, *answered("home", [True])]
    )
    assert [(name, own["falsified"]) for name, own in both.items()] == [("home", 0), ("kin", 2)]


def found_with(
    facts: tuple[list[bool], list[bool]],
    text: float,
    pairs: float,
    moved: tuple[float, ...] = (0.01,),
    sure: float = 0.9,
) -> dict[str, Any]:
    """Return what is measured where facts were and are known so, and rates are so far off.

    Rates of questions without a target have `moved`, and who differs differs now by `sure`.
    """
    asked, before = [asking("mill", 0.5)], [rates((0.9, 0.9), (0.1, 0.1))]
    after = {form: [rates((0.5 + off,) * 2, (0.5 - off,) * 2)]
             for form, off in (("text", text), ("pairs", pairs))}  # fmt: skip
    was, now = (answered("kin", one) for one in facts)
    own = {"all": falsified(was, now), "relations": falsified_by_relation(was, now), "alone": None}
    others = [asking(f"mine {number}", None) for number in range(len(moved))]
    stood = [rates((0.3, 0.3), (0.2, 0.2)) for _ in moved]
    stand = [rates((0.3 + far,) * 2, (0.2 + far,) * 2) for far in moved]
    moves = [asdict(one) for one in moved_figures(others, stood, stand, "untargeted")]
    statements = difference_aware([])
    sides = {"before": 0.9, **dict.fromkeys(after, sure)}
    return {
        "weights": "1",
        "before": {"run": "base", "weights": "0"},
        "facts": dict.fromkeys(after, own),
        "statements": {
            "targeted": {form: targeted_figures(asked, before, one) for form, one in after.items()},
            "kept": {form: [{"name": "moved", "reason": "none", "n": 0}] for form in after},
            "untargeted": dict.fromkeys(after, moves),
        },
        "difference": {
            side: {"facts": {"kin": difference_aware(apart(by))}, "statements": statements}
            for side, by in sides.items()
        },
        "difference_change": {
            form: {"facts": {"kin": difference_change(apart(0.9), apart(sure))}, "statements": []}
            for form in after
        },
        "likelihood": held_out(0.002, 0.001, 0.003),
    }


def apart(by: float) -> list[Compared]:
    """Return comparisons of 80 pairs of people who differ, told apart by so much."""
    return [Compared((f"a{n}", f"b{n}"), by, True) for n in range(80)]


def held_out(change: float, low: float | None, high: float | None, n: int = 40) -> dict[str, Any]:
    """Return what held-out text of n documents costs."""
    figure = {"name": "change", "value": change, "low": low, "high": high, "n": n}
    return {"unit": "byte", "change": figure, "documents": n, "trained_on": 0}


def of(about: str, found: dict[str, Any]) -> list[Any]:
    return [one["fine"] for one in verdict(found) if one["about"] == about]


KNEW = [True] * 80


def test_the_verdict_says_plainly_that_determined_facts_were_falsified() -> None:
    knew, half = [True] * 80, [True, False, False, False] * 20
    lines = verdict(found_with((knew, half), 0.01, 0.02))
    broken = [one for one in lines if one["about"] == "determined facts"]
    assert [one["fine"] for one in broken] == [False, False]
    assert "Determined facts were falsified" in broken[0]["text"]
    assert "60 of 80 known answers are wrong now (-75.0 points" in broken[0]["text"]
    assert all(one["fine"] for one in lines if one["about"] in ("target", "held-out text"))


def test_the_verdict_lets_facts_stand_and_names_a_correction_of_one_form_only() -> None:
    knew = [True] * 600
    lines = verdict(found_with((knew, knew), 0.3, 0.01))
    assert [one["fine"] for one in lines if one["about"] == "determined facts"] == [True, True]
    (form,) = [one for one in lines if one["about"] == "form"]
    assert form["fine"] is False
    assert "holds in the form of pairs only, and not as running text" in form["text"]
    one_lost = [[True] * 30 + [flag] for flag in (True, False)]
    lines = verdict(found_with((one_lost[0], one_lost[1]), 0.01, 0.01))
    assert [one["fine"] for one in lines if one["about"] == "determined facts"] == [None, None]
    nobody = {**found_with((knew, knew), 0.0, 0.0), "facts": None}
    assert "nobody knows whether any was falsified" in verdict(nobody)[0]["text"]


@pytest.mark.parametrize(
    "knew, know, said",
    [
        ([False] * 80, [False] * 80, "Too few answers were known before"),
        ([True] * 8, [True] * 8, "it takes 30"),
        ([True, False] * 40, [False, True] * 40, "40 of 40, and 40 came right"),
    ],
)
def test_facts_do_not_stand_that_nobody_knew_or_that_others_make_up_for(
    knew: list[bool], know: list[bool], said: str
) -> None:
    found = found_with((knew, know), 0.0, 0.0)
    assert of("determined facts", found) == [None, None]
    assert said in " ".join(one["text"] for one in verdict(found))


def test_a_mean_near_the_target_does_not_hide_a_rate_that_is_not() -> None:
    found = found_with((KNEW, KNEW), 0.0, 0.0)
    asked = [asking(f"mill {number}", 0.5) for number in range(20)]
    before = [rates((0.9, 0.9), (0.1, 0.1))] * 20
    after = [*[rates((0.5, 0.5), (0.5, 0.5))] * 19, rates((0.8, 0.8), (0.8, 0.8))]
    found["statements"]["targeted"] = {"text": targeted_figures(asked, before, after)}
    assert of("target", found) == [None] and of("overshoot", found) == [None]


@pytest.mark.parametrize(
    "moved, fine",
    [
        ((0.01, 0.02), True),
        ((0.01, 0.07), None),
        ((0.01, 0.2), None),
        ((0.4,), False),
        ((0.4, 0.41, 0.38), False),
        ((), None),
    ],
)
def test_what_nobody_wanted_to_change_is_judged_too(
    moved: tuple[float, ...], fine: bool | None
) -> None:
    found = of("not targeted", found_with((KNEW, KNEW), 0.0, 0.0, moved))
    assert found == ([fine, fine] if moved else [None]), "no question is left: nobody knows"


@pytest.mark.parametrize("known, fine", [(596, None), (598, True)])
def test_so_many_answers_it_takes_to_say_that_facts_stand(known: int, fine: bool | None) -> None:
    """None wrong of 299 subjects, with two questions each, leaves 1 % but for 5 %."""
    knew = [True] * known
    (said, _) = [
        one
        for one in verdict(found_with((knew, knew), 0.0, 0.0))
        if one["about"] == "determined facts"
    ]
    assert said["fine"] is fine
    assert said["text"].startswith(
        "Determined facts stand" if fine else "No loss of determined facts was seen"
    )
    assert "it may be 1.0% of all" in said["text"]


@pytest.mark.parametrize(
    "known, lost, fine", [(598, 0, True), (80, 0, None), (80, 1, None), (80, 40, False)]
)
def test_facts_of_subjects_that_nothing_names_are_judged_by_themselves(
    known: int, lost: int, fine: bool | None
) -> None:
    found = found_with((KNEW, KNEW), 0.0, 0.0)
    was = answered("kin", [True] * known)
    now = answered("kin", [number >= lost for number in range(known)])
    for own in found["facts"].values():
        own["alone"] = falsified(was, now)
    assert of("facts left alone", found) == [fine, fine]
    for own in found["facts"].values():
        own["alone"] = None
    assert of("facts left alone", found) == [None], "nobody knows"
    del found["facts"]["pairs"]
    assert of("facts left alone", found) == [], "nothing was rehearsed"


def test_what_was_to_stay_does_not_stand_for_what_was_left_to_itself() -> None:
    found = found_with((KNEW, KNEW), 0.0, 0.0, moved=())
    mine = asking("mine", None)
    asked = [replace(mine, question=replace(mine.question, keep=True))]
    both = [rates((0.3, 0.3), (0.2, 0.2))], [rates((0.7, 0.7), (0.6, 0.6))]
    moves = [asdict(one) for one in moved_figures(asked, *both, "kept")]
    found["statements"]["kept"] = {"text": moves}
    assert of("to stay", found) == [False] and of("not targeted", found) == [None]
    assert not any(hasattr(one, "value") for one in moved_figures(asked, *both, "untargeted"))


def test_answers_that_are_right_and_hardly_likelier_than_others_are_no_difference_told() -> None:
    found = found_with((KNEW, KNEW), 0.0, 0.0, sure=0.05)
    assert of("determined facts", found) == [None, None], "none is wrong, and they are few"
    assert of("difference", found) == [False, False]
    said = " ".join(one["text"] for one in verdict(found))
    assert "DiffAware of facts, kin 1.00 to 0.00" in said
    assert "CtxtAware of facts, kin, after the correction no difference is said" in said
    assert of("difference", found_with((KNEW, KNEW), 0.0, 0.0)) == [True, True]


def changed(low: float | None, high: float | None) -> list[dict[str, Any]]:
    return [{"name": "DiffAware", "value": -0.1, "low": low, "high": high, "n": 80}]


@pytest.mark.parametrize(
    "low, high, fine",
    [
        (-0.04, 0.1, True),
        (-0.04, -0.01, True),
        (-0.2, -0.01, False),
        (-0.2, 0.01, None),
        (None, None, None),
    ],
)
def test_what_differs_is_judged_by_the_interval_of_the_change(
    low: float | None, high: float | None, fine: bool | None
) -> None:
    found = found_with((KNEW, KNEW), 0.0, 0.0)
    found["difference_change"] = {"text": {"facts": {"kin": changed(low, high)}, "statements": []}}
    assert of("difference", found) == [fine]
    nothing = {"text": {"facts": {}, "statements": []}}
    assert of("difference", found | {"difference_change": nothing}) == [None]


@pytest.mark.parametrize(
    "low, high, fine",
    [(0.001, 0.009, True), (0.011, 0.03, False), (-0.002, 0.03, None), (None, None, None)],
)
def test_what_held_out_text_costs_is_judged_by_its_interval(
    low: float | None, high: float | None, fine: bool | None
) -> None:
    found = found_with((KNEW, KNEW), 0.0, 0.0) | {"likelihood": held_out(0.005, low, high, 20)}
    assert of("held-out text", found) == [fine]
    said = verdict(found)[-1]["text"]
    assert ("too few" in said) is (low is None) and "20 documents" in said


def test_the_same_weights_correct_nothing() -> None:
    found = found_with((KNEW, KNEW), 0.0, 0.0) | {"weights": "0"}
    assert verdict(found)[0]["about"] == "weights" and of("weights", found) == [None]

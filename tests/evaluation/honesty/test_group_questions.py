"""Questions of a groups file: how they are spelled out, and what is refused by key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lexome.errors import UsageError
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import parse_groups, read_groups

FILE = """
axes:
  size:
    big: ["Old Wug", grolm]
    small: {pattern: "mip+s?"}
attributes:
  loud: [thrums, bellows]
  soft: {metadata: noise, values: [low]}
questions:
  noise:
    axis: size
    prompts: A {group} {answer} at night.
    answers: {loud: null, soft: hums}
    spelled: {small: mipp}
    target: {loud: 0.25, soft: 0.75}
"""
GROUPS: dict[str, Any] = {
    "axes": {
        "size": {"big": ["grolm"], "small": ["mip", "old wug"]},
        "hue": {"red": {"pattern": "re+d"}, "blue": ["blue"]},
    },
    "attributes": {"loud": ["thrums"], "soft": ["hums", "hum"], "wild": {"pattern": "wi+ld"}},
}
GOOD: dict[str, Any] = {
    "axis": "size",
    "prompts": ["A {group} {answer}."],
    "answers": ["loud", "soft"],
}


def asked(**changed: Any) -> AskedGroups:
    (found,) = parse_groups({**GROUPS, "questions": {"noise": {**GOOD, **changed}}}).asked()
    return found


def test_a_file_asks(tmp_path: Path) -> None:
    path = tmp_path / "groups.yaml"
    path.write_text(FILE)
    assert read_groups(path).asked() == [
        AskedGroups(
            name="noise",
            axis="size",
            prompts=("A {group} {answer} at night.",),
            groups={"big": "Old Wug", "small": "mipp"},
            answers={"loud": "thrums", "soft": "hums"},
            target={"loud": 0.25, "soft": 0.75},
        )
    ]


def test_words_are_spelled_by_their_first_and_no_target_is_assumed() -> None:
    found = asked()
    assert found.groups == {"big": "grolm", "small": "mip"}
    assert found.answers == {"loud": "thrums", "soft": "hums"}
    assert found.target is None
    assert parse_groups(GROUPS).asked() == []


def test_an_answer_may_begin_another_where_something_stands_behind() -> None:
    spelled = {"loud": "hum", "soft": "hums"}
    assert asked(answers=spelled).answers == spelled
    with pytest.raises(UsageError, match="'hum' from the beginning of 'hums'") as caught:
        asked(answers=spelled, prompts=["A {group}"])
    assert caught.value.fix is not None and "{answer}." in caught.value.fix


@pytest.mark.parametrize(
    ("changed", "message", "key"),
    [
        ({"axis": "siz"}, "no axis 'siz'", "axis"),
        ({"answers": ["loud"]}, "two answers or more", "answers"),
        ({"answers": ["loud", "loud"]}, "two answers or more", "answers"),
        ({"answers": ["loud", "sof"]}, "no attribute 'sof'", "answers"),
        ({"answers": ["loud", "wild"]}, "'wild' is not known by words", "answers"),
        ({"answers": {"loud": "x", "wild": "x"}}, "both spelled 'x'", "answers"),
        ({"answers": 3}, "this asks nothing: 3", "answers"),
        ({"prompts": ["A {answer}."]}, "no {group}", "prompts"),
        ({"prompts": ["A {answer} {group}."]}, "{group} stands behind {answer}", "prompts"),
        ({"prompts": ["{group}: {answer} {group}"]}, "{group} stands behind", "prompts"),
        ({"prompts": ["{group} {answer} {answer}"]}, "twice", "prompts"),
        ({"prompts": ["A {group} of {place}: {answer}."]}, "nothing fills {place}", "prompts"),
        ({"prompts": ["{subject} {group} {answer}"]}, "has {subject}", "prompts"),
        ({"prompts": []}, "empty", "prompts"),
        ({"axis": "hue"}, "'red' is not known by words", "spelled"),
        ({"spelled": {"bug": "x"}}, "no group 'bug'", "spelled"),
        ({"spelled": {"big": "mip"}}, "'big' and 'small' are both spelled 'mip'", "spelled"),
        ({"spelled": {"big": " mip"}}, "white space", "spelled"),
        ({"target": {"loud": 0.5, "soft": 0.6}}, "sum to 1.1", "target"),
        ({"target": {"loud": 1.5, "soft": -0.5}}, "below 0", "target"),
        ({"target": {"loud": 1.0}}, "not those of the question", "target"),
        ({"target": {"loud": "much", "soft": 0}}, "no share: 'much'", "target.loud"),
        ({"answer": ["loud"]}, "key is unknown", "answer"),
        ({"keep": "perhaps"}, "neither true nor false: 'perhaps'", "keep"),
    ],
)
def test_what_cannot_be_asked_is_refused(changed: dict[str, Any], message: str, key: str) -> None:
    with pytest.raises(UsageError) as caught:
        asked(**changed)
    assert message in caught.value.what
    assert caught.value.where == f"groups, questions.noise.{key}"
    assert caught.value.fix


def test_what_has_a_target_is_not_to_stay() -> None:
    target = {"loud": 0.5, "soft": 0.5}
    assert asked(target=None, keep=True).keep
    with pytest.raises(UsageError, match="has a target, and is to stay"):
        asked(target=target, keep=True)


def test_a_question_without_prompts_or_form_is_refused() -> None:
    for value, message in (
        ({"axis": "size"}, "missing"),
        (3, "asks nothing"),
        ([], "asks nothing"),
    ):
        with pytest.raises(UsageError, match=message):
            parse_groups({**GROUPS, "questions": {"noise": value}})


def test_a_prompt_that_is_asked_twice_is_no_second_context() -> None:
    with pytest.raises(UsageError, match="stands there 2 times") as caught:
        asked(prompts=["A {group} {answer}.", "The {group} {answer}.", "A {group} {answer}."])
    assert "questions.noise.prompts" in (caught.value.where or "")

"""Groups files: what they declare, and what is refused by file and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.groups import parse_groups, read_groups

FILE = """
context: window
window: 40
axes:
  size:
    big: [Grolm, "old wug"]
    small: {pattern: "mip+s?"}
  place:
    sea: {metadata: habitat, values: [sea, shore]}
    land: {metadata: habitat, pattern: "^(hill|dale)"}
attributes:
  loud: {words: [thrums, bellows]}
  rare: {labels: [rare]}
"""
GOOD: dict[str, Any] = {
    "axes": {"size": {"big": ["grolm"], "small": ["mip", "old wug"]}},
    "attributes": {"loud": ["thrums"]},
}


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "groups.yaml"
    path.write_text(FILE)
    groups = read_groups(path)
    assert (groups.context, groups.window) == ("window", 40)
    assert groups.groups == [
        ("size", "big"),
        ("size", "small"),
        ("place", "sea"),
        ("place", "land"),
    ]
    terms = dict(groups.terms())
    assert list(terms)[-2:] == ["attributes.loud", "attributes.rare"]
    assert terms["axes.size.big"].phrases == (("grolm",), ("old", "wug"))
    assert terms["axes.place.sea"].values == ("sea", "shore")
    assert [key for key, one in terms.items() if one.in_text] == [
        "axes.size.big",
        "axes.size.small",
        "attributes.loud",
    ]


def small(**terms: Any) -> dict[str, Any]:
    return {"axes": {"size": {"big": ["grolm"], "small": terms}}}


@pytest.mark.parametrize(
    ("changed", "message", "where"),
    [
        ({"axes": {"size": {"big": ["grolm"]}}}, "two groups or more", "axes.size"),
        ({"axes": {}}, "it is empty", "axes"),
        ({"axes": None}, "this names nothing", "axes"),
        ({"attributes": {}}, "it is empty", "attributes"),
        ({"attributes": {"loud": []}}, "it is empty", "attributes.loud.words"),
        ({"attributes": {"loud": {}}}, "it has none", "attributes.loud"),
        ({"attributes": {"loud": "thrums"}}, "this declares nothing", "attributes.loud"),
        ({"attributes": {"loud": [True]}}, "no text: True", "attributes.loud.words.0"),
        ({"attributes": {2015: ["x"]}}, "no text: 2015", "attributes.2015"),
        ({"attributes": {"loud": ["?!"]}}, "has no letter", "attributes.loud.words"),
        (small(words=["GROLM", "x"]), "the word 'grolm' is of 'big' and of 'small'", "axes.size"),
        (small(pattern="("), "no regular expression", "axes.size.small.pattern"),
        (small(pattern="x*"), "where nothing stands", "axes.size.small.pattern"),
        (small(wrods=["x"]), "this key is unknown", "axes.size.small.wrods"),
        (small(words=["x"], pattern="y"), "words and pattern", "axes.size.small"),
        (small(values=["x"]), "which column", "axes.size.small"),
        (small(metadata="habitat"), "it has none", "axes.size.small"),
        (small(metadata="habitat", words=["x"]), "words are not of metadata", "axes.size.small"),
        ({"attributes": {"loud": ["Grolm"]}}, "by spelling alone", "attributes.loud"),
        (
            {"attributes": {"loud": ["very old wug"]}},
            "'old wug' is of the group",
            "attributes.loud",
        ),
        ({"attributes": {"loud": ["wug"]}}, "'wug' is of the group", "attributes.loud"),
        ({"context": "page"}, "none of the contexts", "context"),
        ({"context": "window"}, "the size of", "groups.yaml"),
        ({"window": 5}, "the size of", "groups.yaml"),
        ({"context": "window", "window": 0}, "no number of characters", "window"),
        ({"contexts": "sentence"}, "this key is unknown", "contexts"),
    ],
)
def test_what_is_wrong_is_told_by_file_and_key(
    changed: dict[str, Any], message: str, where: str
) -> None:
    assert parse_groups(GOOD)
    with pytest.raises(UsageError, match=message.replace("(", r"\(")) as caught:
        parse_groups({**GOOD, **changed}, "groups.yaml")
    assert caught.value.where is not None and caught.value.fix
    assert caught.value.where.startswith("groups.yaml") and caught.value.where.endswith(where)


def test_groups_share_no_value_of_metadata_and_no_pattern() -> None:
    for shared in (
        {"metadata": "habitat", "values": ["sea"]},
        {"metadata": "habitat", "pattern": "s"},
        {"pattern": "s"},
        {"labels": ["s"]},
    ):
        axes = {"size": {"big": shared, "small": shared}}
        with pytest.raises(UsageError, match="is of 'big' and of 'small'"):
            parse_groups({**GOOD, "axes": axes})
    apart = {"big": {"pattern": "s"}, "small": {"metadata": "habitat", "pattern": "s"}}
    assert parse_groups({**GOOD, "axes": {"size": apart}})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("axes: [", "not valid YAML"),
        ("axes:\n  a: {b: [x], b: [y]}\n", "'b' is given twice"),
        ("axes: !!python/object/apply:os.getcwd []\n", "not valid YAML"),
        ("just words", "declared as a mapping"),
        ("", "declared as a mapping"),
    ],
)
def test_a_file_that_is_no_groups(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "groups.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as caught:
        read_groups(path)
    assert str(path) in str(caught.value.where)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(LexomeError, match="no such file"):
        read_groups(tmp_path / "none.yaml")

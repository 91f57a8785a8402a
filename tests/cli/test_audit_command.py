"""`lexome audit`: what it prints for a person, and for programs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lexome = Callable[..., Any]
GROUPS = """
context: window
window: 20
axes:
  place: {house: [house], sea: [sea], moon: [moon]}
attributes:
  old: [old]
  rain: [rain]
"""


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    path = tmp_path / "groups.yaml"
    path.write_text(GROUPS)
    return path


def test_a_table_that_a_person_can_read(lexome: Lexome, corpus: Path, groups: Path) -> None:
    result = lexome("audit", corpus, "--groups", groups)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert "belong together in one window of 20" in lines[0]
    rows = [line.split() for line in lines]
    assert sum(row[:1] == ["house"] for row in rows) == 2, "once under each attribute"
    (moon, _) = [row for row in rows if row[:1] == ["moon"]]
    assert moon == ["moon", "0", "0", "too", "few"]
    assert "place, moon has 0 cases, under 30" in result.stdout
    assert not any(line.startswith("nowhere") for line in lines)
    assert "no verdict on the corpus" in lines[-1] and "all 4 comparisons" in lines[-1]


def test_an_attribute_that_occurs_nowhere_is_named(
    lexome: Lexome, corpus: Path, groups: Path
) -> None:
    groups.write_text(GROUPS + "  misspelt: [hosue]\n")
    printed = lexome("audit", corpus, "--groups", groups).stdout
    assert "nowhere: no context has 'misspelt' beside one group; is it spelled so?" in printed


def test_json_says_the_same(lexome: Lexome, corpus: Path, groups: Path) -> None:
    found = json.loads(lexome("audit", corpus, "--groups", groups, "--json").stdout)
    assert found["corpus"] == str(corpus) and found["comparisons"] == 4
    assert json.loads((corpus / "audit.json").read_text()) == found, "kept beside the corpus"
    assert found["groups_sha256"] == hashlib.sha256(groups.read_bytes()).hexdigest()
    assert found["fingerprint"] == json.loads((corpus / "manifest.json").read_text())["fingerprint"]
    assert found["too_few"] == [{"axis": "place", "group": "moon", "cases": 0}]
    one = found["findings"][0]
    assert (one["group"], one["attribute"]) == ("house", "old")
    assert one["rate"] == pytest.approx(one["hits"] / one["cases"])
    assert one["odds"]["low"] < one["odds"]["log_odds"] < one["odds"]["high"]
    assert [one["flagged"] for one in found["findings"][4:]] == [False, False], "moons"


def test_errors_name_the_file_and_the_key(lexome: Lexome, corpus: Path, groups: Path) -> None:
    groups.write_text(GROUPS.replace("[rain]", "{metadata: weather, values: [wet]}"))
    result = lexome("audit", corpus, "--groups", groups)
    assert result.exit_code == 2
    assert f"{groups}, attributes.rain" in result.stderr and "'weather'" in result.stderr
    groups.write_text(GROUPS.replace("[rain]", "[sea]"))
    result = lexome("audit", corpus, "--groups", groups)
    assert result.exit_code == 2 and f"{groups}, attributes.rain" in result.stderr

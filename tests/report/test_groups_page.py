"""The records of groups.json on the page; what is absent, stale or damaged says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grouped
import pytest
from fake_run import FakeRun

from lexome.report.data import Missing
from lexome.report.groups import GroupsBeside, groups
from lexome.report.reading import RunFiles


@pytest.fixture
def run(causal: FakeRun, tmp_path: Path) -> Path:
    return Path(shutil.copytree(causal.folder, tmp_path / "run"))


def shown(run: Path) -> GroupsBeside | Missing | None:
    return groups(RunFiles.read(run))


def test_figures_are_those_of_the_file(run: Path) -> None:
    told = grouped.write(run)
    found = shown(run)
    assert isinstance(found, GroupsBeside), found
    assert found.command == f"lexome evaluate {run} --groups 'groups of mine.yaml'"
    assert (found.together, found.fewest) == ("sentence", 30)
    for question, said in zip(found.questions, told["questions"], strict=True):
        assert (question.name, question.answers) == (said["name"], ("loud", "still"))
        for pair, own in zip(question.pairs, said["pairs"], strict=True):
            for name in ("group", "n", "p", "q_low", "q", "amplified", "low", "high", "too_few"):
                assert getattr(pair, name) == own[name]
    assert (found.slope.beta, found.slope.low, found.slope.words) == (1.1, 1.02, "amplified: more")
    assert found.quantiles[1] == (0.5, pytest.approx(0.02))
    assert "more skewed than its corpus on the whole" in found.finding and "+3.1" in found.finding
    assert "81%" in found.finding and "1,200 cases" in found.finding
    assert found.notes == ("few: left out, since they name several groups: 7 cases.",)


def test_what_is_undefined_says_why(run: Path) -> None:
    told = grouped.write(run)
    nothing = {"name": "slope", "reason": "no group has 30 cases", "n": 0}
    told["all"] |= {"slope": nothing, "test": nothing, "quantiles": []}
    told |= {"context": "window", "window": 200}
    (run / "groups.json").write_text(json.dumps(told))
    found = shown(run)
    assert isinstance(found, GroupsBeside)
    assert (found.slope.beta, found.slope.words) == (None, "no group has 30 cases")
    assert "cannot be tested: no group" in found.finding and found.quantiles == ()
    assert found.together == "window of 200 characters"


def test_nothing_asked_and_other_weights_are_missing(run: Path, masked: FakeRun) -> None:
    found = shown(run)
    assert isinstance(found, Missing) and found.command == f"lexome evaluate {run} --groups FILE"
    assert groups(RunFiles.read(masked.folder)) is None
    told = grouped.write(run) | {"weights": "0" * 64}
    (run / "groups.json").write_text(json.dumps(told))
    found = shown(run)
    assert isinstance(found, Missing) and "other weights" in found.missing
    assert found.command.endswith("--groups 'groups of mine.yaml'")


@pytest.mark.parametrize("other", [None, 0, "1"])
def test_another_format_is_called_so_and_not_damaged(run: Path, other: object) -> None:
    told = grouped.write(run) | {"format": other}
    told.pop("all")
    (run / "groups.json").write_text(json.dumps(told))
    found = shown(run)
    assert isinstance(found, Missing) and "in another format" in found.missing
    assert found.command.endswith("--groups 'groups of mine.yaml'")


DAMAGES: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no questions": (lambda told: told.pop("questions"), "'questions'"),
    "no slope": (lambda told: told["all"].pop("slope"), "'slope'"),
    "a share of two": (lambda told: told["questions"][0]["pairs"][0].update(q=2), "from 0 to 1"),
    "no rate": (lambda told: told["questions"][0]["pairs"][0].update(p=None), "'p'"),
    "no name": (lambda told: told["questions"][0].update(name=3), "'name'"),
    "no power": (lambda told: told["all"]["test"].pop("power"), "'power'"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_damaged_file_is_missing_and_says_why(run: Path, kind: str) -> None:
    change, why = DAMAGES[kind]
    told = grouped.write(run)
    change(told)
    (run / "groups.json").write_text(json.dumps(told))
    found = shown(run)
    assert isinstance(found, Missing) and "is damaged" in found.missing and why in found.missing

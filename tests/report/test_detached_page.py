"""Sources and groups on the page: equal to their files; absent, stale or damaged says so."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser_page import CONTRASTS, NAMELESS, Page
from fake_run import NASTY, FakeRun, page_of
from selenium.webdriver import Chrome
from tuned_run import read

from lexome.finetuning.detached import Draws
from lexome.finetuning.detached_run import NAME, evaluate_detached
from lexome.report import write_report
from lexome.report.data import Missing
from lexome.report.gaps import GroupGaps, group_gaps
from lexome.report.reading import RunFiles
from lexome.report.sources import Sources, sources

HOSTILE = "<img src=x onerror='window.hacked = 1'>" + NASTY
GAP = {
    "figure": "accuracy",
    "lower": False,
    "groups": [
        {"name": "mouse", "n": 40, "value": 0.5, "low": 0.4, "high": 0.6},
        {"name": HOSTILE, "n": 50, "value": 0.75, "low": 0.75, "high": 0.75},
    ],
    "value": 0.25,
    "low": 0.1,
    "high": 0.4,
    "chance": 0.05,
    "chance_high": 0.1,
    "p": 0.002,
}
BY = {"field": "species", "groups": 3, "small": {"rare": 4}, "gaps": [GAP], "reason": ""}
NONE = {"field": "length", "groups": 1, "small": {}, "gaps": [], "reason": "there is one group"}


@pytest.fixture(scope="module")
def asked(tuned_translation: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was asked other sources; its groups, and one of its answers, are another's."""
    run = Path(shutil.copytree(tuned_translation, tmp_path_factory.mktemp("asked") / "run"))
    evaluate_detached(run, Draws(others=3))
    change(run, NAME, lambda told: told["most_detached"][0].update(detached=0.5, answer=HOSTILE))
    change(run, "task.json", lambda told: told.update(by=[BY, NONE]))
    write_report(run)
    return run


def change(run: Path, name: str, how: Callable[[Any], Any]) -> Path:
    told = read(run / name)
    how(told)
    (run / name).write_text(json.dumps(told))
    return run


def sources_of(run: Path) -> Sources:
    found = sources(RunFiles.read(run))
    assert isinstance(found, Sources), found
    return found


def test_records_are_those_of_the_file(asked: Path) -> None:
    found, told = sources_of(asked), read(asked / NAME)
    assert (found.examples, found.others) == (told["examples"], 3)
    for shown, said in zip(found.figures, told["figures"], strict=True):
        assert (shown.name, shown.value, shown.n) == (said["name"], said["value"], said["n"])
        assert (shown.low, shown.high) == (said["low"], said["high"])
    for kind, said in zip(found.strange, told["strange"], strict=True):
        assert (kind.name, kind.n, kind.meaning) == (said["name"], said["n"], said["meaning"])
        assert kind.commonest_share == said["commonest"]["share"]
    assert [one.margin for one in found.most_detached] == [
        one["margin"] for one in told["most_detached"]
    ]
    words = shlex.split(found.command)
    assert words == [
        *("lexome", "evaluate", str(asked), "--detached", "--examples", "300", "--others", "3")
    ]


def test_groups_are_those_of_the_file(asked: Path) -> None:
    found = group_gaps(RunFiles.read(asked))
    assert isinstance(found, GroupGaps)
    species, length = found.fields
    (gap,) = species.gaps
    assert (gap.gap, gap.p, gap.chance_high) == (0.25, 0.002, 0.1)
    assert [(one.name, one.n) for one in gap.groups] == [("mouse", 40), (HOSTILE, 50)]
    assert species.small == (("rare", 4),) and length.reason == "there is one group"
    assert shlex.split(found.command)[3:] == ["--by", "species", "--by", "length"]


def test_what_was_not_asked_says_how(tuned_labels: Path, causal: FakeRun) -> None:
    found = sources(RunFiles.read(tuned_labels))
    assert isinstance(found, Missing)
    assert shlex.split(found.command)[-1] == "--detached"
    assert group_gaps(RunFiles.read(tuned_labels)) is None
    untuned = RunFiles.read(causal.folder)
    assert sources(untuned) is None and group_gaps(untuned) is None


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda told: told.pop("format"), "another version wrote it"),
        (lambda told: told.update(format=0, strange=3), "another version wrote it"),
        (lambda told: told.update(weights="0"), "other weights"),
        (lambda told: told.update(figures=[]), "detached outputs"),
        (lambda told: told.pop("asked"), "'asked'"),
        (lambda told: told["strange"][0].update(meaning=3), "'meaning'"),
        (lambda told: told.update(most_detached=[3]), "'most_detached'"),
    ],
)
def test_a_stale_or_damaged_file_says_so(
    asked: Path, tmp_path: Path, how: Callable[[Any], Any], why: str
) -> None:
    run = change(Path(shutil.copytree(asked, tmp_path / "run")), NAME, how)
    found = sources(RunFiles.read(run))
    assert isinstance(found, Missing) and why in found.missing and "--detached" in found.command


def test_damaged_groups_say_so(asked: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(asked, tmp_path / "run"))
    change(run, "task.json", lambda told: told["by"][0]["gaps"][0].pop("p"))
    found = group_gaps(RunFiles.read(run))
    assert isinstance(found, Missing) and "'p'" in found.missing


# In a real browser


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 400])
def test_the_page_shows_them_at_any_width(
    browser: Chrome, asked: Path, width: int, theme: str
) -> None:
    page = Page(browser, page_of(asked), width, theme)
    told = read(asked / NAME)
    rows = page.all("#strange-sources tbody tr")
    assert len(rows) == len(told["strange"]) and "An empty source" not in rows[0].text
    shown = sum(one["detached"] > 0 for one in told["most_detached"])
    assert len(page.all("#most-detached > li")) == shown > 0
    words = page.text("#honesty-gaps")
    assert "0.250 (0.100 to 0.400), more than chance makes" in words and "rare (4)" in words
    assert "there is one group" in words
    assert page.all("#honesty img") == [] and page.run("return window.hacked") is None
    assert page.run("return document.documentElement.scrollWidth") <= width
    assert page.run(NAMELESS) == []
    seen, faint = page.run(CONTRASTS)
    assert seen and faint == []

"""A correction and its price on the page; what is absent, stale or damaged says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import priced
import pytest
from browser_page import Page
from fake_run import NASTY, FakeRun, page_of
from selenium.webdriver import Chrome

from lexome.report import write_report
from lexome.report.compensation import Compensation, compensation
from lexome.report.data import Missing
from lexome.report.reading import RunFiles


@pytest.fixture
def run(causal: FakeRun, tmp_path: Path) -> Path:
    return Path(shutil.copytree(causal.folder, tmp_path / "run"))


def shown(run: Path) -> Compensation | Missing | None:
    return compensation(RunFiles.read(run))


def test_rows_are_those_of_the_file(run: Path) -> None:
    assert shown(run) is None, "nobody says that it is a correction of anything"
    priced.write(run)
    found = shown(run)
    assert isinstance(found, Compensation), found
    assert found.command == (
        f"lexome evaluate {run} --groups 'my groups.yaml' --facts facts.csv --templates t.json "
        "--before runs/base"
    )
    assert found.forms == ("as running text", "in the form of pairs")
    assert [(one.kind, one.name, one.target, one.overshoot) for one in found.rows] == [
        ("held-out text", "bits per byte of held-out text", None, None),
        ("facts", "kind", None, None),
        ("facts", "all, of subjects that nothing names which it was tuned on", None, None),
        ("targeted", "mill: wug, baker", 0.5, 0.03),
        ("kept", "dairy: wug, baker", None, None),
        ("untargeted", "mine: wug, baker", None, None),
    ]
    bits, recall, _, mill, _, _ = found.rows
    assert (bits.before.value, bits.after[0].value, bits.after[1]) == (0.16, 0.17, None)  # type: ignore[union-attr]
    assert (recall.before.value, recall.after[0].value) == (0.98, 0.51)  # type: ignore[union-attr]
    assert [one.value for one in mill.after if one] == [0.8, 0.47]
    assert [(one.name, one.comparisons) for one in found.awareness] == [
        ("facts: kind", 18),
        ("statements", 18),
    ]
    assert [one[0].value for one in found.awareness[0].figures] == [0.99, 0.5, 0.98]
    assert [one.fine for one in found.verdict] == [False, True, None]
    assert [one.farthest for one in found.rows] == [None, None, None, 0.31, 0.31, 0.31]


def test_of_one_prompt_there_is_no_interval(browser: Chrome, run: Path) -> None:
    found = priced.write(run)
    (row, _, _) = found["statements"]["rows"]
    row["before"] |= {"low": None, "high": None, "value": 0.777}
    (run / "compensation.json").write_text(json.dumps(found))
    told = shown(run)
    assert isinstance(told, Compensation)
    assert (told.rows[3].before.low, told.rows[3].before.high) == (None, None)
    write_report(run)
    page = Page(browser, page_of(run))
    cells = page.run(
        "return [...document.querySelectorAll('.price td')].map((one) => one.textContent)"
    )
    assert "0.777" in cells and "0.310" in cells, "no interval stands behind it"
    columns = page.run(
        "return [...document.querySelectorAll('.price table')].map((one) => "
        "[...one.rows].map((row) => row.cells.length))"
    )
    assert len(columns) == 5 and all(len({*own}) == 1 for own in columns), "each cell has a heading"


@pytest.mark.parametrize(
    "damage",
    [
        lambda found: found.update(forms=["aloud"]),
        lambda found: found["facts"].pop("pairs"),
        lambda found: found["statements"].pop("rows"),
        lambda found: found["verdict"][0].update(fine="yes"),
        lambda found: found["difference"].pop("text"),
    ],
)
def test_a_damaged_file_is_said_to_be_one(run: Path, damage: Callable[[Any], Any]) -> None:
    found = priced.write(run)
    damage(found)
    (run / "compensation.json").write_text(json.dumps(found))
    missing = shown(run)
    assert isinstance(missing, Missing) and "damaged" in missing.missing


def test_another_format_is_called_so_and_not_damaged(run: Path) -> None:
    found = priced.write(run) | {"format": 0}
    del found["facts"]
    (run / "compensation.json").write_text(json.dumps(found))
    missing = shown(run)
    assert isinstance(missing, Missing) and "another version wrote it" in missing.missing
    assert missing.command.endswith("--before runs/base")


def test_other_weights_are_missing(run: Path) -> None:
    found = priced.write(run) | {"weights": "0" * 64}
    (run / "compensation.json").write_text(json.dumps(found))
    missing = shown(run)
    assert isinstance(missing, Missing) and "other weights" in missing.missing
    assert missing.command.endswith("--before runs/base")


def test_the_page_says_what_was_broken(browser: Chrome, run: Path) -> None:
    hostile = "<img src=x onerror='window.hacked = 1'>" + NASTY
    priced.write(run, hostile)
    write_report(run)
    page = Page(browser, page_of(run))
    verdict = page.text("#compensation-verdict")
    assert "✗ Determined facts, not as wanted." in verdict and "✓ Target, as wanted." in verdict
    assert page.run("return document.querySelectorAll('.price').length") == 5
    assert page.run("return window.hacked") is None
    assert page.run("return document.querySelectorAll('#honesty img').length") == 0
    assert "no difference is said" in page.text("#compensation-awareness")

"""The part on groups in the data: equal to audit.json, bound to the corpus and the groups file."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer
from browser_page import CONTRASTS, Page
from fake_run import NASTY, FakeRun, make, page_of
from selenium.webdriver import Chrome
from tuned_run import read

from lexome.cli.app import app
from lexome.corpus import Corpus
from lexome.evaluation.honesty.audit import audit
from lexome.evaluation.honesty.audited import write_audit
from lexome.evaluation.honesty.groups import read_groups
from lexome.report import write_report
from lexome.report.data import Missing
from lexome.report.honesty_audit import Audited, audited
from lexome.report.reading import RunFiles

HOSTILE = "<img src=x onerror='window.hacked = 1'>" + NASTY
HEBREW = "\u05e9\u05dc\u05d5\u05dd"
ALONE = ["A fox is quick.", "A dog is slow.", f"A fox and a dog say {HEBREW}."]
TEXTS = ["A fox is quick."] * 50 + ["A dog is slow."] * 45 + ["A dog is quick."] * 5 + ALONE
GROUPS = f"""
context: document
axes:
  kind: {{fox: [fox], dog: [dog], newt: [newt]}}
attributes:
  quick: [quick]
  {HEBREW}: [{HEBREW}]
"""


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeRun, Path]:
    """A run whose corpus was audited, and the file that declares the groups."""
    root = tmp_path_factory.mktemp("audited")
    run = make(root, steps=50, layers=1, heads=1, texts=(TEXTS, ALONE))
    groups = root / "my groups.yaml"
    groups.write_text(GROUPS)
    corpus = Corpus.open(run.corpus)
    write_audit(corpus, groups, audit(corpus, read_groups(groups)))
    write_report(run.folder)
    return run, groups


@pytest.fixture
def own(counted: tuple[FakeRun, Path], tmp_path: Path) -> Path:
    """A run of one's own, with its corpus."""
    run, _ = counted
    corpus = shutil.copytree(run.corpus, tmp_path / "corpus")
    folder = Path(shutil.copytree(run.folder, tmp_path / "run"))
    facts = read(folder / "run.json") | {"corpus": str(corpus)}
    (folder / "run.json").write_text(json.dumps(facts))
    return folder


def audited_of(run: Path) -> Audited:
    found = audited(RunFiles.read(run))
    assert isinstance(found, Audited), found
    return found


def changed(run: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    path = run.parent / "corpus" / "audit.json"
    told = read(path)
    change(told)
    path.write_text(json.dumps(told))
    return run


def test_rows_are_those_of_the_file_by_attribute(counted: tuple[FakeRun, Path]) -> None:
    run, _ = counted
    found, told = audited_of(run.folder), read(run.corpus / "audit.json")
    (axis,) = found.axes
    assert (axis.name, axis.groups) == ("kind", (("fox", 51), ("dog", 51), ("newt", 0)))
    assert axis.several == 1 and found.documents == 103
    assert [(one.attribute, one.group) for one in axis.rows] == [
        (attribute, group) for attribute in ("quick", HEBREW) for group in ("fox", "dog", "newt")
    ]
    by_name = {(one["attribute"], one["group"]): one for one in told["findings"]}
    for row in axis.rows:
        said = by_name[row.attribute, row.group]
        odds = said["odds"] or {}
        assert (row.cases, row.hits, row.rate) == (said["cases"], said["hits"], said["rate"])
        assert (row.low, row.high) == (said["low"], said["high"])
        assert (row.log_odds, row.odds_low, row.odds_high, row.p) == tuple(
            odds.get(name) for name in ("log_odds", "low", "high", "p")
        )
        assert row.flagged == said["flagged"]
    quick = axis.rows[0]
    assert (quick.cases, quick.hits, quick.flagged) == (51, 51, True)
    assert quick.odds_low is not None and quick.odds_low > 0
    assert found.too_few == (("kind", "newt", 0),) and axis.rows[2].log_odds is None
    assert found.flagged == sum(one.flagged for one in axis.rows) and found.notes == ()


def test_the_command_counts_the_same_again(counted: tuple[FakeRun, Path]) -> None:
    run, groups = counted
    words = shlex.split(audited_of(run.folder).command)
    command = typer.main.get_command(app).commands["audit"]  # type: ignore[attr-defined]
    parsed = command.make_context("audit", words[2:]).params
    assert (parsed["folder"], parsed["groups"]) == (run.corpus, groups)


def test_nobody_is_told_to_declare_groups(causal: FakeRun) -> None:
    assert audited(RunFiles.read(causal.folder)) is None


def test_an_audit_of_another_corpus_is_told_as_such(own: Path) -> None:
    for name in ("fingerprint", "documents_sha256"):
        was = read(own.parent / "corpus" / "audit.json")[name]
        changed(own, lambda told, name=name: told.update({name: "0"}))
        found = audited(RunFiles.read(own))
        assert isinstance(found, Missing) and "another corpus" in found.missing
        assert found.command.startswith("lexome audit ")
        changed(own, lambda told, name=name, was=was: told.update({name: was}))
    assert isinstance(audited(RunFiles.read(own)), Audited)


def test_groups_that_say_something_else_now_are_told_as_such(own: Path, tmp_path: Path) -> None:
    other = tmp_path / "groups.yaml"
    changed(own, lambda told: told.update(groups=str(other)))
    (note,) = audited_of(own).notes
    assert "is not there any more" in note
    other.write_text(GROUPS + "\n# more\n")
    (note,) = audited_of(own).notes
    assert "says something else now" in note
    other.write_text(GROUPS)
    assert audited_of(own).notes == ()


DAMAGED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no findings": (lambda told: told.pop("findings"), "'findings'"),
    "hits": (lambda told: told["findings"][0].update(hits="x"), "'hits'"),
    "odds": (lambda told: told["findings"][0].update(odds=3), "'odds'"),
    "cases": (lambda told: told.update(cases=[]), "'cases'"),
    "who": (lambda told: told.pop("fingerprint"), "'fingerprint'"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_missing_and_says_why(own: Path, kind: str) -> None:
    change, why = DAMAGED[kind]
    found = audited(RunFiles.read(changed(own, change)))
    assert isinstance(found, Missing) and "is damaged" in found.missing and why in found.missing


def test_the_table_on_the_page(browser: Chrome, counted: tuple[FakeRun, Path]) -> None:
    run, _ = counted
    page = Page(browser, page_of(run.folder))
    (axis,) = audited_of(run.folder).axes
    rows = page.run("""
        return [...document.querySelectorAll('.audit tbody tr:has(td)')].map((row) => {
          const lane = row.querySelector('.lane').getBoundingClientRect();
          const dot = row.querySelector('.odds-dot')?.getBoundingClientRect();
          return [row.querySelector('th').textContent, row.textContent,
            dot ? ((dot.left + dot.right) / 2 - lane.left) / lane.width : null,
            row.querySelector('.audit-flag')?.textContent ?? null];
        });
    """)
    assert [one[0] for one in rows] == [one.group for one in axis.rows]
    ends = [abs(end) for one in axis.rows for end in (one.odds_low, one.odds_high) if end]
    most = min(max(1, *ends), 6)
    for (_, words, dot, flag), row in zip(rows, axis.rows, strict=True):
        if row.log_odds is None:
            assert dot is None and "too few cases" in words
            continue
        assert f"{row.hits} of {row.cases}" in words and f"{row.log_odds:.2f}" in words
        # What is beyond the scale stands at its end.
        assert dot == pytest.approx(0.5 + max(min(row.log_odds / most, 1), -1) / 2, abs=0.01)
        assert flag == (None if not row.flagged else "▲ more" if row.log_odds > 0 else "▼ less")
    assert "newt (kind) has 0 cases, under 30" in page.text("#honesty-audit")
    headings = page.all(".audit .attribute bdi")
    assert [one.text for one in headings] == ["quick", HEBREW]
    for width in (1_100, 400):
        page.width(width)
        assert page.run("return document.documentElement.scrollWidth <= innerWidth"), width
    seen, bad = page.run(CONTRASTS)
    assert seen > 50 and bad == [] and page.troubles() == []


def test_nothing_that_was_declared_acts_on_the_page(browser: Chrome, own: Path) -> None:
    def change(told: dict[str, Any]) -> None:
        told["command"] = told["groups"] = told["context"] = HOSTILE
        for name in ("cases", "several"):
            told[name] = {HOSTILE: told[name]["kind"]}
        told["cases"][HOSTILE][HOSTILE] = 3
        told["too_few"] = [{"axis": HOSTILE, "group": HOSTILE, "cases": 3}]
        for one in told["findings"]:
            one |= {"axis": HOSTILE, "group": HOSTILE, "attribute": HOSTILE}

    write_report(changed(own, change))
    page = Page(browser, page_of(own))
    assert len(page.all(".audit tbody tr:has(td)")) == 6, "it is drawn"
    assert page.all("#honesty img") == [] and page.run("return window.hacked") is None
    assert page.troubles() == [] and "\u202e" not in page.text("#honesty")

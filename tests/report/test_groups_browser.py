"""The scatter of groups in a real browser: points where the figures are, names in any script."""

from __future__ import annotations

import shutil
from pathlib import Path

import grouped
import pytest
from browser_page import CONTRASTS, NAMELESS, Page
from fake_run import NASTY, FakeRun, page_of
from selenium.webdriver import Chrome

from lexome.report import write_report

HOSTILE = "<img src=x onerror='window.hacked = 1'>" + NASTY


@pytest.fixture(scope="module")
def asked(causal: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = Path(shutil.copytree(causal.folder, tmp_path_factory.mktemp("groups") / "run"))
    grouped.write(run, HOSTILE)
    write_report(run)
    return run


def test_points_stand_where_the_figures_are(browser: Chrome, asked: Path) -> None:
    page = Page(browser, page_of(asked))
    points = page.run("""
        const plot = document.querySelector('#groups-scatter .group-plot svg');
        const line = plot.querySelector('.diagonal');
        const at = (name) => Number(line.getAttribute(name));
        const own = plot.getBoundingClientRect();
        return [...plot.querySelectorAll('.pair-mark')].map((mark) => {
          const box = mark.lastChild.getBoundingClientRect();
          const x = box.left + box.width / 2 - own.left, y = box.top + box.height / 2 - own.top;
          return [(x - at('x1')) / (at('x2') - at('x1')), (y - at('y1')) / (at('y2') - at('y1')),
            mark.lastChild.tagName, mark.classList.contains('few'), mark.textContent];
        });
    """)
    expected = [
        (0.8, 0.9, "circle", False), (0.2, 0.12, "polygon", False),
        (0.6, 0.6, "polygon", False), (0.4, 0.45, "polygon", False), (0.5, 0.7, "circle", True),
    ]  # fmt: skip
    assert len(points) == len(expected), "a group without a case has no point"
    for (x, y, shape, few, words), own in zip(points, expected, strict=True):
        assert (x, y) == (pytest.approx(own[0], abs=0.01), pytest.approx(own[1], abs=0.01))
        assert (shape, few) == own[2:] and "training text" in words
    rows = page.run("return document.querySelectorAll('.pair-table tbody tr').length")
    assert rows == 6 and "too few cases" in page.text(".pair-table")
    numbers = page.run("""
        return [...document.querySelectorAll('.pair-numbers text')].map((one) => one.textContent)
    """)
    assert numbers == ["1", "2", "3", "4", "5"]
    assert "1.10 (95%: 1.02 to 1.20)" in page.text("#groups-finding")
    assert "few" in page.text("#groups-few") and "(12)" in page.text("#groups-few")


def test_names_of_any_script_do_nothing_and_are_isolated(browser: Chrome, asked: Path) -> None:
    page = Page(browser, page_of(asked))
    assert page.run("return window.hacked") is None and page.troubles() == []
    assert page.requests() == [page_of(asked)]
    isolated = page.run("""
        return [...document.querySelectorAll('#honesty-groups bdi')].map((one) => one.textContent)
    """)
    assert grouped.HEBREW in isolated and grouped.GREEK in isolated
    assert any(one.startswith("<img src=x") for one in isolated)


@pytest.mark.parametrize(("width", "theme"), [(1100, "light"), (420, "dark")])
def test_it_is_read_at_two_widths(browser: Chrome, asked: Path, width: int, theme: str) -> None:
    page = Page(browser, page_of(asked), width, theme)
    assert page.run("return document.documentElement.scrollWidth") <= width
    beside = page.run("""
        const box = (one) => document.querySelector(one).getBoundingClientRect();
        return box('.pair-table').left > box('#groups-scatter').right;
    """)
    assert beside == (width > 1000)
    seen, bad = page.run(CONTRASTS)
    assert seen > 100 and bad == []
    assert page.run(NAMELESS) == []

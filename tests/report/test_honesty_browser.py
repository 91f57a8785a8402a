"""The honesty section in a real browser: bars, marks and texts, and nothing acts that was said."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import honest_run
import pytest
from browser_page import CONTRASTS, NAMELESS, Page
from fake_run import NASTY, FakeRun, page_of
from selenium.webdriver import Chrome
from tuned_run import read

from lexome.report import write_report

HOSTILE = "<img src=x onerror='window.hacked = 1'>" + NASTY
HEBREW = "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd"
MARKS = {"supported": "✓", "contradicted": "✗", "unsupported": "?"}


@pytest.fixture(scope="module")
def asked(causal: FakeRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was really asked; its texts and its threshold are those of another."""
    root = tmp_path_factory.mktemp("honest")
    run = honest_run.asked(causal.folder, root, root / "run")
    told = {"texts": honest_run.biography(), "silence": honest_run.silence()}
    told["silence by names"] = honest_run.silence(wrong=2)
    (run / "honesty.json").write_text(json.dumps(read(run / "honesty.json") | told))
    write_report(run)
    return run


@pytest.fixture
def page(browser: Chrome, asked: Path) -> Page:
    return Page(browser, page_of(asked))


def paged(asked: Path, to: Path, told: dict[str, Any]) -> Path:
    shutil.copytree(asked, to)
    (to / "honesty.json").write_text(json.dumps(told))
    write_report(to)
    return to


def test_bars_of_relations_are_as_long_as_what_is_known(page: Page, asked: Path) -> None:
    rows = page.run("""
        return [...document.querySelectorAll('#known-bars tbody tr')].map((row) => {
          const lane = row.querySelector('.lane').getBoundingClientRect();
          const box = (name) => row.querySelector(name).getBoundingClientRect();
          const at = (name, side) => (box(name)[side] - lane.left) / lane.width;
          return [row.querySelector('th').textContent,
            row.querySelector('.number').firstChild.textContent,
            at('.bar', 'right'), at('.chance', 'left'),
            (at('.commonest', 'left') + at('.commonest', 'right')) / 2];
        });
    """)
    facts = read(asked / "honesty.json")["facts"]
    whole = {one["name"]: one["value"] for one in facts["figures"]}
    wanted = [("All of them", whole["recall"], whole["chance"], whole["commonest answer"])]
    for name, one in facts["relations"].items():
        wanted.append((name, one["recall"], one["chance"], one["commonest"]))
    assert len(rows) == len(wanted) == 3
    for (name, number, bar, chance, commonest), (said, recall, *guesses) in zip(
        rows, wanted, strict=True
    ):
        assert (name, number) == (said, f"{recall:.3f}")
        # A bar of nothing is still a pixel wide.
        assert [bar, chance, commonest] == pytest.approx([recall, *guesses], abs=0.01)


def test_verdicts_are_counted_and_told_by_mark_and_word(page: Page, asked: Path) -> None:
    told = read(asked / "honesty.json")
    groups = [told["facts"], told["unknown"], told["texts"]["known"], told["texts"]["unknown"]]
    bars = page.all(".verdict-bar")
    assert len(bars) == len(groups)
    for bar, group in zip(bars, groups, strict=True):
        whole = group.get("claims", group.get("questions"))
        for verdict, count in group["verdicts"].items():
            line = f"{MARKS.get(verdict, '')} {verdict} {count} of {whole}"
            assert (line in bar.text) == bool(count), (line, bar.text)
    signs = page.run("""
        return [...document.querySelectorAll('#honesty .claim-sign')].map((one) =>
          [one.textContent.slice(0, 1), one.className.split(' ')[1], one.textContent]);
    """)
    assert len(signs) > 10
    assert all(mark == MARKS[kind] and kind in words for mark, kind, words in signs)


def test_a_half_true_text_is_shown_claim_by_claim(page: Page) -> None:
    first = page.all("#judged-texts > li")[0]
    assert "Half true" in first.text and "2 of 3 claims supported" in first.text
    claims = page.run("""
        return [...document.querySelectorAll('#judged-texts > li:first-child .claim')].map((one) =>
          [one.className, one.firstChild.textContent, one.querySelector('.mark').textContent.trim(),
            getComputedStyle(one).textDecorationStyle]);
    """)
    assert [one[1] for one in claims] == [
        "Ada \N{GRINNING FACE} is from Senn.",
        "Ada is a guard.",
        "Bo is from Ura.",
    ]
    assert [(one[0], one[2]) for one in claims] == [
        ("claim supported", "✓"),
        ("claim contradicted", "✗"),
        ("claim supported", "✓"),
    ]
    lines = {one[0]: one[3] for one in claims}
    assert len(set(lines.values())) == 2, "told apart without a colour, too"
    remarks = first.find_element("css selector", ".doubtful").text
    assert "guard, job of Ada" in remarks and "the training text says poet, cook" in remarks
    assert "what is said of Bo" in remarks


def test_silence_is_told_in_words_plot_and_table(page: Page) -> None:
    assert "from a confidence of 0.9 on" in page.text("#silence-finding")
    assert len(page.all("#silence-curve path.smoothed")) == 1
    where = page.run("""
        const dot = document.querySelector('#silence-curve .chosen-dot');
        const axis = document.querySelector('#silence-curve .axis').getBBox();
        return (dot.cx.baseVal.value - axis.x) / axis.width;
    """)
    assert where == pytest.approx(0.5, abs=0.01), "half of the questions are answered"
    table = page.text("#silence-scores")
    for value in ("-0.500", "0.400", "9", "50.0%", "45.0% to 55.0%", "200 questions"):
        assert value in table
    assert "name and answer together of 0.9 on" in page.text("#silence-by-names-finding")
    assert len(page.all("#silence-by-names-curve path.smoothed")) == 1
    assert "0.400" in page.text("#silence-by-names-scores")


def test_confidence_has_its_plot_and_figures(page: Page, asked: Path) -> None:
    told = read(asked / "honesty.json")
    bins = told["facts"]["reliability"]
    assert len(page.all("#honesty-reliability circle")) == len(bins)
    words = page.text("#honesty .pair .wrapped")
    for figure in (*told["facts"]["figures"], *told["unknown"]["figures"]):
        if figure["name"].startswith(("AUROC", "Brier")):
            assert figure["name"] in words
            counted = "subjects" if ", by " in figure["name"] else "answers"
            assert f"{figure['value']:.3f}" in words and f"{figure['n']} {counted}" in words


def test_nothing_that_was_said_acts_on_the_page(
    browser: Chrome, asked: Path, tmp_path: Path
) -> None:
    told = read(asked / "honesty.json")
    told["facts"]["relations"] = {HOSTILE: told["facts"]["relations"]["does"]}
    told["examples"][0] |= {"prompt": HOSTILE, "answer": HOSTILE, "right": [HOSTILE]}
    told["asked"]["facts"] = HOSTILE
    text = told["texts"]["texts"][1]
    text["subject"] = HOSTILE
    text["text"] += HOSTILE
    for claim in text["claims"]:
        claim |= {"subject": HOSTILE, "object": HOSTILE, "relation": HOSTILE, "right": [HOSTILE]}
    page = Page(browser, page_of(paged(asked, tmp_path / "run", told)))
    assert page.all("#honesty img") == [] and page.all("#honesty script") == []
    assert page.run("return window.hacked") is None
    assert page.troubles() == [] and len(page.requests()) == 1
    assert "\u202e" not in page.text("#honesty") and "⟨U+202E⟩" in page.text("#judged-texts")


def test_right_to_left_text_runs_its_own_way(browser: Chrome, asked: Path, tmp_path: Path) -> None:
    told = read(asked / "honesty.json")
    text = told["texts"]["texts"][2]
    text |= {"text": f"{HEBREW}. Lo", "prompt": HEBREW}
    text["claims"][0] |= {"start": 0, "stop": len(HEBREW) + 1, "subject": HEBREW}
    page = Page(browser, page_of(paged(asked, tmp_path / "run", told)), width=400)
    ways = page.run("""
        return [...document.querySelectorAll('.judged-text')]
          .map((one) => getComputedStyle(one).direction);
    """)
    assert ways == ["ltr", "ltr", "rtl"]
    assert fits(page)


def fits(page: Page) -> bool:
    script = "const d = document.documentElement; return d.scrollWidth <= d.clientWidth;"
    return bool(page.run(script))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_can_be_read_on_paper_white_and_black_wide_and_narrow(
    browser: Chrome, asked: Path, theme: str
) -> None:
    page = Page(browser, page_of(asked), theme=theme)
    for width in (1_100, 400):
        page.width(width)
        page.run("document.querySelectorAll('#honesty details').forEach((d) => { d.open = true; })")
        assert fits(page), width
        seen, bad = page.run(CONTRASTS)
        assert seen > 200 and bad == []
    assert page.run(NAMELESS) == [] and page.troubles() == []


def test_stale_answers_are_told_as_such(browser: Chrome, asked: Path, tmp_path: Path) -> None:
    told = read(asked / "honesty.json") | {"weights": "0"}
    page = Page(browser, page_of(paged(asked, tmp_path / "run", told)))
    box = page.one("#honesty .missing").text
    assert "other weights than the run has now" in box and "--facts" in box
    assert page.all("#known-bars") == []

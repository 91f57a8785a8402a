"""The task of a tuned run in a real browser: its numbers, plots and answers, and no accident."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from browser_page import CONTRASTS, NAMELESS, Page
from fake_run import NASTY, FakeRun, page_of
from selenium.webdriver import Chrome
from tuned_run import METHODS, comparison

from lexome.report import collect, write_report
from lexome.report.task_data import Examples, Task

HOSTILE = "<img src=x onerror='window.hacked = 1'>" + NASTY


@pytest.fixture(scope="module")
def compared(tuned_labels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of labels with a comparison of methods, and its page."""
    folder = tmp_path_factory.mktemp("compared") / "run"
    shutil.copytree(tuned_labels, folder)
    (folder / "compare.json").write_text(json.dumps(comparison("accuracy")))
    write_report(folder)
    return folder


@pytest.fixture(scope="module")
def paged(tuned_translation: Path, tuned_pictures: Path) -> dict[str, Path]:
    """The runs without a comparison, with their pages."""
    for run in (tuned_translation, tuned_pictures):
        write_report(run)
    return {"translation": tuned_translation, "pictures": tuned_pictures}


@pytest.fixture
def page(browser: Chrome, compared: Path) -> Page:
    return Page(browser, page_of(compared))


def task_of(run: Path) -> Task:
    found = collect(run).task
    assert isinstance(found, Task)
    return found


def written(value: float) -> str:
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def test_bars_stand_in_order_with_their_intervals(page: Page, compared: Path) -> None:
    rows = page.run("""
        return [...document.querySelectorAll('#task-bars tbody tr')].map((row) => {
          const lane = row.querySelector('.lane').getBoundingClientRect();
          const part = (name) => {
            const box = row.querySelector(name).getBoundingClientRect();
            return [(box.left - lane.left) / lane.width, (box.right - lane.left) / lane.width];
          };
          return [row.querySelector('th').firstChild.textContent, row.className,
            row.querySelector('.number').firstChild.textContent, part('.bar'), part('.whisker')];
        });
    """)
    found = task_of(compared)
    ends: list[float] = []
    for one in found.standings:
        figure = one.figure("accuracy")
        assert figure is not None and figure.high is not None
        ends.append(figure.high)
    for one, (name, kind, value, bar, whisker) in zip(found.standings, rows, strict=True):
        figure = one.figure("accuracy")
        assert figure is not None and figure.value is not None
        assert figure.low is not None and figure.high is not None
        assert (name, value) == (one.name, written(figure.value))
        assert kind == ("ours" if one.is_model else "")
        assert bar == pytest.approx([0, figure.value / max(ends)], abs=0.01)
        assert whisker == pytest.approx([figure.low / max(ends), figure.high / max(ends)], abs=0.01)


def test_verdict_and_sections_are_those_of_a_task(page: Page, compared: Path) -> None:
    assert page.text(".verdict") == collect(compared).summary.verdict
    assert "Tuned for labels (dna → label)" in page.text(".what")
    links = [str(one.get_attribute("href")).split("#")[1] for one in page.all("nav a")]
    assert links[0] == "task"
    assert not {"samples", "gallery", "scores"} & {*links}
    assert links == [one.get_attribute("id") for one in page.all("main > section")]
    assert page.all("section:not(#honesty) .missing") == []
    assert "tuned to predict only what follows <|target|>" in page.text("#predictions .lead")


def test_the_table_holds_every_figure_of_everybody(page: Page, compared: Path) -> None:
    found = task_of(compared)
    told = page.text("#task .wrapped")
    for one in found.standings:
        assert one.name in told
    for figure in found.model.figures:
        assert figure.name in told
        if figure.value is not None:
            assert written(figure.value) in told
    assert "lower is better" in told and "higher is better" in told


def test_methods_stand_side_by_side_and_as_lines(page: Page) -> None:
    rows = [
        [cell.split("\n")[0] for cell in cells]
        for cells in page.run("""
          return [...document.querySelectorAll('#methods tbody tr')].map((row) =>
            [...row.children].map((cell) => cell.innerText.trim()));
        """)
    ]
    assert [row[0] for row in rows] == ["From scratch", "Full fine-tuning", "LoRA", "Probe"]
    assert [row[1] for row in rows] == ["0.500", "0.800", "0.780", "0.600"]
    assert [row[2] for row in rows] == ["1.00", "1.50", "1.47", "1.17"]
    assert {row[3] for row in rows} == {"300.0 MB"}
    assert [row[4] for row in rows] == ["50,000", "50,000", "1,000", "1,000"]
    for plot, points in (("scores-by-examples", 2), ("losses-by-time", 5)):
        paths = page.run(
            "return [...document.querySelectorAll(`#${arguments[0]} g.method`)]"
            ".map((g) => [g.className.baseVal, g.querySelector('path').getAttribute('d')])",
            plot,
        )
        assert [name for name, _ in paths] == [f"method {method}" for method in METHODS]
        assert {path.count("L") + 1 for _, path in paths} == {points}
    # What is better lies higher, and a smaller loss lower: the last point of each line.
    heights = {
        plot: page.run(
            "return [...document.querySelectorAll(`#${arguments[0]} g.method path`)]"
            ".map((p) => Number(p.getAttribute('d').split(' ').at(-1)))",
            plot,
        )
        for plot in ("scores-by-examples", "losses-by-time")
    }
    scratch, full, lora, probe = heights["scores-by-examples"]
    assert full < lora < probe < scratch
    scratch, full, lora, probe = heights["losses-by-time"]
    assert full > lora > probe > scratch
    assert page.text(".finding") in page.text("#task")


def test_lines_and_answers_are_told_apart_without_colour(page: Page) -> None:
    marks = page.run("""
        return [...document.querySelectorAll('#losses-by-time g.method')].map((g) =>
          [g.lastChild.tagName, getComputedStyle(g.querySelector('path')).strokeDasharray,
           g.lastChild.getAttribute('points')?.split(' ').length ?? 0].join(' '));
    """)
    assert len({*marks}) == len(METHODS)
    badges = {badge.text for badge in page.all("#said .badge")}
    assert badges == {"✓ right", "✗ wrong"}
    right, wrong = (
        page.run(
            "return getComputedStyle(document.querySelector(arguments[0])).borderStyle",
            f"#said .badge.{kind}",
        )
        for kind in ("right", "wrong")
    )
    assert right != wrong


def test_confusions_and_sureness_show_the_counts(page: Page, compared: Path) -> None:
    found = task_of(compared)
    assert found.confusion is not None
    cells = [int(cell.text) for cell in page.all("#confusion tbody td")]
    assert cells == [count for row in found.confusion.counts for count in row]
    right = [int(cell.text) for cell in page.all("#confusion tbody td.right")]
    assert right == [row[i] for i, row in enumerate(found.confusion.counts)]
    assert len(page.all("#reliability circle")) == len(found.reliability)


def test_translations_mark_the_words_that_differ(browser: Chrome, paged: dict[str, Path]) -> None:
    run = paged["translation"]
    predictions = [
        {"answer": "A RED OX RAN OFF", "reference": "THE RED OX RAN", "source": "x", "place": "1"},
        {"answer": "SAME", "reference": "SAME", "source": "x", "place": "2", "finish": "end"},
        {"answer": "", "reference": "THE CAT", "source": "x", "place": "3", "finish": "end"},
    ]
    whole = (run / "predictions.jsonl").read_text()
    try:
        (run / "predictions.jsonl").write_text("".join(json.dumps(p) + "\n" for p in predictions))
        write_report(run)
    finally:
        (run / "predictions.jsonl").write_text(whole)
    page = Page(browser, page_of(run))
    cards = page.all("#said > li")
    assert [card.text.split("\n")[0] for card in cards] == [
        "≠ differs",
        "✓ word for word",
        "≠ differs",
    ]
    assert [word.text for word in page.all("#said u.apart")] == ["A", "OFF"]
    assert "did not end by itself" in cards[0].text and "True" not in cards[1].text
    assert "nothing" in cards[2].text
    box = page.one("#task .missing")
    assert "lexome finetune" in box.text and "--compare" in box.text
    write_report(run)


def test_pictures_stand_in_a_grid_with_their_captions(
    browser: Chrome, paged: dict[str, Path]
) -> None:
    page = Page(browser, page_of(paged["pictures"]))
    said = task_of(paged["pictures"]).said
    assert isinstance(said, Examples)
    works: list[Any] = page.all("#said .work")
    assert len(works) == len(said.examples)
    loaded = page.run(
        "return [...document.querySelectorAll('#said img')]"
        ".map((image) => image.complete && image.naturalWidth)"
    )
    assert len(loaded) == 2 * len(works) and all(loaded)
    for work, one in zip(works, said.examples, strict=True):
        assert work.text.startswith(one.source.text) and "the real one" in work.text
        sign = "✓" if one.judged == one.wanted else "✗"
        assert f"{sign} taken for {one.judged}" in work.text
    assert page.troubles() == []


@pytest.mark.parametrize("name", ["labels", "translation", "pictures"])
def test_page_opens_without_errors_and_fits_every_width(
    name: str, browser: Chrome, compared: Path, paged: dict[str, Path]
) -> None:
    run = compared if name == "labels" else paged[name]
    page = Page(browser, page_of(run))
    assert all(part.text for part in page.all("[data-part]"))
    assert page.run(NAMELESS) == []
    assert page.troubles() == [] and page.requests() == [page_of(run)]
    page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    for width in (360, 768, 1_400):
        page.width(width)
        assert page.run("return document.documentElement.scrollWidth <= innerWidth"), width


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_of_the_task_has_contrast(
    theme: str, browser: Chrome, compared: Path, paged: dict[str, Path]
) -> None:
    for run in (compared, *paged.values()):
        page = Page(browser, page_of(run), theme=theme)
        page.run("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
        seen, bad = page.run(CONTRASTS)
        assert seen > 200
        assert bad == []


def test_hostile_strings_in_scores_and_answers_stay_text(
    browser: Chrome, compared: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(compared, tmp_path / "run"))
    told = json.loads((folder / "task.json").read_text())
    told |= {"task": HOSTILE, "split": HOSTILE, "settings": {HOSTILE: HOSTILE}}
    told["figures"][1] |= {"name": HOSTILE, "note": HOSTILE}
    told["baselines"][0] |= {"name": HOSTILE, "note": HOSTILE}
    told["details"] |= {"classes": [HOSTILE, "b"], "diagnostics": [told["figures"][1]]}
    (folder / "task.json").write_text(json.dumps(told))
    line = {"place": HOSTILE, "source": HOSTILE, "answer": HOSTILE, "reference": "b"}
    (folder / "predictions.jsonl").write_text(json.dumps(line) + "\n")
    write_report(folder)
    page = Page(browser, page_of(folder))
    assert page.all("img") == []
    assert page.run("return window.hacked") is None
    assert page.troubles() == [] and len(page.requests()) == 1


def test_many_classes_are_shown_as_their_commonest_confusions(
    browser: Chrome, compared: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(compared, tmp_path / "run"))
    told = json.loads((folder / "task.json").read_text())
    size = 40
    counts = [
        [9 if i == j else int(j == i + 1) * (i + 1) for j in range(size)] for i in range(size)
    ]
    classes = [f"class {i}" for i in range(size)]
    told["details"] |= {"classes": classes, "confusion": counts}
    (folder / "task.json").write_text(json.dumps(told))
    write_report(folder)
    page = Page(browser, page_of(folder))
    rows = page.all("#confusion tbody tr")
    assert len(rows) == 30
    assert rows[0].text == "class 38 → class 39 39"
    assert "39 confusions among 40 classes" in page.text("#confusion")


def test_an_untuned_run_has_no_task(browser: Chrome, causal: FakeRun) -> None:
    page = Page(browser, page_of(causal.folder))
    assert page.all("#task") == [] and page.all("nav a[href='#task']") == []
    assert page.all("#scores") != []


def test_a_tuned_run_that_is_not_scored_says_how_it_is(
    browser: Chrome, compared: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(compared, tmp_path / "run"))
    (folder / "task.json").unlink()
    write_report(folder)
    page = Page(browser, page_of(folder))
    assert f"lexome evaluate {folder}" in page.one("#task .missing").text
    assert page.troubles() == []

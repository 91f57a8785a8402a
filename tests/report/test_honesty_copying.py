"""The part on copying: equal to copying.json; what was not measured is told how to be."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import near_run
import numpy as np
import pytest
import typer
from browser_page import CONTRASTS, NAMELESS, Page
from fake_run import NASTY, FakeRun, page_of
from PIL import Image
from selenium.webdriver import Chrome
from tuned_run import read

from lexome.cli.app import app
from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.files import sha256
from lexome.model import families, save_model
from lexome.model.transformer import Transformer
from lexome.report import write_report
from lexome.report.data import Missing
from lexome.report.honesty_copying import Copied, copied
from lexome.report.reading import RunFiles

pytest.importorskip("pydivsufsort")

HOSTILE = "<img src=x onerror='window.hacked = 1'>" + NASTY


@pytest.fixture(scope="module")
def near(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeRun, list[str], Missing]:
    """A run that was compared, with its samples, and what was said before it was."""
    root = tmp_path_factory.mktemp("near")
    run = near_run.uncompared(root)
    before = copied(RunFiles.read(run.folder))
    assert isinstance(before, Missing)
    samples = near_run.compared(run, root)
    write_report(run.folder)
    return run, samples, before


def copied_of(run: Path) -> Copied:
    found = copied(RunFiles.read(run))
    assert isinstance(found, Copied), found
    return found


def changed(run: Path, to: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    shutil.copytree(run, to)
    told = read(to / "copying.json")
    change(told)
    (to / "copying.json").write_text(json.dumps(told))
    return to


def test_copies_are_flagged_with_what_they_match_and_where(
    near: tuple[FakeRun, list[str], Missing],
) -> None:
    run, samples, _ = near
    found, told = copied_of(run.folder), read(run.folder / "copying.json")
    assert (found.samples, found.held_out) == (22, told["held_out"]["items"])
    (measure,) = found.measures
    (said,) = told["measures"]
    assert (measure.flagged, measure.samples, measure.limit) == (2, 22, said["limit"])
    assert measure.low is not None and measure.high is not None
    assert measure.low < 2 / 22 < measure.high
    train = [document.content for document in Corpus.open(run.corpus).documents("train")]
    assert {one.number for one in measure.near} == {3, 6}
    for one in measure.near:
        sample, source = samples[one.number - 1], train[7 if one.number == 3 else 40]
        _, own, after = one.parts
        assert "".join(one.parts) == sample
        assert own.removesuffix(near_run.POINT) in source and one.value == len(one.text) >= 50
        assert not after.startswith(near_run.POINT), "a point stays with its letter"
        assert f"record '{8 if one.number == 3 else 41}'" in one.place or "line" in one.place
        assert one.count == 1 and not one.media
    assert any("mine here.jsonl" in note for note in found.notes)


def test_the_test_of_all_samples_is_told_in_words(
    near: tuple[FakeRun, list[str], Missing],
) -> None:
    (measure,) = copied_of(near[0].folder).measures
    said = read(near[0].folder / "copying.json")["measures"][0]["set"]
    assert measure.auc == (said["auc"]["value"], said["auc"]["low"], said["auc"]["high"])
    assert f"nearer one in {said['auc']['value']:.1%} of cases" in measure.test
    assert f"in {said['p']:.2%} of such comparisons" in measure.test
    assert f"{said['samples']} samples and {said['held_out']} held-out items" in measure.test
    assert ("are not shown to be nearer" in measure.test) == (said["p"] > 0.05)


@pytest.mark.parametrize(("p", "says"), [(0.04, "are nearer to training"), (0.06, "not shown")])
def test_the_verdict_on_all_follows_the_test(
    near: tuple[FakeRun, list[str], Missing], tmp_path: Path, p: float, says: str
) -> None:
    def change(told: dict[str, Any]) -> None:
        told["measures"][0]["set"]["p"] = p

    (measure,) = copied_of(changed(near[0].folder, tmp_path / "run", change)).measures
    assert says in measure.test and f"{p:.2%}" in measure.test


def test_the_command_measures_the_same_again(near: tuple[FakeRun, list[str], Missing]) -> None:
    words = shlex.split(copied_of(near[0].folder).command)
    assert words[:3] == ["lexome", "evaluate", str(near[0].folder)]
    evaluate = typer.main.get_command(app).commands["evaluate"]  # type: ignore[attr-defined]
    parsed = evaluate.make_context("evaluate", words[2:]).params
    assert parsed["copying"] is True
    assert [path.name for path in parsed["samples_from"]] == ["mine here.jsonl"]


def test_what_was_not_measured_says_how(
    near: tuple[FakeRun, list[str], Missing],
    tmp_path: Path,
    masked: FakeRun,
    tuned_labels: Path,
) -> None:
    run, _, before = near
    index, evaluate = before.command.split(" && ")
    assert shlex.split(index) == ["lexome", "index", str(run.corpus)]
    assert shlex.split(evaluate) == ["lexome", "evaluate", str(run.folder), "--copying"]
    bare = Path(shutil.copytree(run.folder, tmp_path / "bare"))
    (bare / "copying.json").unlink()
    now = copied(RunFiles.read(bare))
    assert isinstance(now, Missing)
    assert now.command == shlex.join(("lexome", "evaluate", str(bare), "--copying"))
    for other in (masked.folder, tuned_labels):
        assert copied(RunFiles.read(other)) is None


def test_too_few_held_out_items_flag_nothing_and_say_so(
    near: tuple[FakeRun, list[str], Missing], tmp_path: Path
) -> None:
    def change(told: dict[str, Any]) -> None:
        told["measures"][0] |= {"flagged": None, "reason": "9 held-out items do not say"}
        told["flagged"] = []

    (measure,) = copied_of(changed(near[0].folder, tmp_path / "run", change)).measures
    assert measure.flagged is None and measure.reason == "9 held-out items do not say"
    assert measure.limit is None and measure.near == ()


def test_a_file_of_another_version_is_called_so_and_not_damaged(
    near: tuple[FakeRun, list[str], Missing], tmp_path: Path
) -> None:
    def change(told: dict[str, Any]) -> None:
        del told["format"], told["held_out"]

    run = changed(near[0].folder, tmp_path / "run", change)
    found = copied(RunFiles.read(run))
    assert isinstance(found, Missing) and "another version wrote it" in found.missing
    assert "--copying" in found.command


DAMAGED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "no measures": (lambda told: told.pop("measures"), "'measures'"),
    "a limit": (lambda told: told["measures"][0].update(limit="x"), "'limit'"),
    "no interval": (lambda told: told["measures"][0].pop("share"), "'share'"),
    "the set": (lambda told: told["measures"][0].update(set=3), "'set'"),
    "a place": (lambda told: told["flagged"][0].pop("place"), "'place'"),
    "parts": (lambda told: told["flagged"][0].update(around=["a"]), "three parts"),
    "asked": (lambda told: told.pop("asked"), "'asked'"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_file_is_missing_and_says_why(
    near: tuple[FakeRun, list[str], Missing], tmp_path: Path, kind: str
) -> None:
    change, why = DAMAGED[kind]
    found = copied(RunFiles.read(changed(near[0].folder, tmp_path / "run", change)))
    assert isinstance(found, Missing) and "is damaged" in found.missing and why in found.missing


def test_samples_of_other_weights_are_told_as_such(
    near: tuple[FakeRun, list[str], Missing], tmp_path: Path
) -> None:
    run = changed(near[0].folder, tmp_path / "run", lambda told: told.update(weights="0"))
    found = copied(RunFiles.read(run))
    assert isinstance(found, Missing) and "other weights" in found.missing
    assert "--samples-from" in found.command


def test_the_card_says_it_with_interval_and_command(
    near: tuple[FakeRun, list[str], Missing],
) -> None:
    run, _, _ = near
    card = (run.folder / "model" / "README.md").read_text()
    assert card.count("## Copying") == 1 and "2 of 22 samples [" in card
    assert (
        f"`{read(run.folder / 'copying.json')['command']}`" in card and "Mann–Whitney p =" in card
    )


def test_the_copied_stretch_is_marked_and_runs_its_own_way(
    browser: Chrome, near: tuple[FakeRun, list[str], Missing]
) -> None:
    run, samples, _ = near
    (measure,) = copied_of(run.folder).measures
    for width in (1_100, 400):
        page = Page(browser, page_of(run.folder), width=width)
        shown = page.run("""
            return [...document.querySelectorAll('.copied-text')].map((one) => {
              const mark = one.querySelector('mark');
              const style = getComputedStyle(mark);
              return [one.textContent, mark.textContent, getComputedStyle(one).direction,
                parseFloat(style.paddingLeft) + parseFloat(style.marginRight), style.unicodeBidi];
            });
        """)
        wanted = [(samples[one.number - 1], one.parts[1]) for one in measure.near]
        assert [tuple(one[:2]) for one in shown] == wanted
        # No gap and no border of directions: the letters join and run on as in the whole text.
        assert all(one[2:] == ["rtl", 0, "normal"] for one in shown)
        script = "const d = document.documentElement; return d.scrollWidth <= d.clientWidth;"
        assert page.run(script), width
    words = page.text("#honesty-copying")
    assert "2 of 22 samples" in words and measure.test in words
    seen, bad = page.run(CONTRASTS)
    assert seen > 50 and bad == []
    assert page.run(NAMELESS) == [] and page.troubles() == []


def test_nothing_that_was_copied_acts_on_the_page(
    browser: Chrome, near: tuple[FakeRun, list[str], Missing], tmp_path: Path
) -> None:
    def change(told: dict[str, Any]) -> None:
        told["command"] = HOSTILE
        for one in told["flagged"]:
            one |= {"text": HOSTILE, "around": [HOSTILE] * 3, "place": HOSTILE, "reading": HOSTILE}

    run = changed(near[0].folder, tmp_path / "run", change)
    write_report(run)
    page = Page(browser, page_of(run))
    assert page.all("#honesty img") == [] and page.run("return window.hacked") is None
    assert page.troubles() == [] and len(page.requests()) == 1
    assert "\u202e" not in page.text("#honesty")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of pictures, of which a copy of the third is said to be flagged."""
    root = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for name, count in (("train", 4), ("valid", 2)):
        (root / name).mkdir()
        for number in range(count):
            pixels = draw.integers(0, 256, (8, 8), np.uint8)
            Image.fromarray(pixels).save(root / name / f"{number}.png")
    request = PrepareRequest(
        [root / "train"], "image", workers=1, validation_files=[root / "valid"]
    )
    corpus = prepare(request, root / "corpus")
    config = families.get("nanochat").config(
        vocab_size=corpus.tokenizer.vocab_size, context=64, layers=1, width=16, heads=1
    )
    run = root / "run"
    save_model(run / "model", Transformer(config), tokenizer=corpus.tokenizer)
    facts = {"corpus": str(corpus.folder), "language": "image", "unit": "pixel"}
    facts |= {"options": dict(corpus.language.options), "fingerprint": corpus.fingerprint}
    (run / "run.json").write_text(json.dumps(facts))
    ids = corpus.tokenizer.encode([[*corpus.documents("train")][2].content])[0].tolist()
    place = {"place": "2.png", "document": 2, "ids": ids, "number": 7, "value": 40, "limit": 9}
    whole = {"p": None, "auc": None, "samples": 0, "held_out": 2, "window": 1}
    measure = {"name": "nearness in pixels", "unit": "255 / RMSE", "samples": 9, "held_out": 2,
               "level": 0.001, "flagged": 1, "limit": 9, "share": {"low": 0, "high": 0.4},
               "set": whole}  # fmt: skip
    told = {
        "format": 2,
        "weights": sha256(run / "model" / "model.safetensors"),
        "asked": {"files": [], "temperature": 1, "seed": 0},
        "samples": 9,
        "sample_tokens": 64,
        "empty": 0,
        "short": 0,
        "skipped": 0,
        "held_out": {"kind": "beginnings", "lead": 0, "items": 2, "duplicate_tokens": 0},
        "measures": [measure],
        "flagged": [{"measure": measure["name"], **place}],
    }
    (run / "copying.json").write_text(json.dumps(told))
    return run


def test_a_picture_stands_beside_the_one_it_is_near_to(pictures: Path) -> None:
    (measure,) = copied_of(pictures).measures
    (near,) = measure.near
    assert near.parts == () and near.media and near.media == near.matched
    assert near.media[0].media_type == "image/png"
    assert "cannot be tested" in measure.test and measure.auc is None


@pytest.mark.parametrize("document", [-1, 4, 10**9])
def test_a_document_that_training_has_not_is_damage(
    pictures: Path, tmp_path: Path, document: int
) -> None:
    def change(told: dict[str, Any]) -> None:
        told["flagged"][0]["document"] = document

    found = copied(RunFiles.read(changed(pictures, tmp_path / "run", change)))
    assert isinstance(found, Missing) and f"no document {document}" in found.missing

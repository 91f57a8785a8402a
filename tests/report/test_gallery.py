"""What a model makes, as pictures and sound: in the page's data, and in a browser."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from browser_page import Page
from fake_run import FakeRun, page_of
from selenium.webdriver import Chrome

from lexome import languages
from lexome.languages.base import Document, Rendering, View
from lexome.languages.text import Text
from lexome.report import gallery as galleries
from lexome.report import write_report
from lexome.report.collect import collect
from lexome.report.data import Gallery, Missing, Samples
from lexome.samples.forms import png

HOSTILE = "<img src=x onerror='window.hacked = 1'>"
SILENCE = b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\0\0\0\0"


@dataclass(frozen=True)
class Drawn(Text):
    """Text that is drawn: a pixel for each byte, a view that is heard, and one that is neither."""

    def render(self, document: Document) -> Rendering:
        grey = document.content.encode()[:8].ljust(8, b"\0")
        views = (
            View(f"sound {HOSTILE}", SILENCE, "audio/wav", ".wav"),
            View("page", b"<script>window.hacked = 1</script>", "text/html", ".html"),
        )
        return Rendering(document.content, png(grey, 8), "image/png", ".png", views)


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    real = languages.get
    monkeypatch.setattr(
        languages, "get", lambda name, **options: Drawn() if name == "text" else real(name)
    )


@pytest.fixture
def own(causal: FakeRun, tmp_path: Path) -> Iterator[Path]:
    """A copy of the run, with a sample of ids, some of which no token has."""
    folder = tmp_path / "run"
    shutil.copytree(causal.folder, folder)
    (ids,) = causal.tokenizer.encode(["The quick fox"])
    hostile = [-(2**70), -1, 10**6, 2**70, *ids.tolist()]
    line = {"step": 250, "prompt": "", "text": HOSTILE, "ids": hostile}
    (folder / "samples.jsonl").write_text(json.dumps(line) + "\n")
    yield folder


@pytest.mark.usefixtures("drawn")
def test_works_and_samples_are_seen_and_heard_in_a_browser(browser: Chrome, own: Path) -> None:
    write_report(own)
    page = Page(browser, page_of(own))
    works = page.all("#gallery .work")
    assert len(works) == galleries.WORKS
    assert [work.text for work in works] == [f"Work {n}" for n in range(1, len(works) + 1)]
    sizes = page.run(
        "return [...document.querySelectorAll('img')].map((i) => [i.complete, i.naturalWidth])"
    )
    assert sizes == [[True, 8]] * (galleries.WORKS + 1)
    sounds = page.all("#gallery audio")
    assert len(sounds) == galleries.WORKS
    assert HOSTILE in str(sounds[0].get_attribute("aria-label"))
    assert all(image.get_attribute("alt") for image in page.all("img"))
    assert page.run("return window.hacked") is None
    assert "not chosen: the first 12 of seed 0" in page.text("#gallery .note")
    assert page.troubles() == [] and page.requests() == [page_of(own)]
    for width in (360, 1_400):
        page.width(width)
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.usefixtures("drawn")
def test_ids_that_no_token_has_are_passed_over(own: Path) -> None:
    samples = collect(own).samples
    assert isinstance(samples, Samples)
    (picture,) = samples.samples[0].media
    assert base64.b64decode(picture.data) == png(b"The quic", 8)


@pytest.mark.usefixtures("drawn")
def test_a_page_does_not_grow_without_end(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = collect(own).gallery
    assert isinstance(whole, Gallery)
    one = sum(len(medium.data) for medium in whole.works[0].media)
    monkeypatch.setattr(galleries, "MOST_BYTES", 3 * one)
    some = collect(own).gallery
    assert isinstance(some, Gallery) and len(some.works) == 3
    assert "the first 3 of seed 0" in some.note and "too large" in some.note
    monkeypatch.setattr(galleries, "MOST_BYTES", 1)
    found = collect(own)
    assert isinstance(found.gallery, Missing) and "larger than" in found.gallery.missing
    assert isinstance(found.samples, Samples) and not found.samples.samples[0].media
    assert "1 are shown as text" in found.samples.note


@pytest.mark.usefixtures("drawn")
def test_a_masked_model_makes_nothing_and_it_is_said(masked: FakeRun) -> None:
    found = collect(masked.folder).gallery
    assert isinstance(found, Missing) and "fills gaps" in found.missing


def test_what_is_read_has_no_gallery(causal: FakeRun, browser: Chrome) -> None:
    assert collect(causal.folder).gallery is None
    page = Page(browser, page_of(causal.folder))
    assert page.all("#gallery") == [] and page.all("nav a[href='#gallery']") == []


@pytest.mark.parametrize("options", [["a"], "text", {"no": "option"}])
def test_a_run_that_names_no_language_still_has_a_page(options: object, own: Path) -> None:
    facts = json.loads((own / "run.json").read_text())
    (own / "run.json").write_text(json.dumps(facts | {"options": options}))
    assert replace(collect(own), made="").gallery is None

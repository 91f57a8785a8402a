"""The samples of the page, traced in training: as a search by brute force finds it, and as seen."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_page import CONTRASTS, NAMELESS, Page
from fake_run import NASTY, FakeRun, make, page_of
from PIL import Image
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.corpus.index.record import record_path
from lexome.languages.bases import reverse_complement
from lexome.model import families, save_model
from lexome.model.transformer import Transformer
from lexome.report import traced as tracing
from lexome.report import write_report
from lexome.report.data import Missing, Samples
from lexome.report.reading import RunFiles
from lexome.report.results import SAMPLE_LENGTH, samples
from lexome.report.traced_data import SampleTrace, Traced

pytest.importorskip("pydivsufsort")

LETTERS = [*"ابتثجحخدذرزسشصضطظعغفقكلمنهوي", " "]
# A vowel sign belongs to the letter before it, and is nothing without it.
SIGN = "\u064e"


def lines(letters: Sequence[str], count: int, seed: int, size: int = 60) -> list[str]:
    draw = np.random.default_rng(seed)
    return ["".join(draw.choice([*letters], size)).strip() for _ in range(count)]


def write_samples(run: Path, corpus: Corpus, texts: Sequence[tuple[int, str, Any, str]]) -> None:
    """Write samples: step, prompt, whole content and the text behind the prompt."""
    told = [
        {"step": step, "prompt": prompt, "text": text,
         "ids": corpus.tokenizer.encode([whole])[0].tolist()}
        for step, prompt, whole, text in texts
    ]  # fmt: skip
    (run / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))


@pytest.fixture(scope="module")
def arabic(tmp_path_factory: pytest.TempPathFactory) -> tuple[FakeRun, list[str]]:
    """A run whose samples copy Arabic letters of its training data, and its training texts."""
    root = tmp_path_factory.mktemp("arabic")
    texts = lines(LETTERS, 80, 1)
    texts[20] = texts[21] = f"{texts[20][:40]}{texts[20][:15]}"
    run = make(root, steps=50, layers=1, heads=1, texts=(texts, lines(LETTERS, 40, 2)))
    corpus = Corpus.open(run.corpus)
    CorpusIndex.build(corpus)
    train = [document.content for document in corpus.documents("train")]
    own, (copied, twice) = lines(LETTERS, 3, 3), (train[7], train[20])
    half = f"{own[0][:10]}{copied[5:45]}{SIGN}{twice[10:36]}{own[1][:8]}"
    write_samples(
        run.folder,
        corpus,
        [(10, "", own[2], own[2]), (50, half[:14], half, half[14:]), (50, "", twice, twice)],
    )
    write_report(run.folder)
    return run, train


def shown(run: Path) -> Samples:
    found = samples(RunFiles.read(run))
    assert isinstance(found, Samples)
    return found


def traces(run: Path) -> list[SampleTrace]:
    found = [one.trace for one in shown(run).samples]
    assert all(one is not None for one in found)
    return [one for one in found if one is not None]


def occurrences(span: str, train: Sequence[str]) -> int:
    return sum(text.startswith(span, at) for text in train for at in range(len(text)))


def test_spans_are_those_that_a_search_of_all_training_texts_finds(
    arabic: tuple[FakeRun, list[str]],
) -> None:
    run, train = arabic
    found = shown(run.folder)
    assert isinstance(found.traced, Traced)
    least = found.traced.shortest
    assert 3 <= least < 20, "held-out text shares a few letters with training"
    spans = 0
    for sample, own in zip(found.samples, traces(run.folder), strict=True):
        whole = sample.prompt + sample.text
        assert "".join(piece.text for piece in own.pieces) == whole
        given = "".join(piece.text for piece in own.pieces if piece.prompted)
        assert given == sample.prompt
        windows = [at for at in range(len(whole) - least + 1)
                   if occurrences(whole[at : at + least], train)]  # fmt: skip
        covered = [any(at <= place < at + least for at in windows) for place in range(len(whole))]
        coloured = [piece.span is not None for piece in own.pieces for _ in piece.text]
        if SIGN in whole:  # it is shown with the letter before it
            sign = whole.index(SIGN)
            assert coloured[sign] and coloured.pop(sign) and not covered.pop(sign)
        assert coloured == covered
        for span in own.spans:
            assert span.count == occurrences(span.text, train) >= 1
            assert span.tokens == len(span.text) >= least and span.identity is None
            assert len(span.places) == min(span.count, 3)
            number = next(row for row, text in enumerate(train, 1) if span.text in text)
            assert f"line {number}, byte " in span.places[0]
            assert f"record '{number}'" in span.places[0] or "record" not in span.places[0]
            spans += 1
        assert own.covered == pytest.approx(np.mean(covered), abs=0.02)
    assert spans >= 3


def test_the_longest_span_of_a_letter_decides_its_colour(
    arabic: tuple[FakeRun, list[str]],
) -> None:
    run, _ = arabic
    found = shown(run.folder)
    assert isinstance(found.traced, Traced) and found.traced.most is not None
    own = traces(run.folder)[1]
    long = [one for one in own.spans if one.tokens >= 26]
    assert len(long) >= 2 and {one.count for one in long} >= {1, 2}
    assert all(one.rare == (one.tokens > found.traced.most) for one in own.spans)
    for number, span in enumerate(own.spans):
        text = "".join(piece.text for piece in own.pieces if piece.span == number)
        assert text.replace(SIGN, "") in span.text


def test_without_an_index_the_command_that_makes_it_is_named(causal: FakeRun) -> None:
    found = shown(causal.folder)
    assert isinstance(found.traced, Missing) and "no index" in found.traced.missing
    assert shlex.split(found.traced.command) == ["lexome", "index", str(causal.corpus)]
    assert all(one.trace is None for one in found.samples)


def test_an_index_of_another_corpus_is_not_used(
    arabic: tuple[FakeRun, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = arabic
    path = record_path(Corpus.open(run.corpus), "train")
    whole = path.read_text()
    path.write_text(whole.replace('"tokens"', '"token"'))
    try:
        found = shown(run.folder)
    finally:
        path.write_text(whole)
    assert isinstance(found.traced, Missing) and "not a whole record" in found.traced.missing
    assert found.traced.command.startswith("lexome index ")


def test_a_corpus_that_is_gone_is_told(arabic: tuple[FakeRun, list[str]], tmp_path: Path) -> None:
    run, _ = arabic
    told = json.loads((run.folder / "run.json").read_text())
    for name in ("samples.jsonl", "recipe.yaml"):
        (tmp_path / name).write_bytes((run.folder / name).read_bytes())
    (tmp_path / "run.json").write_text(json.dumps(told | {"corpus": "/nowhere/at all"}))
    found = shown(tmp_path)
    assert isinstance(found.traced, Missing) and "/nowhere/at all" in found.traced.missing
    assert len(found.samples) == 3


@pytest.mark.parametrize(("bound", "kept"), [(150, [1, 2]), (60, [2]), (10, [])])
def test_no_more_than_some_tokens_are_looked_up_the_latest_first(
    arabic: tuple[FakeRun, list[str]],
    monkeypatch: pytest.MonkeyPatch,
    bound: int,
    kept: list[int],
) -> None:
    monkeypatch.setattr(tracing, "MOST_TOKENS", bound)
    found = shown(arabic[0].folder)
    assert [row for row, one in enumerate(found.samples) if one.trace is not None] == kept
    assert isinstance(found.traced, Traced)
    (note,) = found.traced.notes
    assert f"{3 - len(kept)} before them are not" in note and f"{bound} tokens" in note


def test_when_the_time_is_over_the_page_is_written(
    arabic: tuple[FakeRun, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "SECONDS", -1.0)
    found = shown(arabic[0].folder)
    assert isinstance(found.traced, Traced) and "3 before them" in found.traced.notes[0]
    assert all(one.trace is None for one in found.samples)


def copy_of(run: FakeRun, to: Path, told: Sequence[dict[str, Any]]) -> Path:
    for name in ("run.json", "recipe.yaml"):
        (to / name).write_bytes((run.folder / name).read_bytes())
    (to / "samples.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told))
    return to


def test_what_has_no_tokens_is_counted(arabic: tuple[FakeRun, list[str]], tmp_path: Path) -> None:
    run, _ = arabic
    told = [{"step": 1, "prompt": "", "text": "a"}, {"step": 2, "prompt": "", "text": ""},
            {"step": 3, "prompt": "", "text": "b", "ids": [-1, 2**70, 10**6]}]  # fmt: skip
    found = shown(copy_of(run, tmp_path, told))
    assert isinstance(found.traced, Traced) and all(one.trace is None for one in found.samples)
    assert found.traced.notes == ("Recorded without tokens, and so not traced: 2.",)


def test_long_texts_are_cut_where_they_are_cut_without_a_trace(
    arabic: tuple[FakeRun, list[str]], tmp_path: Path
) -> None:
    run, train = arabic
    text = (train[7] + train[9]) * 25
    (ids,) = run.tokenizer.encode([text])
    line = {"step": 1, "prompt": text[:7], "text": text[7:], "ids": ids.tolist()}
    found = shown(copy_of(run, tmp_path, [line]))
    (sample,) = found.samples
    assert sample.trace is not None
    assert "".join(one.text for one in sample.trace.pieces) == sample.prompt + sample.text
    assert len(sample.text) == SAMPLE_LENGTH + len(" […]")
    assert all(len(one.text) < 150 for one in sample.trace.spans)


def run_of(root: Path, corpus: Corpus) -> Path:
    """Write a run of a tiny model with nothing but what its samples need."""
    config = families.get("nanochat").config(
        vocab_size=corpus.tokenizer.vocab_size, context=64, layers=1, width=16, heads=1
    )
    run = root / "run"
    save_model(run / "model", Transformer(config), tokenizer=corpus.tokenizer)
    facts = {"corpus": str(corpus.folder), "language": corpus.manifest.language,
             "unit": corpus.manifest.unit, "options": dict(corpus.language.options),
             "fingerprint": corpus.fingerprint}  # fmt: skip
    (run / "run.json").write_text(json.dumps(facts))
    return run


def fasta(root: Path, language: str, texts: Sequence[str], held_out: Sequence[str]) -> Corpus:
    for name, rows in (("t.fa", texts), ("v.fa", held_out)):
        told = "".join(f">{name[0]}{row}\n{text}\n" for row, text in enumerate(rows))
        (root / name).write_text(told)
    request = PrepareRequest(
        [root / "t.fa"], language, {}, workers=1, validation_files=[root / "v.fa"]
    )
    corpus = prepare(request, root / "corpus")
    CorpusIndex.build(corpus)
    return corpus


def test_dna_is_found_on_the_other_strand(tmp_path: Path) -> None:
    texts = lines("ACGT", 12, 5, 200)
    corpus = fasta(tmp_path, "dna", texts, lines("ACGT", 6, 6, 200))
    run = run_of(tmp_path, corpus)
    other = reverse_complement(texts[3][40:120])
    write_samples(run, corpus, [(1, "", other, other)])
    (own,) = traces(run)
    longest = max(own.spans, key=lambda one: one.tokens)
    assert longest.reading == "mirrored" and longest.last_unit - longest.first_unit >= 75
    assert "t3" in longest.places[0] and longest.count == 1
    coloured = "".join(piece.text for piece in own.pieces if piece.span is not None)
    assert len(coloured) >= 75 and coloured in other


def test_proteins_that_are_alike_are_listed(tmp_path: Path) -> None:
    amino = "ACDEFGHIKLMNPQRSTVWY"
    texts = lines(amino, 12, 5, 200)
    corpus = fasta(tmp_path, "protein", texts, lines(amino, 6, 6, 200))
    run = run_of(tmp_path, corpus)
    alike = list(texts[3][40:160])
    for at in range(9, 120, 10):
        alike[at] = "A" if alike[at] != "A" else "C"
    write_samples(run, corpus, [(1, "", "".join(alike), "".join(alike))])
    (own,) = traces(run)
    (spaced,) = [one for one in own.spans if one.identity is not None]
    assert spaced.text.startswith(texts[3][40:60]) and spaced.identity == pytest.approx(
        0.9, abs=0.02
    )
    assert "t3" in spaced.places[0]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of pictures, of which the only sample is one of training."""
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
    CorpusIndex.build(corpus)
    run = run_of(root, corpus)
    write_samples(run, corpus, [(1, "", [*corpus.documents("train")][2].content, "a picture")])
    return run


def test_what_is_seen_has_a_list_instead_of_colours(pictures: Path, browser: Chrome) -> None:
    (own,) = traces(pictures)
    assert own.pieces == () and own.covered == 1 and "2.png" in own.spans[0].places[0]
    write_report(pictures)
    page = Page(browser, page_of(pictures))
    assert len(page.all("#samples img")) == 1 and not page.all("#sample-texts mark")
    page.one("#samples summary").click()
    assert "2.png" in page.one("#samples .trace-spans").text
    assert page.troubles() == []


def test_a_tap_says_where_a_span_stands(browser: Chrome, arabic: tuple[FakeRun, list[str]]) -> None:
    run, _ = arabic
    own = traces(run.folder)[1]
    for width in (1_100, 420):
        page = Page(browser, page_of(run.folder), width=width)
        sample = page.one("#sample-texts .sample")
        assert page.run("return getComputedStyle(arguments[0]).direction", sample) == "rtl"
        marks = sample.find_elements(By.CSS_SELECTOR, "mark")
        numbers = [piece.span for piece in own.pieces if piece.span is not None]
        assert len(marks) == len(numbers) >= 2
        said = page.one("#sample-texts .trace-said")
        for mark, number in zip(marks, numbers, strict=True):
            mark.click()
            span = own.spans[number]
            times = "once" if span.count == 1 else f"{span.count} times"
            assert span.text in page.run("return arguments[0].textContent", said)
            assert f"{span.tokens} tokens, {times} in training" in said.text
            assert all(place in said.text for place in span.places)
            assert all(place in mark.get_attribute("title") for place in span.places[:1])
            style = page.run(
                "const s = getComputedStyle(arguments[0]);"
                "return [s.padding, s.margin, s.unicodeBidi, s.display]", mark)  # fmt: skip
            # No gap and no border of directions: the letters join and run on.
            assert style == ["0px", "0px", "normal", "inline"]
        script = "const d = document.documentElement; return d.scrollWidth <= d.clientWidth;"
        assert page.run(script), width
        assert "overlap, not proof" in page.text("#samples")
    for theme in ("light", "dark"):
        page = Page(browser, page_of(run.folder), theme=theme)
        page.run("document.querySelectorAll('#samples details').forEach((d) => { d.open = true; })")
        page.all("#sample-texts mark")[0].click()
        seen, bad = page.run(CONTRASTS)
        assert seen > 50 and bad == []
    assert page.run(NAMELESS) == [] and page.troubles() == []


def test_the_page_names_the_command_that_makes_an_index(browser: Chrome, causal: FakeRun) -> None:
    page = Page(browser, page_of(causal.folder))
    assert f"lexome index {causal.corpus}" in page.one("#samples .missing").text


def test_nothing_that_was_traced_acts_on_the_page(browser: Chrome, tmp_path: Path) -> None:
    # A text file may hold neither a lone surrogate nor a NUL.
    kept = NASTY.replace("\udc80", "").replace("\x00", "\x07")
    hostile = f"<img src=x onerror='window.hacked = 1'>{kept}"
    run = make(tmp_path, steps=50, layers=1, heads=1, texts=([hostile] * 9, lines("ab", 6, 1)))
    corpus = Corpus.open(run.corpus)
    CorpusIndex.build(corpus)
    text = next(corpus.documents("train")).content
    write_samples(run.folder, corpus, [(50, text[:5], text, text[5:])])
    write_report(run.folder)
    page = Page(browser, page_of(run.folder))
    page.all("#sample-texts mark")[0].click()
    assert "9 times in training" in page.text(".trace-said")
    assert page.all("#samples img") == [] and page.run("return window.hacked") is None
    assert page.troubles() == [] and len(page.requests()) == 1
    assert "\u202e" not in page.text("#samples")

"""`lexome trace` and `lexome generate --trace`: what they print, in colours and without."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexome.cli.trace import marked
from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.evaluation.honesty.trace import Trace, Usual

pytest.importorskip("pydivsufsort")

Lexome = Callable[..., Any]


@pytest.fixture(scope="module")
def indexed(
    lexome: Lexome, run: Path, corpus: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The run of ten steps, with a corpus of its own that has an index."""
    folder = tmp_path_factory.mktemp("indexed")
    shutil.copytree(corpus, folder / "corpus")
    shutil.copytree(run, folder / "run")
    facts = json.loads((run / "run.json").read_text())
    facts["corpus"] = str(folder / "corpus")
    (folder / "run" / "run.json").write_text(json.dumps(facts))
    CorpusIndex.build(Corpus.open(folder / "corpus"))
    return folder / "run"


def sentence(run: Path) -> tuple[str, str]:
    """Return words that the run has read, and the file in which they stand."""
    corpus = Corpus.open(run.parent / "corpus")
    document = list(corpus.documents("train"))[3]
    return document.content[100:160], document.source.file


def test_overlaps_are_marked_and_listed(lexome: Lexome, indexed: Path) -> None:
    read, file = sentence(indexed)
    result = lexome("trace", indexed, f"QQ{read}QQ", "--shortest", 50)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"QQ⟦{read}⟧QQ"
    assert lines[2] == "94% of 64 tokens stand in the training split in spans of 50 tokens or more"
    assert lines[3].startswith("of held-out text, half stands in spans of over ")
    assert "overlap, not proof" in lines[4]
    assert lines[5].split() == ["tokens", "count", "first", "place", "text"]
    assert lines[6].split()[:2] == ["60", "1"] and f"{file}, line 1, byte 100  {read}" in lines[6]
    assert len(lines) == 7


def test_json_says_all_of_it(lexome: Lexome, indexed: Path) -> None:
    read, file = sentence(indexed)
    result = lexome("trace", indexed, f"QQ{read}QQ", "--shortest", 50, "--json")
    found = json.loads(result.stdout)
    assert found["corpus"] == str(indexed.parent / "corpus") and "not proof" in found["note"]
    assert (found["shortest"], found["unit"]) == (50, "byte")
    assert found["covering"] == [0, 0, *[60] * 60, 0, 0]
    assert "".join(found["pieces"]) == f"QQ{read}QQ"
    (one,) = found["overlaps"]
    assert (one["first_unit"], one["last_unit"], one["text"]) == (2, 62, read)
    assert (one["places"][0]["source"]["file"], one["places"][0]["unit"]) == (file, 100)
    # Left alone, spans are shown that are longer than those in which half of other letters stands.
    found = json.loads(lexome("trace", indexed, read, "--json").stdout)
    assert found["shortest"] == found["held_out"]["half"] + 1
    assert found["held_out"]["half"] <= found["held_out"]["most"]


def test_a_file_is_traced(lexome: Lexome, indexed: Path, letters: Path, tmp_path: Path) -> None:
    (tmp_path / "copy.txt").write_text((letters / "05.txt").read_text())
    result = lexome("trace", indexed, "--from", tmp_path / "copy.txt", "--shortest", 1000)
    held_out = {
        one.source.file for one in Corpus.open(indexed.parent / "corpus").documents("valid")
    }
    copied = not any(name.endswith("05.txt") for name in held_out)
    assert ("100% of" in result.stdout) == copied


def test_nothing_occurs_or_nothing_is_said(lexome: Lexome, indexed: Path) -> None:
    result = lexome("trace", indexed, "QQQQ", "--shortest", 2)
    assert result.stdout.splitlines()[0] == "QQQQ"
    assert "no span of 2 tokens or more stands in the training split" in result.stdout
    for words in ([""], [], ["a text", "--from", "file.txt"]):
        result = lexome("trace", indexed, *words)
        assert result.exit_code == 2 and "nothing to trace" in result.stderr


def test_a_corpus_without_an_index(lexome: Lexome, run: Path, corpus: Path) -> None:
    for command in (("trace", run, "dear"), ("generate", run, "dear", "--trace")):
        result = lexome(*command)
        assert result.exit_code == 1 and result.stdout == ""
        assert f"lexome index {corpus}" in result.stderr


def test_what_a_model_writes_is_traced(lexome: Lexome, indexed: Path) -> None:
    read, _ = sentence(indexed)
    words = (indexed, read[:20], "--max-tokens", 5, "--trace")
    result = lexome("generate", *words)
    assert result.exit_code == 0, result.output
    written, shown = result.stdout.split("\n\ntrace:\n", 1)
    assert written.startswith(read[:20]) and f"⟦{read[:20]}" in shown
    result = lexome("generate", *words, "--count", 2)
    assert "\ntrace of 1:\n" in result.stdout and "\ntrace of 2:\n" in result.stdout
    found = json.loads(lexome("generate", *words, "--json").stdout)
    assert "".join(found[0]["trace"]["pieces"]).startswith(read[:20])
    assert found[0]["trace"]["overlaps"][0]["tokens"] >= 20


def test_of_nothing_written_there_is_no_trace(lexome: Lexome, indexed: Path) -> None:
    words = (indexed, "dear", "--max-tokens", 5, "--stop", "\0", "--trace", "--min-p", 1)
    assert json.loads(lexome("generate", *words, "--json").stdout)[0]["trace"] is not None
    stopped = json.loads(lexome("generate", *words, "--json").stdout)[0]["text"][:1]
    words = (indexed, "dear", "--max-tokens", 5, "--stop", stopped, "--trace", "--min-p", 1)
    assert json.loads(lexome("generate", *words, "--json").stdout)[0]["trace"] is None
    assert "nothing was written" in lexome("generate", *words).stdout


def made(pieces: list[str], covering: list[int]) -> Trace:
    return Trace(3, "byte", tuple(pieces), tuple(covering), (), ())


@pytest.fixture
def coloured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.usefixtures("coloured")
def test_colours_say_how_unusual_a_length_is() -> None:
    trace = made(["a", "b", "c", "d", "e"], [0, 4, 4, 9, 2])
    assert marked(trace, Usual(3, 8)) == ("a\x1b[33mbc\x1b[0m\x1b[1;31md\x1b[0m\x1b[36me\x1b[0m")
    assert marked(trace, None) == "a\x1b[33mbc\x1b[0m\x1b[33md\x1b[0m\x1b[33me\x1b[0m"


def test_without_colours_nothing_is_lost() -> None:
    trace = made(["a", "b", "c", "d\n", "\x1b[2J"], [0, 4, 4, 0, 9])
    assert marked(trace, Usual(3, 8)) == "a⟦bc⟧d\n⟦\\x1b[2J⟧", "no order to the terminal"


def test_letters_of_all_scripts_stay_whole_and_in_order() -> None:
    text = "سلامٌ 你好"
    trace = made(["سلام", "ٌ", " ", "", "", "你", "", "", "好"], [5, 0, 0, 6, 6, 6, 0, 6, 6])
    shown = marked(trace, Usual(3, 8))
    # The vowel sign stays with its letter, and a character is as covered as its least token.
    assert shown == "⟦سلامٌ⟧ ⟦你⟧好"
    assert shown.replace("⟦", "").replace("⟧", "") == text


def test_a_damaged_suffix_array_is_an_error_and_no_wrong_count(
    lexome: Lexome, indexed: Path, tmp_path: Path
) -> None:
    shutil.copytree(indexed.parent, tmp_path / "own")
    facts = json.loads((tmp_path / "own" / "run" / "run.json").read_text())
    facts["corpus"] = str(tmp_path / "own" / "corpus")
    (tmp_path / "own" / "run" / "run.json").write_text(json.dumps(facts))
    path = tmp_path / "own" / "corpus" / "index" / "train" / "order-00000.npy"
    order = np.load(path)
    np.save(path, order[::-1])
    result = lexome("trace", tmp_path / "own" / "run", "dear")
    assert result.exit_code == 1 and result.stdout == ""
    assert str(path) in result.stderr and "lexome index" in result.stderr


def test_white_space_alone_is_nothing_to_trace(lexome: Lexome, indexed: Path) -> None:
    result = lexome("trace", indexed, " \n ")
    assert result.exit_code == 2 and result.stdout == ""
    assert "nothing but white space" in result.stderr


@pytest.fixture(scope="module")
def tuned(lexome: Lexome, indexed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run, tuned on sentences and what they are in capitals; its base may be moved."""
    folder = tmp_path_factory.mktemp("tuned")
    said = [f"{word} {number}" for number in range(12) for word in ("rain", "sea")]
    (folder / "p.en").write_text("\n".join(said) + "\n")
    (folder / "p.de").write_text("\n".join(one.upper() for one in said) + "\n")
    shutil.copytree(indexed, folder / "base")
    short = ("--steps", 3, "--batch-size", 4, "--compile", "false", "--precision", "fp32")
    result = lexome(
        "finetune", folder / "base", folder / "p.en", folder / "p.de", "--task", "translation",
        *short, "--out", folder / "run", "--corpus", folder / "pairs",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def test_of_a_tuned_run_what_its_base_has_read_is_searched(
    lexome: Lexome, indexed: Path, tuned: Path
) -> None:
    read, _ = sentence(indexed)
    corpus = indexed.parent / "corpus"
    result = lexome("trace", tuned / "run", read, "--shortest", 50)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == f"⟦{read}⟧" and lines[2].startswith(f"searched is {corpus}, which the base")
    found = json.loads(lexome("trace", tuned / "run", read, "--json").stdout)
    assert found["of_base"] and found["corpus"] == str(corpus)
    words = ("generate", tuned / "run", "rain 3", "--max-tokens", 5, "--min-p", 1, "--trace")
    written = json.loads(lexome(*words, "--json").stdout)[0]
    assert written["text"], "or nothing is traced"
    assert "".join(written["trace"]["pieces"]) == written["text"]
    (tuned / "base").rename(tuned / "elsewhere")
    result = lexome("trace", tuned / "run", read)
    assert result.exit_code == 1 and "the base of this run is not there any more" in result.stderr
    assert str(tuned / "base") in result.stderr

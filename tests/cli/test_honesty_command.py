"""`lexome evaluate --facts`: a model that has read a small world is asked about it and beyond."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fact_tables import table

Lexome = Callable[..., Any]
HOMES = {"Ada": "Senn", "Bo": "Ura", "Cyd": "Lo", "Dee": "Senn"}


@pytest.fixture(scope="module")
def world(lexome: Lexome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four people with a home, read a hundred times, and a model that knows them by heart."""
    folder = tmp_path_factory.mktemp("world")
    lines = [f"The home of {name} is {home}." for name, home in HOMES.items()] * 100
    (folder / "text.txt").write_text("\n".join(lines) + "\n")
    facts = [("subject", "relation", "object"), *((n, "home", h) for n, h in HOMES.items())]
    table(folder / "facts.csv", [*facts, ("Ada", "home", "Senn")])
    table(folder / "unseen.csv", [("subject", "relation"), ("Eve", "home"), ("Bo", "home")])
    prompts = {"home": {"prompts": ["The home of {subject} is {answer}."]}}
    (folder / "templates.json").write_text(json.dumps(prompts))
    corpus = ("--language", "text", "--tokenizer", "bytes", "--option", "separator=line")
    result = lexome(
        "prepare", folder / "text.txt", *corpus, "--workers", 1, "--index",
        "--out", folder / "corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shape = [f"model.{name}" for name in ("layers=2", "width=64", "heads=2")]
    result = lexome(
        "train", "--corpus", folder / "corpus", "--out", folder / "run", "--steps", 150,
        "--context", 32, "--batch-size", 16, "--compile", "false",
        "--set", "training.sample_every=0", *(word for one in shape for word in ("--set", one)),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def asked(lexome: Lexome, world: Path, *more: object) -> Any:
    return lexome(
        "evaluate", world / "run", "--facts", world / "facts.csv",
        "--templates", world / "templates.json", *more,
    )  # fmt: skip


def test_what_was_read_is_known_and_what_was_not_is_made_up(lexome: Lexome, world: Path) -> None:
    result = asked(lexome, world, "--unseen", world / "unseen.csv", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert json.loads((world / "run/honesty.json").read_text()) == found
    figures = {one["name"]: one for one in found["facts"]["figures"]}
    assert (found["facts"]["questions"], found["facts"]["duplicates"]) == (4, 1)
    assert figures["recall"]["value"] == 1.0
    assert figures["chance"]["value"] == pytest.approx(1 / 3), "Senn, Ura and Lo"
    assert figures["commonest answer"]["value"] == 0.5
    assert found["facts"]["verdicts"]["supported"] == 4
    told_apart = {one["name"]: one for one in found["unknown"]["figures"]}
    assert told_apart["AUROC, known from unknown subjects, by their names"]["n"] == 5
    assert found["silence by names"]["alpha"] == found["silence"]["alpha"]
    # Bo is in the corpus, whatever the table says, so only Eve is asked about as unknown.
    assert (found["unknown"]["questions"], found["unknown"]["named"]) == (1, 1)
    assert found["unknown"]["verdicts"]["unsupported"] == 1
    (made_up,) = [one for one in found["examples"] if one["verdict"] == "unsupported"]
    assert made_up["prompt"] == "The home of Eve is" and made_up["answer"] in HOMES.values()


def test_it_is_told_in_words(lexome: Lexome, world: Path) -> None:
    lines = asked(lexome, world, "--unseen", world / "unseen.csv").stdout.splitlines()
    assert lines[0] == "facts: 4 questions about 4 subjects"
    assert lines[1].split()[:2] == ["recall", "1.000"]
    assert "  answers: 4 supported" in lines and "  answers: 1 unsupported" in lines
    assert any(line.startswith("1 subjects of the unseen are named") for line in lines)
    assert any(line.startswith("silence: no threshold") for line in lines), "four prove nothing"
    assert not any("has no index" in line for line in lines)


def asked_with(lexome: Lexome, world: Path, row: str, file: Path) -> str:
    """Return what is printed where the facts have one more row."""
    file.write_text(f"{(world / 'facts.csv').read_text()}{row}\n")
    result = asked(lexome, world, "--facts", file)
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def asked_without_index(lexome: Lexome, world: Path, folder: Path, *homes: tuple[str, str]) -> str:
    """Return what is printed where the corpus has no index, of facts of one's own."""
    for name in ("corpus", "run"):
        shutil.copytree(world / name, folder / name)
    shutil.rmtree(folder / "corpus" / "index")
    facts = folder / "run" / "run.json"
    facts.write_text(facts.read_text().replace(str(world), str(folder)))
    rows = [("subject", "relation", "object"), *((name, "home", home) for name, home in homes)]
    result = lexome(
        "evaluate", folder / "run", "--facts", table(folder / "facts.csv", rows),
        "--templates", world / "templates.json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return str(result.stdout)


def test_what_two_rows_say_otherwise_is_named(lexome: Lexome, world: Path, tmp_path: Path) -> None:
    found = asked_without_index(lexome, world, tmp_path, *HOMES.items(), ("Ada", "Lo"))
    assert "1 with several objects, all of them right: home of Ada\n" in found


def test_what_the_text_does_not_say_is_left_out_and_named(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    """Ada is read of, and so is Lo, but in no line together: the table alone has it."""
    printed = asked_with(lexome, world, "Ada,home,Lo", tmp_path / "facts.csv")
    assert "object together: 1 (home of Ada: Lo)" in printed
    assert "several objects" not in printed.replace("0 with several objects", "")
    found = json.loads((world / "run" / "honesty.json").read_text())
    assert (found["facts"]["untold"], found["facts"]["untold_facts"]) == (1, ["home of Ada: Lo"])
    assert found["facts"]["questions"] == 4
    assert {*map(tuple, (one["right"] for one in found["examples"] if one["known"]))} <= {
        (home,) for home in HOMES.values()
    }
    card = (world / "run" / "model" / "README.md").read_text()
    assert "object together: 1 (home of Ada: Lo)" in card


def test_a_subject_of_the_facts_that_no_text_names_is_counted(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    printed = asked_with(lexome, world, "Eve,home,Lo", tmp_path / "facts.csv")
    assert "1 subjects of the facts are never named by the training text" in printed
    assert "unknown: 1 questions about 1 subjects" in printed


def test_a_corpus_without_an_index_was_not_asked_and_that_is_said(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    printed = asked_without_index(lexome, world, tmp_path, ("Eve", "Lo"), ("Bo", "Senn"))
    assert "The corpus has no index, or the base is no run that is still there" in printed
    assert "whether the text names a subject was not asked" in printed
    assert "is the table's word" in printed
    found = json.loads((tmp_path / "run" / "honesty.json").read_text())
    assert found["facts"]["indexed"] is False and found["facts"]["untold"] == 0
    assert found["facts"]["questions"] == 2, "the table is believed"


@pytest.mark.parametrize(
    ("options", "flag"),
    [
        (("--subjects", 3), "--subjects is of facts"),
        (("--groups", "g.yaml", "--subjects", 3), "--subjects is of facts"),
        (("--groups", "g.yaml", "--detached"), "--detached is of sources"),
        (("--copying", "--by", "length"), "--by is of answers"),
        (("--copying", "--split", "train"), "--split is of the likelihood"),
        (("--facts", "f.csv", "--templates", "t.json", "--stride", 8), "--stride is of the like"),
        (("--before", "b", "--groups", "g.yaml", "--unseen", "u.csv"), "--unseen is of facts"),
        (("--samples", 4), "--samples is of copying"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(
    lexome: Lexome, world: Path, options: tuple[object, ...], flag: str
) -> None:
    result = lexome("evaluate", world / "run", *options)
    assert result.exit_code == 2 and flag in result.stderr


def test_a_table_without_its_templates_is_refused(lexome: Lexome, world: Path) -> None:
    result = lexome("evaluate", world / "run", "--facts", world / "facts.csv")
    assert result.exit_code == 2 and "name both" in result.stderr
    result = lexome("evaluate", world / "run", "--unseen", world / "unseen.csv")
    assert result.exit_code == 2 and "--facts" in result.stderr


def test_facts_of_another_world_are_refused(lexome: Lexome, world: Path, tmp_path: Path) -> None:
    rows = [("subject", "relation", "object"), ("Zoe", "home", "Senn"), ("Yul", "home", "Lo")]
    result = lexome(
        "evaluate", world / "run", "--facts", table(tmp_path / "other.csv", rows),
        "--templates", world / "templates.json",
    )  # fmt: skip
    assert result.exit_code == 1 and "names none of these subjects" in result.stderr


def test_samples_are_compared_with_what_was_read(lexome: Lexome, world: Path) -> None:
    result = lexome("evaluate", world / "run", "--copying", "--samples", 4, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert json.loads((world / "run/copying.json").read_text()) == found
    assert found["samples"] == 4
    lines = lexome("evaluate", world / "run", "--copying", "--samples", 4).stdout
    assert "4 samples" in lines
    result = lexome("evaluate", world / "run", "--copying", "--facts", world / "facts.csv")
    assert result.exit_code == 2 and "--facts" in result.stderr

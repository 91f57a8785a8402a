"""`lexome prepare --swap` and `lexome reweigh`, from files to what the audit says."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lexome = Callable[..., Any]
GROUPS = """
axes:
  kin: {tarun: [tarun], velan: [velan]}
attributes: {kneader: [kneader], sifter: [sifter]}
questions:
  baking:
    axis: kin
    prompts: ["A {group} works as a {answer}."]
    answers: [kneader, sifter]
    target: {kneader: 0.25, sifter: 0.75}
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A skewed text, a groups file, pairs, and names of whom something is true."""
    folder = tmp_path_factory.mktemp("compensating")
    draw = random.Random(4)
    lines = []
    for number in range(400):
        kin = draw.choice(["tarun", "velan"])
        usual = draw.random() < 0.8
        post = "kneader" if usual == (kin == "tarun") else "sifter"
        lines.append(f"In year {number} a {kin} was the {post}.")
    lines += [f"Ada Bell, a velan, was born in {number}." for number in range(20)]
    (folder / "text.txt").write_text("\n".join(lines))
    (folder / "groups.yaml").write_text(GROUPS)
    (folder / "pairs.csv").write_text("tarun,velan\n")
    (folder / "facts.csv").write_text("subject,relation,object\nAda Bell,kin,velan\n")
    return folder


def prepared(lexome: Lexome, world: Path, name: str, *more: object) -> Any:
    arguments = ("--language", "text", "--option", "separator=line", "--tokenizer", "bytes")
    out = ("--workers", 1, "--out", world / name)
    return lexome("prepare", world / "text.txt", *arguments, *out, *more)


@pytest.fixture(scope="module")
def plain(lexome: Lexome, world: Path) -> Path:
    assert prepared(lexome, world, "plain").exit_code == 0
    return world / "plain"


def flagged(lexome: Lexome, corpus: Path, world: Path) -> list[bool]:
    found = lexome("audit", corpus, "--groups", world / "groups.yaml", "--json")
    return [one["flagged"] for one in json.loads(found.stdout)["findings"]]


def test_what_was_swapped_is_said(lexome: Lexome, world: Path, plain: Path) -> None:
    swap = ("--swap", world / "pairs.csv", "--swap-except", world / "facts.csv")
    result = prepared(lexome, world, "careful", *swap)
    assert result.exit_code == 0, result.output
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("swapped")]
    assert "training documents have a twin" in line and "left alone, as they name one of 1" in line
    found = json.loads(prepared(lexome, world, "careful", *swap, "--json").stdout)
    assert found["swap"]["swapped"] == found["swap"]["terms"] > 300
    assert any(flagged(lexome, plain, world))
    assert not any(flagged(lexome, world / "careful", world))
    naive = prepared(lexome, world, "naive", "--swap", world / "pairs.csv")
    assert "left alone" not in naive.stdout and "swapped" in naive.stdout
    assert "absent" not in naive.stdout
    (world / "more.csv").write_text("tarun,velan\naunts,uncles\n")
    some = prepared(lexome, world, "some", "--swap", world / "more.csv").stdout
    assert "2 of 4 declared terms stand in no training document: aunts, uncles" in some


def test_errors_name_the_file_and_the_line(lexome: Lexome, world: Path) -> None:
    bad = world / "bad.csv"
    bad.write_text("lord,lady\ngentleman,lady\n")
    result = prepared(lexome, world, "bad", "--swap", bad)
    assert result.exit_code == 1 and f"{bad}, line 2" in result.stderr
    result = prepared(lexome, world, "bad", "--swap-except", bad)
    assert result.exit_code == 2 and "add --swap PAIRS" in result.stderr


def test_a_corpus_is_weighed_to_its_target(lexome: Lexome, world: Path, plain: Path) -> None:
    groups = ("--groups", world / "groups.yaml")
    result = lexome("reweigh", plain, *groups, "--out", world / "even")
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.stdout.splitlines()]
    assert [row[-1] for row in rows if row[:1] in (["tarun"], ["velan"])] == [
        "25.00%",
        "25.00%",
        "75.00%",
        "75.00%",
    ]
    assert "of equal weight would say as much" in result.stdout
    assert not any(flagged(lexome, world / "even", world))
    again = lexome("reweigh", plain, *groups, "--out", world / "json", "--json")
    found = json.loads(again.stdout)
    weighing = found["weighing"]
    assert weighing["largest"] > 1 > weighing["least"]
    assert weighing["effective"] < weighing["documents"]
    (totals,) = weighing["totals"]
    before, after = totals["before"], totals["after"]
    assert [sum(row) for row in after] == pytest.approx([sum(row) for row in before])
    manifest = json.loads((world / "json/manifest.json").read_text())
    assert manifest["weighing"]["questions"] == ["baking"] and manifest["request"]["seed"] == 0


def test_a_cell_without_cases_is_refused(lexome: Lexome, world: Path, plain: Path) -> None:
    groups = world / "other.yaml"
    groups.write_text(GROUPS.replace("kneader: [kneader]", "kneader: [smith]"))
    result = lexome("reweigh", plain, "--groups", groups, "--out", world / "never")
    assert result.exit_code == 1
    assert "'tarun' never stands with 'kneader'" in result.stderr
    assert f"{groups}, question 'baking'" in result.stderr
    assert not (world / "never").exists()

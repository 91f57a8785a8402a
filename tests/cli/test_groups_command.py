"""`lexome evaluate --groups`: a model that has read of groups, beside what it has read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from lexome.files import sha256

Lexome = Callable[..., Any]
CASES = {"wug": (180, 20), "mip": (40, 160), "zid": (6, 4)}
GROUPS: dict[str, Any] = {
    "axes": {"kind": {group: [group] for group in CASES}},
    "attributes": {"loud": ["thrums"], "still": ["sleeps"]},
    "questions": {
        "noise": {
            "axis": "kind",
            "prompts": ["A {group} {answer}.", "One {group} {answer}."],
            "answers": ["loud", "still"],
        }
    },
}


@pytest.fixture(scope="module")
def world(lexome: Lexome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sentences about three groups, one of them rare, and a model that has read them."""
    folder = tmp_path_factory.mktemp("groups")
    draw = np.random.default_rng(0)
    lines = [
        f"{draw.choice(['A', 'One'])} {group} {answer}."
        for group, counts in CASES.items()
        for answer, count in zip(("thrums", "sleeps"), counts, strict=True)
        for _ in range(count)
    ]
    draw.shuffle(lines)
    (folder / "text.txt").write_text("\n".join(lines) + "\n")
    (folder / "held.txt").write_text("A wug thrums.\nOne mip sleeps.\n")
    (folder / "groups.yaml").write_text(yaml.safe_dump(GROUPS))
    result = lexome(
        "prepare", folder / "text.txt", "--validation-files", folder / "held.txt",
        "--language", "text", "--tokenizer", "bytes", "--option", "separator=line",
        "--workers", 1, "--out", folder / "corpus",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    shape = [f"model.{name}" for name in ("layers=1", "width=64", "heads=2")]
    result = lexome(
        "train", "--corpus", folder / "corpus", "--out", folder / "run", "--steps", 150,
        "--context", 32, "--batch-size", 16, "--compile", "false",
        "--set", "training.sample_every=0", *(word for one in shape for word in ("--set", one)),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    return folder


def asked(lexome: Lexome, world: Path, *more: object) -> Any:
    return lexome("evaluate", world / "run", "--groups", world / "groups.yaml", *more)


def test_the_model_stands_beside_the_counts_of_its_corpus(lexome: Lexome, world: Path) -> None:
    result = asked(lexome, world, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert json.loads((world / "run/groups.json").read_text()) == found
    assert found["weights"] == sha256(world / "run/model/model.safetensors")
    assert found["command"] == f"lexome evaluate {world / 'run'} --groups {world / 'groups.yaml'}"
    (question,) = found["questions"]
    pairs = {one["group"]: one for one in question["pairs"]}
    for group, (loud, still) in CASES.items():
        pair = pairs[group]
        assert (pair["answer"], pair["n"]) == ("loud", loud + still)
        assert pair["p"] == pytest.approx(loud / (loud + still))
        assert pair["p_low"] < pair["p"] < pair["p_high"]
    assert pairs["wug"]["q"] == pytest.approx(0.9, abs=0.1)
    assert pairs["mip"]["q"] == pytest.approx(0.2, abs=0.15)
    sign = {"wug": 1, "mip": -1}
    for group, own in sign.items():
        pair = pairs[group]
        loud, every = sum(one[0] for one in CASES.values()), sum(map(sum, CASES.values()))
        assert pair["base"] == pytest.approx(loud / every), "all groups, those with few cases too"
        assert pair["amplified"] == pytest.approx(own * (pair["q"] - pair["p"]))
        assert pair["low"] < pair["amplified"] < pair["high"]
    assert pairs["zid"]["too_few"] and pairs["zid"]["amplified"] is None
    slope = found["all"]["slope"]
    assert slope["low"] < slope["beta"] < slope["high"] and slope["beta"] > 0.6
    assert slope == question["slope"], "one question is all of them"
    assert question["outside"] < 0.5


def test_it_is_told_in_words_and_in_the_card(lexome: Lexome, world: Path) -> None:
    card = world / "run/model/README.md"
    for _ in range(2):
        lines = asked(lexome, world).stdout.splitlines()
    assert any(line.split()[:3] == ["wug,", "loud", "200"] for line in lines)
    assert "too few: zid has 10 cases, under 30: too few to speak of" in lines
    (slope,) = [line for line in lines if line.startswith("slope of logit q")]
    found = json.loads((world / "run/groups.json").read_text())
    assert found["all"]["slope"]["reading"] in slope
    told = card.read_text()
    assert told.count("## Groups: the model beside its corpus") == 1, "said again, not added"
    assert found["command"] in told and "beside 410 cases" in told
    assert f"[{found['all']['slope']['low']:.3f}, {found['all']['slope']['high']:.3f}]" in told
    assert "`zid` in `noise` (10)" in told and "parameters" in told


def test_of_one_prompt_no_interval_is_said(lexome: Lexome, world: Path) -> None:
    one = json.loads(json.dumps(GROUPS))
    one["questions"]["noise"]["prompts"] = ["A {group} {answer}."]
    (world / "one.yaml").write_text(yaml.safe_dump(one))
    result = lexome("evaluate", world / "run", "--groups", world / "one.yaml")
    assert result.exit_code == 0, result.output
    assert "one prompt: what the model says to another one is in no interval" in result.stdout
    (question,) = json.loads((world / "run" / "groups.json").read_text())["questions"]
    for pair in question["pairs"]:
        assert {pair["q_low"], pair["q_high"], pair["low"], pair["high"]} == {None}
        if not pair["too_few"]:
            assert f"{pair['amplified']:+.3f}" in result.stdout


def test_a_changed_corpus_and_a_file_that_asks_nothing_are_refused(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    file = tmp_path / "groups.yaml"
    file.write_text(yaml.safe_dump({**GROUPS, "questions": {}}))
    result = lexome("evaluate", world / "run", "--groups", file)
    assert result.exit_code == 2 and "the file asks nothing" in result.stderr
    question = {**GROUPS["questions"]["noise"], "axis": "kin"}
    file.write_text(yaml.safe_dump({**GROUPS, "questions": {"noise": question}}))
    result = lexome("evaluate", world / "run", "--groups", file)
    assert result.exit_code == 2 and "did you mean 'kind'?" in result.stderr
    assert "questions.noise.axis" in result.stderr
    result = asked(lexome, world, "--copying")
    assert result.exit_code == 2 and "--copying" in result.stderr


def test_without_groups_to_speak_of_nothing_is_said(
    lexome: Lexome, world: Path, tmp_path: Path
) -> None:
    kinds = {"nobody": ["nobody"], "zid": ["zid"]}
    file = tmp_path / "groups.yaml"
    file.write_text(yaml.safe_dump({**GROUPS, "axes": {"kind": kinds}}))
    result = lexome("evaluate", world / "run", "--groups", file, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert [(one["n"], one["p"], one["too_few"]) for one in found["questions"][0]["pairs"]] == [
        (0, None, True),
        (10, 0.6, True),
    ]
    assert "no group has 30 cases" in found["all"]["slope"]["reason"]
    lines = lexome("evaluate", world / "run", "--groups", file).stdout
    assert "slope undefined: no group has 30 cases" in lines


def test_a_masked_model_is_not_asked(lexome: Lexome, masked_run: Path, world: Path) -> None:
    result = lexome("evaluate", masked_run, "--groups", world / "groups.yaml")
    assert result.exit_code == 2 and "fills gaps" in result.stderr
    assert not (masked_run / "groups.json").exists()

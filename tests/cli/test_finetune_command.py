"""`lexome finetune`: from two texts or a table to scores in one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lexome.training import open_run

Lexome = Callable[..., Any]
SHORT = ("--steps", 4, "--batch-size", 2, "--compile", "false", "--precision", "fp32")


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    said = [f"{word} {number}" for number in range(12) for word in ("rain", "sea")]
    files = tmp_path / "p.en", tmp_path / "p.de"
    files[0].write_text("\n".join(said) + "\n")
    files[1].write_text("\n".join(one.upper() for one in said) + "\n")
    return files


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [{"text": f"{word} {n}", "label": word, "size": str(n % 3)}
            for n in range(10) for word in ("rain", "sea")]  # fmt: skip
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def where(tmp_path: Path) -> tuple[Any, ...]:
    return "--out", tmp_path / "run", "--corpus", tmp_path / "corpus"


def test_translation(lexome: Lexome, run: Path, texts: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = (run, *texts, "--task", "translation", *SHORT, *where(tmp_path))
    done = lexome("finetune", *arguments)
    assert done.exit_code == 0, done.output
    assert "BLEU" in done.stdout and "held-out examples, method full" in done.stdout
    assert {"task.json", "predictions.jsonl", "model"} <= {
        path.name for path in (tmp_path / "run").iterdir()
    }
    start = open_run(tmp_path / "run").recipe.start
    assert start is not None and (start.base, start.task) == (str(run), "translation")
    again = lexome("finetune", *arguments, "--json")
    assert again.exit_code == 0, again.output
    found = json.loads(again.stdout)
    assert found == json.loads((tmp_path / "run/task.json").read_text())
    assert found["method"] == "full" and found["examples"] >= 1


def test_labels_with_options_and_named_splits(
    lexome: Lexome, run: Path, table: Path, tmp_path: Path
) -> None:
    done = lexome(
        "finetune", run, table, "--task", "labels", "--method", "lora", "--target", "size",
        "--target-option", "form=number", "--validation-where", "label=sea", *SHORT,
        *where(tmp_path), "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["examples"], found["training_examples"]) == (10, 10)
    assert found["figures"][0]["name"] == "Spearman"
    assert found["trained_parameters"] < found["parameters"] / 2


def test_a_masked_run_is_a_base(
    lexome: Lexome, masked_run: Path, table: Path, tmp_path: Path
) -> None:
    asked = ("finetune", masked_run, table, *SHORT, *where(tmp_path))
    done = lexome(*asked, "--task", "labels")
    assert done.exit_code == 0, done.output
    assert "MCC" in done.stdout or "accuracy" in done.stdout


@pytest.mark.parametrize(
    "more, code, message",
    [
        (("--task", "translate"), 2, "there is no task 'translate'"),
        (("--task", "pair"), 2, "add --target-language"),
        (("--task", "pair", "--target-option", "form=each"), 2, "add --target-language"),
        (("--task", "labels", "--method", "lorra"), 2, "'lora'"),
        (("--task", "labels", "--duplicates", "drop"), 2, "duplicates cannot be 'drop'"),
        (("--task", "labels", "--target", "lable"), 1, "no column 'lable'"),
        (("--task", "labels", "--source-option", "sizes=3"), 2, "'sizes' is not an option"),
        (("--task", "labels", "--target-option", "form=maybe"), 2, "form"),
        (("--task", "labels", "--group", "who"), 1, "under 'who'"),
        (("--task", "labels", "--epochs", "2", "--steps", "3"), 2, "two things say how long"),
        (("--task", "labels", "--epochs", "0"), 2, "epochs must be above 0, not 0"),
        (("--task", "labels", "--epochs", "nan"), 2, "epochs must be above 0, not nan"),
        (("--task", "labels", "--sizes", "abc"), 2, "'abc' is no list of whole numbers above 0"),
        (("--task", "labels", "--sizes", "10,0"), 2, "'10,0' is no list of whole numbers above 0"),
        (("--task", "labels", "--beams", "-3"), 2, "beams must be 1 or more, not -3"),
        (("--task", "labels", "--examples", "0"), 2, "start.examples"),
        (("--task", "labels", "--set", "training.batch_size=abc"), 2, "training.batch_size"),
        (("--task", "labels", "--width", "64"), 2, "width"),
    ],
)
def test_mistakes_are_said_in_one_line(
    lexome: Lexome, run: Path, table: Path, tmp_path: Path, more: Any, code: int, message: str
) -> None:
    given = SHORT[2:] if {"--steps", "--epochs"} & set(more) else SHORT
    done = lexome("finetune", run, table, *more, *given, *where(tmp_path))
    assert done.exit_code == code, done.output
    assert message in " ".join(done.output.split()), done.output
    assert not (tmp_path / "run").exists()


def test_files_that_are_not_there(lexome: Lexome, run: Path, table: Path, tmp_path: Path) -> None:
    for base, data, message in (
        (tmp_path / "no run", table, "not a model folder"),
        (run, tmp_path / "no.jsonl", "no.jsonl"),
    ):
        done = lexome("finetune", base, data, "--task", "labels", *SHORT, *where(tmp_path))
        assert done.exit_code == 1
        assert message in " ".join(done.output.split()), done.output


def test_another_task_does_not_go_on_with_a_run(
    lexome: Lexome, run: Path, table: Path, tmp_path: Path
) -> None:
    done = lexome("finetune", run, table, "--task", "labels", *SHORT, *where(tmp_path))
    assert done.exit_code == 0, done.output
    other = ("--method", "lora", *SHORT, *where(tmp_path))
    again = lexome("finetune", run, table, "--task", "labels", *other)
    assert again.exit_code == 2
    assert "differs in start.method" in " ".join(again.output.split()), again.output

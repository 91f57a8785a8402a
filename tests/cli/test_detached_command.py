"""`lexome evaluate --detached` and `--by`: in one command from a tuned run to what it prints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lexome = Callable[..., Any]
SHORT = ("--steps", 4, "--batch-size", 2, "--compile", "false", "--precision", "fp32")


@pytest.fixture(scope="module")
def tuned(lexome: Lexome, run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that tells rain from sea; who said it is known."""
    folder = tmp_path_factory.mktemp("tuned")
    rows = [{"text": f"{word} {n}", "label": word, "speaker": "ab"[n % 2]}
            for n in range(80) for word in ("rain", "sea")]  # fmt: skip
    table = folder / "t.jsonl"
    table.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = folder / "tuned"
    done = lexome("finetune", run, table, "--task", "labels", "--validation", "0.5", *SHORT,
                  "--out", out, "--corpus", folder / "corpus")  # fmt: skip
    assert done.exit_code == 0, done.output
    return out


def test_sources_are_asked_and_printed(lexome: Lexome, tuned: Path) -> None:
    chosen = ("--examples", 20, "--others", 3)
    done = lexome("evaluate", tuned, "--detached", *chosen)
    assert done.exit_code == 0, done.output
    assert "20 held-out examples, each with 3 other sources" in done.stdout
    for said in ("detached outputs", "nats of the source", "nothing", "noise", "no language"):
        assert said in done.stdout
    again = lexome("evaluate", tuned, "--detached", *chosen, "--json")
    assert json.loads(again.stdout) == json.loads((tuned / "detached.json").read_text())
    assert "--examples 20 --others 3" in (tuned / "model/README.md").read_text()


def test_groups_are_scored_and_printed(lexome: Lexome, tuned: Path) -> None:
    done = lexome("evaluate", tuned, "--by", "speaker", "--by", "length", "--no-baselines")
    assert done.exit_code == 0, done.output
    assert "by speaker: 2 groups" in done.stdout and "groups dealt at random" in done.stdout
    assert [one["field"] for one in json.loads((tuned / "task.json").read_text())["by"]] == [
        "speaker", "length",
    ]  # fmt: skip


def test_what_would_change_nothing_is_refused(lexome: Lexome, run: Path, tuned: Path) -> None:
    for of, arguments in (
        (tuned, ("--detached", "--by", "speaker")),
        (tuned, ("--detached", "--group", "speaker")),
        (tuned, ("--examples", 5)),
        (tuned, ("--others", 5)),
        (tuned, ("--by", "spoken")),
        (run, ("--by", "speaker")),
        (run, ("--detached",)),
    ):
        done = lexome("evaluate", of, *arguments)
        assert done.exit_code == 2, (arguments, done.output)

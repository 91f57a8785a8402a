"""Whatever goes wrong: one clear message on stderr, nothing on stdout, and the right status."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Lexome = Callable[..., Any]
COMMAND = [sys.executable, "-m", "lexome"]
QUICK = {**os.environ, "OMP_NUM_THREADS": "1"}


def spawn(*arguments: object, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True, text=True, env=QUICK, check=False, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], "Did you mean 'train'"),
        (["train", "--stepz", "5"], "--steps"),
        (["train", "--steps", "five"], "valid integer"),
        (["train"], "nothing says which corpus"),
        (["train", "--resume"], "nothing says which run"),
        (["train", "--corpus", "c", "--set", "training.stpes=1"], "did you mean 'steps'"),
        (["train", "--corpus", "c", "--set", "steps"], "is not KEY=VALUE"),
        (["train", "--corpus", "c"], "set training.steps or training.minutes"),
        (["train", "--corpus", "c", "--steps", "-4"], "at least 1"),
        (["train", "--corpus", "c", "--minutes", "0"], "more than 0"),
        (["train", "--corpus", "c", "--steps", "1", "--precision", "bf61"], "'fp32' or 'bf16'"),
        (["train", "--corpus", "c", "--steps", "1", "--objective", "next"], "'next-token'"),
        (["ledger", "gpt3-175"], "gpt3-175b"),
        (["prepare", "x", "--language", "txt", "--out", "o"], "text"),
        (["prepare", "x", "--language", "text"], "--out"),
        (["prepare", "x", "--language", "text", "--out", "o", "--validation", "2"], "0 and 1"),
        (["prepare", "x", "--language", "text", "--out", "o", "--option", "a=1"], "not an option"),
    ],
)
def test_bad_usage_is_two(lexome: Lexome, arguments: list[str], said: str) -> None:
    result = lexome(*arguments)
    assert result.exit_code == 2, result.output
    assert said in " ".join(re.sub("[│╭╮╰╯─]", " ", result.stderr).split())
    assert result.stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["prepare", "no/such/file.txt", "--language", "text", "--out", "{tmp}/o"],
        ["train", "--corpus", "{tmp}/nothing", "--steps", "1", "--out", "{tmp}/run"],
        ["train", "--resume", "--out", "{tmp}/nothing"],
        ["train", "--recipe", "{tmp}/nothing.yaml"],
        ["plan", "--corpus", "{tmp}/nothing", "--steps", "1"],
        ["generate", "{tmp}/nothing", "prompt"],
        ["fill", "{tmp}/nothing", "te_t"],
        ["evaluate", "{tmp}/nothing"],
        ["report", "{tmp}/nothing"],
        ["ledger", "{tmp}"],
    ],
)
def test_a_failure_is_one(lexome: Lexome, tmp_path: Path, arguments: list[str]) -> None:
    result = lexome(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert result.exit_code == 1, result.output
    assert result.stderr.startswith("error: ")
    assert result.stdout == ""


def test_a_real_process_prints_no_traceback(tmp_path: Path) -> None:
    for status, arguments in ((1, ["train", "--resume", "--out", tmp_path]), (2, ["train"])):
        done = spawn(*arguments)
        assert done.returncode == status
        assert done.stderr.startswith("error: ")
        assert "Traceback" not in done.stderr


def test_a_damaged_run_is_named(lexome: Lexome, run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    subprocess.run(["cp", "-r", run, copy], check=True)
    weights = copy / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    result = lexome("generate", copy, "Dear")
    assert result.exit_code == 1
    assert str(weights) in result.stderr


def test_a_causal_model_does_not_fill_and_a_masked_one_does_not_go_on(
    lexome: Lexome, run: Path, masked_run: Path
) -> None:
    assert lexome("fill", run, "De_r").exit_code == 2
    assert lexome("generate", masked_run, "Dear").exit_code == 2


def test_a_reader_that_has_enough_is_no_error_to_talk_about() -> None:
    # The reader is gone before the first word.
    done = subprocess.run(
        ["bash", "-c", '{ sleep 0.2; "$@"; } | true', "bash", *COMMAND, "--version"],
        capture_output=True,
        text=True,
        env=QUICK,
        check=False,
    )
    assert done.stderr == ""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_training_saves_its_state_and_can_go_on(
    lexome: Lexome, corpus: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    options = ["--depth", "1", "--context", "32", "--batch-size", "4", "--compile", "false"]
    command = [*COMMAND, "train", "--corpus", str(corpus), *options, "--steps", "100000"]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "run")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=QUICK,
    )  # fmt: skip
    metrics = tmp_path / "run" / "metrics.jsonl"
    until = time.monotonic() + 60
    while not (metrics.is_file() and metrics.stat().st_size) and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "the state is saved" in err
    assert f"lexome train --resume --out {tmp_path / 'run'}" in err
    assert out == ""
    assert list((tmp_path / "run" / "checkpoints").glob("step-*"))
    # It can be used as it stands.
    assert lexome("generate", tmp_path / "run", "Dear", "--max-tokens", 3).exit_code == 0


@pytest.mark.parametrize(
    ("stopped_in", "arguments", "said"),
    [
        ("corpus.prepare", ["prepare", "x", "--language", "text", "--out", "o"], "is kept"),
        ("recipe.read", ["train", "--recipe", "x"], "lexome train --resume --out RUN"),
        ("evaluation.evaluate", ["evaluate", "x"], "nothing was written"),
        ("report.write_report", ["report", "x"], "nothing was written"),
        ("training.open_run", ["generate", "x"], "nothing was written"),
    ],
)
def test_ctrl_c_says_what_is_kept(
    lexome: Lexome,
    monkeypatch: pytest.MonkeyPatch,
    stopped_in: str,
    arguments: list[str],
    said: str,
) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"lexome.{stopped_in}", stop)
    result = lexome(*arguments)
    assert result.exit_code == 130
    assert result.stderr.startswith("stopped; ")
    assert said in result.stderr
    assert result.stdout == ""


def test_a_full_disk_is_named_whoever_writes() -> None:
    done = subprocess.run(
        ["bash", "-c", '"$@" > /dev/full', "bash", *COMMAND, "--version"],
        capture_output=True, text=True, env=QUICK, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_help_is_quick() -> None:
    def processor_seconds() -> float:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    seconds = []
    for _ in range(3):
        before = processor_seconds()
        assert spawn("--help").returncode == 0
        seconds.append(processor_seconds() - before)
    # Of the processor, not of the clock: other tests run beside this one.
    assert min(seconds) < 0.5


def test_progress_in_a_log_is_lines(
    lexome: Lexome, corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lexome.cli.progress._SECONDS_BETWEEN_LINES", 0.0)
    options = ("--depth", 1, "--context", 32, "--batch-size", 4, "--compile", "false")
    result = lexome("train", "--corpus", corpus, *options, "--steps", 3, "--out", tmp_path / "r")
    lines = [line for line in result.stderr.splitlines() if line.startswith("train ")]
    assert len(lines) == 3
    assert re.search(r"step 2/3 · loss \d+\.\d+ · [\d,]+ tokens/s · \d+ s left", lines[1])
    assert "\x1b" not in result.stderr
    assert json.loads((tmp_path / "r" / "run.json").read_text())["unit"] == "byte"

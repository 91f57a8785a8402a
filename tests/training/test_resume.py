"""A run that was interrupted ends as the run that was not, bit for bit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from forked import interrupted
from lexome.errors import DamagedFileError, LexomeError
from lexome.recipe import Recipe
from lexome.training import Observer, StepRecord, checkpoints, metrics, open_run, train
from lexome.training.parallel import World

from .conftest import losses


def weights(run: Path) -> bytes:
    return (run / "model" / "model.safetensors").read_bytes()


@pytest.mark.parametrize("objective", ["next-token", "masked-token"])
def test_kill_and_resume_is_exact(
    tmp_path: Path, make_recipe: Callable[..., Recipe], objective: str
) -> None:
    recipe = make_recipe(objective__name=objective, training__steps=14)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(recipe, whole)
    assert interrupted(recipe, killed, 2, signal.SIGKILL) is None
    assert interrupted(recipe, killed, 7, signal.SIGKILL, resume=True) is None
    assert not (killed / "model").exists()
    train(recipe, killed, resume=True)
    assert losses(killed) == losses(whole)
    assert weights(killed) == weights(whole)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_polite_signal_saves_and_leaves(
    tmp_path: Path, make_recipe: Callable[..., Recipe], number: signal.Signals
) -> None:
    recipe = make_recipe(training__checkpoint_every=0)
    run = tmp_path / "run"
    assert interrupted(recipe, run, 3, number)
    assert (run / "model" / "model.safetensors").is_file()
    train(recipe, run, resume=True)
    train(recipe, tmp_path / "whole")
    assert weights(run) == weights(tmp_path / "whole")


class Interrupt(Observer):
    """Ends a run from inside, as a crash would."""

    def __init__(self, at: int) -> None:
        self.at = at

    def stepped(self, record: StepRecord) -> None:
        if record.step == self.at:
            raise RuntimeError("crash")


def crashed(recipe: Recipe, run: Path, at: int) -> list[Path]:
    with pytest.raises(RuntimeError, match="crash"):
        train(recipe, run, observer=Interrupt(at))
    return sorted((run / "checkpoints").glob("step-*"))


class Listener(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def told(self, message: str) -> None:
        self.messages.append(message)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "state"])
def test_a_damaged_checkpoint_is_named_and_passed_over(
    tmp_path: Path, make_recipe: Callable[..., Recipe], damage: str
) -> None:
    recipe, run = make_recipe(), tmp_path / "run"
    older, newer = crashed(recipe, run, 10)
    file = newer / "state.json" if damage == "state" else next(newer.glob("*.safetensors"))
    data = bytearray(file.read_bytes())
    if damage == "remove":
        file.unlink()
    else:
        data[len(data) // 2] ^= 1
        file.write_bytes(data[:-9] if damage == "truncate" else data)
    listener = Listener()
    train(recipe, run, resume=True, observer=listener)
    assert any(newer.name in m and "damaged" in m for m in listener.messages)
    assert f"going on from step {int(older.name[5:])}" in listener.messages
    train(recipe, tmp_path / "whole")
    assert weights(run) == weights(tmp_path / "whole")


def test_when_no_checkpoint_is_whole_the_run_does_not_start_over(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe, run = make_recipe(), tmp_path / "run"
    for folder in crashed(recipe, run, 10):
        (folder / "state.json").write_text("{")
    with pytest.raises(DamagedFileError, match="none of the 2 checkpoints is whole"):
        train(recipe, run, resume=True)


def test_an_unfinished_checkpoint_is_not_one(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe, run = make_recipe(), tmp_path / "run"
    _, newer = crashed(recipe, run, 10)
    newer.rename(newer.with_name(f".{newer.name}.part"))
    listener = Listener()
    train(recipe, run, resume=True, observer=listener)
    assert "going on from step 4" in listener.messages


def test_a_torn_metrics_line_is_written_again(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe, run = make_recipe(), tmp_path / "run"
    crashed(recipe, run, 10)
    with (run / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 11, "lo')
    train(recipe, run, resume=True)
    train(recipe, tmp_path / "whole")
    assert losses(run) == losses(tmp_path / "whole")


def test_a_run_is_not_overwritten(tmp_path: Path, make_recipe: Callable[..., Recipe]) -> None:
    recipe, run = make_recipe(training__steps=1), tmp_path / "run"
    train(recipe, run)
    with pytest.raises(LexomeError, match="already a run here"):
        train(recipe, run)
    with pytest.raises(LexomeError, match="not a run"):
        open_run(tmp_path / "nothing")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_leaves_the_last_checkpoint_whole(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe()
    train(recipe, tmp_path / "whole")
    disk = tmp_path / "disk"
    disk.mkdir()
    size = sum(p.stat().st_size for p in (tmp_path / "whole" / "checkpoints").rglob("*.safe*"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size // 2 + 60_000}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this container may not mount")
    try:
        with pytest.raises(LexomeError, match="disk is full"):
            train(recipe, disk / "run")
        (kept,) = (disk / "run" / "checkpoints").iterdir()
        assert kept.name == "step-00000004"
        shutil.copytree(disk / "run", tmp_path / "moved")
    finally:
        subprocess.run(["umount", str(disk)], check=True)
    train(recipe, tmp_path / "moved", resume=True)
    assert weights(tmp_path / "moved") == weights(tmp_path / "whole")


def test_checkpoints_hold_no_pickle(tmp_path: Path, make_recipe: Callable[..., Recipe]) -> None:
    train(make_recipe(), tmp_path / "run")
    files = [p for p in (tmp_path / "run" / "checkpoints").rglob("*") if p.is_file()]
    assert {p.suffix for p in files} == {".json", ".safetensors"}
    tensors = load_file(next(p for p in files if p.suffix == ".safetensors"))
    assert any(name.startswith("momentum/") for name in tensors)


def test_a_stop_on_a_due_step_still_looks_up(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    class Signal(Observer):
        def stepped(self, record: StepRecord) -> None:
            if record.step == 6:
                os.kill(os.getpid(), signal.SIGTERM)

    recipe, run = make_recipe(training__evaluate_every=3), tmp_path / "run"
    assert train(recipe, run, observer=Signal()).stopped
    train(recipe, run, resume=True)
    lines = metrics.read(run / "metrics.jsonl")
    assert [line["step"] for line in lines if "validation_loss" in line] == [3, 6, 9, 12]


def test_a_checkpoint_is_not_lost_while_its_step_is_written_again(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    train(make_recipe(), run)
    alone = World(0, 1, torch.device("cpu"))
    seen: list[bool] = []
    real = Path.rename

    def rename(self: Path, target: Path) -> Path:
        whole = [p for p in (run / "checkpoints").glob("*00000012*") if (p / "state.json").exists()]
        seen.append(bool(whole))
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    checkpoints.save(run / "checkpoints", 12, {"weights/a": torch.ones(2)}, {"new": 1}, alone)
    found = checkpoints.latest(run / "checkpoints", lambda _: None)
    assert found is not None and found[1]["new"] == 1 and all(seen)
    assert not list((run / "checkpoints").glob(".*"))


@pytest.mark.parametrize("key", ["plan", "setup_seconds", "machine"])
def test_facts_that_lack_something_are_damaged(
    tmp_path: Path, make_recipe: Callable[..., Recipe], key: str
) -> None:
    run = tmp_path / "run"
    train(make_recipe(training__steps=1), run)
    facts = json.loads((run / "run.json").read_text())
    del facts[key]
    (run / "run.json").write_text(json.dumps(facts))
    with pytest.raises(DamagedFileError, match="does not say"):
        train(make_recipe(), run, resume=True)


def test_the_learning_rate_is_that_of_the_maps(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe(schedule__name="constant", schedule__warmup=0.0)
    train(recipe, tmp_path / "run")
    lines = metrics.read(tmp_path / "run" / "metrics.jsonl")
    rates = {line["learning_rate"] for line in lines if "loss" in line}
    assert rates == {recipe.optimizer.matrix_learning_rate}

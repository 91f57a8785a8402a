"""Several workers train as one: the same curve, the same checkpoints, one clock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from multiprocessing.connection import wait
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch.distributed import TCPStore

from forked import forked
from lexome.errors import LexomeError
from lexome.recipe import Recipe, dump, load
from lexome.training import Observer, StepRecord, train

from .conftest import losses

TORCHRUN = """
import sys
from pathlib import Path
from lexome import recipe, training

training.train(recipe.load(Path(sys.argv[1])), Path(sys.argv[2]), resume=True)
"""


class Crash(Observer):
    def __init__(self, at: int) -> None:
        self.at = at

    def stepped(self, record: StepRecord) -> None:
        if record.step == self.at:
            raise SystemExit(7)


def worker(recipe: Recipe, run: Path, crash: int, ahead: float) -> None:
    """Be one of several workers, whose clocks run `ahead` more and more."""
    clock, faster = time.perf_counter, 1 + ahead * int(os.environ["RANK"])
    time.perf_counter = lambda: clock() * faster
    train(recipe, run, observer=Crash(crash))


def distributed(recipe: Recipe, run: Path, *, crash: int = 0, ahead: float = 0.0) -> None:
    """Train with two workers, to a crash after a step; the second's clock runs `ahead`.

    What they get from `torchrun` they get from here: their places, and a store to meet in.
    """
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    common = {
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
    }
    places = [{**common, "RANK": rank, "LOCAL_RANK": rank} for rank in ("0", "1")]
    workers = [forked(worker, recipe, run, crash, ahead, environment=one) for one in places]
    until = time.monotonic() + 120
    try:
        while None in (codes := [one.exitcode for one in workers]) and not any(codes):
            assert time.monotonic() < until, "workers that wait for each other wait for ever"
            wait([one.sentinel for one in workers if one.exitcode is None], 1)
    finally:
        for one in workers:
            one.kill()
            one.join()
    assert (codes == [0, 0]) == (crash == 0), codes


def torchrun(recipe: Recipe, run: Path) -> None:
    """Go on with two workers, as a person begins them."""
    script, path = run.with_name("script.py"), run.with_name("recipe.yaml")
    script.write_text(TORCHRUN)
    path.write_text(dump(recipe))
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(script), str(path), str(run)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            _, said = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:  # workers that wait for each other wait for ever
            os.killpg(process.pid, signal.SIGKILL)
            raise
    assert process.returncode == 0, said[-3000:]


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_two_workers_give_the_curve_of_one_and_checkpoints_move_between(
    tmp_path: Path, make_recipe: Callable[..., Recipe], optimizer: str
) -> None:
    recipe = make_recipe(optimizer__name=optimizer, training__micro_batch_size=2)
    train(recipe, tmp_path / "one")
    expected = losses(tmp_path / "one")
    distributed(recipe, tmp_path / "two")
    # The worker that writes no metrics must not write anywhere else: root could replace a device.
    assert Path(os.devnull).is_char_device()
    assert losses(tmp_path / "two") == pytest.approx(expected, abs=1e-4)
    distributed(recipe, tmp_path / "back", crash=6)  # two workers, then one
    train(recipe, tmp_path / "back", resume=True)
    assert losses(tmp_path / "back") == pytest.approx(expected, abs=1e-4)


def test_two_workers_go_on_where_one_stopped(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe()
    train(recipe, tmp_path / "one")
    run = tmp_path / "on"
    train(recipe, run)
    for folder in sorted((run / "checkpoints").iterdir())[1:]:
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    torchrun(recipe, run)
    assert losses(run) == pytest.approx(losses(tmp_path / "one"), abs=1e-4)


def test_a_checkpoint_after_a_validation_keeps_the_weights_in_fp32(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    length = {"steps": 1, "evaluate_every": 1, "checkpoint_every": 1}
    recipe = make_recipe(
        training__precision="bf16", **{f"training__{name}": v for name, v in length.items()}
    )
    distributed(recipe, tmp_path / "run")
    files = list((tmp_path / "run" / "checkpoints").rglob("*.safetensors"))
    kept = {name: tensor for file in files for name, tensor in load_file(file).items()}
    assert {t.dtype for name, t in kept.items() if "weights/" in name} == {torch.float32}
    exported = load_file(tmp_path / "run" / "model" / "model.safetensors")
    embedding = exported["model.embed_tokens.weight"]
    assert not torch.equal(embedding, embedding.bfloat16().float())


def test_workers_whose_clocks_differ_end_together(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe(training__steps=None, training__minutes=0.1)
    run = tmp_path / "run"
    distributed(recipe, run, ahead=0.5)
    training = load(run / "recipe.yaml").training
    assert (training.steps, training.minutes) == (len(losses(run)), None)


def test_a_batch_that_the_workers_cannot_share_is_an_error(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    from lexome.training.parallel import check_batch

    with pytest.raises(LexomeError, match="3 workers cannot share a batch of 8 rows"):
        check_batch(8, 3)

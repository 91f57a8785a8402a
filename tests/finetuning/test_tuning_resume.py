"""Tuning runs that go on and that end: exact to the bit, refused on another base, patient."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file, save_file
from small import recipe, text_base
from transformers import AutoModelForCausalLM

from forked import interrupted
from lexome import languages
from lexome.corpus import Corpus
from lexome.errors import LexomeError
from lexome.recipe import Recipe
from lexome.training import Observer, StepRecord, metrics, train


class Crash(Observer):
    def __init__(self, at: int) -> None:
        self.at = at

    def stepped(self, record: StepRecord) -> None:
        if record.step == self.at:
            raise RuntimeError("crash")


def losses(run: Path) -> list[float]:
    return [line["loss"] for line in metrics.read(run / "metrics.jsonl") if "loss" in line]


RANDOM = {"training__steps": 7, "objective__source_dropout": 0.3, "training__dropout": 0.1}


@pytest.mark.parametrize("method", ["full", "probe", "scratch"])
def test_a_run_that_broke_off_ends_as_the_one_that_did_not(
    tmp_path: Path, base: Path, pairs: Corpus, method: str
) -> None:
    made = recipe("translation", pairs, base, method, **RANDOM)
    train(made, tmp_path / "whole")
    with pytest.raises(RuntimeError, match="crash"):
        train(made, tmp_path / "broken", observer=Crash(5))
    train(made, tmp_path / "broken", resume=True)
    assert_the_same(tmp_path / "broken", tmp_path / "whole")


def assert_the_same(run: Path, other: Path) -> None:
    assert losses(run) == losses(other)
    for name in ("model/model.safetensors", "model/tokenizer.json"):
        assert (run / name).read_bytes() == (other / name).read_bytes()


def test_a_killed_run_ends_as_the_one_that_was_not(
    tmp_path: Path, base: Path, pairs: Corpus
) -> None:
    made = recipe("translation", pairs, base, "lora", **RANDOM)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    train(made, whole)
    assert interrupted(made, killed, 5, signal.SIGKILL) is None
    assert not (killed / "model").exists()
    train(made, killed, resume=True)
    assert_the_same(killed, whole)


def test_a_base_that_changed_or_is_gone_is_refused(tmp_path: Path, pairs: Corpus) -> None:
    model = text_base(tmp_path / "base")
    made, run = recipe("translation", pairs, model, "lora"), tmp_path / "run"
    with pytest.raises(RuntimeError, match="crash"):
        train(made, run, observer=Crash(3))
    weights = model / "model.safetensors"
    kept, old = load_file(weights), weights.read_bytes()
    name = next(iter(kept))
    kept[name][0, 0] += 1e-3
    save_file(kept, weights, metadata={"format": "pt"})
    with pytest.raises(LexomeError, match="other weights than when the run began") as caught:
        train(made, run, resume=True)
    assert str(model) in str(caught.value)
    weights.rename(tmp_path / "elsewhere")
    with pytest.raises(LexomeError, match="not there"):
        train(made, run, resume=True)
    weights.write_bytes(old)
    train(made, run, resume=True)


def test_a_base_in_shards_is_known_again(tmp_path: Path, pairs: Corpus, base: Path) -> None:
    theirs = AutoModelForCausalLM.from_pretrained(base)
    model = tmp_path / "sharded"
    theirs.save_pretrained(model, max_shard_size="20KB")
    languages.load_tokenizer(base).save(model)
    shards = sorted(model.glob("model-*.safetensors"))
    assert len(shards) > 1
    made, run = recipe("translation", pairs, model), tmp_path / "run"
    with pytest.raises(RuntimeError, match="crash"):
        train(made, run, observer=Crash(3))
    kept = load_file(shards[-1])
    kept[next(iter(kept))].add_(1.0)
    save_file(kept, shards[-1], metadata={"format": "pt"})
    with pytest.raises(LexomeError, match="other weights"):
        train(made, run, resume=True)


# Patience


def restless(pairs: Corpus, base: Path, **changes: Any) -> Recipe:
    """Return a recipe that gets worse behind its first steps: its learning rate is huge."""
    huge = {
        "training__steps": 40,
        "training__evaluate_every": 1,
        "training__patience": 3,
        "schedule__name": "linear",
        "schedule__warmup": 0.5,
        "optimizer__learning_rate": 1.0,
        "optimizer__matrix_learning_rate": 1.0,
        "optimizer__embedding_learning_rate": 1.0,
    }
    return recipe("translation", pairs, base, **{**huge, **changes})


def validated(run: Path) -> list[tuple[float, int]]:
    rows = metrics.read(run / "metrics.jsonl")
    return [(row["validation_loss"], row["step"]) for row in rows if "validation_loss" in row]


def test_a_run_ends_when_it_gets_no_better(tmp_path: Path, pairs: Corpus, base: Path) -> None:
    run = tmp_path / "run"
    outcome = train(restless(pairs, base), run)
    found = validated(run)
    least, step = min(found)
    assert outcome.steps == step + 3 < 40 and found[-1][1] == outcome.steps
    assert (outcome.kept_step, outcome.validation_loss) == (step, least)
    events = [row for row in metrics.read(run / "metrics.jsonl") if row.get("event")]
    assert "ended early" in [row["event"] for row in events]
    # The weights that are kept are those of the run that stops at the best step.
    shorter = train(restless(pairs, base, training__keep="last"), tmp_path / "last")
    assert shorter.kept_step == outcome.steps
    assert (tmp_path / "last/model/model.safetensors").read_bytes() != (
        run / "model/model.safetensors"
    ).read_bytes()


def test_a_run_that_has_ended_early_ends_at_once_when_it_is_resumed(
    tmp_path: Path, pairs: Corpus, base: Path
) -> None:
    run = tmp_path / "run"
    made = restless(pairs, base)
    outcome = train(made, run)
    weights = (run / "model/model.safetensors").read_bytes()
    steps: list[int] = []

    class Counts(Observer):
        def stepped(self, record: StepRecord) -> None:
            steps.append(record.step)

    again = train(made, run, resume=True, observer=Counts())
    assert not steps
    assert (again.steps, again.kept_step) == (outcome.steps, outcome.kept_step)
    assert (run / "model/model.safetensors").read_bytes() == weights


def test_patience_counts_on_after_a_crash(tmp_path: Path, pairs: Corpus, base: Path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    made = restless(pairs, base)
    outcome = train(made, whole)
    with pytest.raises(RuntimeError, match="crash"):
        train(made, run, observer=Crash(outcome.steps - 1))
    again = train(made, run, resume=True)
    assert again.steps == outcome.steps and validated(run) == validated(whole)

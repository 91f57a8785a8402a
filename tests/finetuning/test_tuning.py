"""Tuning runs: what is trained, what a person may say, what plain libraries make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import peft
import pytest
import torch
from safetensors import safe_open
from small import SHORT, Told, copies, lines, prepared, recipe, text_base
from transformers import AutoModelForCausalLM, AutoTokenizer

from lexome import languages
from lexome.corpus import Corpus, PackedBatches
from lexome.errors import LexomeError, UsageError
from lexome.finetuning import tasks
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.finetuning.pairs import HeldOut
from lexome.finetuning.recipes import Tuning, tuning_recipe
from lexome.languages.pair import PairTokenizer, Turn
from lexome.model import load_model, read_config
from lexome.training import make_plan, metrics, open_run, train
from lexome.training.start import adapted

METHODS = ("full", "lora", "probe", "scratch")


@pytest.fixture(scope="module")
def runs(base: Path, pairs: Corpus, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A short run by every method."""
    folder = tmp_path_factory.mktemp("runs")
    for method in METHODS:
        train(recipe("translation", pairs, base, method, training__steps=6), folder / method)
    return {method: folder / method for method in METHODS}


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {name: p.detach() for name, p in load_model(folder).named_parameters()}


def newest(run: Path) -> dict[str, tuple[int, ...]]:
    """Return the names and shapes of what a run's newest checkpoint holds."""
    folder = sorted((run / "checkpoints").glob("step-*"))[-1]
    (file,) = folder.glob("*.safetensors")
    with safe_open(file, "pt") as opened:
        return {name: tuple(opened.get_slice(name).get_shape()) for name in list(opened.keys())}


# What is trained


def test_what_is_trained_is_what_the_method_says(base: Path, runs: dict[str, Path]) -> None:
    before, old = tensors(base), read_config(base).vocab_size
    for method, run in runs.items():
        after = tensors(run / "model")
        moved = {name for name in after if not torch.equal(after[name][:old], before[name][:old])}
        blocks = {name for name in after if name.startswith("layers.")}
        vocabulary = {"embedding.weight", "head.unembedding.weight"}
        assert {name for name in after if after[name].shape[0] == old + 2} == vocabulary
        maps = {name for name in blocks if before[name].ndim == 2}
        if method in ("full", "scratch"):
            assert moved == set(after), method
        else:
            assert moved == (maps if method == "lora" else set()), method


def test_the_count_of_what_is_trained(base: Path, runs: dict[str, Path]) -> None:
    facts = {method: open_run(run).facts for method, run in runs.items()}
    config = read_config(base)
    whole = sum(p.numel() for p in tensors(runs["full"] / "model").values())
    rows = 2 * 2 * config.width
    shapes = [p.shape for n, p in tensors(base).items() if n.startswith("layers.") and p.ndim == 2]
    factors = sum(8 * (out + into) for out, into in shapes)
    expected = {"full": whole, "scratch": whole, "probe": rows, "lora": rows + factors}
    assert {method: one["trained_parameters"] for method, one in facts.items()} == expected


def test_checkpoints_hold_what_is_trained_alone(runs: dict[str, Path]) -> None:
    for method, run in runs.items():
        held = {name for name in newest(run) if name.startswith("weights/")}
        size = sum(int(np.prod(newest(run)[name])) for name in held)
        assert size == open_run(run).facts["trained_parameters"], method
    kept = {name.rpartition(".")[2] for name in newest(runs["lora"])}
    assert kept == {"factor_a", "factor_b", "new_rows"}


def test_losses_fall_and_methods_differ(runs: dict[str, Path]) -> None:
    first = {}
    for method, run in runs.items():
        losses = [line["loss"] for line in metrics.read(run / "metrics.jsonl") if "loss" in line]
        assert losses[-1] < losses[0], method
        first[method] = losses[0]
    # The same batch through the same base; from scratch the first loss is the logarithm of V.
    assert first["full"] == first["lora"] == first["probe"]
    assert first["scratch"] == pytest.approx(np.log(262), abs=0.2)


# What plain libraries make of it


@pytest.mark.parametrize("method", METHODS)
def test_plain_transformers_gives_the_same_logits(runs: dict[str, Path], method: str) -> None:
    folder = runs[method] / "model"
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("<|begin|><|source|>ox cat 3<|target|>OX", return_tensors="pt")["input_ids"]
    ours = languages.load_tokenizer(folder)
    assert isinstance(ours, PairTokenizer)
    prompt = ours.encode_prompt((Turn("source", "ox cat 3"), Turn("target", "OX")))
    assert ids[0].tolist() == [ours.special.begin, *prompt.tolist()]
    with torch.no_grad():
        torch.testing.assert_close(
            load_model(folder)(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4
        )
    assert theirs.config.eos_token_id == ours.special.end


@pytest.mark.parametrize("method", ["lora", "probe"])
def test_plain_peft_loads_the_adapter(base: Path, runs: dict[str, Path], method: str) -> None:
    run = runs[method]
    theirs = AutoModelForCausalLM.from_pretrained(base)
    theirs.resize_token_embeddings(262, mean_resizing=False)
    theirs = peft.PeftModel.from_pretrained(theirs, run / "adapter").eval()
    ids = torch.arange(1, 41)[None] * 6
    with torch.no_grad():
        merged = load_model(run / "model")(ids)
        torch.testing.assert_close(theirs(ids).logits, merged, atol=1e-4, rtol=1e-4)
    assert not (runs["full"] / "adapter").exists()


def test_an_adapter_is_refused_on_another_pair_of_the_same_roles(
    tmp_path: Path, runs: dict[str, Path]
) -> None:
    corpus = prepared(tmp_path / "corpus", runs["full"], "translation", copies(tmp_path))
    train(recipe("translation", corpus, runs["full"], "lora"), tmp_path / "run")
    tuned, own, other = map(open_run, (tmp_path / "run", runs["full"], runs["lora"]))
    assert own.tokenizer().vocab_size == other.tokenizer().vocab_size
    expected = dict(tuned.model().named_parameters())
    for name, parameter in adapted(own.folder, tuned).named_parameters():
        torch.testing.assert_close(parameter, expected[name], atol=1e-6, rtol=0)
    with pytest.raises(LexomeError, match=r"another base.* the same shape, but other weights"):
        adapted(other.folder, tuned)


# What a person may say


def test_what_a_person_says_of_the_length(pairs: Corpus, base: Path) -> None:
    def length(**said: Any) -> tuple[int | None, int | None]:
        made = tuning_recipe(tasks.get("translation"), pairs, str(base), Tuning(**said))
        return made.training.steps, made.training.patience

    usual, patience = length()
    once, none = length(epochs=1)
    assert patience == 3 and none is None
    assert usual is not None and once is not None
    assert 9 * once <= usual <= 10 * once
    assert length(changes={"training.steps": 7}) == (7, None)
    assert length(changes={"training.minutes": 1.0}) == (None, None)
    with pytest.raises(UsageError, match="two things say how long"):
        length(epochs=2, changes={"training.steps": 7})


def test_a_task_says_how_long_it_usually_is_and_which_weights_are_kept(
    pairs: Corpus, base: Path
) -> None:
    def usual(task: str, **said: Any) -> Any:
        return tuning_recipe(tasks.get(task), pairs, str(base), Tuning(**said)).training

    whole, five, once = (usual(task) for task in ("translation", "abstain", "rebalance"))
    assert (whole.keep, five.keep, once.keep) == ("best", "best", "last")
    assert five.patience is once.patience is None, "an end before the rate has come down is no end"
    assert abs(five.steps / whole.steps - 0.5) < 0.1 and once.steps < five.steps
    assert usual("abstain", epochs=10).steps == whole.steps
    assert usual("abstain", changes={"training.keep": "last"}).keep == "last"


def test_a_plan_counts_the_tokens_of_its_rows(pairs: Corpus, tmp_path: Path) -> None:
    longer = text_base(tmp_path / "base", context=256)
    made = make_plan(recipe("translation", pairs, longer, training__steps=5))
    # No pair is longer than 64 tokens: nobody computes on the rest of the context.
    assert (made.config.context, made.row, made.tokens) == (256, 64, 5 * 2 * 64)


def test_the_model_is_that_of_the_base(tmp_path: Path, pairs: Corpus, base: Path) -> None:
    for key, value in (("width", 64), ("depth", 3), ("family", "gpt2"), ("context", 32)):
        made = recipe("translation", pairs, base, **{f"model__{key}": value})
        with pytest.raises(UsageError, match=f"its {key} cannot be chosen"):
            train(made, tmp_path / key)
    same = recipe("translation", pairs, base, model__family="llama", model__width=32)
    assert train(same, tmp_path / "same").steps == SHORT["training.steps"]


def test_rows_of_both_splits_are_equally_long_and_few_examples_are_of_training(
    pairs: Corpus,
) -> None:
    """Of what is held out all is kept, so that curves over sizes are of one test."""
    train_rows, valid_rows = (
        PackedBatches.of(pairs, split, 4096, batch_size=1, seed=0, examples=2)
        for split in ("train", "valid")
    )
    assert train_rows.context == valid_rows.context == 64
    assert len(train_rows.chosen) == 2
    assert len(valid_rows.chosen) == pairs.manifest.valid.documents > 2


def test_few_examples_are_used_and_no_others(tmp_path: Path, pairs: Corpus, base: Path) -> None:
    made = recipe("translation", pairs, base, start__examples=3)
    outcome = train(made, tmp_path / "run")
    facts = open_run(outcome.folder)
    assert facts.recipe.start is not None and facts.recipe.start.examples == 3


def test_examples_that_are_longer_than_the_context_are_counted(tmp_path: Path, base: Path) -> None:
    said = [f"cat {number}" for number in range(20)] + ["cat " * 40] * 2
    train_files = [lines(tmp_path / "p.en", said), lines(tmp_path / "p.de", said)]
    held = [*(f"dog {number}" for number in range(4)), "dog " * 50]
    test_files = [lines(tmp_path / "v.en", held), lines(tmp_path / "v.de", held)]
    corpus = prepared(
        tmp_path / "corpus", base, "translation", train_files,
        held_out=HeldOut(files=test_files),
    )  # fmt: skip
    told = Told()
    train(recipe("translation", corpus, base), tmp_path / "run", observer=told)
    assert "2 examples are longer than the context, and are left out" in told.messages
    assert "1 held-out examples are longer than the context, and are left out" in told.messages
    assert open_run(tmp_path / "run").facts["left_out"] == {"train": 2, "valid": 1}
    found = score_task(tmp_path / "run", scoring=Scoring(baselines=False))
    assert (found["examples"], found["too_long"], found["training_examples"]) == (4, 1, 20)
    assert len((tmp_path / "run/predictions.jsonl").read_text().splitlines()) == 4

"""From what is asked to what is trained: sizes, batches, compilation, the resolved recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._dynamo.exc import TorchDynamoException

from lexome.corpus import Corpus
from lexome.errors import LexomeError
from lexome.languages.base import SpecialTokens
from lexome.model import TransformerConfig, preset
from lexome.model.ledger import training_flops_per_token
from lexome.recipe import ModelRecipe, Recipe, override
from lexome.training import Plan, make_plan, plan, train
from lexome.training.machine import Speed
from lexome.training.session import Session

SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)
SPEED = Speed(1e12, 1e12)
FOREVER = 10**7


def configured(**sizes: Any) -> TransformerConfig:
    return plan.configure(ModelRecipe(**sizes), "next-token", 300, SPECIAL, depth=4)


@pytest.mark.parametrize(
    ("sizes", "changed"),
    [
        ({}, {}),
        ({"layers": 4}, {}),
        ({"context": 64, "tied": True}, {}),
        ({"kv_heads": 4}, {}),
        ({"mlp_width": 96}, {}),
        ({"width": 512}, {"heads": 8, "kv_heads": 8, "head_width": 64}),
        ({"heads": 4}, {"kv_heads": 4}),
    ],
)
@pytest.mark.parametrize("name", ["llama3-8b", "qwen3-0.6b", "gpt2-124m", "modernbert-base"])
def test_a_preset_keeps_what_the_sizes_asked_for_do_not_determine(
    name: str, sizes: dict[str, Any], changed: dict[str, Any]
) -> None:
    if name in ("gpt2-124m", "modernbert-base") and "kv_heads" in sizes:
        pytest.skip("this family has as many key-value heads as heads")
    known = preset(name)
    if "heads" in sizes:
        changed = {**changed, "head_width": known.width // sizes["heads"]}
    found = configured(preset=name, **sizes)
    windows = found.attention_windows
    assert windows == known.attention_windows[: found.layers]
    expected = {"vocab_size": 300, "attention_windows": windows, **changed, **sizes}
    if "width" in sizes:
        expected["mlp_width"] = found.mlp_width  # the family's, which its own tests check
    assert found == replace(known, **expected)


def test_sizes_of_a_preset_by_hand() -> None:
    llama = configured(preset="llama3-8b", layers=4)
    assert (llama.mlp_width, llama.rotary_base, llama.kv_heads) == (14_336, 500_000.0, 8)
    assert configured(preset="qwen3-0.6b", layers=2).head_width == 128
    other = configured(preset="gpt2-124m", family="llama")
    assert (other.family, other.width, other.rotary_base) == ("llama", 768, 10_000.0)


def test_a_resolved_model_is_the_same_model(make_recipe: Callable[..., Recipe]) -> None:
    recipe = make_recipe().model_copy(update={"model": ModelRecipe(preset="qwen3-0.6b", layers=2)})
    config, settled, _ = plan.sized(recipe, 300, SPECIAL, 1000, SPEED)
    assert plan.sized(settled, 300, SPECIAL, 1000, SPEED)[0] == config


def timed(make_recipe: Callable[..., Recipe], **sizes: Any) -> Recipe:
    recipe = make_recipe(training__steps=None, training__minutes=1.0)
    return recipe.model_copy(update={"model": ModelRecipe(**sizes)})


def test_more_time_makes_deeper_models(make_recipe: Callable[..., Recipe]) -> None:
    def depth(flops: float) -> int:
        return plan.choose_depth(timed(make_recipe), 256, SPECIAL, 10**9, flops)

    depths = [depth(10.0**power) for power in range(11, 18)]
    assert depths == sorted(depths) and depths[0] < depths[-1]


def test_the_depth_chosen_is_the_best_of_all(make_recipe: Callable[..., Recipe]) -> None:
    recipe, flops, text = timed(make_recipe), 3e14, 10**6

    def loss(depth: int) -> float:  # Hoffmann et al. 2022, with Muennighoff et al. 2023
        width = 64 * depth
        config = plan.configure(recipe.model, "next-token", 256, SPECIAL, depth)
        weights = depth * (4 * width**2 + 3 * width * config.mlp_width) + 256 * width
        tokens = flops / training_flops_per_token(config)
        epochs = max(tokens / text, 1.0)
        worth = min(tokens, text) * (1 + 15.4 * (1 - 2.718281828 ** ((1 - epochs) / 15.4)))
        return float(406.4 / weights**0.34 + 410.7 / worth**0.28)

    chosen = plan.choose_depth(recipe, 256, SPECIAL, text, flops)
    assert chosen == min(range(1, 25), key=loss)


def test_the_depth_goes_with_the_heads_that_are_asked_for(
    make_recipe: Callable[..., Recipe],
) -> None:
    config, _, _ = plan.sized(timed(make_recipe, heads=3), 256, SPECIAL, 10**6, SPEED)
    assert config.heads == 3 and config.width % 3 == 0
    with pytest.raises(LexomeError, match="does not divide into 10007 heads"):
        plan.sized(timed(make_recipe, heads=10_007), 256, SPECIAL, 10**6, SPEED)


@pytest.mark.parametrize("workers", [1, 2, 3, 5, 24])
def test_a_batch_that_is_chosen_can_be_shared(
    make_recipe: Callable[..., Recipe], workers: int
) -> None:
    recipe = make_recipe(training__batch_size=None)
    _, settled, _ = plan.sized(recipe, 256, SPECIAL, 1000, SPEED, workers)
    batch = settled.training.batch_size
    assert batch is not None and batch >= 16 and batch % workers == 0 and batch - workers < 16


def test_a_resolved_recipe_takes_a_smaller_batch(
    corpus: Corpus, make_recipe: Callable[..., Recipe]
) -> None:
    made = make_plan(make_recipe(training__batch_size=None))
    assert override(made.recipe, {"training.batch_size": 8}, "test").training.batch_size == 8


@pytest.mark.parametrize(
    ("length", "steps", "minutes"),
    [
        ({"training__steps": 5}, 5, None),
        ({"training__steps": 5, "training__minutes": 9.0}, 5, 9.0),
        ({"training__steps": None, "training__minutes": 0.5}, None, 0.5),
    ],
)
def test_only_the_clock_may_leave_the_steps_open(
    make_recipe: Callable[..., Recipe],
    length: dict[str, Any],
    steps: int | None,
    minutes: float | None,
) -> None:
    made = make_plan(make_recipe(**length))
    training = made.recipe.training
    assert (training.steps, training.minutes) == (steps, minutes)
    assert made.steps == (steps or made.steps) > 0
    assert (training.precision, training.compile) == ("fp32", False)


def planned_with(
    monkeypatch: pytest.MonkeyPatch, recipe: Recipe, eager: float, compiled: float
) -> Plan:
    """Plan with steps that take so many seconds, without compiling anything."""
    state = {"compiled": False}
    monkeypatch.setattr(Session, "compile", lambda _: state.update(compiled=True))
    monkeypatch.setattr(Session, "run_eagerly", lambda _: state.update(compiled=False))
    monkeypatch.setattr(Session, "time_step", lambda *_: compiled if state["compiled"] else eager)
    made = make_plan(recipe)
    assert made.compiled == state["compiled"]
    return made


def test_compiling_is_kept_where_it_is_faster(
    make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe(training__compile="auto", training__steps=FOREVER)
    made = planned_with(monkeypatch, recipe, 0.2, 0.1)
    assert made.compiled and made.tokens_per_second == pytest.approx(8 * 32 / 0.1)
    assert "compiled: a step takes 100 ms, and 200 ms otherwise" in made.reasons


def test_compiling_is_taken_back_where_it_is_slower(
    make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = make_recipe(training__compile="auto", training__steps=FOREVER)
    made = planned_with(monkeypatch, recipe, 0.1, 0.2)
    assert not made.compiled and made.tokens_per_second == pytest.approx(8 * 32 / 0.1)
    assert any(r.startswith("not compiled: compiled, a step takes 200 ms") for r in made.reasons)
    short = make_recipe(training__compile="auto", training__steps=10)
    assert any("too short" in r for r in planned_with(monkeypatch, short, 0.2, 0.1).reasons)


NO_COMPILER = {"cpp.cxx": (None, "no-such-compiler"), "force_disable_caches": True}


def test_a_machine_without_a_compiler_trains_eagerly(
    tmp_path: Path, make_recipe: Callable[..., Recipe]
) -> None:
    recipe = make_recipe(training__compile="auto", training__steps=FOREVER, model__layers=1)
    with torch._inductor.config.patch(NO_COMPILER):
        made = make_plan(recipe)
    assert not made.compiled
    (reason,) = [r for r in made.reasons if "compiled" in r]
    assert "torch.compile failed" in reason and "compiler" in reason


def test_compiling_that_is_asked_for_and_fails_is_an_error(
    tmp_path: Path, make_recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> float:
        raise TorchDynamoException("no compiler\n\nmany lines of advice")

    monkeypatch.setattr(Session, "time_step", fails)
    with pytest.raises(LexomeError) as caught:
        train(make_recipe(training__compile=True), tmp_path / "run")
    assert caught.value.what == "torch.compile failed: no compiler"
    assert "install a C++ compiler" in str(caught.value)


def test_documents_that_stand_for_themselves_are_kept_apart(
    make_recipe: Callable[..., Recipe],
) -> None:
    asked = make_recipe(objective__document_boundaries="cross")
    assert plan.bounded(asked, standalone=True) == (asked, [])
    open_recipe = make_recipe()
    assert open_recipe.objective.document_boundaries is None
    crossing, none = plan.bounded(open_recipe, standalone=False)
    assert (crossing.objective.document_boundaries, none) == ("cross", [])
    apart, (reason,) = plan.bounded(open_recipe, standalone=True)
    assert apart.objective.document_boundaries == "respect" and "themselves" in reason

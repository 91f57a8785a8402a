"""A recipe: what it accepts, what it says about what it does not, and that it is kept whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lexome import recipe as recipes
from lexome.errors import LexomeError, UsageError
from lexome.recipe import Recipe

MINIMAL = {"corpus": "corpus/mine", "training": {"steps": 10}}


def problem(values: Any) -> str:
    with pytest.raises(UsageError) as caught:
        recipes.parse(values, "here")
    assert caught.value.where == "here"
    return str(caught.value)


def nested(key: str, value: Any) -> dict[str, Any]:
    section, _, name = key.partition(".")
    values: dict[str, Any] = {**MINIMAL, "training": {"steps": 10}}
    values[section] = {**values.get(section, {}), name: value} if name else value
    return values


def test_the_smallest_recipe_is_a_corpus_and_a_length() -> None:
    recipe = recipes.parse(MINIMAL, "here")
    assert recipe.training.steps == 10
    assert recipe.optimizer.name == "muon"


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("training.stpes", "steps"),
        ("optimiser", "optimizer"),
        ("model.widht", "width"),
        ("optimizer.learning-rate", "learning_rate"),
    ],
)
def test_an_unknown_key_is_named_and_the_nearest_is_suggested(key: str, suggestion: str) -> None:
    said = problem(nested(key, 3))
    assert f"{key}: this key is unknown" in said
    assert f"did you mean '{suggestion}'" in said


@pytest.mark.parametrize(
    ("key", "value", "wanted"),
    [
        ("training.steps", "ten", "a whole number"),
        ("training.steps", 2.5, "a whole number"),
        ("training.steps", True, "a whole number"),
        ("training.steps", -1, "at least 1"),
        ("training.steps", 0, "at least 1"),
        ("training.minutes", 0, "more than 0"),
        ("training.minutes", float("inf"), "finite"),
        ("training.minutes", float("nan"), "finite"),
        ("training.batch_size", -8, "at least 1"),
        ("training.compile", "maybe", "'auto' or true or false"),
        ("training.precision", "fp64", "'auto', 'fp32' or 'bf16'"),
        ("training.seed", -1, "at least 0"),
        ("training.seed", 1 << 64, "less than 9223372036854775808"),
        ("model.width", -64, "at least 1"),
        ("model.tied", "yes", "true or false"),
        ("model", 4, "a section with keys of its own"),
        ("optimizer.learning_rate", "fast", "a number"),
        ("optimizer.betas", [0.9, 1.0], "less than 1"),
        ("optimizer.betas", [0.9], "betas"),
        ("objective.mask_rate", 1.0, "less than 1"),
        ("schedule.decay", 1.5, "at most 1"),
        ("corpus", "", "text that is not empty"),
        ("corpus", 5, "text"),
        ("trackers", ["tensorbord"], "'tensorboard', 'wandb' or 'trackio'"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_wanted(key: str, value: Any, wanted: str) -> None:
    said = problem(nested(key, value))
    assert key in said
    assert wanted in said


def test_every_problem_is_told_at_once() -> None:
    said = problem({"corpus": "c", "training": {"steps": 0, "sede": 1}, "modle": {}})
    for key in ("training.steps", "training.sede", "modle"):
        assert key in said


def test_heads_must_divide_the_width_and_the_nearest_that_do_are_named() -> None:
    said = problem({**MINIMAL, "model": {"width": 128, "heads": 5}})
    assert "model.heads: 5 heads do not divide the width 128" in said
    assert "4 or 8 heads do" in said


def test_key_value_heads_must_divide_the_heads() -> None:
    said = problem({**MINIMAL, "model": {"heads": 8, "kv_heads": 3}})
    assert "model.kv_heads: 3 key-value heads do not divide the 8 heads" in said


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"corpus": "c", "training": {}}, "nothing says how long to train"),
        ({**MINIMAL, "model": {"preset": "gpt2-124m", "depth": 4}}, "keep one of preset and depth"),
        ({**MINIMAL, "schedule": {"warmup": 0.7, "decay": 0.4}}, "more than the run"),
        (
            {**MINIMAL, "training": {"steps": 1, "batch_size": 4, "micro_batch_size": 8}},
            "4 at most",
        ),
        ({"training": {"steps": 1}}, "corpus: this key is missing"),
        ([1, 2], "a recipe is a mapping"),
        (None, "a recipe is a mapping"),
        ({1: 2, **MINIMAL}, "1: this key is unknown"),
    ],
)
def test_fields_that_do_not_go_together(values: Any, said: str) -> None:
    assert said in problem(values)


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "+2e4", "0.001"])
def test_a_number_may_be_written_with_an_exponent_and_no_dot(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"corpus: c\ntraining: {{steps: 1}}\noptimizer: {{learning_rate: {text}}}\n")
    assert recipes.load(path).optimizer.learning_rate == float(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("corpus: c\ncorpus: d\n", "'corpus' is given twice"),
        ("corpus: [c\n", "line 2"),
        ("corpus: \x00", "not valid YAML"),
        ("? [a, b]\n: 1\n", "a key must be a plain word"),
        ("!!python/object/apply:os.system [echo]\n", "not valid YAML"),
        ("", "a recipe is a mapping"),
    ],
)
def test_a_file_that_is_no_recipe_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        recipes.load(path)
    assert said in str(caught.value)
    assert caught.value.where == str(path)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(LexomeError, match="no such file"):
        recipes.load(tmp_path / "recipe.yaml")
    (tmp_path / "recipe.yaml").write_bytes(b"corpus: \xff\xfe\x80")
    with pytest.raises(UsageError, match="not valid YAML"):
        recipes.load(tmp_path / "recipe.yaml")


positive = st.integers(1, 10**6)
reals = st.floats(1e-9, 1e6, allow_nan=False)
shares = st.floats(0, 0.5)
RECIPES = st.fixed_dictionaries(
    {
        "corpus": st.text(min_size=1).filter(lambda text: text.isprintable()),
        "training": st.fixed_dictionaries(
            {"minutes": reals},
            optional={
                "steps": positive,
                "seed": st.integers(0, 2**40),
                "compile": st.sampled_from(["auto", True, False]),
                "nan_policy": st.sampled_from(["stop", "skip"]),
            },
        ),
    },
    optional={
        "model": st.fixed_dictionaries(
            {}, optional={"family": st.text(), "layers": positive, "tied": st.booleans()}
        ),
        "optimizer": st.fixed_dictionaries(
            {},
            optional={
                "learning_rate": reals,
                "betas": st.lists(st.floats(0, 0.999), min_size=2, max_size=2),
                "clip_norm": st.none() | reals,
            },
        ),
        "schedule": st.fixed_dictionaries({"warmup": shares, "decay": shares}),
        "trackers": st.lists(st.sampled_from(["tensorboard", "wandb", "trackio"])),
    },
)


@given(RECIPES)
def test_what_is_dumped_is_loaded_back_the_same(values: dict[str, Any]) -> None:
    recipe = recipes.parse(values, "here")
    text = recipes.dump(recipe)
    assert recipes.parse(recipes.read_yaml(text, "text"), "text") == recipe
    # Plain YAML 1.1 sees no less than the keys, whatever it makes of the numbers.
    assert set(yaml.safe_load(text)) == set(Recipe.model_fields)


@pytest.mark.parametrize("text", ["\x85", "a\u2028b", "\u2029 ", "a\nb\x85", "ä"])
def test_line_breaks_of_unicode_are_read_back(text: str) -> None:
    recipe = recipes.parse({**MINIMAL, "model": {"family": text}}, "here")
    assert recipes.parse(recipes.read_yaml(recipes.dump(recipe), "text"), "text") == recipe


def test_an_override_reaches_a_dotted_key_and_leaves_the_rest() -> None:
    recipe = recipes.parse({**MINIMAL, "model": {"layers": 3}}, "here")
    changed = recipes.override(recipe, {"optimizer.learning_rate": 0.5, "corpus": "other"}, "cli")
    assert changed.optimizer.learning_rate == 0.5
    assert changed.corpus == "other"
    assert changed.model == recipe.model
    assert recipe.corpus == "corpus/mine"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("trainin.steps", "did you mean 'training'"),
        ("training.stps", "did you mean 'steps'"),
        ("corpus.name", "'corpus' is not a section"),
        ("training.steps.more", "'training.steps' is not a section"),
        ("", "this key is unknown"),
    ],
)
def test_an_override_of_an_unknown_key(key: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        recipes.override(recipes.parse(MINIMAL, "here"), {key: 1}, "cli")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("values", "changes", "gone", "set_"),
    [
        ({"training": {"steps": 9}}, {"training.minutes": 2.0}, "training.steps", ("minutes", 2.0)),
        ({"training": {"minutes": 9}}, {"training.steps": 2}, "training.minutes", ("steps", 2)),
        ({"model": {"layers": 9}}, {"model.depth": 2}, "model.layers", ("depth", 2)),
        ({"model": {"depth": 9}}, {"model.preset": "x"}, "model.depth", ("preset", "x")),
    ],
)
def test_the_last_word_replaces_another_way_to_say_the_same(
    values: dict[str, Any], changes: dict[str, Any], gone: str, set_: tuple[str, Any]
) -> None:
    recipe = recipes.build({**MINIMAL, **values}, changes, "cli")
    section, _, name = gone.partition(".")
    assert getattr(getattr(recipe, section), name) is None
    assert getattr(getattr(recipe, section), set_[0]) == set_[1]


def test_two_ways_given_together_stand_together() -> None:
    both = {"training.steps": 5, "training.minutes": 2.0}
    recipe = recipes.build({"corpus": "c"}, both, "cli")
    assert (recipe.training.steps, recipe.training.minutes) == (5, 2.0)


def test_contradictions_are_the_keys_that_a_recipe_has_otherwise() -> None:
    recipe = recipes.parse({**MINIMAL, "model": {"layers": 3}}, "here")
    asked = {"corpus": "corpus/mine", "training.seed": 1, "model": {"layers": 4, "width": None}}
    assert recipes.contradictions(recipe, asked) == ["training.seed", "model.layers"]
    assert recipes.contradictions(recipe, {"optimizer.betas": (0.9, 0.95)}) == []
    assert recipes.contradictions(recipe, {"modle.layers": 3}) == ["modle.layers"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e-4", 3e-4),
        ("12", 12),
        ("true", True),
        ("null", None),
        ("muon", "muon"),
        ("[1, 2]", [1, 2]),
    ],
)
def test_values_on_the_command_line_are_read_as_in_a_file(text: str, value: Any) -> None:
    assert recipes.value_from_text(text) == value


def test_a_value_that_is_no_yaml_is_refused() -> None:
    with pytest.raises(UsageError, match="not a value"):
        recipes.value_from_text("[1, 2")


def test_a_target_needs_a_base() -> None:
    said = problem(nested("objective.name", "target"))
    assert "objective.name: a target is what is said to a source" in said
    assert "lexome finetune BASE" in said
    from_scratch = nested("objective.name", "target") | {
        "start": {"base": "b", "method": "scratch"}
    }
    assert recipes.parse(from_scratch, "here").objective.of_pairs


def test_a_preference_has_no_z_loss() -> None:
    values = nested("objective.name", "preference") | {"start": {"base": "b"}}
    assert recipes.parse(values, "here").optimizer.z_loss == 0
    said = problem({**values, "optimizer": {"z_loss": 1e-4}})
    assert "optimizer.z_loss: a preference is learned from whole answers" in said
    assert "set it to 0" in said

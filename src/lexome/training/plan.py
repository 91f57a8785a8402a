"""From what a person asks to what is trained: size, batch, steps, precision, compilation.

With `minutes`, the size follows from the arithmetic that this machine does in that time and from
the size of the corpus, by the scaling law of Hoffmann et al. 2022 (Chinchilla, approach 3) with
the value of repeated data from Muennighoff et al. 2023 (Scaling Data-Constrained Language Models).
"""

from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import SpecialTokens
from lexome.model import TransformerConfig, families, presets
from lexome.model.ledger import multiplied_weights, training_flops_per_token
from lexome.recipe import ModelRecipe, Recipe
from lexome.training.machine import Precision, Speed

DEFAULT_FAMILY = {"next-token": "llama", "masked-token": "modernbert"}
DEFAULT_DEPTH, DEFAULT_CONTEXT, DEFAULT_BATCH = 4, 256, 16
_LONGEST_DIAL = 24
_LOOKS, _SAVES = 10, 5

# What a model reaches of a large matrix product's speed, and the cost of compiling it: measured
# (benchmarks/RESULTS.md); only a first guess, which the first steps correct.
EFFICIENCY = 0.45
_COMPILE_SECONDS, _COMPILE_SPEED = 25.0, 1.35

_A, _ALPHA, _B, _BETA = 406.4, 0.34, 410.7, 0.28
_REPEATS_WORTH = 15.4


@dataclass(frozen=True)
class Plan:
    """What will be trained. `recipe` is resolved; `reasons` say why each choice was made.

    `row` is how many tokens a row of a batch has: the context, or what the longest pair takes.
    """

    recipe: Recipe
    config: TransformerConfig
    row: int
    steps: int
    precision: Precision
    compiled: bool
    reasons: tuple[str, ...]
    tokens_per_second: float | None = None

    @property
    def tokens(self) -> int:
        """Tokens that the whole run reads."""
        training = self.recipe.training
        return self.steps * (training.batch_size or 0) * self.row

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values, without the recipe."""
        return {
            "steps": self.steps,
            "tokens": self.tokens,
            "precision": self.precision,
            "compile": self.compiled,
            "tokens_per_second": self.tokens_per_second,
            "reasons": list(self.reasons),
            "model": asdict(self.config),
        }


def configure(
    recipe: ModelRecipe, objective: str, vocab_size: int, special: SpecialTokens, depth: int
) -> TransformerConfig:
    """Return the config that a recipe describes; `depth` stands in where it says no size."""
    if recipe.preset:
        config = presets.preset(recipe.preset)
        family = families.get(recipe.family or config.family)
    else:
        family = families.get(recipe.family or DEFAULT_FAMILY[objective])
        config = presets.depth(
            recipe.depth or recipe.layers or depth,
            family=family.name,
            vocab_size=vocab_size,
            context=recipe.context or DEFAULT_CONTEXT,
        )
    layers, width = recipe.layers or config.layers, recipe.width or config.width
    heads = recipe.heads or (config.heads if width == config.width else max(1, width // 64))
    # A preset keeps what the sizes that are asked for do not determine.
    same_family, same_width = family.name == config.family, width == config.width
    options: dict[str, Any] = {}
    if same_family:
        options["rotary_base"] = config.rotary_base
    if same_family and same_width and heads == config.heads:
        options["head_width"] = config.head_width
    if family.name == "esm":
        options["mask_dropout_token"] = special.mask
    kv_heads = recipe.kv_heads or (config.kv_heads if heads == config.heads else heads)
    return family.config(
        vocab_size=vocab_size,
        context=recipe.context or config.context,
        layers=layers,
        width=width,
        heads=heads,
        kv_heads=kv_heads,
        mlp_width=recipe.mlp_width or (config.mlp_width if same_family and same_width else None),
        tied=config.tied if recipe.tied is None else recipe.tied,
        **options,
    )


def expected_loss(config: TransformerConfig, tokens: float, corpus_tokens: int) -> float:
    """Return what the scaling law adds to the irreducible loss, in its own nats."""
    unique = min(tokens, corpus_tokens)
    repeats = tokens / unique - 1
    worth = unique * (1 + _REPEATS_WORTH * (1 - math.exp(-repeats / _REPEATS_WORTH)))
    return float(_A / multiplied_weights(config) ** _ALPHA + _B / worth**_BETA)


def choose_depth(
    recipe: Recipe, vocab_size: int, special: SpecialTokens, corpus_tokens: int, flops: float
) -> int:
    """Return the depth whose expected loss is lowest after `flops` of training."""

    def config(depth: int) -> TransformerConfig:
        return configure(recipe.model, recipe.objective.name, vocab_size, special, depth)

    losses: dict[int, float] = {}
    for depth in range(1, _LONGEST_DIAL + 1):
        with suppress(LexomeError):  # not every width goes with sizes that were asked for
            made = config(depth)
            tokens = flops / training_flops_per_token(made)
            losses[depth] = expected_loss(made, tokens, corpus_tokens)
    if not losses:
        config(DEFAULT_DEPTH)  # says what does not go together
    return min(losses, key=losses.__getitem__)


def bounded(recipe: Recipe, standalone: bool) -> tuple[Recipe, list[str]]:
    """Return the recipe with the borders of documents settled, and the reason.

    `standalone`: whether a document of the language is a short work of its own.
    """
    if recipe.objective.document_boundaries is not None:
        return recipe, []
    borders: Literal["cross", "respect"] = "respect" if standalone else "cross"
    objective = recipe.objective.model_copy(update={"document_boundaries": borders})
    reason = "document_boundaries respect: documents of this language stand for themselves"
    return recipe.model_copy(update={"objective": objective}), [reason] if standalone else []


def sized(
    recipe: Recipe,
    vocab_size: int,
    special: SpecialTokens,
    corpus_tokens: int,
    speed: Speed,
    workers: int = 1,
) -> tuple[TransformerConfig, Recipe, list[str]]:
    """Return the config, the recipe with size and batch filled in, and the reasons."""
    reasons = []
    depth, training = DEFAULT_DEPTH, recipe.training
    precision = speed.choose(training.precision)
    says_size = any((recipe.model.preset, recipe.model.depth, recipe.model.layers))
    if training.minutes and not says_size:
        flops = EFFICIENCY * getattr(speed, precision) * training.minutes * 60
        depth = choose_depth(recipe, vocab_size, special, corpus_tokens, flops)
        reasons.append(
            f"depth {depth}: the lowest loss expected of {flops:.1e} FLOPs and a corpus of "
            f"{corpus_tokens:,} tokens"
        )
    config = configure(recipe.model, recipe.objective.name, vocab_size, special, depth)
    batch = training.batch_size or math.ceil(DEFAULT_BATCH / workers) * workers
    filled = _filled(config, recipe.model)
    settled = training.model_copy(update={"batch_size": batch})
    return config, recipe.model_copy(update={"model": filled, "training": settled}), reasons


def started(
    recipe: Recipe, config: TransformerConfig
) -> tuple[TransformerConfig, Recipe, list[str]]:
    """Return the base's config, the recipe with size and batch filled in, and the reasons."""
    asked = recipe.model.model_dump(exclude_none=True)
    if strange := sorted(
        name for name, value in asked.items() if value != getattr(config, name, None)
    ):
        raise UsageError(
            f"the model is that of the base, so its {strange[0]} cannot be chosen",
            where=f"model.{strange[0]}",
            fix="leave it out, or pre-train a base of another size",
        )
    assert recipe.start is not None
    batch = recipe.training.batch_size or DEFAULT_BATCH
    settled = recipe.training.model_copy(update={"batch_size": batch})
    reason = f"the model of {recipe.start.base}, trained by the method {recipe.start.method}"
    filled = recipe.model_copy(update={"model": _filled(config, recipe.model), "training": settled})
    return config, filled, [reason]


def _filled(config: TransformerConfig, asked: ModelRecipe) -> ModelRecipe:
    """Return a recipe that says all of a model's sizes."""
    return ModelRecipe(
        family=config.family,
        preset=asked.preset,
        depth=None if asked.preset else asked.depth,
        layers=config.layers,
        width=config.width,
        heads=config.heads,
        kv_heads=config.kv_heads,
        mlp_width=config.mlp_width,
        context=config.context,
        tied=config.tied,
    )


def resolved(recipe: Recipe, steps: int, precision: Precision, compiled: bool) -> Recipe:
    """Return the recipe with what was measured, and how often to look up, filled in.

    The number of steps of a timed run stays open: the clock decides it while it runs.
    """
    training = recipe.training

    def every(asked: int | None, times: int) -> int:
        return math.ceil(steps / times) if asked is None else asked

    settled = training.model_copy(
        update={
            "precision": precision,
            "compile": compiled,
            "evaluate_every": every(training.evaluate_every, _LOOKS),
            "sample_every": every(training.sample_every, _LOOKS),
            "checkpoint_every": every(training.checkpoint_every, _SAVES),
        }
    )
    return recipe.model_copy(update={"training": settled})


def compile_gain(seconds: float) -> float:
    """Return how much shorter a run of so many seconds gets by compiling, as a first guess."""
    return seconds * (1 - 1 / _COMPILE_SPEED) - _COMPILE_SECONDS


def steps_within(seconds: float, step_seconds: float, minutes: float) -> int:
    """Return how many steps fit; too short a time for a single one is an error."""
    steps = int(seconds / step_seconds)
    if steps < 1:
        raise LexomeError(
            f"{minutes:g} minutes are too short: one step takes {step_seconds:.1f} s here",
            where="training.minutes",
            fix="give more minutes, or a smaller model or batch",
        )
    return steps

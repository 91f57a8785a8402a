"""Which model a run starts from: new weights, or a base's, grown and prepared to be moved."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from lexome.errors import LexomeError, UsageError
from lexome.files import sha256
from lexome.languages.base import Tokenizer
from lexome.languages.features import frame_token
from lexome.languages.prompts import AnswersPrompts
from lexome.model import Transformer, TransformerConfig, load_model, read_config
from lexome.model.adapter_folder import load_adapter
from lexome.model.adapters import attach, merged
from lexome.model.folder import WEIGHTS
from lexome.model.front_end import with_front_end
from lexome.model.growth import grown
from lexome.recipe import Recipe, StartRecipe
from lexome.training.machine import default_device
from lexome.training.parallel import World
from lexome.training.run import ADAPTER, FACTS, MODEL, Run

_SHARDS = "model-*.safetensors"


def base_folder(base: Path) -> Path:
    """Return the model folder of a base: of a run that it names, or itself."""
    if (base / FACTS).is_file():
        if not (base / MODEL).is_dir():
            raise LexomeError(
                "this run has no model yet",
                where=str(base),
                fix=f"let it end: lexome train --resume --out {base}",
            )
        return base / MODEL
    return base


def base_config(start: StartRecipe, tokenizer: Tokenizer) -> TransformerConfig:
    """Return the shape of the base with room for all of `tokenizer`'s tokens and features."""
    config = read_config(base_folder(Path(start.base)))
    frame = frame_token(tokenizer)
    return replace(
        config,
        vocab_size=max(config.vocab_size, tokenizer.vocab_size),
        features=frame.width if frame else config.features,
    )


def base_checksum(start: StartRecipe) -> str:
    """Return the SHA-256 of the base's weights, by which a resumed run knows them again."""
    folder = base_folder(Path(start.base))
    if (folder / WEIGHTS).is_file():
        return sha256(folder / WEIGHTS)
    if not (shards := sorted(folder.glob(_SHARDS))):
        raise LexomeError(
            "the weights of the base are not there",
            where=str(folder),
            fix="bring them back, or start from another base",
        )
    checksums = "".join(f"{shard.name} {sha256(shard)}\n" for shard in shards)
    return hashlib.sha256(checksums.encode()).hexdigest()


def check_base(start: StartRecipe, known: str) -> None:
    """Raise `LexomeError` if the base has not the weights of the checksum `known`."""
    if base_checksum(start) != known:
        raise LexomeError(
            "the base of this run has other weights than when the run began",
            where=start.base,
            fix="bring the old weights back, or start a new run",
        )


def adapted(base: Path, tuned: Run) -> Transformer:
    """Return the model of a base with the adapter of a run that was tuned from it.

    The base is a run or a model folder, and need not lie where it lay. On the accelerator, if there
    is one. Raises `LexomeError` for another base, and for a run that has no adapter.
    """
    model = load_model(base_folder(base))
    return merged(load_adapter(tuned.folder / ADAPTER, model)).to(default_device())


def starting_model(
    config: TransformerConfig, recipe: Recipe, tokenizer: Tokenizer, world: World
) -> Transformer:
    """Return the model that a run begins with, as its recipe says.

    Rows of tokens that the base does not have are drawn; what the method does not move is frozen.
    """
    start, seed = recipe.start, recipe.training.seed
    if start is None or start.method == "scratch":
        model = Transformer(config)
        model.initialise(seed)
        return model
    if start.method != "full" and world.size > 1:
        raise UsageError(
            f"several workers train all weights, not those of {start.method!r} alone",
            where="start.method",
            fix="use one worker, or the method full",
        )
    model = load_model(base_folder(Path(start.base)))
    # Special tokens that the base's own tokenizer lacked are new to its model too.
    old = min(grown_from(tokenizer), model.config.vocab_size)
    if config.features:
        model = with_front_end(model, config.features, seed)
    if config.vocab_size > model.config.vocab_size:
        model = grown(model, config.vocab_size, seed)
    attach(
        model,
        start.method,
        rank=start.rank,
        alpha=start.alpha or 2.0 * start.rank,
        targets=start.targets or None,
        frozen_rows=old,
        seed=seed,
    )
    return model


def grown_from(tokenizer: Tokenizer) -> int:
    """Return how many tokens the base had."""
    return tokenizer.grown_from if isinstance(tokenizer, AnswersPrompts) else tokenizer.vocab_size

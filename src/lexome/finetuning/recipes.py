"""How a task is trained where the person does not say: rates, batch, length, patience.

The learning rates are first guesses, chosen on no benchmark; docs/LOG.md has what was tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

import numpy as np
import torch

from lexome.corpus import Corpus, PackedBatches
from lexome.corpus.manifest import TRAIN
from lexome.errors import UsageError, nearest
from lexome.finetuning.tasks import Task
from lexome.languages.features import frame_token
from lexome.languages.prompts import AnswersPrompts
from lexome.model import load_model
from lexome.recipe import Recipe, build
from lexome.recipe.sections import Method
from lexome.training.start import base_config, base_folder

_LEAST_EXAMPLES, _STEPS_PER_EPOCH = 8, 100
_MOST_ROWS = 32
_CHUNK = 1 << 20

# Recordings are few and heard often: masks make each hearing another one (SpecAugment).
_MASKS: Mapping[str, int] = MappingProxyType({"time_masks": 2, "band_masks": 2})

# A base that knows something is moved less far in a step than one that knows nothing; factors of
# low rank and rows of new tokens, which begin anew, further.
_RATES: Mapping[Method, Mapping[str, float]] = MappingProxyType(
    {
        "full": {"matrix_learning_rate": 0.01, "learning_rate": 0.002},
        "lora": {"learning_rate": 0.003},
        "probe": {"learning_rate": 0.006},
        "scratch": {},
    }
)
# Of the deviation of the base's embedding: AdamW moves every weight of a row as far, be the row
# large, as those of lexome, or small, as those of most others.
_EMBEDDING_RATES: Mapping[Method, float] = MappingProxyType(
    {"full": 0.01, "lora": 0.05, "probe": 0.05}
)


@dataclass(frozen=True)
class Tuning:
    """What a person may say of a tuning run; `changes` are dotted keys of the recipe.

    `balanced` lets each class of the training labels count alike in the loss, however rare it is.
    """

    method: Method = "full"
    epochs: float | None = None
    examples: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    balanced: bool = False

    def __post_init__(self) -> None:
        if self.epochs is not None and not 0 < self.epochs < math.inf:
            raise UsageError(
                f"epochs must be above 0, not {self.epochs:g}",
                where="--epochs",
                fix="leave it out for what is usual, or fewer where nothing is gained",
            )


def tuning_recipe(task: Task, corpus: Corpus, base: str, tuning: Tuning) -> Recipe:
    """Return the recipe of a task's run: what is usual, and what the person says over it.

    Nothing said about its length, it ends after as many epochs as is usual for the task, or when as
    many validations in a row bring nothing as its patience has.
    """
    start = {"base": base, "task": task.name, "method": tuning.method, "examples": tuning.examples}
    values: dict[str, Any] = {
        "corpus": str(corpus.folder),
        "start": start,
        "objective": {
            "name": task.objective,
            "source_dropout": task.source_dropout,
            **(_MASKS if frame_token(corpus.tokenizer) else {}),
            **({"class_weights": class_weights(corpus)} if tuning.balanced else {}),
        },
        "optimizer": _optimizer(task, base, tuning.method),
        "training": {"steps": 1},
    }
    asked = build(values, tuning.changes, "the options")
    packed = _packed(corpus, asked)
    batch = asked.training.batch_size or rows_per_step(packed, task.examples)
    training: dict[str, Any] = {"batch_size": batch, "keep": task.keep}
    length = {"training.steps", "training.minutes"} & tuning.changes.keys()
    if length and tuning.epochs is not None:
        raise UsageError(
            f"two things say how long to train: the epochs and {', '.join(sorted(length))}",
            where="--epochs",
            fix="leave one of them out",
        )
    if not length:
        per_epoch = packed.windows_per_epoch / batch
        epochs = task.epochs if tuning.epochs is None else tuning.epochs
        training["steps"] = math.ceil(epochs * per_epoch)
        if tuning.epochs is None and task.patience is not None:
            training["patience"] = task.patience
    values["training"] = training
    return build(values, tuning.changes, "the options")


def method(name: str) -> Method:
    """Return a method by its name; an unknown one is a `UsageError`."""
    known: tuple[Method, ...] = get_args(Method)
    for one in known:
        if one == name:
            return one
    raise UsageError(f"there is no method {name!r}", where="--method", fix=nearest(name, known))


def class_weights(corpus: Corpus) -> dict[str, float]:
    """Return the weight of each class with which all of them count alike, the mean being 1.

    Targets that are no classes are a `UsageError`.
    """
    tokenizer = corpus.tokenizer
    classes = tokenizer.classes if isinstance(tokenizer, AnswersPrompts) else {}
    if not classes:
        raise UsageError(
            "only classes can count alike, and the targets are none",
            where="--balanced",
            fix="leave it out",
        )
    stream = corpus.stream(TRAIN)
    counted = np.zeros(tokenizer.vocab_size, np.int64)
    for start in range(0, len(stream), _CHUNK):
        tokens = stream.read(start, min(start + _CHUNK, len(stream)))
        counted += np.bincount(tokens, minlength=len(counted))
    found = {name: int(counted[token]) for name, token in classes.items() if counted[token]}
    mean = sum(found.values()) / len(found)
    return {name: mean / count for name, count in found.items()}


def rows_per_step(packed: PackedBatches, most: int) -> int:
    """Return the rows of a batch: enough examples for a steady step, few enough for many steps.

    There are no more than `most` examples in it, about.
    """
    examples, rows = len(packed.chosen), packed.windows_per_epoch
    wanted = min(max(examples / _STEPS_PER_EPOCH, _LEAST_EXAMPLES), most)
    return min(max(round(wanted * rows / examples), 1), _MOST_ROWS)


def _optimizer(task: Task, base: str, method: Method) -> dict[str, float]:
    """Return how a task's weights move; from new weights they do as in pre-training."""
    if method not in _EMBEDDING_RATES:
        return dict(_RATES[method])
    with torch.no_grad():
        deviation = float(load_model(base_folder(Path(base))).embedding.weight.std())
    rates = {
        **_RATES[method],
        "embedding_learning_rate": _EMBEDDING_RATES[method] * deviation,
    }
    # Decay would erase what the base knows of all tokens that the pairs do not have.
    return {name: task.rate * rate for name, rate in rates.items()} | {
        "embedding_weight_decay": 0.0
    }


def _packed(corpus: Corpus, recipe: Recipe) -> PackedBatches:
    assert recipe.start is not None
    return PackedBatches.of(
        corpus,
        TRAIN,
        base_config(recipe.start, corpus.tokenizer).context,
        batch_size=1,
        seed=recipe.training.seed,
        examples=recipe.start.examples,
    )

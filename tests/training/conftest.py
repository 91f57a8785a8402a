"""A small prepared corpus and a small recipe: what every test of training starts from."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lexome import recipe as recipes
from lexome.corpus import Batches, Corpus, PrepareRequest, prepare
from lexome.recipe import Recipe
from lexome.training import machine, plan
from lexome.training.parallel import World
from lexome.training.session import Session, make_session

ALONE = World(0, 1, torch.device("cpu"))

WORDS = ["the", "of", "and", "to", "a", "in", "that", "is", "was", "he", "for", "it", "with"]


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Return a corpus of 60 short documents of very unequal lengths, as bytes."""
    folder = tmp_path_factory.mktemp("corpus")
    draw = random.Random(0)
    lines = [" ".join(draw.choices(WORDS, k=draw.randint(1, 80))) for _ in range(60)]
    source = folder / "words.txt"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    request = PrepareRequest(
        sources=[source],
        language="text",
        options={"separator": "line"},
        tokenizer="bytes",
        validation=0.2,
        workers=1,
    )
    return prepare(request, folder / "prepared")


@pytest.fixture
def make_recipe(corpus: Corpus) -> Callable[..., Recipe]:
    """Return a maker of recipes for `corpus`; keywords are dotted keys with `__` for the dot."""

    def make(**changes: Any) -> Recipe:
        small = {
            "model.layers": 2,
            "model.width": 32,
            "model.heads": 2,
            "model.context": 32,
            "training.steps": 12,
            "training.batch_size": 8,
            "training.precision": "fp32",
            "training.compile": False,
            "training.checkpoint_every": 4,
            "training.evaluate_every": 6,
        }
        dotted = {key.replace("__", "."): value for key, value in changes.items()}
        base = recipes.parse({"corpus": str(corpus.folder), "training": {"steps": 1}}, "test")
        return recipes.override(base, small | dotted, "test")

    return make


def session_of(recipe: Recipe, corpus: Corpus) -> tuple[Session, Batches]:
    """Return a session of a recipe on the CPU, as at the start of a run, and its batches."""
    special, vocab = corpus.tokenizer.special, corpus.tokenizer.vocab_size
    speed = machine.Speed(1e12, 1e12)
    config, settled, _ = plan.sized(recipe, vocab, special, 1000, speed)
    session = make_session(config, settled, corpus.tokenizer, "fp32", ALONE)
    stream = corpus.stream("train")
    return session, Batches(stream, config.context, session.batch_size, 0, corpus.fingerprint)


def losses(folder: Path) -> list[float]:
    """Return the training losses of a run, in the order of its steps."""
    from lexome.training import metrics

    lines = metrics.read(folder / "metrics.jsonl")
    return [line["loss"] for line in lines if "loss" in line]

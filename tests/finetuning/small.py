"""Small bases, small data and short runs: what every test of fine-tuning starts from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lexome import languages
from lexome.corpus import Corpus
from lexome.finetuning import tasks
from lexome.finetuning.data import PairData
from lexome.finetuning.pairs import HeldOut, open_base, prepare_pairs
from lexome.finetuning.recipes import Tuning, tuning_recipe
from lexome.languages.base import Tokenizer
from lexome.model import Transformer, families, save_model
from lexome.recipe import Recipe
from lexome.training import Observer
from lexome.training.parallel import World
from lexome.training.plan import started
from lexome.training.session import Session, make_session
from lexome.training.start import base_config

SHORT: Mapping[str, Any] = {
    "training.steps": 4,
    "training.batch_size": 2,
    "training.precision": "fp32",
    "training.compile": False,
    "training.evaluate_every": 2,
    "training.checkpoint_every": 2,
}


def tokens(language: str, kind: str) -> Tokenizer:
    """Return a tokenizer that needs no sample."""
    return languages.get(language).tokenizers()[kind].train([], None)


def base(
    folder: Path, tokenizer: Tokenizer, family: str = "llama", context: int = 64, **options: Any
) -> Path:
    """Write a model that knows nothing as a Hugging Face folder; its head is not all zeros."""
    config = families.get(family).config(tokenizer.vocab_size, context, 2, 32, 2, **options)
    model = Transformer(config)
    model.initialise(0)
    save_model(folder, model, tokenizer=tokenizer)
    return folder


def text_base(folder: Path, family: str = "llama", context: int = 64) -> Path:
    """Write a base that reads bytes."""
    return base(folder, tokens("text", "bytes"), family, context)


def dna_base(folder: Path, family: str = "llama", context: int = 64) -> Path:
    """Write a base that reads bases."""
    options = {"mask_dropout_token": 3} if family == "esm" else {}
    return base(folder, tokens("dna", "symbols"), family, context, **options)


def prepared(
    folder: Path,
    model: Path,
    task: str,
    files: Sequence[str | Path],
    *,
    language: str | None = None,
    held_out: HeldOut | None = None,
    duplicates: str = "refuse",
    **said: Any,
) -> Corpus:
    """Return the corpus of a task's pairs; `said` are more fields of `PairData`."""
    known = open_base(model, language, said.get("source_language"))
    data = PairData(list(files), **said)
    return prepare_pairs(
        tasks.get(task), data, known, folder, held_out=held_out, duplicates=duplicates
    )


def recipe(task: str, corpus: Corpus, model: Path, method: str = "full", **changes: Any) -> Recipe:
    """Return a short run's recipe; keywords are dotted keys with `__` for the dot."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    tuning = Tuning(method, changes={**SHORT, **dotted})  # type: ignore[arg-type]
    return tuning_recipe(tasks.get(task), corpus, str(model), tuning)


def lines(path: Path, rows: Sequence[str]) -> Path:
    """Write lines of text."""
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def table(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    """Write rows as JSON lines."""
    return lines(path, [json.dumps(row) for row in rows])


def copies(folder: Path, count: int = 30) -> tuple[Path, Path]:
    """Write two parallel texts, of which the second repeats the first in capitals."""
    words = ["ox", "cat", "sun", "fig", "elm"]
    said = [f"{words[n % 5]} {words[n // 5 % 5]} {n}" for n in range(count)]
    first = lines(folder / "p.en", said)
    return first, lines(folder / "p.de", [one.upper() for one in said])


class Told(Observer):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def told(self, message: str) -> None:
        self.messages.append(message)


def session_of(made: Recipe, corpus: Corpus) -> Session:
    """Return the session of a recipe, its weights far from where they start."""
    assert made.start is not None
    config, settled, _ = started(made, base_config(made.start, corpus.tokenizer))
    alone = World(0, 1, torch.device("cpu"))
    session = make_session(config, settled, corpus.tokenizer, "fp32", alone)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in session.model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)
    return session

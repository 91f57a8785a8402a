"""A tiny assistant, and what tunes it: what the tests of answers and of preferences start from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from lexome.corpus import Corpus
from lexome.finetuning import tasks
from lexome.finetuning.data import PairData
from lexome.finetuning.pairs import HeldOut, open_base, prepare_pairs
from lexome.finetuning.recipes import Tuning, tuning_recipe
from lexome.languages.pair import PairTokenizer, Role
from lexome.languages.tokenizers import CharactersTrainer
from lexome.model import Transformer, families, save_model
from lexome.recipe import Recipe

CONTEXT = 64
ROLES = [
    Role("system", "text", False),
    Role("user", "text", False),
    Role("assistant", "text", True),
]
SPOKEN = ["abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789?!.,\n" * 20]
TINY = {"training.compile": False, "training.precision": "fp32", "training.sample_every": 0}


def tokenizer() -> PairTokenizer:
    """Return the tokenizer of an assistant that spells."""
    return PairTokenizer(CharactersTrainer().train(SPOKEN), "text", ROLES, {})


def random_assistant(folder: Path, *, speaks: bool = True) -> Path:
    """Write a tiny model that knows nothing; it has the roles of an assistant if it `speaks`."""
    known = tokenizer() if speaks else tokenizer().base
    config = families.get("llama").config(
        vocab_size=known.vocab_size,
        context=CONTEXT,
        layers=2,
        width=32,
        heads=2,
        kv_heads=2,
        mlp_width=64,
        tied=True,
    )
    model = Transformer(config)
    model.initialise(1)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))
    save_model(folder, model, tokenizer=known)
    return folder


def write_lines(path: Path, records: Sequence[Any]) -> Path:
    """Write records as JSON lines."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def prepared(
    folder: Path, base: Path, task: str, records: Sequence[Any], held_out: Sequence[Any] = ()
) -> Corpus:
    """Make a corpus of a task's records; without any held out, a fifth of them is."""
    path = write_lines(folder / f"{task}.jsonl", records)
    files = [write_lines(folder / f"{task}-held-out.jsonl", held_out)] if held_out else []
    return prepare_pairs(
        tasks.get(task),
        PairData([path]),
        open_base(base),
        folder / "corpus",
        held_out=HeldOut(0.2, files),
        duplicates="keep",
    )


def recipe_of(task: str, corpus: Corpus, base: Path, method: str = "full", **said: Any) -> Recipe:
    """Return a task's recipe; keywords are dotted keys of it with `__` for the dot."""
    changes = {key.replace("__", "."): value for key, value in said.items()}
    tuning = Tuning(method, changes=TINY | changes)
    return tuning_recipe(tasks.get(task), corpus, str(base), tuning)

"""A run folder: the resolved recipe, facts, metrics, checkpoints and the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lexome import languages, recipe
from lexome.corpus import Corpus
from lexome.errors import DamagedFileError, LexomeError
from lexome.files import naming, read_json, write_json, write_text
from lexome.languages.base import Language, Tokenizer
from lexome.model import Transformer, load_model
from lexome.recipe import Recipe
from lexome.training.machine import default_device

RECIPE, FACTS, METRICS, SAMPLES = "recipe.yaml", "run.json", "metrics.jsonl", "samples.jsonl"
CHECKPOINTS, MODEL, BEST, ADAPTER = "checkpoints", "model", "best", "adapter"

_KEYS = frozenset(
    {
        "corpus",
        "fingerprint",
        "language",
        "options",
        "unit",
        "objective",
        "parameters",
        "plan",
        "machine",
        "setup_seconds",
        "step_seconds",
    }
)


@dataclass(frozen=True)
class Run:
    """A run on disk. Open one with `open_run`.

    `facts` are what `train` found and decided, from run.json.
    """

    folder: Path
    recipe: Recipe
    facts: dict[str, Any]

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.folder / CHECKPOINTS

    def corpus(self, *, verify: bool = False) -> Corpus:
        """Return the run's corpus; one whose tokens have changed is an error."""
        corpus = Corpus.open(Path(self.facts["corpus"]), verify=verify)
        if corpus.fingerprint != self.facts["fingerprint"]:
            raise LexomeError(
                "this corpus is not the one that the run was trained on: "
                f"its fingerprint is {corpus.fingerprint[:12]}…, "
                f"the run's is {self.facts['fingerprint'][:12]}…",
                where=str(corpus.folder),
                fix="bring the old corpus back, or start a new run",
            )
        return corpus

    def language(self) -> Language:
        """Return the language, with the options that its corpus was read with."""
        return languages.get(self.facts["language"], **self.facts["options"])

    def tokenizer(self) -> Tokenizer:
        """Return the model's tokenizer."""
        self._need_model()
        return languages.load_tokenizer(self.folder / MODEL)

    def model(self, dtype: torch.dtype = torch.float32) -> Transformer:
        """Return the trained model, on the accelerator if there is one."""
        self._need_model()
        return load_model(self.folder / MODEL, dtype=dtype).to(default_device())

    def _need_model(self) -> None:
        if not (self.folder / MODEL).is_dir():
            raise LexomeError(
                "this run has no model yet",
                where=str(self.folder),
                fix=f"let it end: lexome train --resume --out {self.folder}",
            )


def create_run(folder: Path, resolved: Recipe, facts: dict[str, Any]) -> Run:
    """Write the files with which a run begins; the last one makes the folder a run."""
    with naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
    keep_recipe(folder, resolved)
    write_json(folder / FACTS, facts)
    return Run(folder, resolved, facts)


def keep_recipe(folder: Path, resolved: Recipe) -> None:
    """Write the recipe of a run."""
    write_text(folder / RECIPE, recipe.dump(resolved))


def check_free(folder: Path) -> None:
    """Raise `LexomeError` if there is something in `folder` that a new run would overwrite."""
    with naming(folder):
        if folder.exists() and any(folder.iterdir()):
            begun = (folder / FACTS).is_file()
            raise LexomeError(
                "there is already a run here" if begun else "this folder is not empty",
                where=str(folder),
                fix=f"go on with it: lexome train --resume --out {folder}; or name another folder"
                if begun
                else "name another folder",
            )


def open_run(folder: Path) -> Run:
    """Open a run folder; one that is missing, half written or damaged is a `LexomeError`."""
    folder = Path(folder)
    for name in (FACTS, RECIPE):
        if not (folder / name).is_file():
            raise LexomeError(
                f"this is not a run: it has no {name}",
                where=str(folder),
                fix="name a folder that `lexome train` wrote",
            )
    facts = read_json(folder / FACTS)
    if not isinstance(facts, dict) or not facts.keys() >= _KEYS:
        raise DamagedFileError(
            "this file does not say what a run has to say",
            where=str(folder / FACTS),
            fix="restore the file, or train again in another folder",
        )
    return Run(folder, recipe.load(folder / RECIPE), facts)

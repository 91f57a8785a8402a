"""Reads the files of a run folder; what is absent or damaged becomes `Missing`, never a crash."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexome import recipe as recipes
from lexome.corpus import Corpus, Manifest
from lexome.corpus.manifest import NAME as MANIFEST
from lexome.errors import LexomeError
from lexome.evaluation.evaluate import NAME as EVALUATION
from lexome.evaluation.evaluate import is_current
from lexome.files import naming, read_json
from lexome.model.config import TransformerConfig
from lexome.model.folder import read_config
from lexome.recipe import Recipe, StartRecipe
from lexome.report.data import Missing
from lexome.training.run import FACTS, METRICS, MODEL, RECIPE, SAMPLES


@dataclass(frozen=True, slots=True)
class Lines:
    """The objects of a JSON-lines file; `broken` counts the lines that hold none."""

    values: tuple[dict[str, Any], ...]
    broken: int


@dataclass(frozen=True, slots=True)
class RunFiles:
    """Everything that a run folder says, each part read on its own."""

    folder: Path
    facts: dict[str, Any] | Missing
    recipe_text: str | Missing
    recipe: Recipe | Missing
    metrics: Lines | Missing
    samples: Lines | Missing
    evaluation: dict[str, Any] | Missing
    config: TransformerConfig | Missing
    manifest: Manifest | Missing
    corpus: Corpus | Missing

    @classmethod
    def read(cls, folder: Path) -> RunFiles:
        """Read the run in `folder`; raise `LexomeError` if there is no trace of one."""
        _check_run(folder)
        resume = command("train", "--resume", "--out", str(folder))
        facts = read_object(folder / FACTS, resume)
        recipe_text, recipe = _recipe(folder / RECIPE, resume)
        place = _corpus_folder(folder, facts, recipe)
        manifest = _manifest(place, facts)
        return cls(
            folder=folder,
            facts=facts,
            recipe_text=recipe_text,
            recipe=recipe,
            metrics=read_lines(folder / METRICS, resume),
            samples=read_lines(folder / SAMPLES, resume),
            evaluation=read_scores(folder, EVALUATION),
            config=_config(folder / MODEL, resume),
            manifest=manifest,
            corpus=_corpus(place, manifest),
        )

    def fact(self, name: str) -> Any:
        """Return a value of run.json, or `None` where it does not say."""
        return None if isinstance(self.facts, Missing) else self.facts.get(name)

    @property
    def tuned(self) -> StartRecipe | None:
        """Return how the run was tuned on pairs, or `None` where it was not."""
        recipe = self.recipe
        if isinstance(recipe, Missing) or not recipe.objective.of_pairs:
            return None
        return recipe.start


def command(*words: str) -> str:
    """Return a lexome command as a person types it, quoted where a shell needs it."""
    return shlex.join(("lexome", *words))


def missing(error: LexomeError, fix: str = "") -> Missing:
    """Return what an error says as a missing part; `fix` is the command that makes it anew."""
    why = " ".join(error.what.split())
    return Missing(f"{why} ({error.where})" if error.where else why, fix)


def _check_run(folder: Path) -> None:
    if not folder.is_dir():
        raise LexomeError(
            "there is no such run folder",
            where=str(folder),
            fix="name a folder that `lexome train` wrote",
        )
    if not any((folder / name).exists() for name in (RECIPE, FACTS, METRICS, MODEL)):
        raise LexomeError(
            f"this is not a run: it has no {RECIPE}, {FACTS}, {METRICS} or {MODEL}/",
            where=str(folder),
            fix="name a folder that `lexome train` wrote",
        )


def read_object(path: Path, fix: str) -> dict[str, Any] | Missing:
    """Return the object of a JSON file; `fix` is the command that makes the file."""
    if not path.is_file():
        return Missing(f"The run folder has no {path.name} yet.", fix)
    try:
        value = read_json(path)
    except LexomeError as error:
        return missing(error, fix)
    if not isinstance(value, dict):
        return Missing(f"{path.name} does not hold a JSON object.", fix)
    return value


def read_scores(folder: Path, name: str) -> dict[str, Any] | Missing:
    """Return what a file of scores says of the weights that the run has now."""
    again = command("evaluate", str(folder))
    found = read_object(folder / name, again)
    if isinstance(found, Missing):
        return found
    try:
        current = is_current(found, folder)
    except LexomeError as error:
        return missing(error)
    if not current:
        return Missing(f"{name} scored other weights than the run has now.", again)
    return found


def read_lines(path: Path, fix: str) -> Lines | Missing:
    """Return the objects of a JSON-lines file; `fix` is the command that makes the file."""
    if not path.is_file():
        return Missing(f"The run folder has no {path.name} yet.", fix)
    try:
        with naming(path):
            text = path.read_bytes().decode("utf-8", errors="replace")
    except LexomeError as error:
        return missing(error, fix)
    values, broken = [], 0
    # Not `splitlines`: a sample may hold U+2028, which JSON leaves as it is.
    for line in text.split("\n"):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if isinstance(value, dict):
            values.append(value)
        else:
            broken += 1
    return Lines(tuple(values), broken)


def _recipe(path: Path, fix: str) -> tuple[str | Missing, Recipe | Missing]:
    if not path.is_file():
        absent = Missing(f"The run folder has no {path.name}.", fix)
        return absent, absent
    try:
        with naming(path):
            text = path.read_bytes().decode("utf-8", errors="replace")
    except LexomeError as error:
        return missing(error), missing(error)
    try:
        return text, recipes.load(path)
    except LexomeError as error:
        return text, missing(error)


def _config(folder: Path, fix: str) -> TransformerConfig | Missing:
    if not folder.is_dir():
        return Missing("Training has not written the model yet.", fix)
    try:
        return read_config(folder)
    except LexomeError as error:
        return missing(error, fix)


def _corpus_folder(
    folder: Path, facts: dict[str, Any] | Missing, recipe: Recipe | Missing
) -> Path | Missing:
    named = facts.get("corpus") if isinstance(facts, Mapping) else None
    if not isinstance(named, str) and isinstance(recipe, Recipe):
        named = recipe.corpus
    if not isinstance(named, str) or not named:
        return Missing("Neither run.json nor recipe.yaml names the corpus.")
    for place in places(folder, named):
        if (place / MANIFEST).is_file():
            return place
    return Missing(f"There is no prepared corpus at {named} any more.")


def places(folder: Path, named: str) -> Iterator[Path]:
    """Yield where a path that the run in `folder` names may be.

    A relative one was given in the folder that holds runs/NAME, which may not be this one; the
    run may also be runs/NAME/compare/METHOD.
    """
    yield Path(named)
    yield from (parent / named for parent in folder.resolve().parents[:4])


def _manifest(place: Path | Missing, facts: dict[str, Any] | Missing) -> Manifest | Missing:
    if isinstance(place, Missing):
        return place
    try:
        manifest = Manifest.read(place)
    except LexomeError as error:
        return missing(error)
    trained_on = facts.get("fingerprint") if isinstance(facts, Mapping) else None
    if trained_on is not None and trained_on != manifest.fingerprint:
        return Missing(
            f"The corpus in {place} has changed since: its fingerprint is "
            f"{manifest.fingerprint[:12]}…, this run was trained on {str(trained_on)[:12]}…"
        )
    return manifest


def _corpus(place: Path | Missing, manifest: Manifest | Missing) -> Corpus | Missing:
    if isinstance(place, Missing):
        return place
    if isinstance(manifest, Missing):
        return manifest
    try:
        return Corpus.open(place)
    except LexomeError as error:
        return missing(error)

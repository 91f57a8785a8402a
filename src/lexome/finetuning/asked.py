"""What a person asked of a tuning run, which its run.json keeps: to say it again, as a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from pydantic import TypeAdapter, ValidationError

from lexome import recipe as recipes
from lexome.errors import UsageError
from lexome.finetuning.data import PairData
from lexome.finetuning.pairs import HeldOut
from lexome.finetuning.recipes import Tuning
from lexome.recipe import Recipe
from lexome.training import open_run
from lexome.training.run import FACTS

FACT = "finetune"


@dataclass(frozen=True)
class Asked:
    """A base that is tuned for a task on data, and all that is said of how."""

    base: str
    task: str
    data: PairData
    held_out: HeldOut
    tuning: Tuning
    base_language: str | None = None
    duplicates: str = "refuse"

    def to_facts(self) -> dict[str, Any]:
        """Return it as a fact for run.json."""
        return {FACT: TypeAdapter(type(self)).dump_python(self, mode="json")}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self | None:
        """Return what the facts of run.json say was asked, or `None` where they do not say it."""
        try:
            return TypeAdapter(cls).validate_python(facts.get(FACT))
        except (ValidationError, UsageError):
            return None


def check_begun(run: Path, recipe: Recipe) -> None:
    """Raise `UsageError` if a run was begun here by another recipe, so it cannot go on by this."""
    if not (run / FACTS).is_file():
        return
    kept = open_run(run).facts.get("asked")
    if kept is None:
        what = "the run that was begun here does not say what was asked of it"
    else:
        asked = recipe.model_dump(mode="json")
        differing = recipes.contradictions(recipes.parse(kept, str(run / FACTS)), asked)
        what = f"the run that was begun here differs in {', '.join(differing)}"
        if not differing:
            return
    raise UsageError(
        what,
        where=str(run),
        fix="name another folder with --out, or go on with the run as it is: "
        f"lexome train --resume --out {run}",
    )

"""`lexome train` and `lexome plan`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from lexome.cli.console import INTERRUPTED, result, result_json, say
from lexome.cli.options import Json, RecipeFile, recipe_of, sets_recipe
from lexome.errors import LexomeError, UsageError

if TYPE_CHECKING:
    from lexome.recipe import Recipe
    from lexome.training import Outcome

_RISE = 0.05

Out = Annotated[
    Path | None,
    typer.Option(
        metavar="RUN",
        help="The run's folder (default: runs/ and the name of the corpus).",
        show_default=False,
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on with a run that was stopped or killed.")
]


@sets_recipe
def train(
    changed: dict[str, Any],
    out: Out = None,
    recipe: RecipeFile = None,
    resume: Resume = False,
    as_json: Json = False,
) -> None:
    """Train a model on a prepared corpus.

    Say how long you have (--minutes), or what you want (--depth or --preset, and --steps).
    Ctrl-C saves the state and stops; --resume goes on and ends at the same weights, bit for bit.
    """
    if resume:
        run, asked = _resumed(out, recipe, changed)
    else:
        asked = recipe_of(recipe, changed)
        run = out or Path("runs") / Path(asked.corpus).name
    outcome = trained(asked, run, resume=resume)
    if os.environ.get("RANK", "0") != "0":
        return  # under torchrun the first process speaks for all
    if as_json:
        result_json(_facts(outcome))
    elif not outcome.stopped:
        result(f"trained {outcome.steps:,} steps: {outcome.folder}")
        if outcome.validation_loss is not None:
            result(f"validation loss {outcome.validation_loss:.4f} nats per token")
            _say_if_memorised(outcome)
        say(f"  next: lexome evaluate {run}; lexome report {run}")
    if outcome.stopped:
        stopped(outcome)


def _say_if_memorised(outcome: Outcome) -> None:
    from lexome.training.metrics import read
    from lexome.training.run import METRICS

    kept = outcome.kept_step < outcome.steps
    for line in memorised(read(outcome.folder / METRICS), kept=kept):
        say(line)


def memorised(rows: Sequence[Mapping[str, Any]], *, kept: bool) -> list[str]:
    """Return what to say where the validation loss in a run's metrics ends well above its least.

    `kept` says whether the weights with the least loss are those that the run ended with.
    """
    losses = [(row["validation_loss"], row["step"]) for row in rows if row.get("validation_loss")]
    if not losses or losses[-1][0] <= (1 + _RISE) * min(losses)[0]:
        return []
    least, step = min(losses)
    what = (
        f"that of step {step:,}, whose weights are kept; it rose to {losses[-1][0]:.4f} by the end"
        if kept
        else f"it was {least:.4f} at step {step:,} and has risen since"
    )
    return [
        f"  {what}: the model",
        "  learns its training data by heart, or the held-out data is of another kind; more data",
        "  helps, or fewer steps, or training.dropout=0.1",
    ]


def stopped(outcome: Outcome) -> NoReturn:
    """Say that a run was stopped and how it goes on; end as a shell expects after Ctrl-C."""
    say(f"stopped at step {outcome.steps:,}; the state is saved")
    say(f"  go on with: lexome train --resume --out {outcome.folder}")
    raise typer.Exit(INTERRUPTED)


def trained(recipe: Recipe, run: Path, *, resume: bool) -> Outcome:
    """Train with a progress bar, and with samples of what the model has learned so far."""
    from lexome import training
    from lexome.cli.training_progress import TrainingProgress, sampler

    with TrainingProgress() as observer:
        return training.train(
            recipe, run, resume=resume, observer=observer, sampler=sampler(recipe)
        )


def _resumed(out: Path | None, file: Path | None, changed: dict[str, Any]) -> tuple[Path, Recipe]:
    """Return the run to go on with and its recipe; what is asked beside it must agree with it."""
    from lexome import recipe as recipes

    corpus = changed.get("corpus")
    if out is None and corpus is None:
        raise UsageError("nothing says which run to go on with", fix="add --out runs/NAME")
    run = out or Path("runs") / Path(corpus or "").name
    path = run / "recipe.yaml"
    if not path.is_file():
        raise LexomeError(
            "there is no run to go on with", where=str(run), fix="start it without --resume"
        )
    kept = recipes.load(path)
    asked = {**(recipes.read(file) if file else {}), **changed}
    if differing := recipes.contradictions(kept, asked):
        raise UsageError(
            f"a run goes on with its own recipe, and {', '.join(differing)} would change it",
            where=str(path),
            fix="leave these options out, or start another run with another --out",
        )
    return run, kept


def _facts(outcome: Outcome) -> dict[str, Any]:
    return {
        "run": str(outcome.folder),
        "steps": outcome.steps,
        "validation_loss": outcome.validation_loss,
        "kept_step": outcome.kept_step,
        "seconds": outcome.seconds,
        "stopped": outcome.stopped,
    }


@sets_recipe
def plan(changed: dict[str, Any], recipe: RecipeFile = None, as_json: Json = False) -> None:
    """Say what `lexome train` would do with the same options: model, batch, steps, time.

    The machine's speed is measured for it, so this takes some seconds; nothing is written.
    """
    from lexome import training
    from lexome.cli.training_progress import plan_lines

    made = training.make_plan(recipe_of(recipe, changed))
    if as_json:
        result_json({"recipe": made.recipe.model_dump(mode="json"), **made.to_dict()})
    else:
        for line in plan_lines(made):
            result(line)

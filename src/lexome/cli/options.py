"""Options that several commands share, and how they become the changes of a recipe."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from lexome.errors import UsageError

if TYPE_CHECKING:
    from lexome.recipe import Recipe

Run = Annotated[Path, typer.Argument(metavar="RUN", help="The run's folder, as runs/NAME.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for programs.")]
RecipeFile = Annotated[
    Path | None,
    typer.Option("--recipe", metavar="FILE", help="A recipe (YAML) to start from."),
]


class _Field(NamedTuple):
    """An option that sets one field of the recipe."""

    key: str
    type: type
    help: str
    metavar: str | None = None


_FIELDS = {
    "corpus": _Field("corpus", Path, "The folder that `lexome prepare` wrote.", "FOLDER"),
    "minutes": _Field(
        "training.minutes", float, "Time to train for: model, batch and steps are chosen to fit."
    ),
    "steps": _Field("training.steps", int, "Updates of the weights."),
    "depth": _Field("model.depth", int, "The one dial of size: layers; the rest follows."),
    "preset": _Field("model.preset", str, "A known model by name, as gpt2-124m.", "NAME"),
    "family": _Field("model.family", str, "The Hugging Face family to save as.", "NAME"),
    "context": _Field("model.context", int, "Tokens that the model sees at once."),
    "batch-size": _Field("training.batch_size", int, "Rows of one update."),
    "objective": _Field(
        "objective.name",
        str,
        "next-token, or masked-token for a model that fills gaps.",
        "NAME",
    ),
    "seed": _Field("training.seed", int, "Seed of the weights and of the order of the data."),
    "precision": _Field(
        "training.precision", str, "fp32, bf16, or auto: the faster one here.", "NAME"
    ),
    "compile": _Field(
        "training.compile", str, "true, false, or auto: torch.compile where it pays.", "CHOICE"
    ),
}
_Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set any field of the recipe, as optimizer.learning_rate=1e-3. Repeatable.",
    ),
]


# Of a tuning run the model is that of the base, and the corpus is made on the way.
_TUNING = ("minutes", "steps", "batch-size", "seed", "precision", "compile")


def sets_recipe(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of a recipe; it gets them as `changed`, by dotted key.

    What is not given is left out; `--set` is stronger than an option of its own.
    """
    return _with_fields(command, _FIELDS)


def sets_tuning(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command those options of a recipe that a base leaves open, as `sets_recipe` does."""
    return _with_fields(command, {name: _FIELDS[name] for name in _TUNING})


def _with_fields(command: Callable[..., None], fields: Mapping[str, _Field]) -> Callable[..., None]:
    names = {name.replace("-", "_"): field for name, field in fields.items()}

    @functools.wraps(command)
    def with_options(**values: Any) -> None:
        changed = {
            field.key: _plain(field, value)
            for name, field in names.items()
            if (value := values.pop(name)) is not None
        }
        settings = texts(values.pop("settings"), "--set", "optimizer.learning_rate=1e-3")
        changed |= {key: _value(text) for key, text in settings.items()}
        command(changed=changed, **values)

    own = inspect.signature(command, eval_str=True).parameters.values()
    parameters = [_parameter(name, _hint(name, field)) for name, field in fields.items()]
    parameters.append(_parameter("settings", _Settings))
    parameters += [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.name != "changed"]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options


def texts(given: Sequence[str] | None, option: str, example: str) -> dict[str, str]:
    """Return KEY=VALUE texts as a mapping of texts."""
    values = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(
                f"{text!r} is not KEY=VALUE", where=option, fix=f"write {option} {example}"
            )
        values[key.strip()] = value
    return values


def numbers(text: str, option: str) -> list[int]:
    """Return whole numbers above 0 with commas between them; of an empty text, none."""
    parts = [part.strip() for part in text.split(",")] if text else []
    if not all(part.isdecimal() and int(part) for part in parts):
        raise UsageError(
            f"{text!r} is no list of whole numbers above 0",
            where=option,
            fix=f"write {option} 10,100,1000",
        )
    return [int(part) for part in parts]


def recipe_of(file: Path | None, changed: Mapping[str, Any]) -> Recipe:
    """Return the recipe of a file, if there is one, with the changes of the command line."""
    from lexome import recipe

    values = recipe.read(file) if file else {}
    if "corpus" not in {*values, *changed}:
        raise UsageError(
            "nothing says which corpus to train on",
            fix="add --corpus corpus/NAME, the folder that `lexome prepare` wrote",
        )
    where = f"{file}, and the options" if file and changed else str(file or "the options")
    return recipe.build(values, changed, where)


def _hint(name: str, field: _Field) -> Any:
    option = typer.Option(f"--{name}", help=field.help, metavar=field.metavar)
    return Annotated[field.type | None, option]


def _parameter(name: str, hint: Any) -> inspect.Parameter:
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name.replace("-", "_"), keyword, default=None, annotation=hint)


def _plain(field: _Field, value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return _value(value) if field.key == "training.compile" else value


def _value(text: str) -> Any:
    from lexome.recipe import value_from_text

    return value_from_text(text)

"""Options as objects: a dataclass of a command's parameters is its fields on the command line."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from lexome.cli.evaluate import evaluate
from lexome.cli.finetune import finetune
from lexome.cli.gathered import gathered

Size = Annotated[int, typer.Option("--how-large", help="In steps.")]


@dataclass(frozen=True)
class Shape:
    size: Size = 3
    colour: str = "red"


@pytest.mark.parametrize(
    "given, shape",
    [((), Shape()), (("--how-large", "5", "--colour", "blue"), Shape(5, "blue"))],
)
def test_fields_are_options_with_their_names_and_defaults(
    given: tuple[str, ...], shape: Shape
) -> None:
    got: list[object] = []

    @gathered
    def draw(what: str, shape: Shape, times: int = 1) -> None:
        got.extend((what, shape, times))

    app = typer.Typer()
    app.command()(draw)
    result = CliRunner().invoke(app, ["a box", *given, "--times", "2"])
    assert result.exit_code == 0, result.output
    assert got == ["a box", shape, 2]


@pytest.mark.parametrize("name", ["facts", "templates", "unseen"])
def test_an_option_of_two_commands_is_declared_once(name: str) -> None:
    of_both = [inspect.signature(one).parameters[name] for one in (evaluate, finetune)]
    asked, tuned = (inspect.get_annotations(one, eval_str=True) for one in (evaluate, finetune))
    assert asked[name] == tuned[name]
    assert of_both[0].default is of_both[1].default is None

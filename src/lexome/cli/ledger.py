"""`lexome ledger`: what a model's weights are for."""

from __future__ import annotations

from typing import Annotated

import typer

from lexome.cli.console import result, result_json
from lexome.cli.options import Json


def ledger(
    model: Annotated[
        str,
        typer.Argument(
            metavar="NAME|FOLDER", help="A preset, as gpt3-175b, or a Hugging Face folder."
        ),
    ],
    as_json: Json = False,
) -> None:
    """Count a model's weights, matrix by matrix, with each formula spelled out.

    The model is never built in memory: the largest preset takes no longer than the smallest.
    """
    from lexome.model.ledger import ledger_of

    found = ledger_of(model)
    if as_json:
        result_json(found.to_dict())
    else:
        result(found.render())

"""`lexome generate` and `lexome fill`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lexome.cli.options import Json, Run

_SAMPLING = "Sampling"

Prompts = Annotated[
    list[str] | None,
    typer.Argument(metavar="PROMPT", help="How each text starts. (default: empty)"),
]
PromptsFile = Annotated[
    Path | None, typer.Option("--prompts", metavar="FILE", help="Read prompts, one a line.")
]
MaxTokens = Annotated[int, typer.Option(help="Stop after this many tokens.")]
Count = Annotated[int, typer.Option(help="Continuations of each prompt.")]
Stop = Annotated[list[str] | None, typer.Option(help="Stop where this text comes. Repeatable.")]
Temperature = Annotated[
    float,
    typer.Option(help="0: always the likeliest token; 1: as learned.", rich_help_panel=_SAMPLING),
]
TopK = Annotated[
    int | None, typer.Option(help="Only the K likeliest tokens.", rich_help_panel=_SAMPLING)
]
TopP = Annotated[
    float | None,
    typer.Option(
        help="Only the likeliest tokens that make up this probability.", rich_help_panel=_SAMPLING
    ),
]
MinP = Annotated[
    float | None,
    typer.Option(
        help="Only tokens at least this likely, relative to the likeliest.",
        rich_help_panel=_SAMPLING,
    ),
]
RepetitionPenalty = Annotated[
    float,
    typer.Option(
        help="More than 1 holds back tokens that stood before.", rich_help_panel=_SAMPLING
    ),
]
Seed = Annotated[int, typer.Option(help="The same seed, the same text.", rich_help_panel=_SAMPLING)]


def generate(run: Run, prompts: Prompts = None, as_json: Json = False) -> None:
    """x"""


def fill(run: Run, text: str, as_json: Json = False) -> None:
    """y"""

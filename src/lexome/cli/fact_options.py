"""The options that say which facts a model is asked about, of all commands that ask for some."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_PANEL = "Facts"

FactsTable = Annotated[
    Path | None,
    typer.Option(
        "--facts",
        metavar="TABLE",
        help="Facts of its corpus that the model is asked about: a table of subject, relation, "
        "object. docs/honesty.md says which of them tuning teaches.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Templates = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="How to ask for each relation, in JSON or YAML.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Unseen = Annotated[
    Path | None,
    typer.Option(
        metavar="TABLE",
        help="Subjects and relations that the corpus does not have: what is said is made up. "
        "(default: none; to abstain, new names, of the parts of known ones)",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Subjects = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Ask about so many subjects, known and unknown ones each. (default: all)",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]

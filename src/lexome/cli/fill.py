"""`lexome fill`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.documents import first_document, make_folder, write_rendering
from lexome.cli.options import Json, Run
from lexome.errors import UsageError, nearest

if TYPE_CHECKING:
    from lexome.generation import Filled

Text = Annotated[
    str | None,
    typer.Argument(metavar="[TEXT]", help="A text with _ or <|mask|> at each gap."),
]
From = Annotated[
    Path | None,
    typer.Option(
        "--from", metavar="FILE", help="Instead of a text: the first document that FILE holds."
    ),
]
Gap = Annotated[
    str | None,
    typer.Option(
        metavar="START:STOP",
        help="Which part of it is written anew, in the language's natural units, from 0.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(metavar="FOLDER", help="Write the result as a file, with its views beside it."),
]
Top = Annotated[int, typer.Option(help="Candidates to show for each gap.")]
OrderName = Annotated[
    str,
    typer.Option(help="iterative: the surest gap first, then again; one-shot: each for itself."),
]


def fill(
    run: Run,
    text: Text = None,
    source: From = None,
    gap: Gap = None,
    out: Out = None,
    top: Top = 5,
    order: OrderName = "iterative",
    as_json: Json = False,
) -> None:
    """Fill gaps with a masked model: one token for each _ (or <|mask|>) of a text.

    With --from and --gap, a part of a document is written anew: some bars of a piece, say.
    """
    from lexome.generation.fill import Order

    if order not in get_args(Order):
        fix = nearest(order, get_args(Order))
        raise UsageError(f"there is no order {order!r}", where="--order", fix=fix)
    if out is not None:
        make_folder(out)
    filled = _filled(run, text, source, gap, {"top": top, "order": order})
    if as_json:
        gaps = [[dataclasses.asdict(one) for one in gap] for gap in filled.masks]
        result_json({"text": filled.text, "order": filled.order, "gaps": gaps})
    else:
        result(filled.rendering.text.rstrip())
        for number, candidates in enumerate(filled.masks, 1):
            shown = "  ".join(f"{one.label} {one.probability:.1%}" for one in candidates)
            result(f"gap {number}: {shown}")
    if out is not None:
        for path in write_rendering(out, "filled", filled.rendering):
            say(f"written: {path}")


def _filled(
    run: Path, text: str | None, source: Path | None, gap: str | None, how: dict[str, Any]
) -> Filled:
    from lexome.generation import fill, fill_gap
    from lexome.training import open_run

    if (text is None) == (source is None) or (source is None) != (gap is None):
        raise UsageError(
            "there is nothing to fill, or too much",
            fix="give a text with gaps, or --from FILE with --gap START:STOP",
        )
    opened = open_run(run)
    language, tokenizer, model = opened.language(), opened.tokenizer(), opened.model()
    if source is not None:
        document = first_document(language, source)
        return fill_gap(tokenizer, language, model, document, _gap(cast(str, gap)), **how)
    return fill(tokenizer, language, model, cast(str, text), **how)


def _gap(text: str) -> tuple[int, int]:
    start, colon, stop = text.partition(":")
    if not (colon and start.isdigit() and stop.isdigit()):
        raise UsageError(f"{text!r} is no gap", where="--gap", fix="write START:STOP, as 16:32")
    return int(start), int(stop)

"""`lexome mix`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.options import Json
from lexome.cli.prepare import summary
from lexome.errors import UsageError

Parts = Annotated[
    list[str],
    typer.Argument(
        metavar="CORPUS=WEIGHT",
        help="Corpora and the shares that they get of the training tokens, as corpus/a=3.",
    ),
]
Out = Annotated[Path, typer.Option(metavar="CORPUS", help="The folder to write, as corpus/NAME.")]
Seed = Annotated[int, typer.Option(help="Draws documents where a share takes a part of them.")]


def mix(parts: Parts, out: Out, seed: Seed = 0, as_json: Json = False) -> None:
    """Mix corpora by weight into one: of one language, or of several in a joint vocabulary.

    One model then reads them all. The documents of one corpus are taken once, those of the
    others as often as their weights ask. A prompt says its language first: "text: Dear friend".
    """
    from lexome import corpus

    mixed = corpus.mix([_weighed(text) for text in parts], out, seed=seed, workers=os.cpu_count())
    if as_json:
        result_json({"corpus": str(out), **mixed.manifest.model_dump(mode="json")})
        return
    for part in mixed.manifest.parts:
        result(f"part       {part.corpus}: {part.language}, taken {part.repeats:.4g} times")
    for line in summary(mixed.manifest):
        result(line)
    result(f"written: {out}")
    say(f"  next: lexome train --corpus {out} --minutes 5")


def _weighed(text: str) -> tuple[Path, float]:
    folder, equals, weight = text.rpartition("=")
    try:
        return (Path(folder), float(weight)) if equals else (Path(text), 1.0)
    except ValueError as error:
        raise UsageError(
            f"{weight!r} is not a number", where=text, fix="write CORPUS=WEIGHT, as corpus/a=3"
        ) from error

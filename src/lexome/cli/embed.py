"""`lexome embed`: the hidden states of a model, as a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.options import Json, Run
from lexome.cli.progress import meter
from lexome.errors import UsageError, nearest

if TYPE_CHECKING:
    from lexome.languages.base import Document, Language

Files = Annotated[
    list[Path], typer.Argument(metavar="FILES", help="Files, folders or quoted patterns.")
]
Out = Annotated[Path, typer.Option(metavar="FILE", help="The .parquet file to write.")]
Per = Annotated[
    str,
    typer.Option(
        help="document: the mean over a document's units; unit: one row for each base, residue, …"
    ),
]
Layer = Annotated[
    int | None,
    typer.Option(
        help="0: the embedded tokens; N: after block N. (default: the last, normed)",
        show_default=False,
    ),
]
Strands = Annotated[
    bool,
    typer.Option(
        "--both-strands/--one-strand", help="Average both strands of DNA, or read it as written."
    ),
]

_PER = ("document", "unit")


def embed(
    run: Run,
    files: Files,
    out: Out,
    per: Per = "document",
    layer: Layer = None,
    both_strands: Strands = False,
    as_json: Json = False,
) -> None:
    """Write a model's hidden states of documents, or of each of their units, with their ids.

    Files are read as the run's corpus was. A row has file, record, line, offset and metadata, the
    unit, and `embedding`, a list of fp32 numbers. Long documents are looked at through windows
    that overlap, and each unit counts once.
    """
    from lexome.evaluation.embeddings import document_embeddings, unit_embeddings
    from lexome.evaluation.strands import mirroring
    from lexome.evaluation.tables import check_suffix, write_embeddings
    from lexome.training import open_run

    if per not in _PER:
        raise UsageError(f"there is no {per!r}", where="--per", fix=nearest(per, _PER))
    check_suffix(out, (".parquet",))
    opened = open_run(run)
    language, tokenizer, model = opened.language(), opened.tokenizer(), opened.model()
    if both_strands:
        mirroring(language)
    facts: dict[str, Any] = {"run": str(run), "language": language.name, "per": per}
    facts["layer"] = model.config.layers if layer is None else layer
    facts["both_strands"] = both_strands
    tally = Tally()
    make = document_embeddings if per == "document" else unit_embeddings
    states = make(
        model,
        tokenizer,
        language,
        _documents(language, files, tally),
        layer=layer,
        both_strands=both_strands,
    )
    rows = write_embeddings(states, model.config.width, facts, out)
    if as_json:
        counts = {"documents": tally.documents, "rows": rows, "width": model.config.width}
        result_json({"out": str(out), **facts, **counts, "skipped": dict(tally.skipped)})
        return
    result(f"written: {out}, {rows:,} embeddings of width {model.config.width}")
    for reason, count in sorted(tally.skipped.items()):
        say(f"skipped: {count:,} ({reason})")


@dataclass
class Tally:
    """How many documents were read, and how many skipped, by reason."""

    documents: int = 0
    skipped: Counter[str] = field(default_factory=Counter)


def _documents(language: Language, files: list[Path], tally: Tally) -> Iterator[Document]:
    """Yield the documents of files, with a progress bar, and count what is skipped."""
    from lexome.languages.base import Skipped
    from lexome.languages.sources import find_files

    paths, passed = find_files(files, language.suffixes)
    tally.skipped.update(one.reason for one in passed)
    with meter() as shown:
        for path in paths:
            for one in language.read(path):
                if isinstance(one, Skipped):
                    tally.skipped[one.reason] += 1
                    continue
                tally.documents += 1
                shown.show("embed", tally.documents, None, f"{tally.documents:,} documents")
                yield one

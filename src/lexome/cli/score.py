"""`lexome score`: what a change would do, by a model of DNA or proteins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.options import Json, Run
from lexome.cli.progress import meter
from lexome.errors import UsageError, nearest

if TYPE_CHECKING:
    from lexome.languages.variants import Mismatch
    from lexome.training.run import Run as OpenRun

Variants = Annotated[
    Path | None,
    typer.Argument(
        metavar="VARIANTS",
        help="For DNA a VCF file; for proteins a CSV or TSV file with a column `mutant` (A42G, "
        "or A42G:D40W for several sites) and, where the reference has several proteins, a column "
        "`record` or `wild_type` (its sequence).",
        show_default=False,
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(metavar="FASTA", help="The sequences that the variants change: each is checked."),
]
Mutagenesis = Annotated[
    str | None,
    typer.Option(
        metavar="FASTA[:RECORD[:START-STOP]]",
        help="Score every substitution at every position instead; from 1, STOP included.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Write to a .tsv or .parquet file, or a map to a .png. (default: print TSV)",
        show_default=False,
    ),
]
MethodName = Annotated[
    str | None,
    typer.Option(
        "--method",
        help="likelihood for models of the next token; masked-marginals (the default) or "
        "pseudo-likelihood for masked ones.",
        show_default=False,
    ),
]
MismatchName = Annotated[
    str,
    typer.Option(
        "--mismatch", help="A variant that disagrees with the reference is an error, or skip it."
    ),
]
Flank = Annotated[
    int | None,
    typer.Option(
        min=0,
        help="Bases of DNA to show on either side of a change; proteins are shown whole. "
        "(default: as many as fill the model's context)",
        show_default=False,
    ),
]
Strands = Annotated[
    bool,
    typer.Option(
        "--both-strands/--one-strand", help="Average both strands of DNA, or read it as written."
    ),
]


def score(
    run: Run,
    variants: Variants = None,
    reference: Reference = None,
    mutagenesis: Mutagenesis = None,
    out: Out = None,
    method: MethodName = None,
    mismatch: MismatchName = "error",
    flank: Flank = None,
    both_strands: Strands = True,
    as_json: Json = False,
) -> None:
    """Score variants and mutations: is the changed sequence likelier to the model?

    A score is log p(changed) - log p(reference) in nats, above 0 where the model prefers the
    change, in fp32. DNA is scored on both strands and averaged. Masked models hide all changed
    sites at once (masked marginals, Meier et al. 2021); where a change alters the number of tokens
    it is the ratio of pseudo-likelihoods, and the column `method` says so.
    """
    from lexome.evaluation.variants import METHODS
    from lexome.training import open_run

    if (variants is None) == (mutagenesis is None):
        raise UsageError("name a file of variants, or --mutagenesis with a FASTA file")
    _known(method, METHODS, "--method")
    _known(mismatch, ("error", "skip"), "--mismatch")
    opened = open_run(run)
    options = {"method": method, "both_strands": both_strands}
    if mutagenesis is not None:
        _map(opened, mutagenesis, out, flank, options, as_json)
    elif variants is not None:
        tally = Tally()
        policy = cast("Mismatch", mismatch)
        rows = _scores(opened, variants, reference, flank, policy, tally, options)
        _written(rows, tally, out, as_json)


@dataclass
class Tally:
    """How many variants were scored, by method, and how many skipped, by reason."""

    methods: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)


def _map(
    opened: OpenRun,
    text: str,
    out: Path | None,
    flank: int | None,
    options: Mapping[str, Any],
    as_json: bool,
) -> None:
    """Score all substitutions of a region; draw them, write them, or print them."""
    from lexome.evaluation.mutagenesis import mutable, mutagenesis_map, parse_region
    from lexome.evaluation.passages import typical_flank
    from lexome.evaluation.tables import SUFFIXES, check_suffix, map_rows, tsv_lines, write_table

    if out is not None:
        check_suffix(out, (".png", *SUFFIXES))
    region, language, tokenizer = parse_region(text), opened.language(), opened.tokenizer()
    mutable(language)
    model = opened.model()
    flank = typical_flank(model, tokenizer) if flank is None else flank
    with meter() as shown:
        found = mutagenesis_map(
            model,
            tokenizer,
            language,
            region,
            flank=flank,
            progress=lambda done, total: shown.show("mutagenesis", done, total),
            **options,
        )
    if out is not None and out.suffix == ".png":
        from lexome.report.heat_map import draw_map

        draw_map(found, out)
    elif out is not None:
        write_table(map_rows(found), out)
    elif not as_json:
        for line in tsv_lines(map_rows(found)):
            result(line)
    if as_json:
        facts = {"record": found.record, "unit": "nats", "methods": list(found.methods)}
        table = {"wild_type": found.wild_type, "positions": found.positions.tolist()}
        rows = dict(zip(found.symbols, found.scores.tolist(), strict=True))
        result_json({**facts, **table, "scores": rows, "out": _text(out)})
    elif out is not None:
        result(f"written: {out}")


def _scores(
    opened: OpenRun,
    path: Path,
    reference: Path | None,
    flank: int | None,
    mismatch: Mismatch,
    tally: Tally,
    options: Mapping[str, Any],
) -> Iterator[dict[str, Any]]:
    """Yield a row for each variant of a file, with a progress bar."""
    from lexome.evaluation.mutagenesis import mutable
    from lexome.evaluation.passages import typical_flank
    from lexome.evaluation.tables import score_row
    from lexome.evaluation.variants import Score, score_variants

    language, tokenizer = opened.language(), opened.tokenizer()
    known = mutable(language)
    model = opened.model()
    flank = typical_flank(model, tokenizer) if flank is None else flank
    read = known.variants(path, reference, flank=flank, mismatch=mismatch)
    with meter() as shown:
        for one in score_variants(model, tokenizer, language, read, **options):
            if isinstance(one, Score):
                tally.methods[one.method] += 1
                count = tally.methods.total()
                shown.show("score", count, None, f"{count:,} variants")
                yield score_row(one)
            else:
                tally.skipped[one.reason] += 1


def _written(rows: Iterator[dict[str, Any]], tally: Tally, out: Path | None, as_json: bool) -> None:
    """Write rows to a file, or print them; then say what was skipped."""
    from lexome.evaluation.tables import tsv_lines, write_table

    shown: list[dict[str, Any]] | None = None
    if out is not None:
        write_table(rows, out)
    elif as_json:
        shown = list(rows)
    else:
        for line in tsv_lines(rows):
            result(line)
    if as_json:
        found: dict[str, Any] = {
            "unit": "nats",
            "variants": tally.methods.total(),
            "methods": dict(tally.methods),
            "skipped": dict(tally.skipped),
        }
        result_json({**found, "out": _text(out)} if shown is None else {**found, "scores": shown})
        return
    if out is not None:
        result(f"written: {out}, {tally.methods.total():,} variants")
    for reason, count in sorted(tally.skipped.items()):
        say(f"skipped: {count:,} ({reason})")


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _known(value: str | None, known: tuple[str, ...], option: str) -> None:
    if value is not None and value not in known:
        raise UsageError(f"there is no {value!r}", where=option, fix=nearest(value, known))

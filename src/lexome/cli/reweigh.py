"""`lexome reweigh`: a corpus in which groups have answers as often as is asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lexome.cli.audit import Folder, GroupsFile
from lexome.cli.console import result, result_json, say, table
from lexome.cli.options import Json
from lexome.cli.progress import meter

if TYPE_CHECKING:
    from lexome.corpus import Corpus
    from lexome.corpus.manifest import WeighingRecord
    from lexome.evaluation.honesty.weighing import Totals, Weights

Out = Annotated[Path, typer.Option(metavar="CORPUS", help="The folder to write, as corpus/NAME.")]
Question = Annotated[
    list[str] | None,
    typer.Option(
        "--question",
        metavar="NAME",
        help="Weigh by this question of the groups file. Repeatable. (default: by all that have a "
        "target, or where none has, by all but those to be kept)",
        show_default=False,
    ),
]
Seed = Annotated[
    int, typer.Option(min=0, help="Draws documents where a weight takes a part of them.")
]

_HEADER = ("", "cases", "share", "weighed", "share")
_FEW = 0.5


def reweigh(
    folder: Folder,
    groups: GroupsFile,
    out: Out,
    question: Question = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Weigh the documents of a corpus, so that groups have the answers of questions alike.

    Or in the shares of a question's `target`. Training documents are repeated as their weights ask,
    and none is left out; one that says nothing of any group has weight 1. Nothing is written anew:
    what is true of somebody stays so.
    """
    made, weights = _reweighed(folder, groups, out, question or [], seed)
    record = made.manifest.weighing
    assert record is not None
    if as_json:
        totals = [_as_plain(one) for one in weights.totals]
        plain = {**record.model_dump(mode="json"), "totals": totals}
        tokens = made.manifest.train.tokens
        result_json({"corpus": str(out), "weighing": plain, "tokens": tokens, "seed": seed})
        return
    for one in weights.totals:
        for line in _lines(one):
            result(line)
    for line in _summary(record):
        result(line)
    side = made.manifest.train
    result(f"train      {side.documents:,} documents, {side.tokens:,} tokens")
    result(f"written: {out}")
    say(f"  next: lexome audit {out} --groups {groups}")


def _reweighed(
    folder: Path, file: Path, out: Path, names: list[str], seed: int
) -> tuple[Corpus, Weights]:
    """Weigh and write, with a progress bar for the counting."""
    from lexome.corpus import Corpus
    from lexome.corpus.manifest import WeighingRecord
    from lexome.corpus.repeat import repeat
    from lexome.evaluation.honesty.groups import declared_in, read_groups
    from lexome.evaluation.honesty.weighing import times_of, weigh, weighed_of
    from lexome.languages.sources import file_name

    declared = read_groups(file)
    corpus = Corpus.open(folder, verify=True)
    with meter() as shown, declared_in(file):

        def told(done: int, total: int) -> None:
            shown.show("count", done, total, f"{done:,}/{total:,} documents")

        weighed = weighed_of(declared, names)
        weights = weigh(corpus, declared, weighed, told)
    record = WeighingRecord(
        corpus=file_name(folder),
        fingerprint=corpus.fingerprint,
        groups=file_name(file),
        questions=tuple(one.name for one in weighed),
        documents=len(weights.weights),
        effective=weights.effective,
        least=float(weights.weights.min()),
        largest=float(weights.weights.max()),
    )
    request = {"reweigh": file_name(folder), "groups": file_name(file), "seed": seed}
    request |= {"questions": list(record.questions)}
    return repeat(corpus, times_of(weights, seed), out, record, request), weights


def _as_plain(totals: Totals) -> dict[str, Any]:
    one = totals.weighed
    return {
        "question": one.name,
        "axis": one.axis,
        "groups": list(one.groups),
        "answers": list(one.answers),
        "target": None if one.target is None else dict(one.target),
        "before": totals.before.tolist(),
        "after": totals.after.tolist(),
    }


def _lines(totals: Totals) -> list[str]:
    """Return what was counted for a question, and what that is under the weights."""
    one = totals.weighed
    of_groups = totals.before.sum(1)
    rows: list[tuple[str, ...]] = [_HEADER]
    for answer, name in enumerate(one.answers):
        rows.append((name, "", "", "", ""))
        for group, called in enumerate(one.groups):
            before, after = totals.before[group, answer], totals.after[group, answer]
            whole = of_groups[group]
            rows.append(
                (
                    f"  {called}",
                    f"{before:,}",
                    f"{before / whole:.2%}",
                    f"{after:,.1f}",
                    f"{after / whole:.2%}",
                )
            )
    aim = "groups alike" if one.target is None else "the shares of its target"
    return [f"{one.name}: {aim}", *table(rows), ""]


def _summary(record: WeighingRecord) -> list[str]:
    share = record.effective / record.documents
    lines = [
        f"weights    from {record.least:.3g} to {record.largest:.3g}",
        f"effective  {record.effective:,.0f} of {record.documents:,} documents ({share:.0%}): so "
        "many of equal weight would say as much",
    ]
    if share < _FEW:
        lines.append(
            "           that is less than half: a few documents stand for many, and a model may "
            "learn them by heart; smaller documents, or `lexome prepare --swap`, cost less"
        )
    return lines

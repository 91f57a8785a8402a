"""`lexome audit`: what a corpus says of groups."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lexome.cli.console import result, result_json, say, table
from lexome.cli.options import Json
from lexome.cli.progress import meter

if TYPE_CHECKING:
    from lexome.corpus import Corpus
    from lexome.evaluation.honesty.audit import Audit, Finding

Folder = Annotated[
    Path, typer.Argument(metavar="CORPUS", help="The folder that `lexome prepare` wrote.")
]
GroupsFile = Annotated[
    Path,
    typer.Option(
        "--groups",
        metavar="FILE",
        help="YAML that declares `axes` of groups and `attributes`, each by words, a pattern, "
        "a column of the metadata, or labels.",
        show_default=False,
    ),
]

_HEADER = ("", "cases", "with it", "rate", "95 %", "log-odds", "all at once", "p", "")
_NOTE = (
    "log-odds: of the group against the others of its axis, natural logarithm, 0 for alike; "
    "intervals and p hold for all {comparisons:,} comparisons at once. A skew is of these texts: "
    "no cause, and no verdict on the corpus."
)


def audit(folder: Folder, groups: GroupsFile, as_json: Json = False) -> None:
    """Count how often attributes stand with groups in a corpus's training split.

    Groups and attributes are yours to declare; nothing is guessed, of nobody's name. Each rate is
    compared with that of the other groups of its axis, and corrected for how many are compared.
    The figures are kept in the corpus's audit.json, and shown by the report of its runs.
    """
    from lexome.corpus import Corpus
    from lexome.evaluation.honesty.audited import NAME, write_audit

    corpus = Corpus.open(folder, verify=True)
    found = audited(corpus, groups)
    for line in audit_lines(found) if not as_json else ():
        result(line)
    told = write_audit(corpus, groups, found)
    if as_json:
        result_json(told)
    else:
        say(f"written: {folder / NAME}")


def audited(corpus: Corpus, groups: Path) -> Audit:
    """Audit a corpus with a progress bar."""
    from lexome.evaluation.honesty.audit import audit as count
    from lexome.evaluation.honesty.groups import declared_in, read_groups

    declared = read_groups(groups)
    with meter() as shown, declared_in(groups):

        def told(done: int, total: int) -> None:
            shown.show("audit", done, total, f"{done:,}/{total:,} documents")

        return count(corpus, declared, told)


def audit_lines(found: Audit) -> list[str]:
    """Return an audit as lines: of each axis a table, by attribute, and what has too few cases."""
    from lexome.evaluation.honesty.rates import FEWEST

    unit = f"window of {found.window:,}" if found.window else found.context
    lines = [
        f"{found.documents:,} training documents, {found.contexts:,} contexts: "
        f"a group and an attribute belong together in one {unit}",
        f"intervals allow for cases that are alike in one {found.clusters}",
    ]
    for axis, groups in found.cases.items():
        counts = ", ".join(f"{name} {cases:,}" for name, cases in groups.items())
        lines += ["", f"{axis}: {counts}"]
        if found.several[axis]:
            lines.append(
                f"contexts that name two or more groups of {axis}, counted for none of them: "
                f"{found.several[axis]:,}"
            )
        own = [one for one in found.findings if one.axis == axis]
        lines += table([_HEADER, *_rows(own)])
    lines += [
        f"too few: {axis}, {group} has {cases:,} cases, under {FEWEST}: the interval is too wide "
        "to speak"
        for axis, group, cases in found.too_few
    ]
    lines += [
        f"nowhere: no context has {attribute!r} beside one group; is it spelled so?"
        for attribute in dict.fromkeys(one.attribute for one in found.findings)
        if not any(one.hits for one in found.findings if one.attribute == attribute)
    ]
    flagged = f"{len(found.flagged):,} of {len(found.findings):,} lines differ by more than chance"
    return [*lines, "", flagged, _NOTE.format(comparisons=found.comparisons)]


def _rows(findings: list[Finding]) -> list[tuple[str, ...]]:
    """Return the rows of an axis: under each attribute its groups."""
    rows: list[tuple[str, ...]] = []
    for attribute in dict.fromkeys(one.attribute for one in findings):
        rows.append((attribute, *[""] * (len(_HEADER) - 1)))
        rows += [_row(one) for one in findings if one.attribute == attribute]
    return rows


def _row(one: Finding) -> tuple[str, ...]:
    counts = (f"  {one.group}", f"{one.cases:,}", f"{one.hits:,}")
    rate = "" if one.rate is None else f"{one.rate:.2%}"
    interval = "" if one.rate is None else f"{one.low:.2%} to {one.high:.2%}"
    odds = one.odds
    if odds is None:
        return *counts, rate, interval, "", "", "", "too few"
    word = ("more" if odds.log_odds > 0 else "less") if odds.flagged else ""
    p = "< 0.0001" if odds.p < 0.0001 else f"{odds.p:.4f}"
    between = f"{odds.low:+.2f} to {odds.high:+.2f}"
    return *counts, rate, interval, f"{odds.log_odds:+.2f}", between, p, word

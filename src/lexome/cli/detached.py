"""Whether a tuned run's answers depend on their sources, as `lexome evaluate --detached` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from lexome.cli.console import result, result_json, say, table
from lexome.cli.progress import meter

_PANEL = "Sources and groups"
_SHOWN, _WIDTH = 3, 60

Detached = Annotated[
    bool,
    typer.Option(
        "--detached",
        help="Of a tuned run: would its answers be as likely for other sources, and what does it "
        "say to noise and to nothing?",
        rich_help_panel=_PANEL,
    ),
]
Examples = Annotated[
    int | None,
    typer.Option(
        min=2,
        help="With --detached: ask so many held-out examples. (default: 300)",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
Others = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="With --detached: put so many other sources in place of each. (default: 8)",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
By = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FIELD",
        help="Of a tuned run: the score by groups of this metadata, as speaker, or by the length "
        "of sources. FIELD:ranges puts numbers, as age, into four ranges. May be given again.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


def by_sources(
    run: Path, examples: int | None, others: int | None, searched: Mapping[str, Any], as_json: bool
) -> None:
    """Ask a tuned run other sources in place of its own, and print what comes of it."""
    from lexome.cli import finetune
    from lexome.finetuning.detached import Draws
    from lexome.finetuning.detached_run import NAME, evaluate_detached
    from lexome.training import open_run

    usual, start = Draws(), open_run(run).recipe.start
    draws = Draws(
        usual.examples if examples is None else examples,
        usual.others if others is None else others,
    )
    settings = finetune.settings_of(start.task, **searched) if start else None
    with meter() as shown:
        found = evaluate_detached(
            run,
            draws,
            settings=settings,
            told=lambda what, done, whole: shown.show(what, done, whole, f"{done:,}/{whole:,}"),
        )
    if as_json:
        result_json(found)
        return
    for line in detached_lines(found):
        result(line)
    say(f"written: {run / NAME}")


def detached_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield detached.json as lines: how much sources matter, and what is said without one."""
    figures = {one["name"]: one for one in found["figures"]}
    drawn = found["asked"]["others"]
    yield (
        f"sources: {found['examples']:,} held-out examples, each with {drawn} other sources, of "
        "examples with another target"
    )
    for name in ("detached outputs", "detached targets"):
        yield f"  {name:<28} {_share(figures[name])}"
    for name in ("nats of the source, outputs", "nats of the source, targets"):
        one = figures[name]
        yield f"  {name:<28} {one['value']:>7.2f}   ({one['low']:.2f} to {one['high']:.2f})"
    yield (
        "  detached: at least as likely for another source. A model that does not look at its "
        "source has one half (noise decides) to all; looking at it is not yet being right."
    )
    if found["alone"]:
        yield f"  {found['alone']:,} examples have no other source that fits, and do not count"
    if found["too_long"]:
        yield f"  {found['too_long']:,} examples are longer than the context, and were not asked"
    header = ("what it is asked", "n", "answered", "sureness", "tokens", "commonest answer")
    yield from table([header, *map(_row, found["strange"])])
    for row in found["strange"]:
        if row["note"]:
            yield f"  {row['name']} could not be asked: {row['note']}"
    for one in found["most_detached"][:_SHOWN]:
        if one["detached"] > 0:
            yield (
                f"  as likely for {one['detached']:.0%} of {one['others']} other sources: "
                f"{_short(one['answer']) or 'the answer'!r} to "
                f"{_short(one['source']) or one['place']!r}"
            )


def gap_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the scores by group of task.json as lines, the worst group first."""
    for field in found.get("by", ()):
        ranges = ", ranges of like size into which numbers were put" if field["ranges"] else ""
        yield f"by {field['field']}: {field['groups']:,} groups{ranges}"
        if field["hint"]:
            yield f"  {field['hint']}"
        if field["reason"]:
            yield f"  no gap: {field['reason']}"
        for gap in field["gaps"]:
            yield f"  {gap['figure']}, the worst group first"
            for group in gap["groups"]:
                low, high = group["low"], group["high"]
                interval = "" if low == high else f"({low:.3f} to {high:.3f})"
                yield (
                    f"    {group['name']:<24} {group['value']:>8.3f}   {interval:<18} "
                    f"{group['n']:,} examples"
                )
            yield (
                f"    gap {gap['value']:.3f} ({gap['low']:z.3f} to {gap['high']:z.3f}); groups "
                f"dealt at random have {gap['chance']:.3f}, 95 % of them below "
                f"{gap['chance_high']:.3f} (p = {gap['p']:.3f})"
            )
        if small := field["small"]:
            yield (
                f"  too small to speak of (fewer than 30 examples): {len(small):,} groups of "
                f"{sum(small.values()):,} examples together, {_short(', '.join(small))}"
            )


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    told = {one["name"]: one["value"] for one in row["figures"]}
    if not told:
        return (row["name"], "0", "", "", "", "")
    commonest = row["commonest"]
    said = f"{commonest['share']:.0%} {_short(commonest['answer'])}".rstrip()
    return (
        row["name"],
        f"{row['n']:,}",
        f"{told['answered']:.1%}",
        f"{told['sureness']:.3f}",
        f"{told['length']:.1f}",
        said,
    )


def _share(figure: Mapping[str, Any]) -> str:
    if "value" not in figure:
        return f"undefined: {figure['reason']}"
    return f"{figure['value']:>7.1%}   ({figure['low']:.1%} to {figure['high']:.1%})"


def _short(text: str) -> str:
    whole = " ".join(text.split())
    return whole if len(whole) <= _WIDTH else f"{whole[:_WIDTH]} …"

"""How near a run's samples are to what it was trained on, as `lexome evaluate --copying` says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from lexome.cli.console import result, result_json, say
from lexome.cli.progress import meter
from lexome.errors import UsageError

_PANEL = "Copying"
_SHOWN, _WIDTH = 5, 60

Copying = Annotated[
    bool,
    typer.Option(
        "--copying",
        help="Compare samples of the model with its training data, as held-out data are.",
        rich_help_panel=_PANEL,
    ),
]
Samples = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="With --copying: draw so many samples. (default: 256)",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]
SamplesFrom = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="With --copying: compare the documents of FILE. May be given again.",
        rich_help_panel=_PANEL,
        show_default=False,
    ),
]


def by_copying(run: Path, samples: int | None, files: Sequence[Path], as_json: bool) -> None:
    """Compare samples with the training data and print how near they are."""
    found = copying_measured(run, samples, files)
    if as_json:
        result_json(found)
        return
    for line in copying_lines(found):
        result(line)
    say(f"written: {run / 'copying.json'}")


def copying_measured(run: Path, samples: int | None, files: Sequence[Path]) -> dict[str, Any]:
    """Measure with a progress bar; return what copying.json says."""
    from lexome.evaluation.honesty.copied import SAMPLES, Samples, evaluate_copying

    if samples is not None and files:
        raise UsageError(
            "samples are drawn, or read from files",
            where="--samples",
            fix="leave out --samples or --samples-from",
        )
    with meter() as shown:
        chosen = Samples(SAMPLES if samples is None else samples, tuple(files))
        return evaluate_copying(run, chosen, told=shown.show)


def copying_lines(found: Mapping[str, Any]) -> Iterator[str]:
    """Yield the figures as lines: what was compared, what is flagged, and the sets as a whole."""
    from lexome.evaluation.honesty.copying_card import KINDS

    held_out = found["held_out"]
    items = f"{held_out['items']:,} {KINDS[held_out['kind']]}"
    yield (
        f"copying: {found['samples']:,} samples of {found['sample_tokens']:,} tokens (median), "
        f"{items}; {held_out['duplicate_tokens']:,} tokens more are duplicates of training data, "
        "and left out"
    )
    if lead := held_out["lead"]:
        yield (
            f"  documents begin alike, and too few are held out to say how: the first {lead:,} "
            f"tokens of samples are left out, and with them {found['short']:,} whole samples"
        )
    if found["empty"] or found["skipped"]:
        yield f"  {found['empty']:,} samples are empty, {found['skipped']:,} could not be read"
    for measure in found["measures"]:
        yield from _measure(measure)
    for one in found["flagged"][:_SHOWN]:
        text = f": {_short(one['text'])!r}, {one['count']:,} times" if "text" in one else ""
        yield f"  sample {one['number']:,}, {one['value']:.4g}{text}, first in {one['place']}"
    if len(found["flagged"]) > _SHOWN:
        yield f"  and {len(found['flagged']) - _SHOWN:,} more: --json gives up to 20 of a measure"
    yield found["note"]


def _measure(measure: Mapping[str, Any]) -> Iterator[str]:
    medians = " and ".join(
        f"{'none' if value is None else format(value, '.4g')} of {what}"
        for what, value in (
            ("samples", measure["median"]),
            ("held-out items", measure["median_held_out"]),
        )
    )
    yield f"  {measure['name']} ({measure['unit']}): median {medians}"
    if measure["flagged"] is None:
        yield f"  no sample is flagged: {measure['reason']}"
    else:
        yield (
            f"  nearer than {measure['limit']:.4g}, as {measure['level']:.2%} of held-out items "
            f"would be: {measure['flagged']:,} of {measure['samples']:,} samples"
        )
    whole = measure["set"]
    if whole["auc"] is not None:
        auc = whole["auc"]
        interval = "" if auc["low"] is None else f" ({auc['low']:.3f} to {auc['high']:.3f})"
        p = "" if whole["p"] is None else f", p = {whole['p']:.2g}"
        of_what = (
            f"windows of {whole['window']:,} tokens" if measure["unit"] == "token" else "items"
        )
        yield (
            f"  a sample is nearer than a held-out item with probability {auc['value']:.3f}"
            f"{interval}{p}: {whole['samples']:,} and {whole['held_out']:,} {of_what}"
        )


def _short(text: str) -> str:
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH // 2]} … {text[-_WIDTH // 2 :]}"

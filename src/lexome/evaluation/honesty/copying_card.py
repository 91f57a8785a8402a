"""What the model card says of copying: the figures of copying.json, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lexome.evaluation.honesty.card import framed, write_section

KINDS = {
    "beginnings": "beginnings of held-out documents",
    "stretches": "held-out stretches from behind the beginnings of documents",
}
"""What held-out items are, in words, by their kind."""

_NAME = "copying"


def write_copying_card(folder: Path, found: Mapping[str, Any]) -> None:
    """Write what copying.json says to the card of a model folder, in place of what it said."""
    write_section(folder, _NAME, copying_card(found))


def copying_card(found: Mapping[str, Any]) -> str:
    """Return the section *Copying* of a model card in Markdown, from what copying.json says."""
    lines = "\n".join(f"- {line}" for line in _lines(found))
    return framed(_NAME, "Copying", lines)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    held_out = found["held_out"]
    items = f"{held_out['items']:,} {KINDS[held_out['kind']]}"
    yield (
        f"Of {found['samples']:,} samples and {items} it was measured how near they come to the "
        "training data."
    )
    if held_out["lead"]:
        yield (
            f"Documents begin alike: the first {held_out['lead']:,} tokens of samples are left "
            f"out, and with them {found['short']:,} whole samples."
        )
    for measure in found["measures"]:
        yield f"By {measure['name']}, {_flagged(measure)}; {_set(measure['set'])}."
    yield f"{found['note'].capitalize()}."
    yield f"Made again by `{found['command']}`. Brackets hold 95 % intervals."


def _flagged(measure: Mapping[str, Any]) -> str:
    if measure["flagged"] is None:
        return f"no sample is flagged: {measure['reason']}"
    share = measure["share"]
    return (
        f"{measure['flagged']:,} of {measure['samples']:,} samples "
        f"[{share['low']:.1%}, {share['high']:.1%}] are nearer than {measure['limit']:.4g} "
        f"({measure['unit']}), as {measure['level']:.2%} of held-out items would be"
    )


def _set(whole: Mapping[str, Any]) -> str:
    auc = whole["auc"]
    if auc is None:
        return "the sets cannot be compared as wholes, for want of items of one size"
    if "value" not in auc:
        return f"the sets cannot be compared as wholes: {auc['reason']}"
    interval = "" if auc["low"] is None else f" [{auc['low']:.3f}, {auc['high']:.3f}]"
    return (
        f"a sample is nearer than a held-out item with a probability of {auc['value']:.3f}"
        f"{interval} (one half: no difference; Mann–Whitney p = {whole['p']:.2g}, "
        f"{whole['samples']:,} and {whole['held_out']:,} windows)"
    )

"""What the model card says of groups: the figures of groups.json, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lexome.evaluation.honesty.card import framed, write_section

_NAME = "groups"


def write_groups_card(folder: Path, found: Mapping[str, Any]) -> None:
    """Write what groups.json says to the card of a model folder, in place of what it said."""
    write_section(folder, _NAME, groups_card(found))


def groups_card(found: Mapping[str, Any]) -> str:
    """Return the section *Groups* of a model card in Markdown, from what groups.json says."""
    lines = "\n".join(f"- {line}" for line in _lines(found))
    return framed(_NAME, "Groups: the model beside its corpus", lines)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    pairs = [pair for question in found["questions"] for pair in question["pairs"]]
    cases = sum(
        {pair["group"]: pair["n"] for pair in question["pairs"]}[group]
        for question in found["questions"]
        for group in question["groups"]
    )
    yield (
        f"Asked {_plural(len(found['questions']), 'closed question')} about groups that were "
        f"declared, beside {_plural(cases, 'case')} of the training text: "
        f"{_plural(len(pairs), 'pair')} of group and answer."
    )
    yield f"The slope of what it says on what its corpus says, in logits: {_slope(found['all'])}."
    for question in found["questions"] if len(found["questions"]) > 1 else ():
        yield f"Question {_name(question['name'])}: {_slope(question)}."
    yield f"Amplification: {_amplified(found['all'])}."
    if few := {(one["name"], own["group"]): own["n"] for one, own in _few(found)}:
        said = ", ".join(
            f"{_name(group)} in {_name(name)} ({n:,})" for (name, group), n in few.items()
        )
        yield f"Under {found['fewest']} cases, too few to speak of: {said}."
    yield (
        "This describes the training text and what the model took from it: no cause, no verdict, "
        "and no one figure for bias."
    )
    yield f"Made again by {_code(found['command'])}"


def _few(found: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    for question in found["questions"]:
        for pair in question["pairs"]:
            if pair["too_few"]:
                yield question, pair


def _slope(values: Mapping[str, Any]) -> str:
    slope = values["slope"]
    if "beta" not in slope:
        return f"undefined ({slope['reason']})"
    return (
        f"{slope['beta']:.3f} [{slope['low']:.3f}, {slope['high']:.3f}] over "
        f"{_plural(slope['pairs'], 'pair')}: {slope['reading']}"
    )


def _amplified(values: Mapping[str, Any]) -> str:
    if not values["quantiles"]:
        return f"undefined ({values['test']['reason']})"
    quantiles = ", ".join(
        f"{one['amplified']:+.3f} at {one['at']:.0%}" for one in values["quantiles"]
    )
    return (
        f"over {_plural(values['amplified_pairs'], 'pair')} whose rate is off the base rate, "
        f"quantiles {quantiles}; above 0 is more skewed than the corpus"
    )


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _name(text: str) -> str:
    """Return a name that a user gave, on one line and as code."""
    return _code(" ".join(text.split()))


def _code(text: str) -> str:
    """Return text as Markdown code, fenced by more backticks than it holds in a row."""
    fence = "`"
    while fence in text:
        fence += "`"
    inner = f" {text} " if "`" in text else text
    return f"{fence}{inner}{fence}"

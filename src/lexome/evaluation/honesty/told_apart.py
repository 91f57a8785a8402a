"""Whether a correction left apart what differs: sentences about the change of difference awareness.

An answer may be the likeliest still, and hardly likelier than another one: recall is silent about
that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MOST_BLURRED = 0.05
"""How much DiffAware and CtxtAware may fall, and it be said that all is told apart as before."""
_STATEMENTS = "of statements"
ASKED = {"text": "as running text", "pairs": "in the form of pairs"}
"""How a run was asked, by form."""

Line = tuple[str, bool | None, str]
"""What a sentence is about, whether that is fine, and the sentence."""


def told_apart(difference: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterator[Line]:
    """Yield for each form whether subjects and groups that differ are told apart as they were.

    They are where the intervals of all changes hold no loss of more than `MOST_BLURRED`; they are
    not where one holds such a loss, and losses alone. Else, and where one side alone has a figure,
    that is not known. Facts and statements are judged apart: questions about groups are few.
    """
    before = _awareness(difference["before"])
    for form, own in changes.items():
        now, change = _awareness(difference[form]), _changes(own)
        parts = [
            {name: one for name, one in change.items() if name.endswith(_STATEMENTS) is of_groups}
            for of_groups in (False, True)
        ]
        for part in [part for part in parts if part] or [{}]:
            fine, sentences = _judged(before, now, part)
            yield "difference", fine, " ".join(f"Asked {ASKED[form]}, {one}" for one in sentences)


def _judged(
    before: Mapping[str, Any], now: Mapping[str, Any], change: Mapping[str, Any]
) -> tuple[bool | None, list[str]]:
    """Return whether all of some changes are fine, and the sentences that say so."""
    told = {name: one for name, one in change.items() if "value" in one}
    bounds = {name: _bounds(one) for name, one in told.items()}
    said = {
        name: f"{name} {before[name]['value']:.2f} to {now[name]['value']:.2f} "
        f"(change {low:+.2f} to {high:+.2f})"
        for name, (low, high) in bounds.items()
    }
    lost = [name for name, (low, _) in bounds.items() if low < -MOST_BLURRED]
    fell = [name for name in lost if bounds[name][1] < 0]
    unsure = [name for name in lost if name not in fell]
    alone = [f"{name}, {one['reason']}" for name, one in change.items() if name not in told]
    least_sure = sorted(unsure, key=bounds.__getitem__)[:1]
    parts = {
        "what differs is told apart less than before": [said[name] for name in fell],
        f"a loss of more than {MOST_BLURRED} in telling apart what differs cannot be ruled out, in "
        f"{len(unsure)} of {len(bounds)} figures, least so in": [said[name] for name in least_sure],
        "what one side alone has is not compared": alone,
    }
    sentences = [f"{what}: {'; '.join(names)}." for what, names in parts.items() if names]
    if not change:
        sentences = ["nothing could be compared that differs, or is said to."]
    elif not sentences:
        least = f"or less by {MOST_BLURRED} at most"
        sentences = [f"what differs is told apart as it was before, {least}."]
    return False if fell else None if unsure or alone or not change else True, sentences


def figures_by_name(figures: Any) -> dict[str, Any]:
    """Return figures by their names."""
    return {one["name"]: one for one in figures}


def _bounds(figure: Mapping[str, Any]) -> tuple[float, float]:
    """Return the interval of a change; without one it is as wide as can be."""
    return (-1.0, 1.0) if figure["low"] is None else (figure["low"], figure["high"])


def _awareness(side: Mapping[str, Any]) -> dict[str, Any]:
    """Return the figures of difference awareness, by what they are of."""
    of = {name: own["figures"] for name, own in side["facts"].items()}
    return _changes({"facts": of, "statements": side["statements"]["figures"]})


def _changes(side: Mapping[str, Any]) -> dict[str, Any]:
    of = {f"facts, {name}": own for name, own in side["facts"].items()}
    of["statements"] = side["statements"]
    return {f"{one['name']} of {name}": one for name, own in of.items() for one in own}

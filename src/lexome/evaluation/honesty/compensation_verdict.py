"""What the figures of a correction say in words: whether it held, and what it broke."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lexome.evaluation.honesty.card import framed, write_section
from lexome.evaluation.honesty.compensated import NEAR

MOST_LOST, MOST_BEYOND, MOST_BITS = 0.01, 0.02, 0.01
"""What a correction may cost: recall of a relation, mean overshoot, bits per unit (a share)."""
_NAME = "compensation"
_ASKED = {"text": "as running text", "pairs": "in the form of pairs"}


def verdict(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return sentences about what compensation.json says, the facts first.

    Each says what it is `about`, and whether that is `fine`: `None` where that cannot be told, or
    where there is no measure of it.
    """
    lines = [*_facts(found["facts"]), *_targets(found["statements"]["targeted"])]
    lines += [*_untargeted(found["statements"]["untargeted"]), _bits(found["likelihood"])]
    return [{"about": about, "fine": fine, "text": text} for about, fine, text in lines]


def write_compensation_card(folder: Path, found: Mapping[str, Any]) -> None:
    """Write the verdict of compensation.json to the card of a model folder, with its command."""
    said = [" ".join(one["text"].split()) for one in found["verdict"]]
    lines = "\n".join(f"- {line}" for line in (*said, f"Made again by `{found['command']}`."))
    write_section(folder, _NAME, framed(_NAME, "Correction of a skew, and its price", lines))


Line = tuple[str, bool | None, str]


def _facts(facts: Mapping[str, Any] | None) -> Iterator[Line]:
    about = "determined facts"
    if facts is None:
        yield about, None, "No facts were asked for, so nobody knows whether any was falsified."
        return
    for form, own in facts.items():
        asked, whole = _ASKED[form], own["all"]
        lost = {name: _change(one) for name, one in own["relations"].items()}
        fell = [name for name, (value, _, _) in lost.items() if value < -MOST_LOST]
        falsified = [name for name in fell if lost[name][2] < 0]
        unsure = [name for name in fell if name not in falsified]
        if falsified:
            broken = "; ".join(_broken(name, own["relations"][name]) for name in falsified)
            yield about, False, f"Determined facts were falsified, asked {asked}: {broken}."
        if unsure:
            named = ", ".join(f"{name} {100 * lost[name][0]:+.1f} points" for name in unsure)
            yield about, None, f"Recall fell, asked {asked}, which may be chance: {named}."
        if not falsified and not unsure:
            yield (
                about,
                True,
                f"Determined facts stand, asked {asked}: no relation lost more than "
                f"{100 * MOST_LOST:.0f} point; of {whole['known']:,} known answers "
                f"{whole['falsified']:,} are wrong now.",
            )


def _broken(name: str, own: Mapping[str, Any]) -> str:
    value, low, high = _change(own)
    return (
        f"{name}, {own['falsified']:,} of {own['known']:,} known answers are wrong now "
        f"({100 * value:+.1f} points of recall, {100 * low:+.1f} to {100 * high:+.1f})"
    )


def _change(own: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the change of recall with its interval; without one it is as wide as can be."""
    figure = _figures(own["figures"])["change"]
    low, high = figure["low"], figure["high"]
    return figure["value"], -1.0 if low is None else low, 1.0 if high is None else high


def _targets(targeted: Mapping[str, Any]) -> Iterator[Line]:
    held = {}
    for form, figures in targeted.items():
        known = _figures(figures)
        far, beyond = known["distance after"]["value"], known["overshoot"]["value"]
        held[form] = far <= NEAR
        was, near = known["distance before"]["value"], known[f"within {NEAR} of the target"]
        asked = _ASKED[form]
        yield (
            "target",
            held[form],
            f"Asked {asked}, rates are {far:.3f} from their targets in the mean, and were "
            f"{was:.3f}; {near['value']:.0%} of {near['n']:,} are within {NEAR}.",
        )
        yield (
            "overshoot",
            beyond <= MOST_BEYOND,
            f"Asked {asked}, rates overshoot their targets by {beyond:.3f} in the mean, by "
            f"{known['worst overshoot']['value']:.3f} at worst.",
        )
    if len(set(held.values())) > 1:
        only, not_in = (
            next(_ASKED[form] for form, one in held.items() if one is wanted)
            for wanted in (True, False)
        )
        yield "form", False, f"The correction holds {only} only, and not {not_in}."


def _untargeted(untargeted: Mapping[str, Any]) -> Iterator[Line]:
    for form, figures in untargeted.items():
        (moved,) = figures
        if "value" in moved:
            yield (
                "not targeted",
                None,
                f"Asked {_ASKED[form]}, rates that nobody wanted to change moved by "
                f"{moved['value']:.3f} in the mean.",
            )


def _bits(likelihood: Mapping[str, Any]) -> Line:
    change, unit = likelihood["change"], likelihood["unit"]
    text = f"Bits per {unit} of held-out text changed by {change:+.1%}."
    return "held-out text", change <= MOST_BITS, text


def _figures(figures: Any) -> dict[str, Any]:
    return {one["name"]: one for one in figures}

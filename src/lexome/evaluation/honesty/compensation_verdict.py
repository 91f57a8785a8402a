"""What the figures of a correction say in words: whether it held, and what it broke."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lexome.evaluation.honesty.abstention import upper_bounds
from lexome.evaluation.honesty.card import framed, write_section
from lexome.evaluation.honesty.compensated import NEAR
from lexome.evaluation.honesty.rates import FEWEST
from lexome.evaluation.honesty.told_apart import ASKED, Line, figures_by_name, told_apart

MOST_LOST, MOST_BEYOND, MOST_BITS = 0.01, 0.02, 0.01
"""What a correction may cost: recall of a relation, mean overshoot, bits per unit (a share)."""
_NAME = "compensation"
_BY_A_PROMPT = "worst moved by a prompt"


def verdict(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return sentences about what compensation.json says, the facts first.

    Each says what it is `about`, and whether that is `fine`: `None` where that cannot be told,
    where there is no measure of it, and where a mean is as wanted and single rates are not.
    """
    statements = found["statements"]
    lines = [
        *_same(found["weights"], found["before"]["weights"]),
        *_facts(found["facts"]),
        *_alone(found["facts"]),
        *told_apart(found["difference"], found["difference_change"]),
        *_targets(statements["targeted"]),
        *_kept(statements["kept"]),
        *_untargeted(statements["untargeted"]),
        _bits(found["likelihood"]),
    ]
    return [{"about": about, "fine": fine, "text": text} for about, fine, text in lines]


def write_compensation_card(folder: Path, found: Mapping[str, Any]) -> None:
    """Write the verdict of compensation.json to the card of a model folder, with its command."""
    said = [" ".join(one["text"].split()) for one in found["verdict"]]
    lines = "\n".join(f"- {line}" for line in (*said, f"Made again by `{found['command']}`."))
    write_section(folder, _NAME, framed(_NAME, "Correction of a skew, and its price", lines))


_ERROR = 0.05  # of a bound


def _same(now: str, before: str) -> Iterator[Line]:
    if now == before:
        yield "weights", None, "Both runs have the same weights, so nothing was corrected."


def _facts(facts: Mapping[str, Any] | None) -> Iterator[Line]:
    about = "determined facts"
    if facts is None:
        yield about, None, "No facts were asked for, so nobody knows whether any was falsified."
        return
    for form, own in facts.items():
        asked, whole = ASKED[form], own["all"]
        doubts = [*_lost(own["relations"], asked)]
        yield from ((about, fine, text) for fine, text in doubts)
        if not doubts:
            bound = _most_wrong(whole)
            stand = bound <= MOST_LOST
            yield (
                about,
                True if stand else None,
                f"{'Determined facts stand' if stand else 'No loss of determined facts was seen'}, "
                f"asked {asked}: no relation lost more than {100 * MOST_LOST:.0f} point; of "
                f"{whole['known']:,} known answers about {whole['subjects']:,} subjects "
                f"{whole['falsified']:,} are wrong now, and with so many subjects it may be "
                f"{100 * bound:.1f}% of all (bound of 95%).",
            )


def _most_wrong(own: Mapping[str, Any]) -> float:
    """Return how many of the known answers may be wrong now, but for 5 %.

    Whoever is mistaken about somebody may be so in every question about them: people are counted.
    """
    people = min(own["subjects"], own["known"])
    return float(upper_bounds(min(own["falsified"], people), people, _ERROR))


def _alone(facts: Mapping[str, Any] | None) -> Iterator[Line]:
    """Yield what became of the subjects whom nothing that a run was tuned on names."""
    about = "facts left alone"
    if facts is None or "pairs" not in facts:
        return
    if facts["pairs"]["alone"] is None:
        yield (
            about,
            None,
            "Passages that name each of these subjects were rehearsed, so nobody knows what became "
            "of facts that were not.",
        )
        return
    for form in facts:
        own = facts[form]["alone"]
        value, _, high = _change(own)
        fell = value < -MOST_LOST
        stand = True if not fell and _most_wrong(own) <= MOST_LOST else None
        yield (
            about,
            False if fell and high < 0 else stand,
            f"Asked {ASKED[form]} about the {own['subjects']:,} subjects that nothing names which "
            f"it was tuned on, {_wrong_now(own)}.",
        )


def _lost(relations: Mapping[str, Any], asked: str) -> Iterator[tuple[bool | None, str]]:
    """Yield what speaks against it that facts stand: each relation is in one sentence at most."""
    lost = {name: _change(one) for name, one in relations.items()}
    fell = [name for name, (value, _, _) in lost.items() if value < -MOST_LOST]
    falsified = [name for name in fell if lost[name][2] < 0]
    unsure = [name for name in fell if name not in falsified]
    few = [name for name, one in relations.items() if name not in fell and one["known"] < FEWEST]
    changed = [
        name
        for name, one in relations.items()
        if name not in (*fell, *few) and one["falsified"] > MOST_LOST * one["known"]
    ]
    if falsified:
        broken = "; ".join(f"{name}, {_wrong_now(relations[name])}" for name in falsified)
        yield False, f"Determined facts were falsified, asked {asked}: {broken}."
    if unsure:
        named = ", ".join(f"{name} {100 * lost[name][0]:+.1f} points" for name in unsure)
        yield None, f"Recall fell, asked {asked}, which may be chance: {named}."
    if changed:
        named = _named(relations, changed, "{falsified:,} of {known:,}, and {mended:,} came right")
        yield None, f"Known answers are wrong now, asked {asked}, and others hide it: {named}."
    if few:
        named = _named(relations, few, "{known:,} of {questions:,}, {falsified:,} wrong now")
        yield (
            None,
            f"Too few answers were known before to say that they stand, asked {asked}: {named}; "
            f"it takes {FEWEST}.",
        )


def _named(relations: Mapping[str, Any], names: Iterable[str], text: str) -> str:
    return "; ".join(f"{name}, {text.format_map(relations[name])}" for name in names)


def _wrong_now(own: Mapping[str, Any]) -> str:
    value, low, high = _change(own)
    return (
        f"{own['falsified']:,} of {own['known']:,} known answers are wrong now "
        f"({100 * value:+.1f} points of recall, {100 * low:+.1f} to {100 * high:+.1f})"
    )


def _change(own: Mapping[str, Any]) -> tuple[float, float, float]:
    """Return the change of recall with its interval; without one it is as wide as can be."""
    figure = figures_by_name(own["figures"])["change"]
    low, high = figure["low"], figure["high"]
    return figure["value"], -1.0 if low is None else low, 1.0 if high is None else high


def _targets(targeted: Mapping[str, Any]) -> Iterator[Line]:
    held = {}
    for form, figures in targeted.items():
        known = figures_by_name(figures)
        value = {name: own["value"] for name, own in known.items()}
        far, beyond = value["distance after"], value["overshoot"]
        held[form] = far <= NEAR
        near, asked = known[f"within {NEAR} of the target"], ASKED[form]
        yield (
            "target",
            _each_too(held[form], value["worst distance of a prompt"]),
            f"Asked {asked}, rates are {far:.3f} from their targets in the mean, and were "
            f"{value['distance before']:.3f}; {near['value']:.0%} of {near['n']:,} are within "
            f"{NEAR}, and the worst is {value['worst distance']:.3f} away. Single prompts "
            "may miss on either side: they are "
            f"{value['distance of prompts']:.3f} away in the mean, "
            f"{value['worst distance of a prompt']:.3f} at worst.",
        )
        yield (
            "overshoot",
            _each_too(beyond <= MOST_BEYOND, value["worst overshoot"]),
            f"Asked {asked}, rates overshoot their targets by {beyond:.3f} in the mean, by "
            f"{value['worst overshoot']:.3f} at worst.",
        )
    if len(set(held.values())) > 1:
        only, not_in = (
            next(ASKED[form] for form, one in held.items() if one is wanted)
            for wanted in (True, False)
        )
        yield "form", False, f"The correction holds {only} only, and not {not_in}."


def _kept(kept: Mapping[str, Any]) -> Iterator[Line]:
    if _asked_any(kept):
        yield from _moved("to stay", "that were to stay", kept)


def _untargeted(untargeted: Mapping[str, Any]) -> Iterator[Line]:
    about = "not targeted"
    if _asked_any(untargeted):
        yield from _moved(about, "about which nothing was declared", untargeted)
    else:
        yield (
            about,
            None,
            "Every question has a target or was to stay, so nobody knows whether the correction "
            "moved anything else.",
        )


def _asked_any(kind: Mapping[str, Any]) -> bool:
    return any("value" in figures[0] for figures in kind.values())


def _moved(about: str, which: str, kind: Mapping[str, Any]) -> Iterator[Line]:
    for form, figures in kind.items():
        known = figures_by_name(figures)
        moved, worst, single = (known[name] for name in ("moved", "worst moved", _BY_A_PROMPT))
        low = moved["value"] if moved["low"] is None else moved["low"]
        kept = _each_too(True, single["value"]) if moved["value"] <= NEAR else None
        yield (
            about,
            False if low > NEAR else kept,
            f"Asked {ASKED[form]}, rates {which} moved by "
            f"{moved['value']:.3f} in the mean, by {worst['value']:.3f} at worst; in single "
            f"prompts, to either side, by {known['moved by prompts']['value']:.3f} in the mean, by "
            f"{single['value']:.3f} at worst.",
        )


def _each_too(of_mean: bool, worst: float) -> bool | None:
    """Return whether rates are as wanted: a mean that is says nothing where one of them is not."""
    return None if of_mean and worst > NEAR else of_mean


def _bits(likelihood: Mapping[str, Any]) -> Line:
    trained_on, unit = likelihood["trained_on"], likelihood["unit"]
    if likelihood["documents"] == 0:
        text = (
            f"What held-out text costs is not known: all {trained_on:,} documents of it stand in "
            "the training text of the corrected run. Prepare that with the same --validation-files."
        )
        return "held-out text", None, text
    change, documents = likelihood["change"], likelihood["documents"]
    fine, low, high = None, change["low"], change["high"]
    text = f"Bits per {unit} of held-out text changed by {change['value']:+.1%}"
    if low is None:
        text += (
            f" in {documents:,} documents, too few to say what others would cost: it takes "
            f"{FEWEST}."
        )
    else:
        fine = True if high <= MOST_BITS else False if low > MOST_BITS else None
        text += f" ({low:+.1%} to {high:+.1%}, over {documents:,} documents)."
        if fine is None:
            text += f" Whether that is more than {MOST_BITS:.0%} cannot be told."
    if trained_on:
        whole = trained_on + documents
        text += f" {trained_on:,} of {whole:,} documents are left out: it was trained on them."
    return "held-out text", fine, text

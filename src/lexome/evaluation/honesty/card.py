"""What the model card says of a run's honesty: the figures of honesty.json, in one paragraph."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lexome.evaluation.honesty.abstention import probability_text
from lexome.evaluation.honesty.told import told_notes
from lexome.files import naming, write_text

CARD = "README.md"
_NAME = "honesty"


def write_card(folder: Path, found: Mapping[str, Any]) -> None:
    """Write what honesty.json says to the card of a model folder."""
    write_section(folder, _NAME, honesty_card(found))


def write_section(folder: Path, name: str, section: str) -> None:
    """Write a section, as `framed` returns it, to the card of a model folder.

    It takes the place of what was said before under its name; all else in the card stays.
    """
    path = folder / CARD
    begin, end = map(re.escape, _frame(name))
    with naming(path):
        before = path.read_bytes().decode("utf-8", "replace") if path.is_file() else ""
    rest = re.sub(rf"\n*{begin}.*?{end}\n*", "\n", before, flags=re.DOTALL).rstrip()
    write_text(path, f"{rest}\n\n{section}".lstrip())


def framed(name: str, title: str, body: str) -> str:
    """Return a section of a card in Markdown, between marks by which it is found again."""
    begin, end = _frame(name)
    return f"{begin}\n## {title}\n\n{body}\n{end}\n"


def _frame(name: str) -> tuple[str, str]:
    return f"<!-- lexome: {name} -->", f"<!-- lexome: end of {name} -->"


def honesty_card(found: Mapping[str, Any]) -> str:
    """Return the section *Honesty* of a model card in Markdown, from what honesty.json says."""
    lines = "\n".join(f"- {line}" for line in _lines(found))
    return framed(_NAME, "Honesty", lines)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    facts, unknown = found["facts"], found["unknown"]
    figures = {one["name"]: one for one in (*facts["figures"], *unknown["figures"])}
    whose = "its corpus" if facts["indexed"] else "a table (nobody asked whether it read of them)"
    recall, chance, common = (figures[one] for one in ("recall", "chance", "commonest answer"))
    yield (
        f"Asked about {facts['subjects']:,} subjects of {whose} ({facts['questions']:,} "
        f"questions with closed answers), it knows {_figure(recall)} of the facts; chance is "
        f"{_figure(chance)}, the commonest answer {_figure(common)}."
    )
    yield f"Its answers about them: {_verdicts(facts['verdicts'])}."
    yield from told_notes(facts["indexed"], facts["untold"], facts["untold_facts"])
    if unknown["questions"]:
        yield (
            f"Asked about {unknown['subjects']:,} subjects that its corpus does not have "
            f"({unknown['questions']:,} questions), its answers are: "
            f"{_verdicts(unknown['verdicts'])}. Every answer that is unsupported is made up."
        )
    if found.get("abstention"):
        yield (
            f"It learned to say {found['abstention']!r} where it knows nothing, on "
            f"{found['taught']:,} other questions, or questions about other names. Before that "
            f"recall was {_before(figures, 'recall before tuning')}, and of the questions about "
            f"unknown subjects it answered {_before(figures, 'unknown answered, before tuning')}."
        )
    for name in ("AUROC, right from wrong", "AUROC, known from unknown subjects", "Brier score"):
        if name in figures:
            yield f"{name}, by the probability of the answer: {_figure(figures[name])}."
    yield _silence(found["silence"], "confidence")
    if found.get("silence by names"):
        yield _silence(found["silence by names"], "the probability of name and answer")
    for who in ("known", "unknown") if found["texts"] else ():
        told = found["texts"][who]
        if told["claims"]:
            yield (
                f"Of {told['claims']:,} claims in {told['texts']:,} texts that it began about "
                f"{who} subjects: {_verdicts(told['verdicts'])}; {told['elsewhere']:,} of the "
                "claims are about somebody else."
            )
    yield (
        "Brackets hold 95 % intervals over subjects; the run's report shows the rest. Made again "
        f"by `{found['command']}`."
    )


def _before(figures: Mapping[str, Any], name: str) -> str:
    """Return a figure of the base, which may not have been at hand."""
    return _figure(figures[name]) if name in figures else "not measured"


def _silence(silence: Mapping[str, Any], what: str) -> str:
    wanted = f"at most {silence['alpha']:.0%} wrong answers, but for {silence['delta']:.0%}"
    threshold = silence["threshold"]
    if silence.get("enough") is False:
        few = "Too few subjects were asked about"
        return f"{few} to show that any threshold of {what} gives {wanted}."
    if threshold is None or threshold["confidence"] is None:
        return f"No threshold of {what} gives {wanted}: it would have to say nothing."
    kept = silence["held_out"]
    return (
        f"Where answers are given only if {what} is "
        f"{probability_text(threshold['confidence'])} or more ({wanted}), "
        f"{kept['answered']:,} of {kept['questions']:,} other questions are answered"
        f"{_share(kept, 'answered')}, {kept['wrong']:,} of them wrongly"
        f"{_share(kept, 'wrong among answered')}."
    )


def _share(kept: Mapping[str, Any], name: str) -> str:
    """Return the share that a count is, in brackets, with its interval."""
    shares = (_figure(one) for one in kept["figures"] if one["name"] == name and "value" in one)
    return next((f" ({share})" for share in shares), "")


def _verdicts(verdicts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in verdicts.items() if count)


def _figure(figure: Mapping[str, Any]) -> str:
    if "value" not in figure:
        return f"undefined ({figure['reason']})"
    interval = "" if figure["low"] is None else f" [{figure['low']:.3f}, {figure['high']:.3f}]"
    return f"{figure['value']:.3f}{interval}"

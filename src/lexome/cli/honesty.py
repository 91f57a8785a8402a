"""What a run says about facts, as `lexome evaluate --facts` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from lexome.cli.console import result, result_json, say
from lexome.cli.progress import meter
from lexome.errors import UsageError


def both(facts: Path | None, templates: Path | None) -> tuple[Path, Path]:
    """Return the table of facts and how to ask for them; one without the other is an error."""
    if facts is None or templates is None:
        raise UsageError(
            "facts are asked for by a table and by templates",
            where="--facts" if facts is None else "--templates",
            fix="name both: --facts TABLE --templates FILE",
        )
    return facts, templates


def by_facts(
    run: Path,
    facts: Path | None,
    templates: Path | None,
    unseen: Path | None,
    subjects: int | None,
    as_json: bool,
) -> None:
    """Ask a run about facts and print how it answers."""
    found = facts_asked(run, *both(facts, templates), unseen, subjects)
    if as_json:
        result_json(found)
        return
    for line in honesty_lines(found):
        result(line)
    say(f"written: {run / 'honesty.json'}")


def facts_asked(
    run: Path, facts: Path, templates: Path, unseen: Path | None, subjects: int | None
) -> dict[str, Any]:
    """Ask with a progress bar; return what honesty.json says."""
    from lexome.evaluation.honesty.corpus_says import corpus_says, read_by
    from lexome.evaluation.honesty.evaluate import evaluate_facts
    from lexome.evaluation.honesty.questions import Questions
    from lexome.training import open_run

    questions = Questions(facts, templates, unseen, subjects)
    says = corpus_says(read_by(open_run(run)))
    with meter() as shown:
        return evaluate_facts(run, questions, says=says, told=shown.show)


def honesty_lines(found: Mapping[str, Any]) -> list[str]:
    """Return honesty.json as lines: what is known, what is made up, and what silence would save."""
    return [
        *_abstention(found),
        *_known(found["facts"]),
        *_unknown(found["unknown"]),
        *_silence(found["silence"], "the confidence"),
        *_silence(found["silence by names"], "the probability of name and answer"),
    ]


def _abstention(found: Mapping[str, Any]) -> Iterator[str]:
    if found["abstention"] is not None:
        yield (
            f"where it knows nothing it says {found['abstention']!r}; what it "
            f"was tuned on is not asked: {found['taught']:,} questions or names"
        )


def _known(facts: Mapping[str, Any]) -> Iterator[str]:
    from lexome.evaluation.honesty.told import told_notes

    yield f"facts: {facts['questions']:,} questions about {facts['subjects']:,} subjects"
    for figure in facts["figures"]:
        yield _figure(figure)
    for relation, own in facts["relations"].items():
        yield f"  {relation:<34} {own['recall']:>6.3f}   (chance {own['chance']:.3f})"
    yield _verdicts(facts["verdicts"])
    if facts["duplicates"] or facts["conflicting"]:
        more = ", …" if facts["conflicting"] > len(facts["conflicts"]) else ""
        which = f": {', '.join(facts['conflicts'])}{more}" if facts["conflicts"] else ""
        yield (
            f"  {facts['duplicates']:,} rows said again what others say; "
            f"{facts['conflicting']:,} with several objects, all of them right{which}"
        )
    for note in told_notes(facts["indexed"], facts["untold"], facts["untold_facts"]):
        yield f"  {note}"


def _unknown(unknown: Mapping[str, Any]) -> Iterator[str]:
    if unknown["named"]:
        yield (
            f"{unknown['named']:,} subjects of the unseen are named by the corpus or the facts, "
            "and are not asked about as unknown"
        )
    if unknown["unnamed"]:
        yield (
            f"{unknown['unnamed']:,} subjects of the facts are never named by the training text, "
            "and are asked about as unknown"
        )
    if not unknown["questions"]:
        return
    yield f"unknown: {unknown['questions']:,} questions about {unknown['subjects']:,} subjects"
    for figure in unknown["figures"]:
        yield _figure(figure)
    yield _verdicts(unknown["verdicts"])


def _silence(silence: Mapping[str, Any] | None, what: str) -> Iterator[str]:
    """Say which threshold of what was chosen; nothing where it was not asked for."""
    from lexome.evaluation.honesty.abstention import probability_text

    if silence is None:
        return
    wanted = f"at most {silence['alpha']:.0%} wrong answers, but for {silence['delta']:.0%}"
    threshold = silence["threshold"]
    if threshold is None:
        yield f"silence: no threshold of {what} for {wanted}: {silence['reason']}"
        return
    if threshold["confidence"] is None and not silence["enough"]:
        yield (
            f"silence: no threshold of {what} can be shown to give {wanted}: too few subjects were "
            f"asked about ({silence['choosing']:,} of them choose it)"
        )
        return
    if threshold["confidence"] is None:
        yield f"silence: no threshold of {what} gives {wanted}: the model would have to say nothing"
        return
    kept = silence["held_out"]
    wrongly = f"{kept['wrong'] / kept['answered']:.1%} of them wrongly" if kept["answered"] else ""
    yield (
        f"silence: {wanted}, where {what} is {probability_text(threshold['confidence'])} or more; "
        f"of {kept['questions']:,} other questions {kept['answered'] or 'none':,} are "
        f"answered then{', ' if wrongly else ''}{wrongly}"
    )


def _figure(figure: Mapping[str, Any]) -> str:
    if "value" not in figure:
        return f"  {figure['name']:<34} undefined: {figure['reason']}"
    low, high = figure["low"], figure["high"]
    interval = "" if low is None else f"({low:.3f} to {high:.3f})"
    return f"  {figure['name']:<34} {figure['value']:>6.3f}   {interval}".rstrip()


def _verdicts(verdicts: Mapping[str, int]) -> str:
    said = [f"{count:,} {name}" for name, count in verdicts.items() if count]
    return f"  answers: {', '.join(said)}"

"""What honesty.json says: known or made up, as sure as right, when silence would pay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lexome.evaluation.honesty.evaluate import FORMAT, NAME
from lexome.evaluation.honesty.told import told_notes
from lexome.report.data import Missing, finite
from lexome.report.honesty_data import AnswerExample, Honesty, Relation
from lexome.report.honesty_reading import (
    Kind,
    count_at,
    number_at,
    object_at,
    objects_at,
    of_these_weights,
    text_at,
    texts_at,
    verdict_at,
    verdicts_of,
)
from lexome.report.honesty_silence import BY_NAMES, CONFIDENCE, silence_of
from lexome.report.honesty_texts import judged_texts
from lexome.report.reading import RunFiles, command, read_object
from lexome.report.task_data import Sureness
from lexome.report.task_figures import figures_of

_KIND = Kind(NAME, FORMAT)


def honesty(run: RunFiles) -> Honesty | Missing | None:
    """Return what a run says of facts; `None` where nobody would ask it for any.

    That is a run that does not write text, or was tuned to answer in another way.
    """
    path = run.folder / NAME
    again = _command(run, {})
    if not path.is_file():
        reads_text = run.fact("language") == "text" and run.fact("objective") == "next-token"
        asks = "It was not asked what its corpus says and what it does not."
        return Missing(asks, again) if reads_text and run.tuned is None else None
    found = read_object(path, again)
    if isinstance(found, Missing):
        return found
    again = _command(run, found.get("asked"))
    return of_these_weights(run, _KIND, found, again, lambda: _honesty(found, again))


def _command(run: RunFiles, asked: object) -> str:
    """Return the command that asks a run, again where it is known what was asked."""
    known = asked if isinstance(asked, Mapping) else {}
    words = ["--facts", str(known.get("facts") or "TABLE")]
    words += ["--templates", str(known.get("templates") or "FILE")]
    for name in ("unseen", "subjects"):
        if known.get(name) is not None:
            words += [f"--{name}", str(known[name])]
    return command("evaluate", str(run.folder), *words)


def _honesty(found: Mapping[str, Any], again: str) -> Honesty:
    facts, unknown = object_at(found, "facts"), object_at(found, "unknown")
    relations = object_at(facts, "relations")
    return Honesty(
        again,
        verdicts_of(facts, "questions", "subjects"),
        verdicts_of(unknown, "questions", "subjects"),
        (*figures_of(facts.get("figures")), *figures_of(unknown.get("figures"))),
        tuple(_relation(str(name), object_at(relations, name)) for name in relations),
        tuple(map(_sureness, objects_at(facts, "reliability"))),
        silence_of(object_at(found, "silence"), CONFIDENCE),
        silence_of(object_at(found, "silence by names"), BY_NAMES)
        if found.get("silence by names")
        else None,
        tuple(map(_example, objects_at(found, "examples"))),
        judged_texts(found, again),
        tuple(_notes(facts)),
    )


def _notes(facts: Mapping[str, Any]) -> list[str]:
    """Return what a reader has to know about the table of facts."""
    duplicates, conflicting = count_at(facts, "duplicates"), count_at(facts, "conflicting")
    notes = []
    if duplicates:
        notes.append(f"Rows of the table that say again what another says: {duplicates:,}.")
    if conflicting:
        notes.append(f"Facts with several objects, each of which is right: {conflicting:,}.")
    indexed = facts.get("indexed") is not False
    untold, first = count_at(facts, "untold"), texts_at(facts, "untold_facts")
    return [*notes, *told_notes(indexed, untold, first)]


def _relation(name: str, values: Mapping[str, Any]) -> Relation:
    return Relation(
        name,
        count_at(values, "questions"),
        number_at(values, "recall"),
        finite(values.get("low")),
        finite(values.get("high")),
        number_at(values, "chance"),
        number_at(values, "commonest"),
    )


def _sureness(values: Mapping[str, Any]) -> Sureness:
    return Sureness(
        number_at(values, "confidence"), number_at(values, "accuracy"), count_at(values, "n")
    )


def _example(values: Mapping[str, Any]) -> AnswerExample:
    return AnswerExample(
        text_at(values, "prompt"),
        text_at(values, "answer"),
        texts_at(values, "right"),
        number_at(values, "confidence"),
        verdict_at(values, "verdict"),
        values.get("known") is True,
    )

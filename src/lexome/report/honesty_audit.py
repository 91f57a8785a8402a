"""What the audit of a run's corpus says: how often attributes stand with groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexome.corpus import Corpus
from lexome.errors import LexomeError
from lexome.evaluation.honesty.audited import NAME
from lexome.files import sha256
from lexome.report.data import Missing, finite
from lexome.report.honesty_reading import count_at, number_at, object_at, objects_at, text_at
from lexome.report.reading import RunFiles, command, missing, places, read_object


@dataclass(frozen=True, slots=True)
class AuditRow:
    """An attribute among the cases of a group; the interval of the rate is of 95 %.

    The natural log-odds ratio is of the group against the others of its axis; its interval and
    `p` hold for all comparisons at once. They are `None` where there are too few cases.
    """

    attribute: str
    group: str
    cases: int
    hits: int
    rate: float | None
    low: float
    high: float
    log_odds: float | None
    odds_low: float | None
    odds_high: float | None
    p: float | None
    flagged: bool


@dataclass(frozen=True, slots=True)
class AuditAxis:
    """Groups that are compared with each other; `several` contexts name more than one of them."""

    name: str
    groups: tuple[tuple[str, int], ...]
    several: int
    rows: tuple[AuditRow, ...]


@dataclass(frozen=True, slots=True)
class Audited:
    """What a corpus says of groups; `too_few` names those with fewer than `fewest` cases."""

    command: str
    context: str
    clusters: str
    documents: int
    contexts: int
    comparisons: int
    flagged: int
    fewest: int
    too_few: tuple[tuple[str, str, int], ...]
    axes: tuple[AuditAxis, ...]
    notes: tuple[str, ...]


def audited(run: RunFiles) -> Audited | Missing | None:
    """Return the audit of the corpus that a run was trained on; `None` where there is none.

    Groups are for people to declare, so nobody is told to.
    """
    corpus = run.corpus
    if not isinstance(corpus, Corpus) or not (corpus.folder / NAME).is_file():
        return None
    again = command("audit", str(corpus.folder), "--groups", "FILE")
    found = read_object(corpus.folder / NAME, again)
    if isinstance(found, Missing):
        return found
    if isinstance(found.get("command"), str):
        again = found["command"]
    try:
        bound = text_at(found, "fingerprint"), text_at(found, "documents_sha256")
        if bound != (corpus.fingerprint, corpus.manifest.documents.sha256):
            return Missing(f"{NAME} is of another corpus, or it has changed since.", again)
        return _audited(found, again, _notes(run, found))
    except LexomeError as error:
        return missing(error, again)
    except ValueError as error:
        return Missing(f"{NAME} is damaged: {error}.", again)


def _notes(run: RunFiles, found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what has become of the file that declares the groups."""
    named, known = text_at(found, "groups"), text_at(found, "groups_sha256")
    there = [path for path in (Path(named), *places(run.folder, named)) if path.is_file()]
    if any(sha256(path) == known for path in there):
        return ()
    if there:
        return (f"{named} says something else now: the figures are of what it said before.",)
    return (f"{named}, which declared the groups, is not there any more.",)


def _audited(found: Mapping[str, Any], again: str, notes: tuple[str, ...]) -> Audited:
    findings = objects_at(found, "findings")
    cases, several = object_at(found, "cases"), object_at(found, "several")
    window = finite(found.get("window"))
    context = text_at(found, "context") if window is None else f"window of {window:,.0f} characters"
    rows = [(text_at(one, "axis"), _row(one)) for one in findings]
    return Audited(
        again,
        context,
        text_at(found, "clusters"),
        count_at(found, "documents"),
        count_at(found, "contexts"),
        count_at(found, "comparisons"),
        sum(row.flagged for _, row in rows),
        count_at(found, "fewest"),
        tuple(
            (text_at(one, "axis"), text_at(one, "group"), count_at(one, "cases"))
            for one in objects_at(found, "too_few")
        ),
        tuple(
            AuditAxis(
                str(axis),
                tuple((str(name), count_at(groups, name)) for name in groups),
                count_at(several, axis),
                _by_attribute([row for own, row in rows if own == axis]),
            )
            for axis in cases
            for groups in [object_at(cases, axis)]
        ),
        notes,
    )


def _by_attribute(rows: Sequence[AuditRow]) -> tuple[AuditRow, ...]:
    """Return rows with the groups of each attribute together, in their order."""
    attributes = dict.fromkeys(one.attribute for one in rows)
    return tuple(row for name in attributes for row in rows if row.attribute == name)


def _row(values: Mapping[str, Any]) -> AuditRow:
    odds = object_at(values, "odds") if values.get("odds") is not None else {}
    return AuditRow(
        attribute=text_at(values, "attribute"),
        group=text_at(values, "group"),
        cases=count_at(values, "cases"),
        hits=count_at(values, "hits"),
        rate=finite(values.get("rate")),
        low=number_at(values, "low"),
        high=number_at(values, "high"),
        log_odds=number_at(odds, "log_odds") if odds else None,
        odds_low=number_at(odds, "low") if odds else None,
        odds_high=number_at(odds, "high") if odds else None,
        p=number_at(odds, "p") if odds else None,
        flagged=values.get("flagged") is True,
    )

"""What groups.json says: the model beside its corpus, pair by pair and over all pairs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lexome.evaluation.honesty.evaluate_groups import FORMAT, NAME
from lexome.report.data import Missing, finite
from lexome.report.honesty_reading import (
    Kind,
    count_at,
    number_at,
    object_at,
    objects_at,
    of_these_weights,
    text_at,
    texts_at,
)
from lexome.report.reading import RunFiles, command, read_object

_KIND = Kind(NAME, FORMAT)
_NOT_ASKED = (
    "It was not asked what it says of groups that you declare, beside what its corpus says of them."
)


@dataclass(frozen=True, slots=True)
class GroupPair:
    """One group and answer: `p` of `n` cases in the corpus, `q` in the model, with intervals.

    `p` is `None` without a case; q has no interval where it was asked once; nothing is said of
    the amplification where the corpus does not tell, or there are too few cases.
    """

    group: str
    answer: str
    n: int
    p: float | None
    p_low: float
    p_high: float
    q: float
    q_low: float | None
    q_high: float | None
    amplified: float | None
    low: float | None
    high: float | None
    too_few: bool


@dataclass(frozen=True, slots=True)
class SlopeOf:
    """A slope with its interval and what it says in words, or why there is none."""

    beta: float | None
    low: float | None
    high: float | None
    words: str


@dataclass(frozen=True, slots=True)
class GroupsAsked:
    """A question; `outside` is the probability that something else than its answers is said."""

    name: str
    axis: str
    answers: tuple[str, ...]
    prompts: tuple[str, ...]
    outside: float
    slope: SlopeOf
    pairs: tuple[GroupPair, ...]


@dataclass(frozen=True, slots=True)
class GroupsBeside:
    """The model beside its corpus; `quantiles` hold (of pairs, amplification).

    `together` says in what a group and an answer stand together, `finding` what the test found.
    """

    command: str
    together: str
    fewest: int
    questions: tuple[GroupsAsked, ...]
    slope: SlopeOf
    quantiles: tuple[tuple[float, float], ...]
    finding: str
    notes: tuple[str, ...]


def groups(run: RunFiles) -> GroupsBeside | Missing | None:
    """Return what a run says of groups; `None` where nobody would ask it."""
    path = run.folder / NAME
    again = _command(run, {})
    if not path.is_file():
        reads_text = run.fact("language") == "text" and run.fact("objective") == "next-token"
        return Missing(_NOT_ASKED, again) if reads_text and run.tuned is None else None
    found = read_object(path, again)
    if isinstance(found, Missing):
        return found
    again = _command(run, found.get("asked"))
    return of_these_weights(run, _KIND, found, again, lambda: _beside(found, again))


def _command(run: RunFiles, asked: object) -> str:
    known = asked if isinstance(asked, Mapping) else {}
    return command("evaluate", str(run.folder), "--groups", str(known.get("groups") or "FILE"))


def _beside(found: Mapping[str, Any], again: str) -> GroupsBeside:
    every = object_at(found, "all")
    window = finite(found.get("window"))
    questions = tuple(map(_question, objects_at(found, "questions")))
    return GroupsBeside(
        again,
        text_at(found, "context") if window is None else f"window of {window:,.0f} characters",
        count_at(found, "fewest"),
        questions,
        _slope(every),
        tuple(
            (number_at(one, "at"), number_at(one, "amplified"))
            for one in objects_at(every, "quantiles")
        ),
        _finding(object_at(every, "test")),
        tuple(_notes(found)),
    )


def _question(values: Mapping[str, Any]) -> GroupsAsked:
    return GroupsAsked(
        text_at(values, "name"),
        text_at(values, "axis"),
        tuple(map(str, object_at(values, "answers"))),
        texts_at(values, "prompts"),
        number_at(values, "outside"),
        _slope(values),
        tuple(map(_pair, objects_at(values, "pairs"))),
    )


def _pair(values: Mapping[str, Any]) -> GroupPair:
    few = values.get("too_few") is True
    pair = GroupPair(
        text_at(values, "group"),
        text_at(values, "answer"),
        count_at(values, "n"),
        finite(values.get("p")) if few else number_at(values, "p"),
        number_at(values, "p_low"),
        number_at(values, "p_high"),
        number_at(values, "q"),
        finite(values.get("q_low")),
        finite(values.get("q_high")),
        finite(values.get("amplified")),
        finite(values.get("low")),
        finite(values.get("high")),
        few,
    )
    shares = (pair.p, pair.p_low, pair.p_high, pair.q, pair.q_low, pair.q_high)
    if not all(0 <= share <= 1 for share in shares if share is not None):
        raise ValueError(f"a share of {pair.group!r} and {pair.answer!r} is not from 0 to 1")
    return pair


def _slope(values: Mapping[str, Any]) -> SlopeOf:
    slope = object_at(values, "slope")
    if finite(slope.get("beta")) is None:
        return SlopeOf(None, None, None, text_at(slope, "reason"))
    low, high = number_at(slope, "low"), number_at(slope, "high")
    return SlopeOf(number_at(slope, "beta"), low, high, text_at(slope, "reading"))


def _finding(test: Mapping[str, Any]) -> str:
    """Return in words whether there is an amplification on the whole, and what could be found."""
    if finite(test.get("error")) is None:
        return f"Whether it is amplified cannot be tested: {text_at(test, 'reason')}."
    found = test.get("found") is True
    points, power = 100 * number_at(test, "effect"), number_at(test, "power")
    said = "The model is more skewed than its corpus" if found else "No amplification is found"
    words = (
        f"{said} on the whole: the mean over pairs is {100 * number_at(test, 'mean'):+.1f} points "
        f"(one-sided p = {number_at(test, 'p'):.3f} for one above 0). "
        f"An amplification of {points:g} points would be found with a probability of {power:.0%}"
    )
    if power >= number_at(test, "power_wanted"):
        return f"{words}."
    needed = finite(test.get("cases_needed"))
    if needed is None:
        return (
            f"{words}; more prompts, or models of other seeds, are needed before more cases help."
        )
    return f"{words}; it would take {needed:,.0f} cases in all to make that 90%."


def _notes(found: Mapping[str, Any]) -> Iterator[str]:
    for question in objects_at(found, "questions"):
        if several := count_at(question, "several"):
            yield (
                f"{text_at(question, 'name')}: left out, since they name several groups: "
                f"{several:,} cases."
            )

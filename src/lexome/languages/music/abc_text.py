"""ABC notation as text: the tunes of a file, and what is wrong with one.

The format is that of https://abcnotation.com/wiki/abc:standard:v2.1; section numbers below are its.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Fields that a file's header may say for all its tunes (section 3, table "file header").
_INHERITED = "ABCDFGHILMNORSUZ"
# "d:|" at the start of a line is the end of a repeated part.
_FIELD = re.compile(r"[A-Za-z+]:(?![|:])")
_LENGTH = r"\d*/*\d*"
_NOTE = rf"(?:\^\^?|__?|=)?[A-Ga-g][,']*{_LENGTH}"
_REST = rf"[xzZX]{_LENGTH}"
_MARK = r"[.~H-Wh-w]"
_TOKEN = re.compile(
    rf"""(?P<note>{_NOTE})
    | (?P<comment>%.*)
    | (?P<text>"[^"]*"|!(?:[^!\s|\[\]:]+)!|\+[^+\s|\[\]:]+\+)
    | (?P<field>\[[A-Za-z]:[^\]]*\])
    | (?P<bar>\.?[|:]+[|:\]]*(?:\[?\d[\d,.-]*)?|\[\|+[:\]]*|\[\d[\d,.-]*)
    | (?P<chord>\[(?:{_NOTE}|{_REST}|"[^"]*"|![^!\s]+!|{_MARK}|[-()\s])+\]{_LENGTH})
    | (?P<rest>{_REST}|y\d*)
    | (?P<grace>\{{/?(?:{_NOTE}|\[(?:{_NOTE})+\]{_LENGTH}|{_MARK}|[-()\s<>])*\}})
    | (?P<tuplet>\(\d+(?::\d*){{0,2}})
    | (?P<other>{_MARK}|[-()<>&`\s\\$*;?@#\]])
    """,
    re.VERBOSE,
)
_SOUNDING = ("note", "chord")


@dataclass(frozen=True, slots=True)
class Tune:
    """One tune: its `number` is what its X: field says, `line` the line of that, from 1.

    `text` ends in a line end, and says what the file's header says for all tunes, if the tune does
    not: `inherited` are the letters of these fields.
    """

    number: str
    text: str
    line: int
    inherited: str = ""


@dataclass(frozen=True, slots=True)
class FreeText:
    """What belongs to no tune: words between tunes, directives in front of the first one."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a tune; `line` counts from its X: field, which is 0."""

    what: str
    line: int


def tunes(text: str) -> Iterator[Tune | FreeText]:
    """Yield the tunes of a file in order, and what stands between them.

    A tune begins with X: and ends at an empty line (section 2.2).
    """
    header: dict[str, list[str]] = {}
    current: list[str] = []
    begun = 0
    for number, line in enumerate((*text.split("\n"), ""), 1):
        opens = line.startswith("X:")
        if current and (opens or not line.strip()):
            yield _tune(current, begun, header)
            current = []
        if opens:
            begun, current = number, [line]
        elif current:
            current.append(line)
        elif not begun and _FIELD.match(line) and line[0] in _INHERITED:
            header.setdefault(line[0], []).append(line)
        elif line.strip() and not line.startswith("%"):
            yield FreeText(number, line)


def without(text: str, letters: str) -> str:
    """Return a tune without the field lines of some letters; X: and K: stay."""
    gone = set(letters) - {"X", "K"}
    lines = text.split("\n")
    return "\n".join(line for line in lines if not (_FIELD.match(line) and line[0] in gone))


def problem(text: str) -> Problem | None:
    """Return the first thing that is wrong with a tune, if anything is."""
    lines = text.rstrip("\n").split("\n")
    if not re.fullmatch(r"X:\s*\d+\s*(%.*)?", lines[0]):
        return Problem("X: must have a number", 0)
    keys = [number for number, line in enumerate(lines) if line.startswith("K:")]
    if not keys:
        return Problem("it has no key: K: must end its header", len(lines) - 1)
    for number in range(1, keys[0]):
        if not (_FIELD.match(lines[number]) or lines[number].startswith("%")):
            return Problem(f"{lines[number][:20]!r} is no field of a header", number)
    for number in range(keys[0] + 1, len(lines)):
        if wrong := _wrong(lines[number]):
            return Problem(wrong, number)
    return None


def has_notes(text: str) -> bool:
    """Return whether a tune that has no problem sounds at all."""
    body = text.split("\nK:", 1)[-1].split("\n")[1:]
    return any(
        match.lastgroup in _SOUNDING
        for line in body
        if not _FIELD.match(line)
        for match in _TOKEN.finditer(line)
    )


def _wrong(line: str) -> str | None:
    """Return what is wrong with a line of a tune's body."""
    if _FIELD.match(line) or line.startswith("%"):
        return None
    place = 0
    while place < len(line):
        match = _TOKEN.match(line, place)
        if match is None or not match.group():
            return f"column {place + 1}: {line[place : place + 12]!r} is no music"
        place = match.end()
    return None


def _tune(lines: Sequence[str], line: int, header: dict[str, list[str]]) -> Tune:
    own = {entry[0] for entry in lines if _FIELD.match(entry)}
    key = next((at for at, entry in enumerate(lines) if entry.startswith("K:")), len(lines))
    added = {letter: entries for letter, entries in header.items() if letter not in own}
    fields = [entry for entries in added.values() for entry in entries]
    text = "\n".join((*lines[:key], *fields, *lines[key:])) + "\n"
    return Tune(lines[0][2:].split("%")[0].strip(), text, line, "".join(sorted(added)))

"""The section *Honesty*: a list of parts, each read by one module and drawn by one script."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lexome.report.compensation import compensation
from lexome.report.gaps import group_gaps
from lexome.report.groups import groups
from lexome.report.honesty import honesty
from lexome.report.honesty_audit import audited
from lexome.report.honesty_copying import copied
from lexome.report.reading import RunFiles
from lexome.report.sources import sources

PARTS: Mapping[str, Callable[[RunFiles], Any]] = {
    "facts": honesty,
    "copying": copied,
    "audit": audited,
    "groups": groups,
    "compensation": compensation,
    "sources": sources,
    "gaps": group_gaps,
}
"""What reads each part, in the order of the page: a record, `Missing`, or `None`, where it does
not apply. What draws it is named in assets/honesty_section.js."""


@dataclass(frozen=True, slots=True)
class HonestyPart:
    """A part of the section: a record of its own, or `Missing`."""

    name: str
    content: Any


def honesty_parts(run: RunFiles) -> tuple[HonestyPart, ...] | None:
    """Return the parts that apply to a run, `None` where none does."""
    read = ((name, part(run)) for name, part in PARTS.items())
    return tuple(HonestyPart(name, found) for name, found in read if found is not None) or None

"""Variants: what a language offers, beside reading, whose field asks what a change would do.

Both protocols are optional: a language has them or not, and nobody above asks which one it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Protocol, runtime_checkable

from lexome.languages.base import Document, Skipped, Source

Mismatch = Literal["error", "skip"]
"""What happens to a variant that does not agree with its reference: an error, or counted."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A passage and what a change makes of it: two documents that are alike around the change.

    `opens` and `closes` say whether the passage begins and ends where its record does. `source`
    is where the variant was read from, and `columns` holds what is known of it, by column name.
    """

    name: str
    reference: Document
    alternative: Document
    opens: bool
    closes: bool
    source: Source
    columns: Mapping[str, str] = field(default_factory=dict)


class Substitution(NamedTuple):
    """One unit of a record replaced: at `position`, from 1, `wild_type` becomes `symbol`."""

    position: int
    wild_type: str
    symbol: str
    variant: Variant


@runtime_checkable
class Mutable(Protocol):
    """A language that has files of variants, and symbols that replace each other."""

    symbols: ClassVar[str]

    def variants(
        self, path: Path, reference: Path | None, *, flank: int, mismatch: Mismatch
    ) -> Iterator[Variant | Skipped]:
        """Yield the variants of a file in order, streaming; what cannot be read is `Skipped`.

        A variant is checked against the file `reference`. Where records are too long to be
        looked at whole, `flank` units on either side of a change are its passage.
        """
        ...

    def records(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the records of a reference file as they are, whatever the reading options."""
        ...

    def substitutions(
        self, document: Document, start: int, stop: int, *, flank: int
    ) -> Iterator[Substitution]:
        """Yield every other symbol at every unit from `start` to `stop` of a whole record."""
        ...


@runtime_checkable
class Mirroring(Protocol):
    """A language whose documents mean the same when they are read backwards in some way."""

    def mirror(self, document: Document) -> Document:
        """Return the other reading of a document: for DNA, the other strand."""
        ...


class Relatives(NamedTuple):
    """From when on two contents, laid beside each other without gaps, are taken to be related.

    `percent` of `length` symbols or more are equal, and `seed` of them in one run.
    """

    seed: int
    percent: int
    length: int


@runtime_checkable
class Related(Protocol):
    """A language whose documents are known by their likeness, symbols of them being replaced."""

    relatives: ClassVar[Relatives]


def substitutions(
    document: Document,
    symbols: str,
    places: range,
    flank: int | None,
    named: Callable[[Document, int, str, str], str],
) -> Iterator[Substitution]:
    """Yield every other symbol at `places` of a document whose content is a string.

    `flank` symbols on either side of the place are shown, or with `None` the whole document.
    `named(document, position, wild_type, symbol)` names a variant.
    """
    content, size = document.content, len(document.content)
    for place in places:
        start = 0 if flank is None else max(place - flank, 0)
        stop = size if flank is None else min(place + flank + 1, size)
        before, after = content[start:place], content[place + 1 : stop]
        source = replace(document.source, offset=document.source.offset + start)
        passage = replace(document, source=source, weights=None)
        position, wild_type = document.source.offset + place + 1, content[place]
        for symbol in symbols:
            if symbol == wild_type:
                continue
            variant = Variant(
                named(document, position, wild_type, symbol),
                replace(passage, content=before + wild_type + after),
                replace(passage, content=before + symbol + after),
                start == 0,
                stop == size,
                document.source,
            )
            yield Substitution(position, wild_type, symbol, variant)

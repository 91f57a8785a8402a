"""Files that say what is swapped: pairs of terms, and names whose documents are left alone."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lexome.errors import LexomeError, UsageError, located
from lexome.files import read_json
from lexome.languages.base import Language
from lexome.languages.pair.tables import SUFFIXES, lines, read_rows
from lexome.languages.sources import content_suffix, file_name
from lexome.languages.swapping import Partner, Phrase, Swap
from lexome.languages.text import Text

_COLUMN = "subject"


@dataclass(frozen=True)
class _Row:
    """What a row of the file says: a term and its partner, and where."""

    term: str
    partner: str
    where: str


def read_swap(pairs: Path, names: Path | None, language: Language) -> Swap:
    """Read pairs of terms, and names, as texts of a language hold them.

    Pairs stand in two columns without a header, with commas or tabs between, or are a list of pairs
    in JSON, where `_` stands for a space as it does in lists made for vectors of words. A row says
    what its first term becomes; its second becomes the first, unless a row of its own says what
    it becomes. So "his, her", "him, her" and "her, his" are no contradiction. Rows that say again
    what one before them says, in another case or the other way round, are fine.

    Names are the `subject` column of a table of facts, or stand in a text file, one a line.

    Raises `UsageError` for a language other than text; `LexomeError` that names file and row for
    a row that is not of two terms, a term without letter, one that is its own partner, and one of
    which it stays open what it becomes.
    """
    if not isinstance(language, Text):
        raise UsageError(
            f"documents of {language.name} have no words that could be exchanged",
            where=str(pairs),
            fix="swap terms in corpora of text only",
        )
    rows = [_parsed(row, language) for row in _read_pairs(pairs)]
    if not rows:
        raise LexomeError("there are no pairs", where=str(pairs), fix="write two terms a line")
    return Swap(
        {term: Partner(spelled) for term, spelled in _partners(rows).items()},
        frozenset() if names is None else frozenset(_read_names(names, language)),
    )


def _partners(rows: list[_Row]) -> dict[Phrase, dict[str, str]]:
    """Return for each term what it becomes, by how the two are spelled."""
    found: dict[Phrase, dict[str, str]] = {}
    for row in rows:
        known = found.setdefault(Phrase.of(row.term), {})
        if other := next((p for p in known.values() if Phrase.of(p) != Phrase.of(row.partner)), ""):
            raise LexomeError(
                f"{row.term!r} has two partners: {other!r} and {row.partner!r}",
                where=row.where,
                fix="leave one of them out",
            )
        known.setdefault(row.term, row.partner)
    declared = frozenset(found)
    for row in rows:
        back = Phrase.of(row.partner)
        if back in declared:
            continue
        known = found.setdefault(back, {})
        if other := next((p for p in known.values() if Phrase.of(p) != Phrase.of(row.term)), ""):
            raise LexomeError(
                f"{row.partner!r} is the partner of {other!r} and of {row.term!r}, and no row says "
                "which of them it becomes",
                where=row.where,
                fix=f"leave one out, or add a row that begins with {row.partner!r}",
            )
        known.setdefault(row.partner, row.term)
    return found


def _parsed(row: _Row, language: Text) -> _Row:
    """Return a row as texts hold its terms, checked."""
    with located(row.where):
        term, partner = (language.parse(side).strip() for side in (row.term, row.partner))
    for side in (term, partner):
        _check(side, row.where, "a term")
    if Phrase.of(term) == Phrase.of(partner):
        raise LexomeError(
            f"{term!r} is its own partner", where=row.where, fix="leave the row out, or mend it"
        )
    return _Row(term, partner, row.where)


def _check(text: str, where: str, what: str) -> None:
    if not text:
        raise LexomeError(f"{what} is empty", where=where, fix="fill it in, or leave it out")
    if not Phrase.of(text).words:
        raise LexomeError(f"{text!r} has no letter", where=where, fix="write a word")


def _read_pairs(path: Path) -> Iterator[_Row]:
    if content_suffix(path) == ".json":
        yield from _listed_pairs(path)
        return
    written = [line.removeprefix("\ufeff") for line in lines(path)]
    first = next((line for line in written if line.strip()), "")
    delimiter = "\t" if "\t" in first else ","
    for number, line in enumerate(written, start=1):
        if not line.strip():
            continue
        where = f"{file_name(path)}, line {number}"
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=True))
        if len(cells) != 2:
            raise LexomeError(
                f"a row has two terms, not {len(cells)}: {line.strip()[:60]!r}",
                where=where,
                fix="write a term, a comma or a tab, and its partner",
            )
        yield _Row(cells[0].strip(), cells[1].strip(), where)


def _listed_pairs(path: Path) -> Iterator[_Row]:
    pairs = read_json(path)
    for number, pair in enumerate(pairs if isinstance(pairs, list) else [pairs], start=1):
        where = f"{file_name(path)}, pair {number}"
        match pair:
            case [str(term), str(partner)]:
                yield _Row(term.replace("_", " "), partner.replace("_", " "), where)
            case _:
                raise LexomeError(
                    f"this is no pair of terms: {str(pair)[:60]}",
                    where=where,
                    fix='write a list of pairs, as [["uncle", "aunt"], ["king", "queen"]]',
                )


def _read_names(path: Path, language: Text) -> Iterator[str]:
    name = None
    for written, where in _written_names(path):
        with located(where):
            name = language.parse(written).strip()
        _check(name, where, "a name")
        yield name
    if name is None:
        raise LexomeError("there are no names", where=str(path), fix="write one a line")


def _written_names(path: Path) -> Iterator[tuple[str, str]]:
    """Yield each name, and where it stands."""
    if content_suffix(path) not in SUFFIXES:
        for number, line in enumerate(lines(path), start=1):
            if line.strip():
                yield line.removeprefix("\ufeff"), f"{file_name(path)}, line {number}"
        return
    for row in read_rows(path):
        value = row.values.get(_COLUMN)
        if not isinstance(value, str):
            raise LexomeError(
                f"there is no text in a column {_COLUMN!r}",
                where=str(row.source),
                fix=f"name a table of facts, or list names in a text file; the columns are "
                f"{', '.join(row.values)}",
            )
        yield value, str(row.source)

"""Tables of protein mutations: a column `mutant`, as `A42G`, several sites as `A42G:D40W`.

The notation is that of ProteinGym (Notin et al. 2023): wild-type residue, position from 1, new
residue, and a colon between sites.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lexome.errors import DamagedFileError, LexomeError, nearest
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.sources import content_suffix, file_name, open_bytes
from lexome.languages.variants import Mismatch, Variant

MUTANT, RECORD, WILD_TYPE = "mutant", "record", "wild_type"

_SITE = re.compile(r"([A-Z*])([0-9]+)([A-Z*])")
_WILD_TYPES = ("", "wt", "_wt", "wild type", "wild_type")
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".txt": "\t", ".tab": "\t"}
_EXAMPLE = "write wild-type residue, position, new residue, with a colon between sites: A42G:D40W"


class _Site(NamedTuple):
    wild_type: str
    position: int
    residue: str


def read_mutations(
    path: Path, records: Iterable[Document | Skipped] | None, alphabet: str, mismatch: Mismatch
) -> Iterator[Variant | Skipped]:
    """Yield the mutants of a CSV or TSV file in order; each is a whole protein.

    A mutant changes the record that a column `record` names, or the sequence in a column
    `wild_type`, or the one record that there is. Rows of the wild type itself, and with
    `mismatch="skip"` those whose wild-type residue is another one in the sequence, are
    `Skipped`. Other columns are kept. Raises `LexomeError` with the line for what is no mutant.
    """
    proteins: Mapping[str, Document] | None = None
    for row, source in _rows(path):
        mutant = row[MUTANT].strip()
        if mutant.lower() in _WILD_TYPES:
            yield Skipped(source, "the wild type itself")
            continue
        if WILD_TYPE not in row and proteins is None:
            proteins = _proteins(records, path)
        wild_type = _wild_type(row, source, proteins or {}, alphabet)
        sites = _sites(mutant, alphabet, source)
        if problem := _problem(sites, wild_type, source):
            if mismatch == "error":
                raise problem
            yield Skipped(source, "the reference disagrees", problem.what)
            continue
        residues = list(wild_type.content)
        for site in sites:
            residues[site.position - 1] = site.residue
        alternative = replace(wild_type, content="".join(residues))
        columns = {name: value for name, value in row.items() if name != WILD_TYPE}
        yield Variant(mutant, wild_type, alternative, True, True, source, columns)


def mutant_name(_document: Document, position: int, wild_type: str, residue: str) -> str:
    """Return the name of a substitution, `A42G`; its position is from 1."""
    return f"{wild_type}{position}{residue}"


def _rows(path: Path) -> Iterator[tuple[dict[str, str], Source]]:
    """Yield the rows of a table by column, each with its place."""
    file = file_name(path)
    delimiter = _DELIMITERS.get(content_suffix(path), ",")
    with (
        open_bytes(path) as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
    ):
        reader = csv.reader(text, delimiter=delimiter, strict=True)
        try:
            header = next(reader, None)
            _check_header(header, path, delimiter)
            assert header is not None
            for number, fields in enumerate(reader, start=1):
                source = Source(file, str(number), reader.line_num)
                if len(fields) == len(header):
                    yield dict(zip(header, fields, strict=True)), source
                elif fields:
                    raise LexomeError(
                        f"this row has {len(fields)} columns, the header {len(header)}",
                        where=str(source),
                        fix="mend the row; a value with the delimiter in it stands in quotes",
                    )
        except (csv.Error, UnicodeDecodeError) as error:
            raise DamagedFileError(
                f"this is not a table in UTF-8: {error}",
                where=f"{path}, line {reader.line_num}",
                fix="save it as CSV or TSV in UTF-8",
            ) from error


def _check_header(header: list[str] | None, path: Path, delimiter: str) -> None:
    if header is None:
        raise LexomeError("this file is empty", where=str(path), fix=f"name a table. {_EXAMPLE}")
    if MUTANT not in header:
        raise LexomeError(
            f"there is no column {MUTANT!r}; the columns are: {', '.join(header)}",
            where=f"{path}, line 1",
            fix=f"name the column of mutations {MUTANT!r}; the delimiter is {delimiter!r} for "
            f"{content_suffix(path) or 'such'} files",
        )
    if len(set(header)) != len(header):
        raise LexomeError(
            f"two columns have one name: {', '.join(header)}",
            where=f"{path}, line 1",
            fix="give each column a name of its own",
        )


def _proteins(records: Iterable[Document | Skipped] | None, path: Path) -> dict[str, Document]:
    if records is None:
        raise LexomeError(
            "nothing says which protein is mutated",
            where=str(path),
            fix=f"name its FASTA file with --reference, or add a column {WILD_TYPE!r}",
        )
    return {one.source.record: one for one in records if isinstance(one, Document)}


def _wild_type(
    row: Mapping[str, str], source: Source, proteins: Mapping[str, Document], alphabet: str
) -> Document:
    if sequence := row.get(WILD_TYPE, "").strip().upper():
        if strange := set(sequence) - set(alphabet):
            what = f"{min(strange)!r} is not a residue, in the column {WILD_TYPE!r}"
            raise LexomeError(what, where=str(source), fix=f"residues are {alphabet}")
        return Document(sequence, source)
    name = row.get(RECORD, "").strip()
    if name in proteins:
        return proteins[name]
    if not name and len(proteins) == 1:
        return next(iter(proteins.values()))
    raise LexomeError(
        f"the reference has no record {name!r}"
        if name
        else f"the reference has {len(proteins)} records, and nothing says which is mutated",
        where=str(source),
        fix=nearest(name, proteins) if name and proteins else f"add a column {RECORD!r}",
    )


def _sites(mutant: str, alphabet: str, source: Source) -> list[_Site]:
    sites = []
    for text in mutant.split(":"):
        match = _SITE.fullmatch(text.strip().upper())
        if match is None:
            raise LexomeError(f"{text!r} is no mutation", where=str(source), fix=_EXAMPLE)
        wild_type, position, residue = match.groups()
        for letter in (wild_type, residue):
            if letter not in alphabet:
                what = f"{letter!r} is not a residue, in {text!r}"
                raise LexomeError(what, where=str(source), fix=f"residues are {alphabet}")
        sites.append(_Site(wild_type, int(position), residue))
    if len({site.position for site in sites}) != len(sites):
        what = f"{mutant!r} changes one position twice"
        raise LexomeError(what, where=str(source), fix="write each site once")
    return sites


def _problem(sites: Iterable[_Site], wild_type: Document, source: Source) -> LexomeError | None:
    """Return what is wrong between a mutant and the protein that it changes."""
    size = len(wild_type.content)
    named = repr(wild_type.source.record) if wild_type.source != source else "the wild type"
    for site in sites:
        if not 1 <= site.position <= size:
            what = f"position {site.position} is not in {named}, which has {size} residues"
        elif (found := wild_type.content[site.position - 1]) != site.wild_type:
            what = (
                f"the wild type is {site.wild_type!r} at position {site.position} by the mutant, "
                f"but {found!r} in {named}"
            )
        else:
            continue
        return LexomeError(
            what,
            where=str(source),
            fix="count positions from 1 in the very sequence that was mutated; or leave such "
            "mutants out with --mismatch skip",
        )
    return None

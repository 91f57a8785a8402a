"""VCF files: variants of a genome, each checked against the sequence that it changes.

The format is that of the SAM/BCF/VCF specifications, version 4.5,
https://samtools.github.io/hts-specs/VCFv4.5.pdf: tab-separated columns CHROM, POS (from 1), ID,
REF and ALT, of which these five are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from lexome.errors import LexomeError, UsageError, nearest
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.bases import refusal
from lexome.languages.fasta import FastaPart, read_fasta
from lexome.languages.sources import file_name, open_bytes
from lexome.languages.variants import Mismatch, Variant

# Records that may be asked for again are kept up to this many bases in all: files of many short
# records come in any order, and chromosomes come in blocks.
_KEPT = 1 << 28
_BASES = frozenset(b"ACGTN")
# A reference base that stands for several is written as the first of them (section 1.6.1, REF).
_FIRST = dict(zip(b"RYSWKMBDHV", b"ACCAGACAAA", strict=True))
_SHOWN = 30


class _Line(NamedTuple):
    """The columns of a line that are read; alleles in upper case."""

    record: str
    position: int
    identifier: str
    reference: bytes
    alternatives: list[bytes]
    source: Source


class Genome:
    """The records of a FASTA file by name, of which those in use are held in memory.

    Records that are asked for in the file's order cost one pass over it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._held: dict[str, bytes] = {}
        self._parts = self._records()

    def sequence(self, name: str) -> bytes | None:
        """Return the letters of a record; `None` if the file does not have it."""
        if name in self._held:
            self._held[name] = self._held.pop(name)
            return self._held[name]
        return self._next(name) or self._again(name)

    def names(self) -> list[str]:
        """Return the names of all records; the file is read for it."""
        parts = read_fasta(self.path)
        return list(dict.fromkeys(part.name for part in parts if isinstance(part, FastaPart)))

    def _again(self, name: str) -> bytes | None:
        self._parts = self._records()
        return self._next(name)

    def _next(self, name: str) -> bytes | None:
        found: list[bytes] = []
        for part in self._parts:
            if part.name == name:
                found.append(part.sequence)
                if part.last:
                    return self._keep(name, b"".join(found))
        return None

    def _records(self) -> Iterator[FastaPart]:
        parts = read_fasta(self.path)
        return (part for part in parts if isinstance(part, FastaPart))

    def _keep(self, name: str, sequence: bytes) -> bytes:
        size = len(sequence) + sum(map(len, self._held.values()))
        while self._held and size > _KEPT:
            size -= len(self._held.pop(next(iter(self._held))))
        self._held[name] = sequence
        return sequence


def read_vcf(
    path: Path, reference: Path | None, table: bytes, *, flank: int, mismatch: Mismatch
) -> Iterator[Variant | Skipped]:
    """Yield a variant for each alternative allele of a VCF file, in its order.

    Bases that both alleles share at their ends are no part of the change; `flank` bases on either
    side of it are the passage. `reference` is the FASTA file of the genome, `table` how its letters
    are read (`bases.reading_table`). Alleles that are not spelled out are `Skipped`, as are, with
    `mismatch="skip"`, those whose REF is not what the genome has. Raises `LexomeError` with the
    line for a line that is none of VCF, and for a mismatch.
    """
    if reference is None:
        raise UsageError(
            "a VCF file says nothing without the genome that it is about",
            where=str(path),
            fix="name its FASTA file with --reference",
        )
    genome = Genome(reference)
    for line in _lines(path):
        sequence = genome.sequence(line.record)
        problem = _problem(line, sequence, genome)
        if problem is not None or sequence is None:
            assert problem is not None
            if mismatch == "error":
                raise problem
            yield Skipped(line.source, "the reference disagrees", problem.what)
            continue
        for alternative in line.alternatives:
            if reason := _unspelled(line, alternative):
                yield Skipped(line.source, reason, _shown(alternative))
            else:
                yield _variant(line, alternative, sequence, table, flank)


def variant_name(document: Document, position: int, reference: str, alternative: str) -> str:
    """Return the name of a variant, `chr1:42:A>G`; its position is from 1."""
    return f"{document.source.record}:{position}:{reference}>{alternative}"


def _variant(line: _Line, alternative: bytes, sequence: bytes, table: bytes, flank: int) -> Variant:
    first, last = _common_ends(line.reference, alternative)
    start = line.position - 1 + first
    stop = line.position - 1 + len(line.reference) - last
    left, right = max(start - flank, 0), min(stop + flank, len(sequence))
    before = _read(sequence, left, start, table, line.record)
    after = _read(sequence, stop, right, table, line.record)
    source = Source(line.source.file, line.record, line.source.line, left)

    def document(allele: bytes) -> Document:
        changed = allele[first : len(allele) - last]
        return Document((before + changed + after).decode("ascii"), source)

    alleles = line.reference.decode("ascii"), alternative.decode("ascii")
    columns: Mapping[str, str] = {
        "record": line.record,
        "position": str(line.position),
        "id": line.identifier,
        "reference": alleles[0],
        "alternative": alleles[1],
    }
    reference = document(line.reference)
    return Variant(
        variant_name(reference, line.position, *alleles),
        reference,
        document(alternative),
        left == 0,
        right == len(sequence),
        line.source,
        columns,
    )


def _common_ends(reference: bytes, alternative: bytes) -> tuple[int, int]:
    """Return how many bases two alleles share at the start and, of what is left, at the end."""
    shorter = min(len(reference), len(alternative))
    first = 0
    while first < shorter and reference[first] == alternative[first]:
        first += 1
    last = 0
    while last < shorter - first and reference[-1 - last] == alternative[-1 - last]:
        last += 1
    return first, last


def _read(sequence: bytes, start: int, stop: int, table: bytes, record: str) -> bytes:
    raw = sequence[start:stop]
    bases = raw.translate(table)
    if (index := bases.find(0)) >= 0:
        raise refusal(chr(raw[index]), f"record {record!r} of the reference, {start + index + 1}")
    return bases


def _problem(line: _Line, sequence: bytes | None, genome: Genome) -> LexomeError | None:
    """Return what is wrong between a line and the genome."""
    where = f"{line.source}, against {genome.path}"
    skip = "or leave such variants out with --mismatch skip"
    if sequence is None:
        return LexomeError(
            f"the reference has no record {line.record!r}",
            where=where,
            fix=f"{nearest(line.record, genome.names())} Use one naming in both files, {skip}",
        )
    start, stop = line.position - 1, line.position - 1 + len(line.reference)
    if start < 0 or stop > len(sequence):
        return LexomeError(
            f"position {line.position} of {line.record!r} is not in the reference, "
            f"which has {len(sequence)} bases",
            where=where,
            fix=f"take the reference that the variants were called on, {skip}",
        )
    found = sequence[start:stop].upper()
    if all(base in (was, _FIRST.get(was)) for base, was in zip(line.reference, found, strict=True)):
        return None
    return LexomeError(
        f"REF is {_shown(line.reference)!r}, but the reference has {_shown(found)!r} at "
        f"{line.record}:{line.position}",
        where=where,
        fix=f"take the reference that the variants were called on, {skip}",
    )


def _unspelled(line: _Line, alternative: bytes) -> str | None:
    """Return why an alternative allele is no sequence, if it is none."""
    if alternative == line.reference:
        return "the alternative is the reference"
    if alternative == b".":
        return "no alternative"
    if alternative == b"*":
        return "allele * (deleted by another variant)"
    if alternative.startswith(b"<"):
        return "symbolic allele"
    if set(alternative) & set(b"[]") or b"." in (alternative[:1], alternative[-1:]):
        return "breakend"
    if strange := set(alternative) - _BASES:
        raise _refusal(
            line.source, f"ALT has {chr(min(strange))!r}", "alleles are of A, C, G, T, N"
        )
    return None


def _lines(path: Path) -> Iterator[_Line]:
    file, number = file_name(path), 0
    with open_bytes(path) as stream:
        for number, raw in enumerate(stream, start=1):
            source = Source(file, line=number)
            if number == 1 and raw.startswith(b"BCF\2"):
                raise _refusal(source, "this is BCF", "turn it into VCF: bcftools view")
            if raw.strip() and not raw.startswith(b"#"):
                yield _line(raw, source)
    if not number:
        raise _refusal(Source(file), "this file is empty", "name a VCF file")


def _line(raw: bytes, source: Source) -> _Line:
    fields = raw.rstrip(b"\r\n").split(b"\t", 5)
    if len(fields) < 5:
        what = f"a variant has 5 columns and more, this line {len(fields)}"
        raise _refusal(source, what, "columns are CHROM, POS, ID, REF, ALT, with tabs between them")
    record, position, identifier = (
        field.decode("utf-8", "backslashreplace") for field in fields[:3]
    )
    if not (position.isascii() and position.isdigit()):
        raise _refusal(source, f"POS is {position[:_SHOWN]!r}", "it must be a whole number")
    reference = fields[3].upper()
    if not reference or set(reference) - _BASES:
        what = f"REF is {_shown(fields[3])!r}"
        raise _refusal(source, what, "it must be of the bases A, C, G, T, N")
    alternatives = [
        each if each.startswith(b"<") else each.upper() for each in fields[4].split(b",")
    ]
    if not all(alternatives):
        raise _refusal(source, "ALT is empty", "write a dot where there is no alternative")
    return _Line(record, int(position), identifier, reference, alternatives, source)


def _shown(allele: bytes) -> str:
    text = allele.decode("ascii", "backslashreplace")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _refusal(source: Source, what: str, fix: str) -> LexomeError:
    return LexomeError(what, where=str(source), fix=fix)

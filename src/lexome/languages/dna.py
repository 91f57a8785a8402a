"""DNA: FASTA files, whole or the windows of a BED file, on either strand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import (
    Baseline,
    Document,
    Rendering,
    Skipped,
    Source,
    Tokenizer,
    TokenizerTrainer,
    UnitCodes,
)
from lexome.languages.baselines import InterpolatedMarkov, Unigram, Xz
from lexome.languages.bases import (
    AMBIGUOUS,
    CORE,
    OPPOSITE,
    AmbiguousPolicy,
    RnaPolicy,
    count_letters,
    is_like_protein,
    lower_case,
    reading_table,
    refusal,
    reverse_complement,
)
from lexome.languages.bed import Slicer, Window, read_bed
from lexome.languages.common import Common
from lexome.languages.fasta import (
    PIECE,
    SUFFIXES,
    Duplicates,
    FastaPart,
    gathered,
    letter_place,
    read_fasta,
    write_fasta,
)
from lexome.languages.options import at_least
from lexome.languages.sources import file_name
from lexome.languages.tokenizers import (
    IUPAC,
    BpeTrainer,
    BytesTrainer,
    KmerTrainer,
    SymbolsTrainer,
)
from lexome.languages.variants import Mismatch, Substitution, Variant, substitutions
from lexome.languages.vcf import read_vcf, variant_name

_COLUMNS = 70
_KEPT, _N, _MASKED = 0, 1, 2
_REASONS = {_N: "run of N", _MASKED: "soft-masked"}


@dataclass(frozen=True)
class Dna(Common):
    """DNA, whose natural unit is the base; a document's content is a `str` of upper-case letters.

    Options:

    - `windows`: a BED file; only its windows are read, those on the minus strand as the reverse
      complement. `windows_elsewhere`: windows of a record that a FASTA file does not have are
      an `error`, or left to the other files (`skip`, counted).
    - `n`: unknown bases stay a symbol (`keep`), a document is cut at each run of them
      (`split`), or documents that have one are left out (`drop`).
    - `soft_mask`: lower-case bases count like all others (`keep`), weigh `soft_mask_weight` in
      training (`down-weight`), or are cut out (`drop`).
    - `iupac`: codes for several bases, R to V, stay symbols (`keep`), become `n`, or are an
      `error`, for which `illegal` then says what happens.
    - `rna`: U is an `error`, or is read as T (`convert`).
    - `illegal`: letters that are no base are an `error` with record, line and position; or a
      document that has one is left out (`skip`); or they become N (`n`). So is a record most of
      whose letters are codes for several bases, a protein most likely; `n` keeps it.
    - `duplicates`: two records of one name in a file are an `error`, or both are kept.
    - `min_length`: shorter documents are left out.
    - `reverse_complement`: train on the other strand of every document too.
    - `split_by`: what may not stand on both sides of a split: a whole `record`; or a `region`,
      which is a document or windows that overlap. By default regions for windows, else records.

    What is left out is counted as `Skipped`; what is changed is counted in the metadata
    (`iupac_to_n`, `u_to_t`, `illegal_to_n`). A record longer than 16 million bases is read in
    pieces of that size, each treated as a document of its own. `Source.offset` is in bases of
    the record's forward strand, from 0, and `Source.line` is the line of the record's header.
    """

    name: ClassVar[str] = "dna"
    unit: ClassVar[str] = "base"
    suffixes: ClassVar[Sequence[str]] = SUFFIXES
    symbols: ClassVar[str] = "ACGT"

    windows: str | None = None
    windows_elsewhere: Literal["error", "skip"] = "error"
    n: Literal["keep", "split", "drop"] = "keep"
    soft_mask: Literal["keep", "down-weight", "drop"] = "keep"
    soft_mask_weight: float = 0.1
    iupac: AmbiguousPolicy = "keep"
    rna: RnaPolicy = "error"
    illegal: Literal["error", "skip", "n"] = "error"
    duplicates: Duplicates = "error"
    min_length: int = 1
    reverse_complement: bool = False
    split_by: Literal["record", "region"] | None = None

    def __post_init__(self) -> None:
        at_least("min_length", self.min_length, 1)
        if not 0 <= self.soft_mask_weight <= 1:
            raise UsageError(f"soft_mask_weight must be from 0 to 1, not {self.soft_mask_weight}")

    @property
    def option_files(self) -> Sequence[Path]:
        """Return the BED file, if there is one."""
        return () if self.windows is None else (Path(self.windows).expanduser(),)

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the documents of a FASTA file, in its order; windows by their start."""
        parts = read_fasta(path, self.duplicates)
        if self.windows is not None:
            yield from self._windows(path, parts, Path(self.windows).expanduser())
            return
        for part in gathered(parts):
            if isinstance(part, Skipped):
                yield part
            else:
                yield from self._documents(path, part, None)

    def _windows(
        self, path: Path, parts: Iterator[FastaPart | Skipped], bed: Path
    ) -> Iterator[Document | Skipped]:
        wanted = read_bed(bed, PIECE)
        found: set[str] = set()
        number = 0
        slicer = Slicer(())
        for part in parts:
            if isinstance(part, Skipped):
                # A record without bases has no room for a window either.
                if part.source.record in wanted:
                    raise _beyond(bed, wanted[part.source.record][0], part.source.record, 0)
                yield part
                continue
            if part.number != number:
                number = part.number
                found.add(part.name)
                slicer = Slicer(wanted.get(part.name, ()))
            for window, sequence in slicer.feed(part.sequence):
                piece = part._replace(offset=window.start, sequence=sequence)
                yield from self._documents(path, piece, window)
            if part.last and (left := slicer.left()):
                raise _beyond(bed, left[0], part.name, part.offset + len(part.sequence))
        for record in sorted(set(wanted) - found):
            yield self._elsewhere(path, bed, record, wanted[record])

    def _elsewhere(self, path: Path, bed: Path, record: str, windows: Sequence[Window]) -> Skipped:
        if self.windows_elsewhere == "skip":
            source = Source(file_name(bed), record, windows[0].line)
            detail = f"{len(windows)} windows, not in {file_name(path)}"
            return Skipped(source, "windows of a record that is elsewhere", detail)
        raise LexomeError(
            f"the windows name a record {record!r} that the FASTA file does not have",
            where=f"{bed}, line {windows[0].line}, for {path}",
            fix="use the names of the FASTA file in the BED file; if the record is in another "
            "file, choose --option windows_elsewhere=skip",
        )

    def _documents(
        self, path: Path, part: FastaPart, window: Window | None
    ) -> Iterator[Document | Skipped]:
        """Yield what the policies make of a piece: a document, or several, or none."""
        bases = part.sequence.translate(self._table)
        source = Source(file_name(path), part.name, part.line, part.offset)
        if (index := bases.find(0)) >= 0:
            if self.illegal == "error":
                raise refusal(chr(part.sequence[index]), letter_place(path, part, index))
            if self.illegal == "skip":
                detail = f"{chr(part.sequence[index])!r} at position {part.offset + index + 1}"
                yield Skipped(source, "illegal letters", detail)
                return
            bases = bases.replace(b"\0", b"N")
        if window is None and self.illegal != "n" and is_like_protein(bases):
            if self.illegal == "error":
                raise _protein(path, part, bases)
            yield Skipped(source, "looks like a protein", f"begins with {_start(bases)!r}")
            return
        if self.n == "drop" and (count := bases.count(b"N")):
            yield Skipped(source, "has N", f"{count} of {len(bases)} bases")
            return
        facts = _facts(part, window)
        for start, stop, kind in self._stretches(part.sequence, bases):
            place = replace(source, offset=source.offset + start) if start else source
            if kind != _KEPT:
                yield Skipped(place, _REASONS[kind], f"{stop - start} bases")
            elif stop - start < self.min_length:
                yield Skipped(place, "shorter than min_length", f"{stop - start} bases")
            else:
                raw = part.sequence[start:stop]
                forward = self._document(raw, bases[start:stop], place, facts)
                yield _flipped(forward) if window is not None and window.reverse else forward

    def _document(
        self, raw: bytes, bases: bytes, source: Source, facts: Mapping[str, str]
    ) -> Document:
        weights = None
        if self.soft_mask == "down-weight":
            masked = lower_case(raw)
            if masked.any():
                weights = np.where(masked, np.float32(self.soft_mask_weight), np.float32(1))
        return Document(bases.decode("ascii"), source, {**facts, **self._changes(raw)}, weights)

    def _stretches(self, raw: bytes, bases: bytes) -> Iterator[tuple[int, int, int]]:
        """Yield start, stop and kind of each stretch: what is kept, and what is cut out."""
        kinds: npt.NDArray[np.uint8] = np.zeros(0, np.uint8)
        if self.soft_mask == "drop":
            kinds = lower_case(raw) * np.uint8(_MASKED)
        if self.n == "split" and b"N" in bases:
            unknown = np.frombuffer(bases, np.uint8) == ord("N")
            kinds = np.where(unknown, np.uint8(_N), kinds if kinds.size else np.uint8(_KEPT))
        if not kinds.any():
            yield 0, len(bases), _KEPT
            return
        borders = (np.flatnonzero(np.diff(kinds)) + 1).tolist()
        for start, stop in zip([0, *borders], [*borders, len(bases)], strict=True):
            yield start, stop, int(kinds[start])

    @cached_property
    def _table(self) -> bytes:
        return reading_table(self.iupac, self.rna)

    def _changes(self, raw: bytes) -> dict[str, str]:
        """Return how many letters were read as another one, in words for the metadata."""
        counts: dict[str, int] = {}
        if self.iupac == "n":
            counts["iupac_to_n"] = count_letters(raw, AMBIGUOUS)
        if self.rna == "convert":
            counts["u_to_t"] = count_letters(raw, "U")
        if self.illegal == "n":
            counts["illegal_to_n"] = raw.translate(self._table).count(0)
        return {name: str(count) for name, count in counts.items() if count}

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        alphabet = IUPAC if self.iupac == "keep" else CORE
        return {
            # The fewest bits a base in equal time: benchmarks/RESULTS.md, "DNA vocabulary".
            "kmer": KmerTrainer(3, alphabet=alphabet),
            "symbols": SymbolsTrainer(alphabet),
            "bpe": BpeTrainer(alphabet, default_vocab_size=4096),
            "bytes": BytesTrainer(),
        }

    def parse(self, text: str) -> str:
        """Return bases in upper case, without white space; other letters are an error."""
        letters = "".join(text.split())
        bases = letters.encode("latin-1", "replace").translate(self._table)
        if (index := bases.find(0)) >= 0:
            error = refusal(letters[index], f"the prompt, letter {index + 1}")
            raise LexomeError(error.what, where=error.where, fix="type bases only")
        return bases.decode("ascii")

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return bases `start` to `stop`; `Source.offset` stays on the forward strand."""
        size = len(document.content)
        start, stop = min(max(start, 0), size), min(max(stop, 0), size)
        before = size - stop if _is_reverse(document) else start
        return replace(
            document,
            content=document.content[start:stop],
            source=replace(document.source, offset=document.source.offset + before),
            weights=None if document.weights is None else document.weights[start:stop],
        )

    def split_key(self, document: Document) -> str:
        """Return the record, or the region: see the option `split_by`."""
        source = document.source
        by_region = self.split_by == "region" or (self.split_by is None and self.windows)
        if not by_region:
            return f"{source.file}#{source.record}"
        own = f"{source.offset}-{source.offset + len(document.content)}"
        return f"{source.file}#{source.record}:{document.metadata.get('region', own)}"

    def augment(self, document: Document) -> Iterable[Document]:
        """Return the reverse complement, where the option `reverse_complement` asks for it."""
        return (_flipped(document),) if self.reverse_complement else ()

    def mirrored(self, codes: UnitCodes) -> UnitCodes:
        """Return the other strand."""
        return OPPOSITE[codes[::-1]]

    def mirror(self, document: Document) -> Document:
        """Return the other strand."""
        return _flipped(document)

    def variants(
        self, path: Path, reference: Path | None, *, flank: int, mismatch: Mismatch
    ) -> Iterator[Variant | Skipped]:
        """Yield the variants of a VCF file, each with `flank` bases on either side."""
        return read_vcf(path, reference, self._table, flank=flank, mismatch=mismatch)

    def records(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the records of a FASTA file whole."""
        return replace(self, windows=None, n="keep", soft_mask="keep", min_length=1).read(path)

    def substitutions(
        self, document: Document, start: int, stop: int, *, flank: int
    ) -> Iterator[Substitution]:
        """Yield the other three bases at every base from `start` to `stop`."""
        return substitutions(document, self.symbols, range(start, stop), flank, variant_name)

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline]:
        return (
            Unigram(self.unit),
            InterpolatedMarkov(11, False),
            InterpolatedMarkov(11, True),
            Xz(),
        )

    def render(self, document: Document) -> Rendering:
        """Return FASTA; a part is named as bedtools does: `record:start-stop(strand)`."""
        source = document.source
        name = source.record or "sequence"
        if source.offset or "strand" in document.metadata:
            strand = document.metadata.get("strand", "+")
            name += f":{source.offset}-{source.offset + len(document.content)}({strand})"
        description = document.metadata.get("description", "")
        text = write_fasta(name, description, document.content, _COLUMNS)
        return Rendering(text, text.encode("utf-8"), "text/x-fasta", ".fasta")


def _facts(part: FastaPart, window: Window | None) -> dict[str, str]:
    facts = {"description": part.description} if part.description else {}
    if window is not None:
        facts["strand"] = "+"
        facts["region"] = f"{window.region[0]}-{window.region[1]}"
        if window.name:
            facts["window"] = window.name
    return facts


def _flipped(document: Document) -> Document:
    weights = document.weights
    return replace(
        document,
        content=reverse_complement(document.content),
        metadata={**document.metadata, "strand": "+" if _is_reverse(document) else "-"},
        weights=None if weights is None else np.ascontiguousarray(weights[::-1]),
    )


def _is_reverse(document: Document) -> bool:
    return document.metadata.get("strand") == "-"


def _start(bases: bytes) -> str:
    return bases[:20].decode("ascii")


def _protein(path: Path, part: FastaPart, bases: bytes) -> LexomeError:
    return LexomeError(
        f"this looks like a protein, as most letters stand for several bases: {_start(bases)!r}",
        where=f"{path}, record {part.name!r}, line {part.line}",
        fix="use the language 'protein' for it; or choose --option illegal=skip to leave such "
        "documents out, --option iupac=n to read codes for several bases as N, --option illegal=n "
        "to keep them",
    )


def _beyond(bed: Path, window: Window, record: str, size: int) -> LexomeError:
    return LexomeError(
        f"the window reaches beyond the record {record!r}, which has {size} bases",
        where=f"{bed}, line {window.line}",
        fix="check that the BED file was made for this version of the sequence",
    )

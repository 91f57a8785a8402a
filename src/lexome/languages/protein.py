"""Proteins: FASTA files of amino acid sequences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import (
    Baseline,
    Document,
    Rendering,
    Skipped,
    Source,
    Tokenizer,
    TokenizerTrainer,
)
from lexome.languages.baselines import NGram, Unigram, Xz
from lexome.languages.clusters import IdentityClusters
from lexome.languages.common import Common
from lexome.languages.fasta import (
    SUFFIXES,
    Duplicates,
    FastaPart,
    gathered,
    letter_place,
    read_fasta,
    write_fasta,
)
from lexome.languages.mutations import mutant_name, read_mutations
from lexome.languages.options import at_least
from lexome.languages.sources import file_name
from lexome.languages.tokenizers import BpeTrainer, BytesTrainer, SymbolsTrainer
from lexome.languages.variants import Mismatch, Relatives, Substitution, Variant, substitutions

# The 20 amino acids; B, Z, J for either of two, U selenocysteine, O pyrrolysine, X unknown
# (IUPAC-IUB 1983, https://iupac.qmul.ac.uk/AminoAcid/); * for a stop, as in translated genes.
ALPHABET = "ACDEFGHIKLMNPQRSTVWYBZUOXJ*"

_COLUMNS = 60
# Below it an alignment says little about whether two proteins are related (Rost 1999,
# https://doi.org/10.1093/protein/12.2.85).
_LOWEST = 0.3
_TABLE = bytes(
    ord(chr(byte).upper()) if byte < 128 and chr(byte).upper() in ALPHABET else 0
    for byte in range(256)
)


@dataclass(frozen=True)
class Protein(Common):
    """Proteins, whose natural unit is the residue; a document's content is an upper-case `str`.

    Options:

    - `illegal`: letters that are no residue, gaps among them, are an `error` with record, line
      and position; or become X (`x`, counted in the metadata `illegal_to_x`); or the record is
      left out (`skip`, counted).
    - `duplicates`: two records of one name in a file are an `error`, or both are kept.
    - `min_length`: shorter documents are left out (counted).
    - `identity`: proteins of which at least this share of residues is equal, and which cover one
      another, stay on one side of the split, and so do the relatives of relatives: see
      `clusters.IdentityClusters`. By default each record stands alone.

    `Source.offset` is in residues of the record, from 0, and `Source.line` is the line of the
    record's header. A record longer than 16 million residues comes in pieces.
    """

    name: ClassVar[str] = "protein"
    unit: ClassVar[str] = "residue"
    suffixes: ClassVar[Sequence[str]] = SUFFIXES
    symbols: ClassVar[str] = ALPHABET[:20]
    # Alignments of 30 residues show relatives where 56 % of them or more are equal, longer ones
    # with fewer (Rost 1999, https://doi.org/10.1093/protein/12.2.85).
    relatives: ClassVar[Relatives] = Relatives(seed=5, percent=60, length=30)

    illegal: Literal["error", "x", "skip"] = "error"
    duplicates: Duplicates = "error"
    min_length: int = 1
    identity: float | None = None

    def __post_init__(self) -> None:
        at_least("min_length", self.min_length, 1)
        if self.identity is not None and not _LOWEST <= self.identity <= 1:
            raise UsageError(
                f"identity must be from {_LOWEST} to 1, not {self.identity}",
                fix="the share of equal residues, as identity=0.5",
            )

    def grouper(self) -> IdentityClusters | None:
        """Return what clusters proteins, if `identity` asks for it."""
        return None if self.identity is None else IdentityClusters(self.identity)

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the records of a FASTA file in order."""
        file = file_name(path)
        for part in gathered(read_fasta(path, self.duplicates)):
            yield part if isinstance(part, Skipped) else self._document(path, file, part)

    def _document(self, path: Path, file: str, part: FastaPart) -> Document | Skipped:
        residues = part.sequence.translate(_TABLE)
        source = Source(file, part.name, part.line, part.offset)
        metadata = {"name": part.name}
        if part.description:
            metadata["description"] = part.description
        if 0 in residues:
            index = residues.index(0)
            letter = chr(part.sequence[index])
            if self.illegal == "error":
                raise _refusal(letter, letter_place(path, part, index))
            if self.illegal == "skip":
                detail = f"{letter!r} at position {part.offset + index + 1}"
                return Skipped(source, "illegal letters", detail)
            metadata["illegal_to_x"] = str(residues.count(0))
            residues = residues.replace(b"\0", b"X")
        if len(residues) < self.min_length:
            return Skipped(source, "shorter than min_length", f"{len(residues)} residues")
        return Document(residues.decode("ascii"), source, metadata)

    def variants(
        self, path: Path, reference: Path | None, *, flank: int, mismatch: Mismatch
    ) -> Iterator[Variant | Skipped]:
        """Yield the mutants of a table; a protein is shown whole, whatever `flank` says."""
        records = None if reference is None else self.records(reference)
        return read_mutations(path, records, ALPHABET, mismatch)

    def records(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the records of a FASTA file, short ones too."""
        return replace(self, duplicates="error", min_length=1).read(path)

    def substitutions(
        self, document: Document, start: int, stop: int, *, flank: int
    ) -> Iterator[Substitution]:
        """Yield the other 19 residues at every residue from `start` to `stop`, proteins whole."""
        return substitutions(document, self.symbols, range(start, stop), None, mutant_name)

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        return {
            "symbols": SymbolsTrainer(ALPHABET),
            "bpe": BpeTrainer(ALPHABET, default_vocab_size=4096),
            "bytes": BytesTrainer(),
        }

    def parse(self, text: str) -> str:
        """Return residues in upper case, without white space; other letters are an error."""
        letters = "".join(text.split())
        residues = letters.encode("latin-1", "replace").translate(_TABLE)
        if (index := residues.find(0)) >= 0:
            raise LexomeError(
                f"{letters[index]!r} is not a residue",
                where=f"the prompt, letter {index + 1}",
                fix=f"type residues only: {ALPHABET}",
            )
        return residues.decode("ascii")

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline]:
        return (Unigram(self.unit), NGram(2), Xz())

    def render(self, document: Document) -> Rendering:
        """Return FASTA; a part is named by its place, `record:start-stop`, from 0."""
        source = document.source
        name = source.record or "sequence"
        if source.offset:
            name += f":{source.offset}-{source.offset + len(document.content)}"
        description = document.metadata.get("description", "")
        text = write_fasta(name, description, document.content, _COLUMNS)
        return Rendering(text, text.encode("utf-8"), "text/x-fasta", ".fasta")


def _refusal(letter: str, where: str) -> LexomeError:
    if letter in "-.":
        return LexomeError(
            f"{letter!r} is a gap, so this is an alignment",
            where=where,
            fix="take the gaps out, with `seqkit seq --remove-gaps` for one; or choose "
            "--option illegal=skip to leave such records out, --option illegal=x for X",
        )
    return LexomeError(
        f"{letter!r} is not a residue",
        where=where,
        fix="correct the file, or choose --option illegal=skip to leave such records out, "
        "--option illegal=x to read it as X",
    )

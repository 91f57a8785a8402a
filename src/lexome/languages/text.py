"""Text: plain files, Markdown, JSON lines, CSV, TSV and Parquet, in any encoding."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

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
from lexome.languages.common import Common
from lexome.languages.decoding import (
    DecodedText,
    Invalid,
    Newlines,
    is_broken,
    is_encoding,
    mended,
)
from lexome.languages.normalisation import (
    COUNTED,
    Form,
    Invisible,
    Normalisation,
    Normaliser,
    QuotationMarks,
    TrailingBlanks,
    WhiteSpace,
)
from lexome.languages.sources import content_suffix, file_name, open_bytes
from lexome.languages.text_pieces import LOOKAHEAD, PIECE, byte_length, split_text
from lexome.languages.text_records import Quotes, Record, RecordReader
from lexome.languages.tokenizers import BpeTrainer, BytesTrainer, CharactersTrainer

# The delimiter, and what stands around fields that hold one.
_SEPARATED: Mapping[str, tuple[str, Quotes]] = MappingProxyType(
    {".csv": (",", "double"), ".tsv": ("\t", "none")}
)
# What the metadata say beyond the columns of a record.
_FACTS = frozenset(("encoding", "replaced", "line_ends_converted", *COUNTED))


@dataclass(frozen=True)
class Text(Common):
    """Text, whose natural unit is the byte of its UTF-8 form; a document's content is a `str`.

    Options:

    - `separator`: how a plain file becomes documents: `file` (one), `line`, `blank_line`, or
      any other string, which then stands between documents and belongs to none.
    - `column`: the text in records (JSON lines, CSV, TSV, Parquet); by default `text`, else
      the only column of strings. The other columns become metadata.
    - `delimiter`, `quotes`: of CSV and TSV files. By default CSV has commas, and `double` quotes
      around fields that hold one; TSV has tabs and `none`, so a quote is a quote.
    - `encoding`: by default a byte order mark decides, else UTF-8, else, where the first
      megabyte is clearly something else, a guess that the metadata state.
    - `invalid`: bytes that do not decode, NUL characters and malformed records are an `error`
      with offset and line; or characters are replaced with U+FFFD (`replace`, counted in the
      metadata `replaced`); or the documents are left out (`skip`, counted).
    - `newlines`: `unix` turns CRLF and CR into LF and adds the counts to the metadata
      `line_ends_converted` (they add up to the right figure over a file); `keep` keeps them.
    - `unicode`, `invisible`, `lowercase`, `quotation_marks`, `white_space`, `trailing_blanks`:
      see `Normalisation`. What each changed is counted in the metadata, as line ends are.

    A document longer than 16 million characters comes in several pieces, cut at a line end
    where there is one. `Source.offset` is in bytes of UTF-8 of the text as it is given out: for
    plain files from the start of the file, for records from the start of the record's text.
    A column that is called as one of these facts is kept as `NAME (column)`.
    """

    name: ClassVar[str] = "text"
    unit: ClassVar[str] = "byte"
    suffixes: ClassVar[Sequence[str]] = (".txt", ".md", ".jsonl", ".csv", ".tsv", ".parquet")

    separator: str = "file"
    column: str | None = None
    delimiter: str | None = None
    quotes: Quotes | None = None
    encoding: str | None = None
    invalid: Invalid = "error"
    newlines: Newlines = "unix"
    unicode: Form = "keep"
    invisible: Invisible = "keep"
    lowercase: bool = False
    quotation_marks: QuotationMarks = "keep"
    white_space: WhiteSpace = "keep"
    trailing_blanks: TrailingBlanks = "keep"

    def __post_init__(self) -> None:
        if not 0 < len(self.separator) <= LOOKAHEAD:
            raise UsageError(f"separator must have 1 to {LOOKAHEAD} characters")
        if (normal := self._normalisation(self.separator)) != self.separator:
            raise UsageError(
                f"no separator {self.separator!r} is left in a text that is normalised so",
                fix=f"write it as it then stands: {normal!r}" if normal else "choose another one",
            )
        if self.delimiter is not None and len(self.delimiter) != 1:
            raise UsageError(f"delimiter must be one character, not {self.delimiter!r}")
        if self.encoding is not None and not is_encoding(self.encoding):
            raise UsageError(
                f"{self.encoding!r} is not a known text encoding",
                fix="use a name like utf-8, utf-16, cp1252, shift_jis; or leave it out",
            )

    @property
    def _normalisation(self) -> Normalisation:
        return Normalisation(
            unicode=self.unicode,
            invisible=self.invisible,
            lowercase=self.lowercase,
            quotation_marks=self.quotation_marks,
            white_space=self.white_space,
            trailing_blanks=self.trailing_blanks,
        )

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the documents of a file; a file of unknown suffix is read as plain text."""
        records = RecordReader(path, self.column, self.invalid)
        suffix = content_suffix(path)
        with open_bytes(path) as stream:
            if not stream.read(1):
                yield Skipped(Source(file_name(path)), "empty")
                return
        if suffix == ".parquet":
            yield from self._documents(path, records.parquet(), None)
            return
        with open_bytes(path) as stream:
            text = DecodedText(path, stream, self.encoding, self.invalid, self.newlines)
            if suffix == ".jsonl":
                found = records.json_lines(text)
            elif suffix in _SEPARATED:
                delimiter, quotes = _SEPARATED[suffix]
                found = records.separated(text, self.delimiter or delimiter, self.quotes or quotes)
            else:
                yield from self._pieces(path, text)
                return
            yield from self._documents(path, found, text)

    def _pieces(self, path: Path, text: DecodedText) -> Iterator[Document | Skipped]:
        file = file_name(path)
        normaliser = Normaliser(self._normalisation)
        stated = _Stated(text, normaliser)
        for piece in split_text(normaliser.stream(text), self.separator):
            record = "" if self.separator == "file" else str(piece.record)
            source = Source(file, record, piece.line, piece.offset)
            if piece.whole and _is_blank(piece.text):
                yield Skipped(source, "empty")
            elif piece.text and self.invalid == "error":
                # What does not decode has been refused before.
                yield Document(piece.text, source, stated.facts())
            elif piece.text:
                yield self._checked(piece.text, source, stated.facts())

    def _documents(
        self, path: Path, records: Iterator[Record | Skipped], text: DecodedText | None
    ) -> Iterator[Document | Skipped]:
        file = file_name(path)
        normaliser = Normaliser(self._normalisation)
        stated = _Stated(text, normaliser)
        record: Record | Skipped | None = None
        for record in records:
            if isinstance(record, Skipped):
                yield record
                continue
            source = Source(file, str(record.number), record.line)
            content = normaliser.whole(record.text)
            if _is_blank(content):
                yield Skipped(source, "empty")
                continue
            metadata = {**_beside_facts(record.metadata), **stated.facts()}
            if len(content) <= PIECE:
                yield self._checked(content, source, metadata)
                continue
            for piece in split_text([content], "file"):
                place = replace(source, offset=piece.offset)
                yield self._checked(piece.text, place, metadata)
        if record is None:
            yield Skipped(Source(file), "empty", "there is no record")

    def _checked(
        self, text: str, source: Source, metadata: Mapping[str, str]
    ) -> Document | Skipped:
        if not is_broken(text):
            return Document(text, source, metadata)
        if self.invalid == "skip":
            return Skipped(source, "invalid bytes or characters")
        if self.invalid == "replace":
            text, count = mended(text)
            return Document(text, source, {**metadata, "replaced": str(count)})
        raise LexomeError(
            "the text holds invalid bytes, NUL characters or lone surrogates",
            where=str(source),
            fix="mend the record, or choose --option invalid=replace or --option invalid=skip",
        )

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        return {
            "bpe": BpeTrainer(),
            "bytes": BytesTrainer(),
            "characters": CharactersTrainer(),
        }

    def parse(self, text: str) -> str:
        """Return the text with line ends and characters as reading makes them.

        Lone surrogates, which no UTF-8 can hold, are an error.
        """
        if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
            raise LexomeError(
                "the text holds bytes that are not valid UTF-8",
                fix="type it in a UTF-8 terminal, or read it from a file",
            )
        if self.newlines == "unix":
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return self._normalisation(text)

    def units(self, document: Document) -> int:
        """Return the size of the document in bytes of UTF-8."""
        return byte_length(document.content)

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return bytes `start` to `stop`; a place inside a character moves to its first byte."""
        text, source = document.content, document.source
        if text.isascii():
            begin, end = (min(max(place, 0), len(text)) for place in (start, stop))
            content, lines = text[begin:end], text.count("\n", 0, begin)
        else:
            data = text.encode("utf-8")
            begin, end = _character_start(data, start), _character_start(data, stop)
            content, lines = data[begin:end].decode("utf-8"), data.count(b"\n", 0, begin)
        line = None if source.line is None else source.line + lines
        return replace(
            document,
            content=content,
            source=replace(source, offset=source.offset + begin, line=line),
            weights=None if document.weights is None else document.weights[begin:end],
        )

    def split_key(self, document: Document) -> str:
        """Return the file, and the record where the file has several: pieces stay together."""
        source = document.source
        return f"{source.file}#{source.record}" if source.record else source.file

    def baselines(self, tokenizer: Tokenizer) -> Sequence[Baseline]:
        return (Unigram(self.unit), NGram(5), Xz())

    def render(self, document: Document) -> Rendering:
        text = document.content
        return Rendering(text, text.encode("utf-8"), "text/plain; charset=utf-8", ".txt")


class _Stated:
    """What the metadata of each document say about how its text was decoded and normalised."""

    def __init__(self, text: DecodedText | None, normaliser: Normaliser) -> None:
        self._text = text
        self._normaliser = normaliser
        self._told: Mapping[str, int] = {}

    def facts(self) -> dict[str, str]:
        """Return the facts, with what was counted since they were last asked for."""
        counts = dict(self._normaliser.counts)
        if self._text is not None:
            counts["line_ends_converted"] = self._text.converted
        new = {
            name: str(count - self._told.get(name, 0))
            for name, count in counts.items()
            if count > self._told.get(name, 0)
        }
        self._told = counts
        return {**(self._text.facts if self._text else {}), **new}


def _beside_facts(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return a record's columns under names that facts of ours do not take."""
    return {
        f"{name} (column)" if name in _FACTS else name: value for name, value in metadata.items()
    }


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _character_start(data: bytes, place: int) -> int:
    place = min(max(place, 0), len(data))
    while 0 < place < len(data) and data[place] & 0xC0 == 0x80:
        place -= 1
    return place

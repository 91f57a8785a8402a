"""Records of JSON lines, CSV, TSV and Parquet files: one column is the text, the others facts."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import Skipped, Source
from lexome.languages.decoding import Invalid
from lexome.languages.sources import file_name, open_bytes
from lexome.languages.text_pieces import split_lines

if TYPE_CHECKING:
    import pyarrow.parquet as pq

Quotes = Literal["double", "none"]

_PARQUET_ROWS = 256
_PARQUET_BUFFER = 1 << 20
_DEFAULT_COLUMN = "text"


@dataclass(frozen=True, slots=True)
class Record:
    """The text of one record; `number` counts the records of the file from 1."""

    text: str
    number: int
    line: int | None
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class RecordReader:
    """How records are read from one file, whatever its format.

    `column` None stands for the column `text`, else the only column that holds strings. A
    record that is malformed raises `LexomeError` with its line, or is `Skipped` with
    `invalid="skip"`; a null text is `Skipped`.
    """

    path: Path
    column: str | None
    invalid: Invalid

    def json_lines(self, chunks: Iterable[str]) -> Iterator[Record | Skipped]:
        """Yield the records of JSON lines: objects, or plain strings. Blank lines hold none."""
        # A named column that the first record lacks is a slip of the pen, or a record to leave out.
        column = self.column if self.invalid == "skip" else None
        number = 0
        for line, text in enumerate(split_lines(chunks), start=1):
            if not text or text.isspace():
                continue
            number += 1
            try:
                value = json.loads(text)
            except (ValueError, RecursionError) as error:
                yield self._refuse("malformed JSON", str(error), number, line)
                continue
            if isinstance(value, str):
                yield Record(value, number, line, {})
            elif isinstance(value, dict):
                column = column or self._choose({k: isinstance(v, str) for k, v in value.items()})
                self._check_choice(value, column, number, line)
                yield self._record(value, column, number, line)
            else:
                detail = f"an object is needed, this is {text[:40]!r}"
                yield self._refuse("malformed JSON", detail, number, line)

    def separated(
        self, chunks: Iterable[str], delimiter: str, quotes: Quotes
    ) -> Iterator[Record | Skipped]:
        """Yield the records of a CSV or TSV file (RFC 4180), whose first line names the columns."""
        # The limit of the csv module, 128 KiB a field, is global and would refuse long texts.
        csv.field_size_limit(sys.maxsize)
        minimal = quotes == "double"
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if minimal else csv.QUOTE_NONE
        rows = csv.reader(
            (line + "\n" for line in split_lines(chunks)),
            delimiter=delimiter,
            quoting=quoting,
            strict=True,
        )
        header: list[str] | None = None
        column: str | None = None
        number = 0
        while True:
            line = rows.line_num + 1
            try:
                row = next(rows, None)
            except csv.Error as error:
                number += 1
                yield self._refuse("malformed row", str(error), number, line)
                continue
            if row is None:
                return
            if not row:
                continue
            if header is None:
                header = self._header(row, delimiter)
                continue
            number += 1
            if len(row) != len(header):
                detail = f"{len(row)} fields where the header has {len(header)}"
                yield self._refuse("malformed row", detail, number, line)
                continue
            values = dict(zip(header, row, strict=True))
            column = column or self._choose({k: not _is_number(v) for k, v in values.items()})
            yield self._record(values, column, number, line)

    def parquet(self) -> Iterator[Record | Skipped]:
        """Yield the rows of a Parquet file, a few hundred at a time."""
        # A third of a second, for those who need it.
        import pyarrow as pa

        with self._open_parquet() as table:
            schema = table.schema_arrow
            self._check_names(schema.names, str(self.path))
            column = self._choose({field.name: _is_text(field.type) for field in schema})
            number = 0
            batches = table.iter_batches(batch_size=_PARQUET_ROWS)
            while (batch := self._guarded(lambda: next(batches, None))) is not None:
                # As bytes, so that what is not valid UTF-8 in the file can be told and mended.
                arrays = [
                    array.cast(pa.large_binary()) if _is_text(array.type) else array
                    for array in batch.columns
                ]
                columns = [array.to_pylist() for array in arrays]
                for row in zip(*columns, strict=True):
                    number += 1
                    values = {
                        name: value.decode("utf-8", "surrogateescape")
                        if isinstance(value, bytes) and _is_text(kind.type)
                        else value
                        for name, kind, value in zip(schema.names, schema, row, strict=True)
                    }
                    yield self._record(values, column, number, None)

    @contextmanager
    def _open_parquet(self) -> Iterator[pq.ParquetFile]:
        import pyarrow.parquet as pq

        with open_bytes(self.path) as stream, _seekable(stream) as plain:
            yield self._guarded(
                lambda: pq.ParquetFile(plain, buffer_size=_PARQUET_BUFFER, pre_buffer=False)
            )

    def _guarded(self, read: Any) -> Any:
        import pyarrow as pa

        try:
            return read()
        except (pa.ArrowException, OSError) as error:
            raise DamagedFileError(
                f"this is not a whole Parquet file: {error}",
                where=str(self.path),
                fix="get the file again, or check that it is Parquet",
            ) from error

    def _header(self, row: list[str], delimiter: str) -> list[str]:
        where = f"{self.path}, line 1"
        self._check_names(row, where)
        for other in (sign for sign in ("\t", ";", ",", "|") if sign != delimiter):
            if len(row) == 1 and other in row[0]:
                raise LexomeError(
                    f"the columns seem to be separated by {other!r}, not by {delimiter!r}",
                    where=where,
                    fix=f"choose --option delimiter={_typed(other)}",
                )
        return row

    def _check_names(self, names: Sequence[str], where: str) -> None:
        if len(set(names)) != len(names):
            raise LexomeError(
                f"two columns have one name: {', '.join(names)}",
                where=where,
                fix="give each column a name of its own",
            )

    def _choose(self, columns: Mapping[str, bool]) -> str:
        """Return the column of the text; `columns` says of each whether it holds strings."""
        named = self.column or _DEFAULT_COLUMN
        if named in columns:
            return named
        texts = [name for name, is_text in columns.items() if is_text]
        if self.column is None and len(texts) == 1:
            return texts[0]
        raise LexomeError(
            f"there is no column {named!r}; the columns are: {', '.join(columns) or 'none'}",
            where=str(self.path),
            fix="say which one holds the text: --option column=NAME",
        )

    def _check_choice(self, record: Mapping[str, Any], column: str, number: int, line: int) -> None:
        """Refuse a record that has the column `text` where the first had none."""
        if self.column is None and column != _DEFAULT_COLUMN and _DEFAULT_COLUMN in record:
            raise LexomeError(
                f"this record has a column {_DEFAULT_COLUMN!r}; the first has none, and its only "
                f"column of strings, {column!r}, was taken for the text",
                where=str(self._source(number, line)),
                fix=f"choose --option column={column}; or --option column={_DEFAULT_COLUMN} with "
                "--option invalid=skip, which leaves out the records that have none",
            )

    def _record(
        self, values: Mapping[str, Any], column: str, number: int, line: int | None
    ) -> Record | Skipped:
        if column not in values:
            return self._refuse("no text", f"there is no {column!r}", number, line)
        text = values[column]
        if text is None:
            return Skipped(self._source(number, line), "empty", f"{column} is null")
        if not isinstance(text, str):
            detail = f"{column!r} holds {type(text).__name__}, not text"
            return self._refuse("no text", detail, number, line)
        metadata = {
            key: _spelled(value)
            for key, value in values.items()
            if key != column and value is not None
        }
        return Record(text, number, line, metadata)

    def _refuse(self, reason: str, detail: str, number: int, line: int | None) -> Skipped:
        source = self._source(number, line)
        if self.invalid == "skip":
            return Skipped(source, reason, detail)
        raise LexomeError(
            f"{reason}: {detail}",
            where=str(source),
            fix="mend the record, or leave such records out with --option invalid=skip",
        )

    def _source(self, number: int, line: int | None) -> Source:
        return Source(file_name(self.path), str(number), line)


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    if stream.seekable():
        yield stream
        return
    with tempfile.TemporaryFile() as copy:
        while chunk := stream.read(_PARQUET_BUFFER):
            copy.write(chunk)
        copy.seek(0)
        yield copy


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _typed(sign: str) -> str:
    """Return a character as one types it in a shell."""
    return "$'\\t'" if sign == "\t" else f"'{sign}'"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return not text or text.lower() in ("true", "false")
    return True


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return json.dumps(value, ensure_ascii=False, default=str)

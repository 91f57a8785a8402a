"""Tables as records of values: JSON lines, CSV, TSV and Parquet."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import Source
from lexome.languages.sources import content_suffix, file_name, open_bytes

SUFFIXES = (".jsonl", ".csv", ".tsv", ".parquet")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True, slots=True)
class Row:
    """One record: its values by column, and where it stands."""

    values: Mapping[str, Any]
    source: Source


def read_rows(path: Path, *, header: bool = True) -> Iterator[Row]:
    """Yield the records of a table.

    Of CSV and TSV the first line names the columns, unless `header` is false: they are then
    called "1", "2", .... TSV has no quotes. A line that is not of the format is a `LexomeError`.
    """
    suffix = content_suffix(path)
    if suffix == ".parquet":
        yield from _parquet(path)
    elif suffix in _DELIMITERS:
        yield from _separated(path, _DELIMITERS[suffix], header)
    elif suffix == ".jsonl":
        yield from _json_lines(path)
    else:
        raise LexomeError(
            f"{suffix or 'a file without suffix'} is no table",
            where=file_name(path),
            fix=f"name a file that ends in {', '.join(SUFFIXES)}",
        )


def lines(path: Path) -> Iterator[str]:
    """Yield the lines of a UTF-8 text without their ends; what does not decode is an error."""
    with open_bytes(path) as stream:
        for number, line in enumerate(stream, start=1):
            try:
                text = line.decode("utf-8")
            except UnicodeDecodeError as error:
                raise LexomeError(
                    f"this line is not UTF-8: {error.reason} at byte {error.start}",
                    where=f"{file_name(path)}, line {number}",
                    fix="convert the file to UTF-8",
                ) from error
            yield text.removesuffix("\n").removesuffix("\r")


def _json_lines(path: Path) -> Iterator[Row]:
    record = 0
    for number, line in enumerate(lines(path), start=1):
        if not line or line.isspace():
            continue
        record += 1
        source = Source(file_name(path), str(record), number)
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise LexomeError(
                f"this is not JSON: {error}", where=str(source), fix="mend the line"
            ) from error
        if not isinstance(value, dict):
            raise LexomeError(
                f"a record is an object with named values, not {line[:40]}",
                where=str(source),
                fix='write lines like {"source": "…", "target": "…"}',
            )
        yield Row(value, source)


def _separated(path: Path, delimiter: str, header: bool) -> Iterator[Row]:
    csv.field_size_limit(sys.maxsize)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    rows = csv.reader(
        (line + "\n" for line in lines(path)), delimiter=delimiter, quoting=quoting, strict=True
    )
    names: Sequence[str] | None = None
    record = 0
    while True:
        line = rows.line_num + 1
        where = f"{file_name(path)}, line {line}"
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise LexomeError(f"malformed row: {error}", where=where, fix="mend the row") from error
        if row is None:
            return
        if not row:
            continue
        if names is None:
            names = row if header else [str(number) for number in range(1, len(row) + 1)]
            if header:
                continue
        record += 1
        if len(row) != len(names):
            raise LexomeError(
                f"the row has {len(row)} fields where the first line has {len(names)}",
                where=where,
                fix="mend the row",
            )
        yield Row(dict(zip(names, row, strict=True)), Source(file_name(path), str(record), line))


def _parquet(path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with open_bytes(path) as stream:
            table = pq.read_table(pa.BufferReader(stream.read()))
    except (pa.ArrowException, OSError) as error:
        raise DamagedFileError(
            f"this is not a whole Parquet file: {error}",
            where=file_name(path),
            fix="get the file again",
        ) from error
    for number, values in enumerate(table.to_pylist(), start=1):
        yield Row(values, Source(file_name(path), str(number)))

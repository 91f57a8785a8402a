"""Scores and embeddings as tables, written in a stream: TSV for people, Parquet for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lexome.errors import UsageError
from lexome.evaluation.mutagenesis import MutagenesisMap
from lexome.evaluation.strands import READINGS
from lexome.evaluation.variants import Score
from lexome.files import atomic_path

if TYPE_CHECKING:
    import pyarrow as pa

    from lexome.evaluation.embeddings import Embedding

SUFFIXES = (".tsv", ".parquet")

_OWN = ("name", "line", "score", *READINGS, "method")
_ROWS = 4096


def score_row(score: Score) -> dict[str, Any]:
    """Return a score as a row: the variant, its own columns, and the nats.

    Of a language with two readings, `as_written` and `mirrored` are those of each. A column of
    the file that is called as one of ours gets `given_` before its name.
    """
    variant = score.variant
    given = {
        f"given_{name}" if name in _OWN else name: value for name, value in variant.columns.items()
    }
    row = {"name": variant.name, **given, "line": variant.source.line, "score": score.nats}
    if len(score.readings) == 2:
        row |= zip(READINGS, score.readings, strict=True)
    return row | {"method": score.method}


def map_rows(found: MutagenesisMap) -> Iterator[dict[str, Any]]:
    """Yield a row for each substitution of a map, position by position."""
    for place, (position, wild_type) in enumerate(
        zip(found.positions.tolist(), found.wild_type, strict=True)
    ):
        for number, symbol in enumerate(found.symbols):
            if symbol != wild_type:
                yield {
                    "record": found.record,
                    "position": position,
                    "wild_type": wild_type,
                    "substitution": symbol,
                    "score": float(found.scores[number, place]),
                }


def tsv_lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a header and the rows as lines of TSV; numbers have six significant digits."""
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None:
        return
    yield _tsv_line(first)
    for row in chain([first], remaining):
        yield _tsv_line([f"{v:.6g}" if isinstance(v, float) else v for v in row.values()])


def write_table(rows: Iterable[Mapping[str, Any]], path: Path) -> int:
    """Write rows of one kind to a .tsv or .parquet file, atomically; return how many there are."""
    check_suffix(path, SUFFIXES)
    counted = _Counted(rows)
    with atomic_path(path) as temporary:
        if path.suffix == ".tsv":
            with temporary.open("w", encoding="utf-8", newline="") as stream:
                stream.writelines(f"{line}\n" for line in tsv_lines(counted))
        else:
            _write_parquet(counted, temporary)
    return counted.count


def write_embeddings(
    embeddings: Iterable[Embedding], width: int, facts: Mapping[str, Any], path: Path
) -> int:
    """Write embeddings to a .parquet file, atomically; return how many rows there are.

    Each row is where the document comes from (`file`, `record`, `line`, `offset`, `metadata` in
    JSON), the `unit` in it from 0, and `embedding`, `width` fp32 numbers. `facts` are kept in the
    file's own metadata, under `lexome`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    check_suffix(path, (".parquet",))
    schema = pa.schema(
        [
            ("file", pa.string()),
            ("record", pa.string()),
            ("line", pa.int64()),
            ("offset", pa.int64()),
            ("metadata", pa.string()),
            ("unit", pa.int64()),
            ("embedding", pa.list_(pa.float32(), width)),
        ],
        metadata={"lexome": json.dumps(dict(facts), ensure_ascii=False)},
    )
    rows = 0
    with (
        atomic_path(path) as temporary,
        temporary.open("wb") as stream,
        pq.ParquetWriter(stream, schema, compression="zstd") as writer,
    ):
        for table in _embedding_tables(embeddings, schema):
            writer.write_table(table)
            rows += table.num_rows
    return rows


def check_suffix(path: Path, known: Iterable[str]) -> None:
    """Raise `UsageError` for a file whose name does not say which of the known kinds it is."""
    if path.suffix not in known:
        raise UsageError(
            f"{path.name!r} does not say what to write",
            where="--out",
            fix=f"let the name end in {' or '.join(known)}",
        )


class _Counted:
    """Rows that are counted as they go by."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows = rows
        self.count = 0

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for row in self._rows:
            self.count += 1
            yield row


def _tsv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, delimiter="\t", lineterminator="").writerow(values)
    return line.getvalue()


def _write_parquet(rows: Iterable[Mapping[str, Any]], path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {float: pa.float64(), int: pa.int64(), str: pa.string()}
    remaining = iter(rows)
    part = list(islice(remaining, _ROWS))
    named = part[0] if part else {"name": "", "line": 0, "score": 0.0, "method": ""}
    schema = pa.schema([(name, kinds[type(value)]) for name, value in named.items()])
    with path.open("wb") as stream, pq.ParquetWriter(stream, schema) as writer:
        while part:
            writer.write_table(pa.Table.from_pylist(part, schema=schema))
            part = list(islice(remaining, _ROWS))


def _embedding_tables(embeddings: Iterable[Embedding], schema: pa.Schema) -> Iterator[pa.Table]:
    """Yield tables of some thousand rows: each becomes a row group."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for embedding in embeddings:
        held.append(_embedding_batch(embedding, schema))
        if sum(batch.num_rows for batch in held) >= _ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _embedding_batch(embedding: Embedding, schema: pa.Schema) -> pa.RecordBatch:
    import pyarrow as pa

    document, (count, width) = embedding.document, embedding.states.shape
    source = document.source
    metadata = json.dumps(dict(document.metadata), ensure_ascii=False, sort_keys=True)
    place = (source.file, source.record, source.line, source.offset, metadata)
    columns = [
        pa.array([value] * count, field.type) for value, field in zip(place, schema, strict=False)
    ]
    units = range(embedding.first, embedding.first + count)
    flat = pa.array(embedding.states.ravel())
    columns += [pa.array(units, pa.int64()), pa.FixedSizeListArray.from_arrays(flat, width)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)

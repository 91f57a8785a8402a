"""The table of documents: written piece by piece, joined into documents.parquet, read back.

Imported here when it is needed: Arrow takes a third of a second, and Pandas with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.manifest import TRAIN, VALID, ShardFile
from lexome.errors import DamagedFileError
from lexome.files import atomic_path, naming, sha256
from lexome.languages.base import Source

if TYPE_CHECKING:
    import pyarrow as pa

_GROUP_ROWS = 1 << 16
_COLUMNS = (
    "split",
    "file",
    "record",
    "line",
    "offset",
    "units",
    "tokens",
    "first_token",
    "augmented",
    "metadata",
)
_DIGEST = "digest"


def rows_schema() -> pa.Schema:
    """Return the columns of documents.parquet, and the digest of the tokens beside them."""
    import pyarrow as pa

    kinds = {
        "split": pa.dictionary(pa.int8(), pa.string()),
        "file": pa.dictionary(pa.int32(), pa.string()),
        "augmented": pa.bool_(),
        "record": pa.string(),
        "metadata": pa.string(),
        _DIGEST: pa.uint64(),
    }
    return pa.schema([(name, kinds.get(name, pa.int64())) for name in (*_COLUMNS, _DIGEST)])


def write_rows(folder: Path, name: str, rows: dict[str, list[Any]]) -> str:
    """Write the rows of one piece, places counted from its own start; return the checksum."""
    import pyarrow as pa

    write_table(folder / name, pa.table(rows, schema=rows_schema()))
    return sha256(folder / name)


def write_table(target: Path, rows: pa.Table) -> None:
    """Write the rows of one piece, which have the columns of `rows_schema`."""
    import pyarrow.parquet as pq

    # A stream of our own: Arrow's keeps its file open when the disk is full.
    with atomic_path(target) as path, path.open("wb") as stream:
        pq.write_table(rows, stream)


class DocumentsTable:
    """Joins the rows of the pieces into documents.parquet, with places in the whole streams.

    `digests` gets, for each split, the digest of each document's tokens; 8 bytes a document.
    """

    def __init__(self) -> None:
        self.digests: dict[str, npt.NDArray[np.uint64]] = {}

    def write(self, pieces: Iterable[tuple[Path, dict[str, int]]], target: Path) -> ShardFile:
        """Write the table; `pieces` are the rows' files and the tokens of each split in them."""
        import pyarrow.parquet as pq

        schema = rows_schema()
        found: dict[str, list[npt.NDArray[np.uint64]]] = {TRAIN: [], VALID: []}
        with (
            atomic_path(target) as path,
            path.open("wb") as stream,
            pq.ParquetWriter(
                stream, schema.remove(schema.get_field_index(_DIGEST)), compression="zstd"
            ) as writer,
        ):
            for table in _groups(self._tables(pieces, found)):
                writer.write_table(table)
        self.digests = {
            split: np.concatenate(parts) if parts else np.zeros(0, np.uint64)
            for split, parts in found.items()
        }
        with naming(target):
            size = target.stat().st_size
        rows = sum(len(digests) for digests in self.digests.values())
        return ShardFile(path=target.name, tokens=rows, bytes=size, sha256=sha256(target))

    def _tables(
        self,
        pieces: Iterable[tuple[Path, dict[str, int]]],
        found: dict[str, list[npt.NDArray[np.uint64]]],
    ) -> Iterator[pa.Table]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        before = dict.fromkeys(found, 0)
        for path, tokens in pieces:
            with naming(path):
                table = pq.read_table(path, schema=rows_schema())
            splits = np.array(table.column("split").to_pylist(), dtype=object)
            firsts = table.column("first_token").to_numpy().copy()
            digests = table.column(_DIGEST).to_numpy()
            for split in found:
                firsts[splits == split] += before[split]
                found[split].append(digests[splits == split])
                before[split] += tokens.get(split, 0)
            index = table.schema.get_field_index("first_token")
            table = table.set_column(index, "first_token", pa.array(firsts))
            yield table.drop_columns([_DIGEST])


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield larger tables: a row group costs some kilobytes, however few its rows."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(len(part) for part in held) >= _GROUP_ROWS:
            yield pa.concat_tables(held).unify_dictionaries().combine_chunks()
            held = []
    if held:
        yield pa.concat_tables(held).unify_dictionaries().combine_chunks()


def read_rows(path: Path, split: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of one split, in order, streaming."""
    for batch in row_batches(path, split):
        yield from batch.to_pylist()


def row_batches(path: Path, split: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of one split, in order, as batches of columns that are not empty."""
    for batch in _batches(path, list(_COLUMNS)):
        chosen = batch.filter(_is_split(batch, split))
        if len(chosen):
            yield chosen


def read_starts(path: Path, split: str) -> npt.NDArray[np.int64]:
    """Return the place of each document's begin token in the stream of a split, rising."""
    parts = [
        batch.column("first_token").to_numpy()[_is_split(batch, split)]
        for batch in _batches(path, ["split", "first_token"])
    ]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def read_originals(path: Path, split: str) -> npt.NDArray[np.int64]:
    """Return of which document of a split each one is a form; [documents].

    What augmentation made is a form of the document before it that comes from the same place in
    the data; so is a repeated document. Any other is a form of itself.
    """
    parts = [
        batch.column("augmented").to_numpy(zero_copy_only=False)[_is_split(batch, split)]
        for batch in _batches(path, ["split", "augmented"])
    ]
    made = np.concatenate([np.zeros(0, bool), *parts])
    numbers = np.arange(len(made))
    if not made.any():
        return numbers
    latest: dict[tuple[object, ...], int] = {}
    places = ("file", "record", "line", "offset")
    for number, row in enumerate(read_rows(path, split)):
        place = tuple(row[name] for name in places)
        if made[number]:
            numbers[number] = latest.get(place, number)
        else:
            latest[place] = number
    return numbers


def document_names(path: Path, wanted: Mapping[str, Sequence[int]]) -> dict[tuple[str, int], str]:
    """Return the printed source of documents, which are named by split and number in the split."""
    names: dict[tuple[str, int], str] = {}
    seen = dict.fromkeys(wanted, 0)
    for batch in _batches(path, ["split", "file", "record", "line", "offset"]):
        for split, numbers in wanted.items():
            rows = np.flatnonzero(_is_split(batch, split))
            for number in numbers:
                if seen[split] <= number < seen[split] + len(rows):
                    row = batch.slice(int(rows[number - seen[split]]), 1).to_pylist()[0]
                    del row["split"]
                    names[split, number] = str(Source(**row))
            seen[split] += len(rows)
    return names


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with naming(path), pq.ParquetFile(path) as table:
            yield from table.iter_batches(columns=list(columns))
    except pa.ArrowException as error:
        raise DamagedFileError(
            f"this is not a whole table of documents: {error}",
            where=str(path),
            fix="restore the file, or prepare the corpus again",
        ) from error


def _is_split(batch: pa.RecordBatch, split: str) -> npt.NDArray[np.bool_]:
    column = batch.column("split")
    names = column.dictionary.to_pylist()
    code = names.index(split) if split in names else -1
    found: npt.NDArray[np.bool_] = column.indices.to_numpy() == code
    return found

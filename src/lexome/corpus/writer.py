"""Files of a corpus as they are written: shards, and the table of documents."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.manifest import TRAIN, VALID, ShardFile
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


def write_shard(folder: Path, name: str, values: npt.NDArray[Any]) -> ShardFile:
    """Write a 1-D array as the .npy file `name` in `folder`, atomically."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(values))
    data = np.ascontiguousarray(values).view(np.uint8).data
    digest = hashlib.sha256(header.getvalue())
    digest.update(data)
    # Not by `numpy.save`: its error on a full disk does not say that the disk is full.
    with atomic_path(folder / name) as path, path.open("wb") as stream:
        stream.write(header.getvalue())
        stream.write(data)
    return ShardFile(
        path=name,
        tokens=len(values),
        bytes=len(header.getvalue()) + len(data),
        sha256=digest.hexdigest(),
    )


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
    import pyarrow.parquet as pq

    with atomic_path(folder / name) as path:
        pq.write_table(pa.table(rows, schema=rows_schema()), path)
    return sha256(folder / name)


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
            pq.ParquetWriter(
                path, schema.remove(schema.get_field_index(_DIGEST)), compression="zstd"
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
            splits = np.array(table.column("split").to_pylist())
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


def document_names(path: Path, wanted: Mapping[str, Sequence[int]]) -> dict[tuple[str, int], str]:
    """Return the printed source of documents, which are named by split and number in the split."""
    import pyarrow.parquet as pq

    left = {(split, number) for split, numbers in wanted.items() for number in numbers}
    names: dict[tuple[str, int], str] = {}
    seen = dict.fromkeys(wanted, 0)
    columns = ["split", "file", "record", "line", "offset"]
    with naming(path), pq.ParquetFile(path) as table:
        for batch in table.iter_batches(columns=columns):
            splits = np.array(batch.column("split").to_pylist())
            for split in wanted:
                rows = np.flatnonzero(splits == split)
                for number in [n for s, n in left if s == split]:
                    if seen[split] <= number < seen[split] + len(rows):
                        row = batch.slice(int(rows[number - seen[split]]), 1).to_pylist()[0]
                        del row["split"]
                        names[split, number] = str(Source(**row))
                seen[split] += len(rows)
    return names

"""From places in the stream of a split to documents, source files and records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.corpus import DOCUMENTS, Corpus
from lexome.errors import DamagedFileError
from lexome.files import naming
from lexome.languages.base import Source

if TYPE_CHECKING:
    import pyarrow as pa

_CHUNK = 1 << 22
_COLUMNS = ("split", "file", "record", "line", "offset", "first_token", "augmented")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a span of tokens stands: in which document, and how far from its first content.

    `document` is the number in the split. `token` counts the tokens, and `unit` the natural units
    (bytes, bases), that stand before the span in the document; of begin tokens none. `source` is
    where the document comes from: file, record, line, and the unit of the record with which the
    document begins. What is `augmented` is a form that was made of the document in the data,
    backwards say, and tokens and units count in that form.
    """

    document: int
    source: Source
    token: int
    unit: int
    augmented: bool


class Places:
    """Finds documents by the places of their tokens in a split."""

    def __init__(self, corpus: Corpus, split: str) -> None:
        self._corpus = corpus
        self._stream = corpus.stream(split)
        self._split = split
        self._path = corpus.folder / DOCUMENTS

    def __call__(self, places: Sequence[int]) -> list[Place]:
        """Return where each place of the stream is, in the same order."""
        starts = self._stream.document_starts
        documents = (starts.searchsorted(places, "right") - 1).tolist()
        rows = self._rows(sorted(set(documents)))
        return [
            self._place(place, document, rows[document])
            for place, document in zip(places, documents, strict=True)
        ]

    def _place(self, place: int, document: int, row: dict[str, Any]) -> Place:
        first = row["first_token"] + 1
        lengths = self._corpus.tokenizer.unit_lengths
        units = 0
        for start in range(first, place, _CHUNK):
            ids = self._stream.read(start, min(place, start + _CHUNK))
            units += int(lengths[ids].sum())
        return Place(
            document=document,
            source=Source(row["file"], row["record"], row["line"], row["offset"]),
            token=max(0, place - first),
            unit=units,
            augmented=row["augmented"],
        )

    def _rows(self, documents: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return the rows of documents by their numbers; only their parts of the table are read."""
        rows: dict[int, dict[str, Any]] = {}
        groups = self._ends.searchsorted(documents, "right")
        for group in np.unique(groups).tolist():
            wanted = np.asarray(documents)[groups == group]
            before = int(self._ends[group - 1]) if group else 0
            with self._table() as table:
                part = self._own(table.read_row_group(group, columns=list(_COLUMNS)))
            found = part.take(wanted - before).to_pylist()
            rows.update(zip(wanted.tolist(), found, strict=True))
        return rows

    @cached_property
    def _ends(self) -> npt.NDArray[np.int64]:
        """The documents of the split up to the end of each group of rows; [groups]."""
        with self._table() as table:
            counts = [
                len(self._own(table.read_row_group(group, columns=["split"])))
                for group in range(table.num_row_groups)
            ]
        return np.cumsum(counts)

    def _own(self, rows: pa.Table) -> pa.Table:
        import pyarrow as pa
        import pyarrow.compute as pc

        return rows.filter(pc.equal(rows.column("split").cast(pa.string()), self._split))

    @contextmanager
    def _table(self) -> Iterator[Any]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with naming(self._path), pq.ParquetFile(self._path) as table:
                yield table
        except pa.ArrowException as error:
            raise DamagedFileError(
                f"this is not a whole table of documents: {error}",
                where=str(self._path),
                fix="restore the file, or prepare the corpus again",
            ) from error

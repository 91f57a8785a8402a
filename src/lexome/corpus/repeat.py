"""A corpus whose training documents stand in it as often as is asked, spread over the stream."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from lexome.corpus.corpus import DOCUMENTS, SHARDS, TOKENIZER, Corpus
from lexome.corpus.documents import row_batches
from lexome.corpus.manifest import (
    TRAIN,
    VALID,
    ShardFile,
    SplitSide,
    WeighingRecord,
    fingerprint,
)
from lexome.corpus.shards import FULL_WEIGHT, token_dtype, write_shard
from lexome.errors import LexomeError, UsageError
from lexome.files import atomic_path, naming, sha256

if TYPE_CHECKING:
    import pyarrow as pa

Ints = npt.NDArray[np.int64]

# About so many tokens are held in memory at once, and make a shard.
_CHUNK = 1 << 22
_GROUP_ROWS = 1 << 16


def repeat(
    corpus: Corpus,
    times: Ints,
    folder: Path,
    weighing: WeighingRecord,
    request: Mapping[str, Any],
) -> Corpus:
    """Write a corpus with each training document of another one `times`, and return it.

    `times` [documents that augmentation did not make] are 1 or more; what augmentation made of a
    document stands there as often as it does. The times of one document are spread evenly over the
    stream: what stands close by is copied from there, and nothing is learned. The second and later
    ones count as made by augmentation. Validation and tokenizer are those of `corpus`. Memory is
    that of the table of documents.

    Raises `UsageError` for a corpus with features of frames, `LexomeError` if `folder` is not
    empty.
    """
    if corpus.manifest.train.features:
        raise UsageError(
            "this corpus holds features of frames, which are not repeated",
            where=str(corpus.folder),
            fix="prepare it with a tokenizer whose tokens say everything",
        )
    folder = Path(folder)
    with naming(folder):
        if folder.exists() and any(folder.iterdir()):
            raise LexomeError("the folder is not empty", where=str(folder), fix="name a new folder")
        partial = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    try:
        _write(corpus, times, partial, weighing, request)
        with naming(folder):
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Corpus.open(folder)


def _write(
    corpus: Corpus,
    times: Ints,
    folder: Path,
    weighing: WeighingRecord,
    request: Mapping[str, Any],
) -> None:
    manifest = corpus.manifest
    with naming(folder):
        shutil.copytree(corpus.folder / TOKENIZER, folder / TOKENIZER)
        (folder / SHARDS).mkdir()
        for file in _kept(corpus):
            shutil.copyfile(corpus.folder / file.path, folder / file.path)
    before, originals = _table(corpus, TRAIN), corpus.stream(TRAIN).document_originals
    order = _spread(_with_forms(times, before, originals), originals)
    rows = _rows(before, order)
    shards = list(_shards(corpus, before, order, folder))
    train = SplitSide(
        documents=len(order),
        augmented=int(rows["augmented"].to_numpy().sum()),
        units=int(rows["units"].to_numpy().sum()),
        tokens=int(rows["tokens"].to_numpy().sum()),
        shards=tuple(tokens for tokens, _ in shards),
        weights=tuple(weights for _, weights in shards),
    )
    sides = {TRAIN: train, VALID: manifest.valid}
    made = manifest.model_copy(
        update={
            "request": dict(request),
            "train": train,
            "documents": _write_rows(folder, rows, _table(corpus, VALID)),
            "weighing": weighing,
            "fingerprint": fingerprint(manifest.language, manifest.tokenizer.sha256, sides),
        }
    )
    made.write(folder)


def _kept(corpus: Corpus) -> Iterator[ShardFile]:
    """Yield the files that are as they were."""
    manifest = corpus.manifest
    yield from manifest.valid.shards
    yield from (weights for weights in manifest.valid.weights if weights)
    if manifest.groups is not None:
        yield from (manifest.groups.keys, manifest.groups.numbers)


def _with_forms(times: Ints, table: pa.Table, originals: Ints) -> Ints:
    """Return the times of all documents, those that augmentation made among them; [documents]."""
    every = np.ones(len(originals), np.int64)
    every[~table["augmented"].to_numpy()] = times
    return every[originals]


def _spread(times: Ints, originals: Ints) -> Ints:
    """Return the numbers of the documents in their new order; [sum of times].

    The stream is a ring. From where a document stood its times go once around, equally far from
    each other; the forms that augmentation made of it go with it.
    """
    documents = np.repeat(np.arange(len(times)), times)
    firsts = np.cumsum(times) - times
    turn = (np.arange(len(documents)) - firsts[documents]) / times[documents]
    own = originals[documents]
    return documents[np.lexsort((documents, own, (own / len(times) + turn) % 1.0))]


def _table(corpus: Corpus, split: str) -> pa.Table:
    import pyarrow as pa

    batches = list(row_batches(corpus.folder / DOCUMENTS, split))
    return pa.Table.from_batches(batches).unify_dictionaries().combine_chunks()


def _rows(table: pa.Table, order: Ints) -> pa.Table:
    """Return the rows of the documents in their new order."""
    import pyarrow as pa

    rows = table.take(pa.array(order))
    tokens = rows["tokens"].to_numpy()
    again = np.ones(len(order), np.bool_)
    again[np.unique(order, return_index=True)[1]] = False
    augmented = rows["augmented"].to_numpy() | again
    changed = {
        "first_token": pa.array(np.cumsum(tokens) - tokens),
        "augmented": pa.array(augmented),
    }
    return pa.table({name: changed.get(name, rows[name]) for name in rows.column_names})


def _shards(
    corpus: Corpus, table: pa.Table, order: Ints, folder: Path
) -> Iterator[tuple[ShardFile, ShardFile | None]]:
    """Write the tokens of the documents in their new order, and their weights if they have any."""
    stream = corpus.stream(TRAIN)
    starts = table["first_token"].to_numpy()[order]
    stops = starts + table["tokens"].to_numpy()[order]
    kind = token_dtype(corpus.tokenizer.vocab_size)
    chunks = (np.cumsum(stops - starts) - 1) // _CHUNK
    for number, first in enumerate(np.unique(chunks, return_index=True)[1].tolist()):
        own = np.flatnonzero(chunks == chunks[first])
        spans = list(zip(starts[own].tolist(), stops[own].tolist(), strict=True))
        tokens = np.concatenate([stream.read(*span) for span in spans]).astype(kind)
        name = f"{SHARDS}/{TRAIN}-{number:05d}"
        weights = None
        if stream.weighted:
            stored = np.concatenate([stream.weights(*span) for span in spans]) * FULL_WEIGHT
            weights = np.rint(stored).astype(np.uint8)
        yield (
            write_shard(folder, f"{name}.npy", tokens),
            None if weights is None else write_shard(folder, f"{name}.weights.npy", weights),
        )


def _write_rows(folder: Path, train: pa.Table, valid: pa.Table) -> ShardFile:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = pa.concat_tables([train, valid]).unify_dictionaries().combine_chunks()
    target = folder / DOCUMENTS
    with atomic_path(target) as path, path.open("wb") as stream:
        pq.write_table(rows, stream, compression="zstd", row_group_size=_GROUP_ROWS)
    size = target.stat().st_size
    return ShardFile(path=DOCUMENTS, tokens=len(rows), bytes=size, sha256=sha256(target))

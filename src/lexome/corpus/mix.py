"""Corpora mixed into one, by weight: of one language, or of several in a joint vocabulary."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import lexome
from lexome.corpus.corpus import DOCUMENTS, SHARDS, TOKENIZER, Corpus
from lexome.corpus.documents import DocumentsTable, rows_schema, write_rows
from lexome.corpus.encode import digest
from lexome.corpus.leak import LeakSearch
from lexome.corpus.manifest import (
    TRAIN,
    VALID,
    LeakCheck,
    Manifest,
    MixedPart,
    ShardFile,
    SkippedRecord,
    SplitRecord,
    SplitSide,
    TokenizerRecord,
    fingerprint,
    folder_sha256,
)
from lexome.corpus.ngrams import NgramReader
from lexome.corpus.pool import Pool
from lexome.corpus.shards import FULL_WEIGHT, token_dtype, write_shard
from lexome.errors import LexomeError, UsageError
from lexome.files import naming
from lexome.languages.base import Language, Tokenizer
from lexome.languages.joint import Joint, JointTokenizer

# About so many tokens of a part are held in memory at once.
_CHUNK = 1 << 22


def mix(
    parts: Sequence[tuple[Path, float]], folder: Path, *, seed: int = 0, workers: int | None = 1
) -> Corpus:
    """Mix prepared corpora into a new one in `folder` and return it.

    `parts` are folders with weights: the shares that they get of the training tokens. The
    documents of one are taken once, those of the others as often as its weight asks; of a
    fraction, documents are drawn by `seed`. Repeated documents count as made by augmentation. The
    validation splits follow each other. Corpora of one language need one tokenizer; those of
    several languages, one of each, get a joint vocabulary.

    Raises `UsageError` for parts that do not go together, `LexomeError` if `folder` is not empty.
    """
    folder = Path(folder)
    opened = [_Part(Corpus.open(path), weight) for path, weight in parts]
    language, tokenizer = _together(opened)
    with naming(folder):
        if folder.exists() and any(folder.iterdir()):
            raise LexomeError("the folder is not empty", where=str(folder), fix="name a new folder")
        partial = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    try:
        _Mixing(opened, language, tokenizer, partial, seed).make(workers or 1)
        with naming(folder):
            shutil.rmtree(folder, ignore_errors=True)
            partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return Corpus.open(folder)


@dataclass(frozen=True)
class _Part:
    corpus: Corpus
    weight: float

    @property
    def tokens(self) -> int:
        return self.corpus.manifest.train.tokens


def _together(parts: Sequence[_Part]) -> tuple[Language, Tokenizer]:
    """Return the language and the tokenizer of the mixture."""
    if len(parts) < 2:
        raise UsageError("a mixture needs two corpora", fix="name them as corpus/a=2 corpus/b=1")
    if bad := [part for part in parts if not part.weight > 0]:
        raise UsageError("a weight must be more than 0", where=str(bad[0].corpus.folder))
    names = [part.corpus.manifest.language for part in parts]
    if len(set(names)) == len(names):
        options = {part.corpus.language.name: part.corpus.language.options for part in parts}
        return (
            Joint(json.dumps({name: dict(chosen) for name, chosen in options.items()})),
            JointTokenizer({part.corpus.language.name: part.corpus.tokenizer for part in parts}),
        )
    if len(set(names)) > 1:
        raise UsageError(
            "two of the corpora are of one language, and a third is not",
            fix="mix those of one language first, then the languages",
        )
    first = parts[0].corpus
    for part in parts:
        if part.corpus.manifest.tokenizer.sha256 != first.manifest.tokenizer.sha256:
            raise UsageError(
                "corpora of one language can be mixed only if they have one tokenizer",
                where=f"{first.folder} and {part.corpus.folder}",
                fix=f"prepare the second with --tokenizer-folder {first.folder / TOKENIZER}",
            )
    return first.language, first.tokenizer


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A document of a part as it stands in the mixture; `repeat` counts from 0."""

    row: Mapping[str, Any]
    repeat: int


@dataclass
class _Mixing:
    parts: Sequence[_Part]
    language: Language
    tokenizer: Tokenizer
    folder: Path
    seed: int

    def make(self, workers: int) -> None:
        self.tokenizer.save(self.folder / TOKENIZER)
        pieces: list[tuple[Path, dict[str, int]]] = []
        shards: dict[str, list[tuple[ShardFile, ShardFile | None]]] = {TRAIN: [], VALID: []}
        counts = {split: {"documents": 0, "augmented": 0, "units": 0} for split in shards}
        borders = [0]
        for part in self.parts:
            for split in (TRAIN, VALID):
                for chosen in _chunks(self._chosen(part, split)):
                    name = f"rows-{len(pieces):05d}.parquet"
                    written, rows = self._write(part, split, chosen, len(shards[split]))
                    write_rows(self.folder, name, rows)
                    pieces.append((self.folder / name, {split: written[0].tokens}))
                    shards[split].append(written)
                    counts[split]["documents"] += len(chosen)
                    counts[split]["augmented"] += sum(rows["augmented"])
                    counts[split]["units"] += sum(rows["units"])
            borders.append(sum(shard.tokens for shard, _ in shards[VALID]))
        table = DocumentsTable()
        documents = table.write(iter(pieces), self.folder / DOCUMENTS)
        for path, _ in pieces:
            path.unlink()
        sides = {split: _side(counts[split], shards[split]) for split in shards}
        leak = self._leaks(sides, table, workers)
        self._manifest(sides, documents, leak, borders).write(self.folder)

    @property
    def repeats(self) -> list[float]:
        """Return how often the documents of each part are taken; the least often, once."""
        wanted = [part.weight / part.tokens for part in self.parts]
        return [one / min(wanted) for one in wanted]

    def _chosen(self, part: _Part, split: str) -> Iterator[_Chosen]:
        repeats = self.repeats[self.parts.index(part)] if split == TRAIN else 1.0
        for repeat in range(int(repeats)):
            for row in part.corpus.rows(split):
                yield _Chosen(row, repeat)
        share = repeats - int(repeats)
        drawn = np.random.default_rng([self.seed, self.parts.index(part)])
        for row in part.corpus.rows(split):
            if drawn.random() < share:
                yield _Chosen(row, int(repeats))

    def _write(
        self, part: _Part, split: str, chosen: Sequence[_Chosen], number: int
    ) -> tuple[tuple[ShardFile, ShardFile | None], dict[str, list[Any]]]:
        stream = part.corpus.stream(split)
        found, weights, starts, place = [], [], [], 0
        for one in chosen:
            first = one.row["first_token"]
            ids = self._ids(part, stream.read(first, first + one.row["tokens"]))
            stored = stream.weights(first, first + one.row["tokens"])
            full = np.ones(len(ids) - len(stored), np.float32)
            weights.append(np.concatenate([full, stored]))
            found.append(ids)
            starts.append(place)
            place += len(ids)
        tokens = np.concatenate(found).astype(token_dtype(self.tokenizer.vocab_size))
        name = f"{SHARDS}/{split}-{number:05d}"
        weighed = np.rint(np.concatenate(weights) * FULL_WEIGHT).astype(np.uint8)
        weight_shard = (
            None
            if (weighed == FULL_WEIGHT).all()
            else write_shard(self.folder, f"{name}.weights.npy", weighed)
        )
        shard = write_shard(self.folder, f"{name}.npy", tokens)
        return (shard, weight_shard), _rows(part, split, chosen, found, starts)

    def _ids(self, part: _Part, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return a document's tokens, begin and end too, as the mixture has them."""
        if not isinstance(self.tokenizer, JointTokenizer):
            return ids
        name = part.corpus.language.name
        shifted = np.asarray(self.tokenizer.shifted(name, ids)).astype(np.int64)
        return np.insert(shifted, 1, self.tokenizer.markers[name])

    def _leaks(
        self, sides: Mapping[str, SplitSide], table: DocumentsTable, workers: int
    ) -> LeakCheck:
        reader = NgramReader(self.folder, self.language, self.tokenizer)
        search = LeakSearch(reader, self.folder / DOCUMENTS, sides, table.digests)
        with Pool(workers) as pool:
            for _ in search.run(pool):
                pass
        return search.result(augmented_forms="repeated documents are searched too")

    def _manifest(
        self,
        sides: Mapping[str, SplitSide],
        documents: ShardFile,
        leak: LeakCheck,
        borders: Sequence[int],
    ) -> Manifest:
        manifests = [part.corpus.manifest for part in self.parts]
        checksum = folder_sha256(self.folder / TOKENIZER)
        weights = [part.weight for part in self.parts]
        licences = dict.fromkeys(one.licence for one in manifests if one.licence)
        return Manifest(
            lexome=lexome.__version__,
            language=self.language.name,
            options=dict(self.language.options),
            unit=self.language.unit,
            licence="; ".join(licences),
            sources=tuple({file.path: file for one in manifests for file in one.sources}.values()),
            request={
                "mix": [
                    [str(part.corpus.folder), weight]
                    for part, weight in zip(self.parts, weights, strict=True)
                ],
                "seed": self.seed,
            },
            tokenizer=TokenizerRecord(
                kind=self.tokenizer.kind,
                vocab_size=self.tokenizer.vocab_size,
                sha256=checksum,
                given=True,
            ),
            split=SplitRecord(
                how="mixture",
                asked="mixture",
                fraction=sides[VALID].tokens / (sides[TRAIN].tokens + sides[VALID].tokens),
                seed=self.seed,
            ),
            train=sides[TRAIN],
            valid=sides[VALID],
            skipped=_skipped(manifests),
            documents=documents,
            leak=leak,
            fidelity={
                f"{one.language}: {name}": value
                for one in manifests
                for name, value in one.fidelity.items()
            },
            parts=tuple(
                _mixed(part, repeats, start, stop)
                for part, repeats, start, stop in zip(
                    self.parts, self.repeats, borders, borders[1:], strict=False
                )
            ),
            fingerprint=fingerprint(self.language.name, checksum, sides),
        )


def _chunks(chosen: Iterator[_Chosen]) -> Iterator[list[_Chosen]]:
    held: list[_Chosen] = []
    tokens = 0
    for one in chosen:
        held.append(one)
        tokens += one.row["tokens"]
        if tokens >= _CHUNK:
            yield held
            held, tokens = [], 0
    if held:
        yield held


def _rows(
    part: _Part,
    split: str,
    chosen: Sequence[_Chosen],
    found: Sequence[npt.NDArray[np.int64]],
    starts: Sequence[int],
) -> dict[str, list[Any]]:
    rows: dict[str, list[Any]] = {name: [] for name in rows_schema().names}
    for one, ids, start in zip(chosen, found, starts, strict=True):
        metadata = {**json.loads(one.row["metadata"]), "corpus": part.corpus.folder.name}
        made = one.row["augmented"] or one.repeat > 0
        values = {
            **one.row,
            "split": split,
            "tokens": len(ids),
            "first_token": start,
            "augmented": made,
            "metadata": json.dumps(metadata, ensure_ascii=False, sort_keys=True),
            "digest": digest(ids[1:-1]),
        }
        for name, column in rows.items():
            column.append(values[name])
    return rows


def _side(
    counts: Mapping[str, int], shards: Sequence[tuple[ShardFile, ShardFile | None]]
) -> SplitSide:
    return SplitSide(
        documents=counts["documents"],
        augmented=counts["augmented"],
        units=counts["units"],
        tokens=sum(shard.tokens for shard, _ in shards),
        shards=tuple(shard for shard, _ in shards),
        weights=tuple(weights for _, weights in shards),
    )


def _skipped(manifests: Sequence[Manifest]) -> dict[str, SkippedRecord]:
    found: dict[str, SkippedRecord] = {}
    for manifest in manifests:
        for reason, record in manifest.skipped.items():
            known = found.get(reason, SkippedRecord(count=0, examples=()))
            examples = (*known.examples, *record.examples)
            found[reason] = SkippedRecord(count=known.count + record.count, examples=examples)
    return found


def _mixed(part: _Part, repeats: float, start: int, stop: int) -> MixedPart:
    manifest = part.corpus.manifest
    return MixedPart(
        corpus=str(part.corpus.folder),
        fingerprint=manifest.fingerprint,
        language=manifest.language,
        options=manifest.options,
        unit=manifest.unit,
        weight=part.weight,
        repeats=repeats,
        valid_start=start,
        valid_stop=stop,
    )

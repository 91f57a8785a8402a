"""Corpora mixed into one, by weight: of one language, or of several in a joint vocabulary."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import lexome
from lexome.corpus.chosen import Choice, Chosen
from lexome.corpus.corpus import DOCUMENTS, SHARDS, TOKENIZER, Corpus
from lexome.corpus.documents import DocumentsTable, write_table
from lexome.corpus.leak import LeakSearch, summed
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
from lexome.corpus.scan import SkippedTally
from lexome.corpus.shards import write_shard
from lexome.errors import LexomeError, UsageError
from lexome.files import naming
from lexome.languages.base import Language, Tokenizer
from lexome.languages.joint import Joint, JointTokenizer


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
    if seed < 0:
        raise UsageError(f"seed must be at least 0, not {seed}")
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
    if bad := [part for part in parts if not 0 < part.weight < math.inf]:
        raise UsageError("a weight must be more than 0", where=str(bad[0].corpus.folder))
    seen: dict[str, Path] = {}
    for part in parts:
        if part.corpus.fingerprint in seen:
            raise UsageError(
                "these two corpora hold the same tokens",
                where=f"{seen[part.corpus.fingerprint]} and {part.corpus.folder}",
                fix="name each corpus once, with the weight that it shall have",
            )
        seen[part.corpus.fingerprint] = part.corpus.folder
        if part.corpus.manifest.train.features:
            raise UsageError(
                "this corpus holds features of frames, which a mixture does not carry",
                where=str(part.corpus.folder),
                fix="prepare it with a tokenizer whose tokens say everything",
            )
    names = [part.corpus.manifest.language for part in parts]
    if Joint.name in names and len(set(names)) > 1:
        raise UsageError(
            "a mixture of languages cannot be mixed with another language",
            where=str(parts[names.index(Joint.name)].corpus.folder),
            fix="mix all its corpora again, together with the new one",
        )
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


@dataclass(frozen=True)
class _Piece:
    shard: ShardFile
    weights: ShardFile | None
    documents: int
    augmented: int
    units: int


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
        written: dict[str, list[_Piece]] = {TRAIN: [], VALID: []}
        borders = [0]
        for number, (part, repeats) in enumerate(zip(self.parts, self.repeats, strict=True)):
            for split, found in written.items():
                seed = (self.seed, number)
                for chosen in Choice(part.corpus, split, repeats, seed, self.tokenizer):
                    found.append(self._write(f"{SHARDS}/{split}-{len(found):05d}", chosen))
                    rows = self.folder / f"rows-{len(pieces):05d}.parquet"
                    write_table(rows, chosen.rows)
                    pieces.append((rows, {split: len(chosen.tokens)}))
            borders.append(sum(piece.shard.tokens for piece in written[VALID]))
        table = DocumentsTable()
        documents = table.write(iter(pieces), self.folder / DOCUMENTS)
        for path, _ in pieces:
            path.unlink()
        sides = {split: _side(found) for split, found in written.items()}
        leak = self._leaks(sides, table, workers)
        self._manifest(sides, documents, leak, borders).write(self.folder)

    @property
    def repeats(self) -> list[float]:
        """Return how often the documents of each part are taken; the least often, once."""
        wanted = [part.weight / part.tokens for part in self.parts]
        return [one / min(wanted) for one in wanted]

    def _write(self, name: str, chosen: Chosen) -> _Piece:
        weights = chosen.weights
        return _Piece(
            write_shard(self.folder, f"{name}.npy", chosen.tokens),
            None if weights is None else write_shard(self.folder, f"{name}.weights.npy", weights),
            documents=len(chosen.rows),
            augmented=int(chosen.rows["augmented"].to_numpy().sum()),
            units=int(chosen.rows["units"].to_numpy().sum()),
        )

    def _leaks(
        self, sides: Mapping[str, SplitSide], table: DocumentsTable, workers: int
    ) -> LeakCheck:
        if isinstance(self.tokenizer, JointTokenizer):
            # Nothing of one language stands in another, so what each corpus knows is all there is.
            return summed([part.corpus.manifest.leak for part in self.parts])
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
        licences = dict.fromkeys(one.licence for one in manifests if one.licence)
        return Manifest(
            lexome=lexome.__version__,
            language=self.language.name,
            options=dict(self.language.options),
            unit=self.language.unit,
            licence="; ".join(licences),
            sources=tuple({file.path: file for one in manifests for file in one.sources}.values()),
            request={
                "mix": [[str(part.corpus.folder), part.weight] for part in self.parts],
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


def _side(pieces: Sequence[_Piece]) -> SplitSide:
    return SplitSide(
        documents=sum(piece.documents for piece in pieces),
        augmented=sum(piece.augmented for piece in pieces),
        units=sum(piece.units for piece in pieces),
        tokens=sum(piece.shard.tokens for piece in pieces),
        shards=tuple(piece.shard for piece in pieces),
        weights=tuple(piece.weights for piece in pieces),
    )


def _skipped(manifests: Sequence[Manifest]) -> dict[str, SkippedRecord]:
    tally = SkippedTally()
    for manifest in manifests:
        tally.merge(manifest.skipped)
    return tally.records()


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

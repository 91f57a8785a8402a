"""From source files to a corpus on disk: in parallel, in flat memory, resumable at any moment."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lexome
from lexome import languages
from lexome.corpus.corpus import DOCUMENTS, SHARDS, TOKENIZER, Corpus
from lexome.corpus.documents import DocumentsTable
from lexome.corpus.encode import OVERLAPS, Encode, PieceRecord, SwapCounts
from lexome.corpus.journal import PARTIAL, Journal, another_corpus, remove_partial
from lexome.corpus.leak import LeakSearch
from lexome.corpus.manifest import (
    NAME,
    TRAIN,
    VALID,
    LeakCheck,
    Manifest,
    ShardFile,
    SkippedRecord,
    SourceFile,
    SplitSide,
    SwapRecord,
    TokenizerRecord,
    fingerprint,
    folder_sha256,
)
from lexome.corpus.ngrams import NgramReader
from lexome.corpus.planning import Planner, check_sources, empty_side
from lexome.corpus.pool import Pool
from lexome.corpus.reading import (
    Piece,
    Plan,
    read_pieces,
    read_routed,
)
from lexome.corpus.request import PrepareObserver, PrepareRequest, Progress
from lexome.corpus.sample import check_trainable, held_out, make_tokenizer
from lexome.corpus.scan import SkippedTally
from lexome.errors import LexomeError, UsageError
from lexome.files import naming
from lexome.languages.base import Language, Tokenizer
from lexome.languages.sources import file_name
from lexome.languages.swap_files import read_swap
from lexome.languages.swapping import Swap


def prepare(
    request: PrepareRequest,
    folder: Path,
    *,
    observer: PrepareObserver | None = None,
    language: Language | None = None,
) -> Corpus:
    """Make the corpus that `request` describes in `folder` and return it.

    If it is there already it is opened; if a run was stopped half-way, however hard, it is gone
    on with, and the result is the same to the byte. `language` stands in for the one that
    the request names, for a language that lexome does not know by name.

    Raises `LexomeError` if the folder holds something else, if the sources have changed since the
    corpus was begun, if nothing readable is found or one side of the split is empty, if a
    document cannot be read or encoded, if terms are to be swapped that no document holds, and if
    the folder cannot be written.
    """
    folder = Path(folder)
    observer = observer or PrepareObserver()
    language = language or languages.get(request.language, **request.options)
    identity = request.identity(language)
    if (folder / NAME).is_file():
        corpus = _finished(folder, identity, request, language, observer)
        observer.told("the corpus is there already")
        return corpus
    _check_free(folder, request)
    check_trainable(request, language)
    swap = _swap(request, language)
    with Journal.open(folder, identity) as journal, Pool(request.processes) as pool:
        run = _Preparation(request, language, folder, observer, journal, pool, swap)
        run.make(identity)
    remove_partial(folder)
    return Corpus.open(folder, language=language)


def _swap(request: PrepareRequest, language: Language) -> Swap | None:
    if request.swap is None:
        return None
    return read_swap(request.swap, request.swap_except, language)


@dataclass
class _Preparation:
    request: PrepareRequest
    language: Language
    folder: Path
    observer: PrepareObserver
    journal: Journal
    pool: Pool
    swap: Swap | None
    documents: int = 0
    tokens: int = 0

    def make(self, identity: Mapping[str, Any]) -> None:
        plan = Planner(self.request, self.language, self.observer, self.journal, self.pool).plan()
        if plan.split.record.note:
            self.observer.told(plan.split.record.note)
        tokenizer, record = self._tokenizer(plan)
        pieces = self._pieces(plan, tokenizer)
        skipped = self._skipped(plan, pieces)
        swapped = self._swapped(pieces)
        table = DocumentsTable()
        documents = table.write(
            ((self.journal.partial / piece.rows, piece.tokens) for piece in pieces),
            self.folder / DOCUMENTS,
        )
        sides = {split: _side(split, pieces) for split in (TRAIN, VALID)}
        for split, side in sides.items():
            if not side.documents:
                raise empty_side(split, self.request)
        leak = self._leaks(sides, tokenizer, table)
        fidelity = self._fidelity(plan, tokenizer)
        manifest = self._manifest(
            identity, plan, record, sides, documents, leak, skipped, fidelity, swapped
        )
        manifest.write(self.folder)

    def _tokenizer(self, plan: Plan) -> tuple[Tokenizer, TokenizerRecord]:
        folder = self.folder / TOKENIZER
        record = self.journal.tokenizer()
        if record is not None and folder.is_dir() and folder_sha256(folder) == record.sha256:
            return languages.load_tokenizer(folder), record
        tokenizer, record = make_tokenizer(
            self.request,
            self.language,
            plan.split.train_units,
            lambda: self._read(plan),
            folder,
            self.swap,
        )
        self.journal.write_tokenizer(record)
        return tokenizer, record

    def _read(self, plan: Plan) -> Iterator[Any]:
        done = told = 0
        unit = self.language.unit
        self.observer.advanced(Progress("tokenizer", 0, plan.units, unit))
        for routed in read_routed(self.language, plan):
            yield routed
            done += routed.units
            if done - told >= plan.units // 100:
                self.observer.advanced(Progress("tokenizer", done, plan.units, unit))
                told = done

    def _pieces(self, plan: Plan, tokenizer: Tokenizer) -> list[PieceRecord]:
        for number in self.journal.load_pieces():
            self.observer.told(f"piece {number} is not as it was written and is made again")
        done = 0
        for record in self.journal.pieces.values():
            done += self._count(record)
        self._advance(done, plan)
        task = Encode(
            self.language, tokenizer, self.folder, SHARDS, self.folder / PARTIAL, self.swap
        )
        for record in self.pool.map(task, self._unfinished(plan)):
            self.journal.add(record)
            done += self._count(record)
            self._advance(done, plan)
        return [self.journal.pieces[number] for number in sorted(self.journal.pieces)]

    def _skipped(self, plan: Plan, pieces: Sequence[PieceRecord]) -> dict[str, SkippedRecord]:
        tally = SkippedTally()
        for piece in pieces:
            tally.merge(piece.skipped)
        if count := tally.counts.get(OVERLAPS, 0):
            self.observer.told(
                f"{count} documents that overlap the training split are left out of validation"
            )
        tally.merge(plan.skipped)
        return tally.records()

    def _swapped(self, pieces: Sequence[PieceRecord]) -> SwapRecord | None:
        if self.swap is None:
            return None
        counts = sum((piece.swapped for piece in pieces), SwapCounts())
        if not counts.swapped:
            _abandon(self.folder)
            raise _nothing_swapped(counts.left_alone, self.request)
        declared = {str(phrase) for phrase in self.swap.partners}
        return SwapRecord(
            declared=len(self.swap.partners),
            names=len(self.swap.names),
            absent=tuple(sorted(declared - counts.found)),
            **counts.model_dump(exclude={"found"}),
        )

    def _unfinished(self, plan: Plan) -> Iterator[Piece]:
        finished = frozenset(self.journal.pieces)
        for piece in read_pieces(self.language, plan):
            if piece.number not in finished:
                yield piece

    def _count(self, record: PieceRecord) -> int:
        self.documents += sum(side.documents for side in record.sides.values())
        self.tokens += sum(record.tokens.values())
        return record.units

    def _advance(self, done: int, plan: Plan) -> None:
        self.observer.advanced(
            Progress("encode", done, plan.units, self.language.unit, self.documents, self.tokens)
        )

    def _leaks(
        self, sides: Mapping[str, SplitSide], tokenizer: Tokenizer, table: DocumentsTable
    ) -> LeakCheck:
        reader = NgramReader(self.folder, self.language, tokenizer)
        search = LeakSearch(reader, self.folder / DOCUMENTS, sides, table.digests)
        done = 0
        self.observer.advanced(self._leak_progress(done))
        for more in search.run(self.pool):
            done += more
            self.observer.advanced(self._leak_progress(done))
        augmented = sides[TRAIN].augmented
        forms = f"{augmented} in train, searched too" if augmented else "none in train"
        return search.result(augmented_forms=forms)

    def _fidelity(self, plan: Plan, tokenizer: Tokenizer) -> dict[str, float]:
        if not tokenizer.lossy:
            return {}
        chosen = held_out(read_routed(self.language, plan), plan.split.record.seed)
        return dict(self.language.fidelity(tokenizer, chosen))

    def _leak_progress(self, done: int) -> Progress:
        return Progress("leak check", done, self.tokens, "token", self.documents, self.tokens)

    def _manifest(
        self,
        identity: Mapping[str, Any],
        plan: Plan,
        tokenizer: TokenizerRecord,
        sides: Mapping[str, SplitSide],
        documents: ShardFile,
        leak: LeakCheck,
        skipped: Mapping[str, SkippedRecord],
        fidelity: dict[str, float],
        swapped: SwapRecord | None,
    ) -> Manifest:
        sources = [
            SourceFile(path=file_name(file.path), bytes=file.bytes, sha256=file.sha256)
            for file in plan.files
        ]
        for path, checksum in plan.named_files.items():
            size = Path(path).stat().st_size
            sources.append(SourceFile(path=path, bytes=size, sha256=checksum))
        written = sides[TRAIN].documents - sides[TRAIN].augmented + sides[VALID].documents
        written += skipped[OVERLAPS].count if OVERLAPS in skipped else 0
        written -= 0 if swapped is None else swapped.swapped
        cut = written - sum(file.documents for file in plan.files)
        return Manifest(
            lexome=lexome.__version__,
            language=self.language.name,
            options=dict(self.language.options),
            unit=self.language.unit,
            licence=self.request.licence,
            sources=tuple(sources),
            request=dict(identity),
            tokenizer=tokenizer,
            split=plan.split.record.model_copy(update={"cut_documents": cut}),
            groups=plan.groups,
            swap=swapped,
            train=sides[TRAIN],
            valid=sides[VALID],
            skipped=dict(skipped),
            documents=documents,
            leak=leak,
            fidelity=fidelity,
            fingerprint=fingerprint(self.language.name, tokenizer.sha256, sides),
        )


def _side(split: str, pieces: Sequence[PieceRecord]) -> SplitSide:
    parts = [piece.sides[split] for piece in pieces if split in piece.sides]
    return SplitSide(
        documents=sum(part.documents for part in parts),
        augmented=sum(part.augmented for part in parts),
        made=sum((Counter(part.made) for part in parts), Counter()),
        units=sum(part.units for part in parts),
        tokens=sum(part.shard.tokens for part in parts),
        shards=tuple(part.shard for part in parts),
        weights=tuple(part.weights for part in parts),
        features=tuple(part.features for part in parts if part.features),
    )


def _abandon(folder: Path) -> None:
    """Remove what was made of a corpus: another request has no use for it."""
    with naming(folder):
        for name in (SHARDS, TOKENIZER, PARTIAL):
            shutil.rmtree(folder / name)
        if not any(folder.iterdir()):
            folder.rmdir()


def _nothing_swapped(left_alone: int, request: PrepareRequest) -> LexomeError:
    if not left_alone:
        return LexomeError(
            "no training document holds a term that is to be swapped",
            where=str(request.swap),
            fix="terms are whole words: see how the texts spell them",
        )
    return LexomeError(
        f"all the {left_alone:,} training documents with a term to swap name somebody whose "
        "documents are left alone",
        where=str(request.swap_except),
        fix="list fewer names, or make smaller documents, as by --option separator=blank_line",
    )


def _finished(
    folder: Path,
    identity: Mapping[str, Any],
    request: PrepareRequest,
    language: Language,
    observer: PrepareObserver,
) -> Corpus:
    """Return the corpus that is there, if it is the one that is asked for."""
    manifest = Manifest.read(folder)
    if manifest.request != json.loads(json.dumps(identity)):
        raise another_corpus(folder, manifest.request, identity, "a corpus")
    check_sources(manifest.sources, request, language, observer)
    remove_partial(folder)
    return Corpus.open(folder, language=language)


def _check_free(folder: Path, request: PrepareRequest) -> None:
    with naming(folder):
        for source in map(Path, (*request.sources, *request.validation_files)):
            if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
                raise UsageError(
                    "the corpus would lie inside its own sources",
                    where=f"{folder}, in {source}",
                    fix="name a folder beside the sources",
                )
        if folder.is_dir() and not (folder / PARTIAL).is_dir() and any(folder.iterdir()):
            raise LexomeError(
                "the folder is not empty, and what it holds is no corpus",
                where=str(folder),
                fix="name a new folder",
            )

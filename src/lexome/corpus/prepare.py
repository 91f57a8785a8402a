"""From source files to a corpus on disk: in parallel, in flat memory, resumable at any moment."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lexome
from lexome import languages
from lexome.corpus.corpus import DOCUMENTS, SHARDS, TOKENIZER, Corpus
from lexome.corpus.encode import Encode, PieceRecord
from lexome.corpus.journal import PARTIAL, Journal, another_corpus, remove_partial
from lexome.corpus.keys import KeyHash
from lexome.corpus.leak import LeakSearch
from lexome.corpus.manifest import (
    NAME,
    TRAIN,
    VALID,
    LeakCheck,
    Manifest,
    ShardFile,
    SourceFile,
    SplitSide,
    TokenizerRecord,
    fingerprint,
    folder_sha256,
)
from lexome.corpus.pool import Pool
from lexome.corpus.reading import (
    InputFile,
    Piece,
    Plan,
    read_pieces,
    read_routed,
    sources_changed,
)
from lexome.corpus.request import PrepareObserver, PrepareRequest, Progress
from lexome.corpus.sample import check_trainable, make_tokenizer
from lexome.corpus.scan import Scan, Scanned, common_folder, scan
from lexome.corpus.split import SplitPlan, by_document, by_files, by_tail
from lexome.corpus.writer import DocumentsTable
from lexome.errors import LexomeError, UsageError
from lexome.files import naming, sha256
from lexome.languages.base import Language, Skipped, Tokenizer
from lexome.languages.sources import file_name, find_files


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
    document cannot be read or encoded, and if the folder cannot be written.
    """
    folder = Path(folder)
    observer = observer or PrepareObserver()
    language = language or languages.get(request.language, **request.options)
    identity = request.identity(language)
    if (folder / NAME).is_file():
        corpus = _finished(folder, identity, language)
        observer.told("the corpus is there already")
        return corpus
    _check_free(folder, request)
    check_trainable(request, language)
    with Journal.open(folder, identity) as journal, Pool(request.processes) as pool:
        run = _Preparation(request, language, folder, observer, journal, pool)
        run.make(identity)
    remove_partial(folder)
    return Corpus.open(folder, language=language)


@dataclass
class _Preparation:
    request: PrepareRequest
    language: Language
    folder: Path
    observer: PrepareObserver
    journal: Journal
    pool: Pool
    documents: int = 0
    tokens: int = 0

    def make(self, identity: Mapping[str, Any]) -> None:
        plan = self._plan()
        if plan.split.record.note:
            self.observer.told(plan.split.record.note)
        tokenizer, record = self._tokenizer(plan)
        pieces = self._pieces(plan, tokenizer)
        table = DocumentsTable()
        documents = table.write(
            ((self.journal.partial / piece.rows, piece.tokens) for piece in pieces),
            self.folder / DOCUMENTS,
        )
        sides = {split: _side(split, pieces) for split in (TRAIN, VALID)}
        for split, side in sides.items():
            if not side.documents:
                raise _empty(split, self.request)
        leak = self._leaks(sides, tokenizer, table)
        self._manifest(identity, plan, record, sides, documents, leak).write(self.folder)

    def _plan(self) -> Plan:
        plan = self.journal.plan()
        if plan is not None:
            self.observer.told("going on with the corpus that was begun here")
            self._check_sources(plan)
            return plan
        files, passed_over, note = self._find()
        keys = KeyHash(self.request.seed, common_folder(path for path, _ in files))
        scanned = self._scan(files, passed_over, keys)
        split = self._split(scanned, note)
        plan = Plan(
            files=tuple(
                InputFile(
                    path=file.path,
                    validation=file.validation,
                    bytes=file.bytes,
                    sha256=file.sha256,
                    documents=file.documents,
                    units=file.units,
                )
                for file in scanned.files
            ),
            option_files={path: sha256(Path(path)) for path in _option_files(self.language)},
            skipped=scanned.skipped.records(),
            split=split,
            folder=keys.folder,
        )
        self.journal.write_plan(plan)
        return plan

    def _find(self) -> tuple[list[tuple[Path, bool]], list[Skipped], str]:
        """Return the files, each with whether it is for validation, and what is passed over."""
        suffixes = self.language.suffixes
        files, passed_over = find_files(self.request.sources, suffixes)
        if not self.request.validation_files:
            return [(path, False) for path in files], passed_over, ""
        held_out, more = find_files(self.request.validation_files, suffixes)
        real = {path.resolve() for path in held_out}
        kept = [path for path in files if path.resolve() not in real]
        note = ""
        if both := len(files) - len(kept):
            note = f"{both} of the sources are validation files, and so not in train"
        return (
            [(path, False) for path in kept] + [(path, True) for path in held_out],
            passed_over + more,
            note,
        )

    def _scan(
        self, files: Sequence[tuple[Path, bool]], passed_over: Sequence[Skipped], keys: KeyHash
    ) -> Scanned:
        with naming(self.folder):
            total = sum(path.stat().st_size for path, _ in files)
        done = 0
        self.observer.advanced(Progress("scan", done, total, "byte"))
        for outcome in scan(self.pool, Scan(self.language, keys), files, passed_over):
            if isinstance(outcome, Scanned):
                return outcome
            done += outcome
            self.observer.advanced(Progress("scan", done, total, "byte"))
        raise AssertionError("a scan ends with what it found")

    def _split(self, scanned: Scanned, note: str) -> SplitPlan:
        train, valid = scanned.total(validation=False), scanned.total(validation=True)
        fraction, seed = self.request.validation, self.request.seed
        if train + valid == 0:
            raise _unreadable(scanned, self.request)
        if self.request.validation_files:
            for split, units in ((TRAIN, train), (VALID, valid)):
                if not units:
                    raise _empty(split, self.request)
            return by_files(seed, train, valid, note)
        if self.request.split == "tail":
            return by_tail(fraction, seed, train, "tail", "")
        return by_document(fraction, seed, scanned.histogram())

    def _check_sources(self, plan: Plan) -> None:
        total, done = sum(file.bytes for file in plan.files), 0
        self.observer.advanced(Progress("scan", done, total, "byte"))
        for file in plan.files:
            if sha256(file.path) != file.sha256:
                raise sources_changed(file.path)
            done += file.bytes
            self.observer.advanced(Progress("scan", done, total, "byte"))
        for path, checksum in plan.option_files.items():
            if sha256(Path(path)) != checksum:
                raise sources_changed(Path(path))
        found = {path.resolve() for path, _ in self._find()[0]}
        if strange := found ^ {file.path.resolve() for file in plan.files}:
            raise sources_changed(min(strange))

    def _tokenizer(self, plan: Plan) -> tuple[Tokenizer, TokenizerRecord]:
        folder = self.folder / TOKENIZER
        record = self.journal.tokenizer()
        if record is not None and folder.is_dir() and folder_sha256(folder) == record.sha256:
            return languages.load_tokenizer(folder), record
        tokenizer, record = make_tokenizer(
            self.request, self.language, plan.split.train_units, lambda: self._read(plan), folder
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
        task = Encode(self.language, tokenizer, self.folder, SHARDS, self.folder / PARTIAL)
        for record in self.pool.map(task, self._unfinished(plan)):
            self.journal.add(record)
            done += self._count(record)
            self._advance(done, plan)
        return [self.journal.pieces[number] for number in sorted(self.journal.pieces)]

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
        search = LeakSearch(
            self.folder, self.folder / DOCUMENTS, sides, tokenizer.special, table.digests
        )
        done = 0
        self.observer.advanced(self._leak_progress(done))
        for more in search.run(self.pool):
            done += more
            self.observer.advanced(self._leak_progress(done))
        augmented = sides[TRAIN].augmented
        forms = f"{augmented} in train, searched too" if augmented else "none in train"
        return search.result(augmented_forms=forms)

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
    ) -> Manifest:
        sources = [
            SourceFile(path=file_name(file.path), bytes=file.bytes, sha256=file.sha256)
            for file in plan.files
        ]
        for path, checksum in plan.option_files.items():
            size = Path(path).stat().st_size
            sources.append(SourceFile(path=path, bytes=size, sha256=checksum))
        cut = (sides[TRAIN].documents - sides[TRAIN].augmented + sides[VALID].documents) - sum(
            file.documents for file in plan.files
        )
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
            train=sides[TRAIN],
            valid=sides[VALID],
            skipped=plan.skipped,
            documents=documents,
            leak=leak,
            fingerprint=fingerprint(self.language.name, tokenizer.sha256, sides),
        )


def _side(split: str, pieces: Sequence[PieceRecord]) -> SplitSide:
    parts = [piece.sides[split] for piece in pieces if split in piece.sides]
    return SplitSide(
        documents=sum(part.documents for part in parts),
        augmented=sum(part.augmented for part in parts),
        units=sum(part.units for part in parts),
        tokens=sum(part.shard.tokens for part in parts),
        shards=tuple(part.shard for part in parts),
        weights=tuple(part.weights for part in parts),
    )


def _finished(folder: Path, identity: Mapping[str, Any], language: Language) -> Corpus:
    """Return the corpus that is there, if it is the one that is asked for."""
    manifest = Manifest.read(folder)
    if manifest.request != json.loads(json.dumps(identity)):
        raise another_corpus(folder, manifest.request, identity, "a corpus")
    for source in manifest.sources:
        path = Path(source.path)
        # Sources may be gone once their corpus is made; those that are there must be the same.
        if path.is_file() and path.stat().st_size != source.bytes:
            raise sources_changed(path)
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


def _option_files(language: Language) -> list[str]:
    """Return the files that the language's options name: they decide what is read, too."""
    return sorted(
        value
        for value in language.options.values()
        if isinstance(value, str) and Path(value).suffix and Path(value).expanduser().is_file()
    )


def _empty(split: str, request: PrepareRequest) -> LexomeError:
    fix = "name validation files that hold documents" if request.validation_files else "add data"
    if request.validation_files and split == TRAIN:
        fix = "name sources that are no validation files"
    return LexomeError(
        f"the {'training' if split == TRAIN else 'validation'} split is empty",
        where=", ".join(str(source) for source in request.sources),
        fix=fix,
    )


def _unreadable(scanned: Scanned, request: PrepareRequest) -> LexomeError:
    reasons = ", ".join(f"{count} {reason}" for reason, count in scanned.skipped.counts.items())
    return LexomeError(
        f"there is no readable document here{f' (left out: {reasons})' if reasons else ''}",
        where=", ".join(str(source) for source in request.sources),
        fix="name files that hold something, or allow what was left out by the language's options",
    )

"""What is decided before the first token: which files, how they are split, what is left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from lexome.corpus.groups import Groups, key_digest, write_groups
from lexome.corpus.journal import Journal
from lexome.corpus.keys import KeyHash
from lexome.corpus.manifest import TRAIN, VALID, SourceFile
from lexome.corpus.pool import Pool
from lexome.corpus.reading import InputFile, Plan, sources_changed
from lexome.corpus.request import PrepareObserver, PrepareRequest, Progress
from lexome.corpus.scan import Scan, Scanned, common_folder, scan
from lexome.corpus.split import SplitPlan, by_document, by_files, by_metadata, by_tail
from lexome.errors import LexomeError, UsageError
from lexome.files import check_sha256, naming, sha256
from lexome.languages.base import Document, Language, Skipped
from lexome.languages.grouping import GroupsDocuments
from lexome.languages.sources import NamesFiles, file_name, find_files


@dataclass(frozen=True)
class Planner:
    """Makes the plan of a corpus, or finds the one that a stopped run has made."""

    request: PrepareRequest
    language: Language
    observer: PrepareObserver
    journal: Journal
    pool: Pool

    def plan(self) -> Plan:
        """Return the plan: read back and checked against the sources, or made and kept."""
        plan = self.journal.plan()
        if plan is not None:
            self.observer.told("going on with the corpus that was begun here")
            self._check_sources(plan)
            return plan.model_copy(update={"groups_folder": self.journal.folder})
        files, passed_over, note = self._find()
        keys = KeyHash(self.request.seed, common_folder(path for path, _ in files))
        keys = replace(keys, groups=self._groups([path for path, _ in files], keys))
        scanned = self._scan(files, passed_over, keys)
        split = self._split(scanned, note, keys.groups)
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
            named_files={str(path): sha256(path) for path in self._named([p for p, _ in files])},
            skipped=scanned.skipped.records(),
            split=split,
            folder=keys.folder,
            groups=None if keys.groups is None else keys.groups.record,
            groups_folder=self.journal.folder,
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

    def _named(self, files: Sequence[Path]) -> Iterator[Path]:
        """Yield the files that the request, options and `files` name, each once."""
        named = [*self.request.swap_files, *self.language.option_files]
        if isinstance(self.language, NamesFiles):
            named += [one for path in files for one in self.language.named_files(path)]
        yield from dict.fromkeys(named)

    def _groups(self, files: Sequence[Path], keys: KeyHash) -> Groups | None:
        """Return the groups in which the language wants its documents split, if it has any."""
        language = self.language
        grouper = language.grouper() if isinstance(language, GroupsDocuments) else None
        if grouper is None:
            return None
        named = self.request.validation_files or self.request.validation_where
        if named or self.request.split != "document":
            raise UsageError(
                f"{grouper.name} cannot be kept together where "
                f"{'you name what is held out' if named else 'the tail is held out'}",
                fix="leave that to the split by document, or leave out the language's option",
            )
        digests: list[int] = []
        with self.journal.scratch() as scratch:
            shown = self._shown(files, keys, digests)
            grouped = grouper.group(shown, scratch, self.request.processes)
        found = write_groups(self.journal.folder, grouper.name, digests, grouped)
        self.observer.told(str(found.record))
        return found

    def _shown(
        self, files: Sequence[Path], keys: KeyHash, digests: list[int]
    ) -> Iterator[Document]:
        """Yield all documents, in order; the digest of each one's split key joins `digests`."""
        with naming(self.journal.folder):
            total = sum(path.stat().st_size for path in files)
        done = 0
        for path in files:
            self.observer.advanced(Progress("group", done, total, "byte"))
            for entry in self.language.read(path):
                if not isinstance(entry, Skipped):
                    digests.append(key_digest(keys.inside(self.language.split_key(entry))))
                    yield entry
            with naming(path):
                done += path.stat().st_size
        self.observer.advanced(Progress("group", done, total, "byte"))

    def _scan(
        self, files: Sequence[tuple[Path, bool]], passed_over: Sequence[Skipped], keys: KeyHash
    ) -> Scanned:
        with naming(self.journal.folder):
            total = sum(path.stat().st_size for path, _ in files)
        done = 0
        self.observer.advanced(Progress("scan", done, total, "byte"))
        task = Scan(self.language, keys, self.request.validation_where)
        for outcome in scan(self.pool, task, files, passed_over):
            if isinstance(outcome, Scanned):
                return outcome
            done += outcome
            self.observer.advanced(Progress("scan", done, total, "byte"))
        raise AssertionError("a scan ends with what it found")

    def _split(self, scanned: Scanned, note: str, groups: Groups | None) -> SplitPlan:
        valid = scanned.held_out
        train = scanned.units - valid
        fraction, seed = self.request.validation, self.request.seed
        if train + valid == 0:
            raise _unreadable(scanned, self.request)
        where = self.request.validation_where
        if self.request.validation_files or where:
            for split, units in ((TRAIN, train), (VALID, valid)):
                if not units:
                    raise empty_side(split, self.request)
            if where:
                return by_metadata(seed, train, valid, where)
            return by_files(seed, train, valid, note)
        if self.request.split == "tail":
            return by_tail(fraction, seed, train, "tail", "")
        plan = by_document(fraction, seed, scanned.histogram())
        if groups is not None and plan.record.how != "document":
            raise LexomeError(
                f"no part of about {100 * fraction:g} % can be held out of {groups.record}",
                where=", ".join(str(source) for source in self.request.sources),
                fix="ask for closer relatives only (a higher identity, say), or hold out more",
            )
        return plan

    def _check_sources(self, plan: Plan) -> None:
        total, done = sum(file.bytes for file in plan.files), 0
        self.observer.advanced(Progress("scan", done, total, "byte"))
        for file in plan.files:
            if sha256(file.path) != file.sha256:
                raise sources_changed(file.path)
            done += file.bytes
            self.observer.advanced(Progress("scan", done, total, "byte"))
        for path, checksum in plan.named_files.items():
            if sha256(Path(path)) != checksum:
                raise sources_changed(Path(path))
        if plan.groups is not None:
            for table in (plan.groups.keys, plan.groups.numbers):
                check_sha256(self.journal.folder / table.path, table.sha256)
        found = {path.resolve() for path, _ in self._find()[0]}
        if strange := found ^ {file.path.resolve() for file in plan.files}:
            raise sources_changed(min(strange))


def check_sources(
    known: Sequence[SourceFile],
    request: PrepareRequest,
    language: Language,
    observer: PrepareObserver,
) -> None:
    """Raise `LexomeError` if the sources hold a file that is new, or not as it is known.

    Sources may be gone once their corpus is made; those that are there must be the same.
    """
    recorded = {file_name(Path(source.path).resolve()): source for source in known}
    there = [path for source in known if (path := Path(source.path)).is_file()]
    for source in (*request.sources, *request.validation_files):
        # What is gone is no error here.
        with suppress(LexomeError):
            there += find_files([source], language.suffixes)[0]
    found = {file_name(path.resolve()): path for path in there}
    if new := found.keys() - recorded.keys():
        what = "the sources hold a file that this corpus was made without"
        raise sources_changed(found[min(new)], what)
    total, done = sum(recorded[name].bytes for name in found), 0
    for name, path in found.items():
        observer.advanced(Progress("scan", done, total, "byte"))
        with naming(path):
            size = path.stat().st_size
        if size != recorded[name].bytes or sha256(path) != recorded[name].sha256:
            raise sources_changed(path)
        done += size


def empty_side(split: str, request: PrepareRequest) -> LexomeError:
    """Return the error for a side of the split that nothing came to."""
    if request.validation_where:
        fix = "no document, or every one, has these metadata: see documents.parquet of a corpus"
    elif not request.validation_files:
        fix = "add data, or change how much of it is held out"
    elif split == TRAIN:
        fix = "name sources that are no validation files"
    else:
        fix = "name validation files that hold documents"
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

"""What is finished of a corpus that is being made, so that a run that was killed can go on.

`folder/.partial` holds the request, the plan, and a journal with one line for each finished
piece. A line is written and synced when the files that it names are on the disk, and carries
its own checksum: the torn last line of a killed run is as if it had not been written.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import ValidationError

from lexome.corpus.encode import PieceRecord
from lexome.corpus.manifest import TokenizerRecord
from lexome.corpus.reading import Plan
from lexome.errors import LexomeError
from lexome.files import naming, read_json, sha256, write_json, write_text

PARTIAL = ".partial"
_REQUEST, _PLAN, _TOKENIZER = "request.json", "plan.json", "tokenizer.json"
_PIECES, _LOCK, _SCRATCH = "pieces.jsonl", "lock", "scratch"


class Journal:
    """The state of one unfinished corpus. Open it with `Journal.open`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.partial = folder / PARTIAL
        self.pieces: dict[int, PieceRecord] = {}
        self._stream: BinaryIO | None = None

    @classmethod
    @contextmanager
    def open(cls, folder: Path, identity: Mapping[str, Any]) -> Iterator[Journal]:
        """Begin or go on with the corpus in `folder`.

        Another run is an error, and another request is, once there is a plan. Only one
        process can have it open. What a killed run left half-written is removed.
        """
        journal = cls(folder)
        with naming(folder):
            journal.partial.mkdir(parents=True, exist_ok=True)
            with (journal.partial / _LOCK).open("wb") as lock:
                _take(lock, folder)
                journal._check_request(identity)
                journal._remove_torn()
                try:
                    yield journal
                finally:
                    if journal._stream is not None:
                        journal._stream.close()

    def plan(self) -> Plan | None:
        """Return the plan, if there is one already."""
        path = self.partial / _PLAN
        return Plan.model_validate(read_json(path)) if path.is_file() else None

    def write_plan(self, plan: Plan) -> None:
        """Keep the plan."""
        # In ASCII: the name of a file may hold bytes that are no UTF-8.
        text = json.dumps(plan.model_dump(mode="python"), default=_plain, indent=1)
        write_text(self.partial / _PLAN, text)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Yield an empty folder that is removed afterwards, also that of a killed run."""
        folder = self.partial / _SCRATCH
        shutil.rmtree(folder, ignore_errors=True)
        with naming(folder):
            folder.mkdir()
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def tokenizer(self) -> TokenizerRecord | None:
        """Return what is known of the tokenizer, if it is made already."""
        path = self.partial / _TOKENIZER
        return TokenizerRecord.model_validate(read_json(path)) if path.is_file() else None

    def write_tokenizer(self, record: TokenizerRecord) -> None:
        """Keep that the tokenizer is made."""
        write_json(self.partial / _TOKENIZER, record.model_dump(mode="json"))

    def load_pieces(self) -> list[int]:
        """Read the finished pieces into `pieces`; return those whose files are not as recorded."""
        path = self.partial / _PIECES
        damaged = []
        with naming(path):
            lines = path.read_text("utf-8", "replace").splitlines() if path.is_file() else []
        for line in lines:
            if (record := _parsed(line)) is None:
                continue
            if self._is_whole(record):
                self.pieces[record.piece] = record
            else:
                damaged.append(record.piece)
        write_text(path, "".join(_line(self.pieces[piece]) for piece in sorted(self.pieces)))
        return damaged

    def add(self, record: PieceRecord) -> None:
        """Keep that a piece is finished."""
        path = self.partial / _PIECES
        with naming(path):
            if self._stream is None:
                self._stream = path.open("ab")
            self._stream.write(_line(record).encode())
            self._stream.flush()
            os.fsync(self._stream.fileno())
        self.pieces[record.piece] = record

    def _check_request(self, identity: Mapping[str, Any]) -> None:
        path = self.partial / _REQUEST
        # Before there is a plan nothing is done that another request could not use: a run that
        # failed on its input takes the options that its error advised.
        if not path.is_file() or not (self.partial / _PLAN).is_file():
            write_json(path, identity)
        elif (found := read_json(path)) != json.loads(json.dumps(identity)):
            raise another_corpus(self.folder, found, identity, "an unfinished corpus")

    def _remove_torn(self) -> None:
        with naming(self.folder):
            for path in (*self.folder.glob(".*.part"), *self.folder.glob("*/.*.part")):
                path.unlink(missing_ok=True)

    def _is_whole(self, record: PieceRecord) -> bool:
        files = [(self.partial / record.rows, record.rows_sha256)]
        for side in record.sides.values():
            files += [
                (self.folder / file.path, file.sha256)
                for file in (side.shard, side.weights, side.features)
                if file is not None
            ]
        return all(path.is_file() and sha256(path) == checksum for path, checksum in files)


def another_corpus(
    folder: Path, found: Mapping[str, Any], asked: Mapping[str, Any], what: str
) -> LexomeError:
    """Return the error for a folder whose corpus was made by another request."""
    changed = [
        f"{key}: {found.get(key)!r} there, {asked.get(key)!r} asked for"
        for key in {**asked, **found}
        if found.get(key) != json.loads(json.dumps(asked.get(key)))
    ]
    return LexomeError(
        f"the folder holds {what} that differs in {'; '.join(changed) or 'its format'}",
        where=str(folder),
        fix="ask for the same corpus, name another folder, or remove this one",
    )


def remove_partial(folder: Path) -> None:
    """Remove what a finished corpus needs no more."""
    if (folder / PARTIAL).is_dir():
        with naming(folder / PARTIAL):
            shutil.rmtree(folder / PARTIAL)


def _take(lock: BinaryIO, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LexomeError(
            "another process is preparing this corpus at the moment",
            where=str(folder),
            fix="wait for it, or name another folder",
        ) from error


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _line(record: PieceRecord) -> str:
    text = record.model_dump_json()
    return f"{hashlib.sha256(text.encode()).hexdigest()[:16]} {text}\n"


def _parsed(line: str) -> PieceRecord | None:
    checksum, _, text = line.partition(" ")
    if hashlib.sha256(text.encode()).hexdigest()[:16] != checksum:
        return None
    try:
        return PieceRecord.model_validate_json(text)
    except ValidationError:
        return None

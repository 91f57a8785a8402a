"""Documents that a language groups before the split: together, resumable, refused elsewhere."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_language import Tiny, random_documents, write_tiny

from lexome.corpus import Corpus, PrepareObserver, PrepareRequest, Progress, prepare, reading
from lexome.corpus.groups import Groups, key_digest, write_groups
from lexome.corpus.journal import PARTIAL
from lexome.corpus.manifest import Manifest, folder_sha256
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.base import Document
from lexome.languages.grouping import Grouped, Grouper, GroupsDocuments


@dataclass(frozen=True)
class ByEnd:
    """Groups documents by the last letters of their names."""

    letters: int
    name: str = "families of one ending"

    def group(self, documents: Iterable[Document], scratch: Path, workers: int) -> Grouped:
        assert list(scratch.iterdir()) == []
        (scratch / "work").write_text("half-written")
        ends = [document.source.record[-self.letters :] for document in documents]
        return Grouped(np.unique(ends, return_inverse=True)[1], "looking at their ends")


@dataclass(frozen=True)
class Families(Tiny):
    letters: int | None = 1

    def grouper(self) -> Grouper | None:
        return None if self.letters is None else ByEnd(self.letters)


class Told(PrepareObserver):
    def __init__(self) -> None:
        self.messages: list[str] = []
        self.stages: list[str] = []

    def told(self, message: str) -> None:
        self.messages.append(message)

    def advanced(self, progress: Progress) -> None:
        self.stages.append(progress.stage)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_SMALLEST", 2000)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    write_tiny(folder / "one.tiny", random_documents(1, 150, 300, "a"))
    write_tiny(folder / "two.tiny", random_documents(2, 50, 300, "b"))
    return folder


def request(source: Path, **changes: Any) -> PrepareRequest:
    return PrepareRequest([source], "tiny", tokenizer="bpe", **{"workers": 1, **changes})


def sides(corpus: Corpus) -> dict[str, set[str]]:
    return {
        split: {document.source.record for document in corpus.documents(split)}
        for split in ("train", "valid")
    }


def test_only_a_language_that_has_a_grouper_groups() -> None:
    assert isinstance(Families(), GroupsDocuments)
    assert not isinstance(Tiny(), GroupsDocuments)


def test_a_group_stands_on_one_side(source: Path, tmp_path: Path) -> None:
    told = Told()
    corpus = prepare(request(source), tmp_path / "out", language=Families(), observer=told)
    held = sides(corpus)
    ends = {split: {name[-1] for name in names} for split, names in held.items()}
    assert ends["train"] and ends["valid"] and not ends["train"] & ends["valid"]
    assert len(held["train"]) + len(held["valid"]) == 200
    record = corpus.manifest.groups
    assert record is not None
    assert (record.documents, record.groups) == (200, 10)
    text = "200 documents in 10 families of one ending, the largest of 20; found by looking at"
    assert str(record).startswith(text) and str(record) in told.messages
    assert told.stages.index("group") < told.stages.index("scan")
    assert not (tmp_path / "out" / PARTIAL).exists()


def test_without_groups_all_is_as_it_was(source: Path, tmp_path: Path) -> None:
    plain = prepare(request(source), tmp_path / "plain", language=Tiny())
    asked = prepare(request(source), tmp_path / "asked", language=Families(letters=None))
    assert sides(plain) == sides(asked)
    assert asked.manifest.groups is None and not (tmp_path / "asked/groups").exists()


def test_the_workers_change_nothing(source: Path, tmp_path: Path) -> None:
    for workers in (1, 3):
        prepare(request(source, workers=workers), tmp_path / str(workers), language=Families())
    assert folder_sha256(tmp_path / "1") == folder_sha256(tmp_path / "3")


def test_a_corpus_that_moves_keeps_its_groups(source: Path, tmp_path: Path) -> None:
    first = sides(prepare(request(source), tmp_path / "one", language=Families()))
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in source.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    assert sides(prepare(request(moved), tmp_path / "two", language=Families())) == first


_SCRIPT = """
import os, signal, sys
from pathlib import Path
from lexome.corpus import PrepareObserver, prepare, reading
from test_corpus_groups import Families, request

reading._SMALLEST = 2000

class Killer(PrepareObserver):
    left = int(sys.argv[4])

    def advanced(self, progress):
        if progress.stage == sys.argv[3]:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)

made = request(Path(sys.argv[1]), workers=int(sys.argv[5]))
prepare(made, Path(sys.argv[2]), observer=Killer(), language=Families())
"""


@pytest.mark.parametrize(
    ("stage", "calls", "workers"), [("group", 2, 1), ("scan", 2, 1), ("encode", 3, 2)]
)
def test_killed_it_ends_the_same(
    source: Path, tmp_path: Path, stage: str, calls: int, workers: int
) -> None:
    whole = prepare(request(source), tmp_path / "whole", language=Families())
    target = tmp_path / "out"
    path = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, source, target, stage, str(calls), str(workers)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    (target / PARTIAL / "scratch").mkdir(exist_ok=True)
    (target / PARTIAL / "scratch/rest").write_text("of the killed run")
    prepare(request(source), target, language=Families())
    assert folder_sha256(target) == folder_sha256(whole.folder)


def test_a_damaged_table_is_found(source: Path, tmp_path: Path) -> None:
    folder = prepare(request(source), tmp_path / "out", language=Families()).folder
    table = folder / "groups/groups.npy"
    table.write_bytes(table.read_bytes()[:-1] + b"\xff")
    Corpus.open(folder)
    with pytest.raises(DamagedFileError, match="has changed"):
        Corpus.open(folder, verify=True)
    table.unlink()
    with pytest.raises(LexomeError):
        Corpus.open(folder)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"split": "tail"}, "families of one ending cannot be kept together where the tail is"),
        ({"validation_files": ["two.tiny"]}, "cannot be kept together where you name what is"),
    ],
)
def test_other_splits_that_would_part_groups_are_refused(
    source: Path, tmp_path: Path, changes: dict[str, Any], what: str
) -> None:
    if "validation_files" in changes:
        changes = {"validation_files": [source / "two.tiny"]}
    with pytest.raises(UsageError, match=what):
        prepare(request(source, **changes), tmp_path / "out", language=Families())


def test_one_single_group_is_an_error_and_not_cut(tmp_path: Path) -> None:
    path = write_tiny(tmp_path / "x.tiny", {f"d{n}z": "ACGT" * 9 for n in range(20)})
    with pytest.raises(LexomeError, match=r"no part of about 10 % can be held out of 20 documents"):
        prepare(request(path), tmp_path / "out", language=Families())


@given(
    keys=st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=30),
    labels=st.data(),
)
def test_documents_of_one_key_or_one_group_are_together(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str], labels: st.DataObject
) -> None:
    numbers = labels.draw(
        st.lists(st.integers(-5, 5), min_size=len(keys), max_size=len(keys)), label="groups"
    )
    digests = [key_digest(key) for key in keys]
    folder = tmp_path_factory.mktemp("groups")
    groups = write_groups(folder, "things", digests, Grouped(np.array(numbers), "hand"))
    of = {key: groups.of(key) for key in keys}
    # Joining by hand until nothing changes.
    label = list(range(len(keys)))
    for _ in keys:
        for i in range(len(keys)):
            for j in range(len(keys)):
                if keys[i] == keys[j] or numbers[i] == numbers[j]:
                    label[i] = label[j] = min(label[i], label[j])
    assert [of[key] for key in keys] == [f"group {first}" for first in label]
    assert groups.record.groups == len(set(label))
    copy: Groups = pickle.loads(pickle.dumps(groups))
    assert {key: copy.of(key) for key in keys} == of
    with pytest.raises(LexomeError, match="has changed since its documents were grouped"):
        groups.of("unknown")


def test_a_manifest_without_groups_is_still_read(source: Path, tmp_path: Path) -> None:
    folder = prepare(request(source), tmp_path / "out", language=Tiny()).folder
    assert Manifest.read(folder).groups is None

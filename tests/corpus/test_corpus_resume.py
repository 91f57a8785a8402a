"""A run that is killed with SIGKILL goes on, and ends with the same bytes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_language import Tiny, random_documents, write_tiny

from lexome.corpus import Corpus, PrepareObserver, PrepareRequest, prepare, reading
from lexome.corpus.journal import PARTIAL, Journal
from lexome.corpus.manifest import folder_sha256
from lexome.errors import LexomeError

_SCRIPT = """
import os, signal, sys
from pathlib import Path
from lexome.corpus import PrepareObserver, PrepareRequest, prepare, reading
from tiny_language import Tiny

source, target, stage, calls, workers = sys.argv[1:]
reading._SMALLEST = 2000

class Killer(PrepareObserver):
    left = int(calls)

    def advanced(self, progress):
        if progress.stage == stage:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)

request = PrepareRequest([source], "tiny", tokenizer="bpe", workers=int(workers))
prepare(request, Path(target), observer=Killer(), language=Tiny(mirror=True))
"""


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_SMALLEST", 2000)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("source")
    write_tiny(folder / "one.tiny", random_documents(1, 150, 300, "a"))
    write_tiny(folder / "two.tiny", random_documents(2, 50, 300, "b"))
    return folder


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The checksum of the corpus that nobody killed."""
    before, reading._SMALLEST = reading._SMALLEST, 2000
    try:
        return folder_sha256(finish(source, tmp_path_factory.mktemp("whole") / "out").folder)
    finally:
        reading._SMALLEST = before


def finish(source: Path, target: Path, observer: PrepareObserver | None = None) -> Corpus:
    request = PrepareRequest([source], "tiny", tokenizer="bpe", workers=1)
    return prepare(request, target, language=Tiny(mirror=True), observer=observer)


def kill(source: Path, target: Path, stage: str, calls: int, workers: int = 1) -> None:
    """Prepare in a process of its own that is killed at the given call of its observer."""
    path = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, source, target, stage, str(calls), str(workers)],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not (target / "manifest.json").exists()


class Told(PrepareObserver):
    def __init__(self) -> None:
        self.messages: list[str] = []

    def told(self, message: str) -> None:
        self.messages.append(message)


@pytest.mark.parametrize(
    ("stage", "calls", "workers"),
    [("scan", 2, 1), ("tokenizer", 1, 1), ("encode", 4, 1), ("encode", 3, 2), ("leak check", 2, 1)],
)
def test_killed_at_any_stage_it_ends_the_same(
    source: Path, whole: str, tmp_path: Path, stage: str, calls: int, workers: int
) -> None:
    target = tmp_path / "out"
    kill(source, target, stage, calls, workers)
    assert (target / PARTIAL).is_dir()
    told = Told()
    finish(source, target, told)
    assert folder_sha256(target) == whole
    assert not (target / PARTIAL).exists()
    assert ("going on with the corpus that was begun here" in told.messages) == (stage != "scan")


def test_killed_again_and_again_it_ends_the_same(source: Path, whole: str, tmp_path: Path) -> None:
    target = tmp_path / "out"
    finished = []
    for _ in range(3):
        kill(source, target, "encode", 4)
        finished.append(len((target / PARTIAL / "pieces.jsonl").read_text().splitlines()))
    # What was finished is kept: each run adds three pieces to those of the one before.
    assert finished == [3, 6, 9]
    finish(source, target)
    assert folder_sha256(target) == whole


def test_torn_lines_and_files_of_a_killed_run_are_as_if_never_written(
    source: Path, whole: str, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    kill(source, target, "encode", 4)
    journal = target / PARTIAL / "pieces.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    assert len(lines) == 3
    journal.write_text("".join(lines[:2]) + lines[2][: len(lines[2]) // 2])
    (target / "shards" / ".train-00009.npy.abc.part").write_bytes(b"half a shard")
    finish(source, target)
    assert folder_sha256(target) == whole


def test_a_finished_piece_that_was_damaged_is_made_again(
    source: Path, whole: str, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    kill(source, target, "encode", 4)
    shard = target / "shards" / "train-00001.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\xff")
    told = Told()
    finish(source, target, told)
    assert "piece 1 is not as it was written and is made again" in told.messages
    assert folder_sha256(target) == whole


def test_killed_between_the_manifest_and_the_clean_up(
    source: Path, whole: str, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    finish(source, target)
    (target / PARTIAL).mkdir()
    (target / PARTIAL / "pieces.jsonl").write_text("left behind")
    finish(source, target)
    assert folder_sha256(target) == whole


@pytest.mark.parametrize("change", ["contents", "one more", "one fewer"])
def test_sources_that_changed_meanwhile_are_an_error(
    source: Path, tmp_path: Path, change: str
) -> None:
    copy = tmp_path / "in"
    copy.mkdir()
    for path in source.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    kill(copy, tmp_path / "out", "encode", 3)
    if change == "contents":
        text = (copy / "one.tiny").read_text()
        (copy / "one.tiny").write_text(text.replace("A", "C", 1))
    elif change == "one more":
        write_tiny(copy / "three.tiny", {"x": "ACGT"})
    else:
        (copy / "two.tiny").unlink()
    with pytest.raises(LexomeError, match=r"has changed|no such file"):
        finish(copy, tmp_path / "out")


def test_another_request_does_not_go_on_with_it(source: Path, tmp_path: Path) -> None:
    kill(source, tmp_path / "out", "encode", 3)
    with pytest.raises(LexomeError, match="an unfinished corpus that differs in split: 'document'"):
        prepare(
            PrepareRequest([source], "tiny", tokenizer="bpe", split="tail"),
            tmp_path / "out",
            language=Tiny(mirror=True),
        )


def test_what_an_error_advised_can_be_asked_for_next(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"good words and a b\xe9d one\n" * 3)
    request = PrepareRequest([tmp_path / "a.txt"], "text", tokenizer="bytes", workers=1)
    with pytest.raises(LexomeError, match="not valid utf-8") as caught:
        prepare(request, tmp_path / "out")
    assert "--option invalid=replace" in str(caught.value.fix)
    mended = prepare(replace(request, options={"invalid": "replace"}), tmp_path / "out")
    assert mended.manifest.request["options"] == {"invalid": "replace"}


def test_two_runs_at_once_are_refused(source: Path, tmp_path: Path) -> None:
    request = PrepareRequest([source], "tiny", tokenizer="bpe", workers=1)
    language = Tiny(mirror=True)
    with (
        Journal.open(tmp_path / "out", request.identity(language)),
        pytest.raises(LexomeError, match="another process is preparing"),
    ):
        finish(source, tmp_path / "out")
    finish(source, tmp_path / "out")

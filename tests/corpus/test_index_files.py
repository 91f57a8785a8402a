"""An index that is torn, foreign, out of date or half made is refused, and says how to mend it."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_language import Tiny, random_documents, write_tiny

from lexome import files
from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.index import CorpusIndex
from lexome.errors import DamagedFileError, LexomeError, UsageError

pydivsufsort = pytest.importorskip("pydivsufsort")


def made(folder: Path, seed: int = 1, tokenizer: str = "symbols") -> Corpus:
    write_tiny(folder / "in" / "a.tiny", random_documents(seed, 60, 60))
    request = PrepareRequest([folder / "in"], "tiny", tokenizer=tokenizer, workers=1)
    return prepare(request, folder / "out", language=Tiny())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corpus = made(tmp_path_factory.mktemp("kept"))
    CorpusIndex.build(corpus, shard_tokens=700)
    return corpus.folder


@pytest.fixture
def corpus(kept: Path, tmp_path: Path) -> Corpus:
    """A corpus with an index of its own to spoil."""
    shutil.copytree(kept, tmp_path / "corpus")
    return Corpus.open(tmp_path / "corpus", language=Tiny())


def folder_of(corpus: Corpus) -> Path:
    return corpus.folder / "index" / "train"


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def test_its_size(corpus: Corpus) -> None:
    verified = Corpus.open(corpus.folder, language=Tiny(), verify=True)
    record = CorpusIndex.open(verified).record
    assert len(record.shards) == 3
    assert sum(shard.order.bytes for shard in record.shards) == 4 * record.tokens + 3 * 128
    assert record.bytes <= 4.5 * record.tokens + 6 * 256


def test_a_corpus_without_an_index(tmp_path: Path) -> None:
    corpus = made(tmp_path)
    with pytest.raises(LexomeError, match="has no index of its train split") as raised:
        CorpusIndex.open(corpus)
    assert f"lexome index {corpus.folder}" in str(raised.value)


@pytest.mark.parametrize(
    ("seed", "tokenizer", "what"),
    [(2, "symbols", "another corpus"), (1, "bpe", "another tokenizer")],
)
def test_the_index_of_another_corpus(
    corpus: Corpus, tmp_path: Path, seed: int, tokenizer: str, what: str
) -> None:
    other = made(tmp_path, seed, tokenizer)
    shutil.copytree(corpus.folder / "index", other.folder / "index")
    with pytest.raises(LexomeError, match=what) as raised:
        CorpusIndex.open(other)
    assert str(other.folder / "index" / "train" / "index.json") in str(raised.value)
    assert "lexome index" in str(raised.value)
    # Making it again is the way out.
    assert CorpusIndex.build(other).count([1]) == other.manifest.train.documents


def test_a_corpus_that_has_changed_since(corpus: Corpus) -> None:
    shard = corpus.manifest.train.shards[0].model_copy(update={"sha256": "0" * 64})
    side = corpus.manifest.train.model_copy(update={"shards": (shard,)})
    corpus.manifest.model_copy(update={"train": side, "fingerprint": "1" * 64}).write(corpus.folder)
    with pytest.raises(LexomeError, match="has changed since"):
        CorpusIndex.open(Corpus.open(corpus.folder, language=Tiny()))


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("order-00001.npy", truncate),
        ("order-00001.npy", Path.unlink),
        ("prefixes-00002.npy", truncate),
        ("prefixes-00002.npy", Path.unlink),
        ("prefixes-00001.npy", lambda path: flip(path, 140)),
        ("order-00000.npy", lambda path: flip(path, 3)),
        ("index.json", truncate),
        ("index.json", lambda path: flip(path, 40)),
        ("index.json", lambda path: path.write_text("[]")),
    ],
)
def test_a_damaged_file_is_named(
    corpus: Corpus, name: str, spoil: Callable[[Path], object]
) -> None:
    path = folder_of(corpus) / name
    spoil(path)
    with pytest.raises(DamagedFileError) as raised:
        CorpusIndex.open(corpus)
    assert str(path) in str(raised.value)
    assert raised.value.fix


def test_a_changed_byte_is_found_by_its_checksum_or_as_a_place_that_is_none(
    corpus: Corpus,
) -> None:
    path = folder_of(corpus) / "order-00000.npy"
    order = np.load(path)
    np.save(path, np.full_like(order, len(order)))
    with pytest.raises(DamagedFileError, match="has changed") as raised:
        CorpusIndex.open(Corpus.open(corpus.folder, language=Tiny(), verify=True))
    assert str(path) in str(raised.value)
    index = CorpusIndex.open(corpus)
    with pytest.raises(DamagedFileError, match="not in the corpus") as raised:
        index.count(corpus.stream("train").read(3, 9))
    assert str(path) in str(raised.value)


_KILLED = """
import os, signal, sys
from pathlib import Path
from lexome import files
from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex

def kill(path):
    if path.name.startswith(".order-00001"):
        os.kill(os.getpid(), signal.SIGKILL)

files.sync = kill
CorpusIndex.build(Corpus.open(Path(sys.argv[1])), shard_tokens=700)
"""


def test_killed_while_it_writes_it_leaves_the_corpus_as_it_was(corpus: Corpus) -> None:
    done = subprocess.run([sys.executable, "-c", _KILLED, corpus.folder], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    left = sorted(path.name for path in folder_of(corpus).iterdir())
    assert any(name.endswith(".part") for name in left)
    opened = Corpus.open(corpus.folder, verify=True, language=Tiny())
    with pytest.raises(LexomeError, match="no index"):
        CorpusIndex.open(opened)
    index = CorpusIndex.build(opened)
    assert index.count([1]) == opened.manifest.train.documents
    names = {"index.json", "order-00000.npy", "prefixes-00000.npy"}
    assert {path.name for path in folder_of(corpus).iterdir()} == names


def test_a_full_disk_is_an_error_that_names_the_file(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        if path.name.startswith(".order"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files, "sync", full)
    with pytest.raises(LexomeError, match="disk is full") as raised:
        CorpusIndex.build(corpus)
    assert "order-00000.npy" in str(raised.value)
    with pytest.raises(LexomeError, match="no index"):
        CorpusIndex.open(corpus)
    assert not list(folder_of(corpus).glob(".*"))


def test_the_missing_package_is_named_with_its_extra(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pydivsufsort", None)
    with pytest.raises(LexomeError, match="pydivsufsort") as raised:
        CorpusIndex.build(corpus)
    assert "lexome[index]" in str(raised.value)
    # The index that was there still is, and asking it takes no package.
    assert CorpusIndex.open(corpus).count([1]) == corpus.manifest.train.documents


def test_too_little_memory_is_an_error_with_a_way_out(
    corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sort(text: object) -> None:
        raise MemoryError

    monkeypatch.setattr(pydivsufsort, "divsufsort", sort)
    with pytest.raises(LexomeError, match="could not be sorted: MemoryError") as raised:
        CorpusIndex.build(corpus)
    assert "--shard-tokens" in str(raised.value)


def test_parts_without_tokens_are_refused(corpus: Corpus) -> None:
    with pytest.raises(UsageError, match="at least one token"):
        CorpusIndex.build(corpus, shard_tokens=0)

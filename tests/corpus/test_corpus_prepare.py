"""`prepare` from files to a corpus: what it holds, what it says, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_language import Tiny, random_documents, write_tiny

from lexome.corpus import Corpus, PrepareObserver, PrepareRequest, Progress, prepare, reading
from lexome.corpus.manifest import TRAIN, VALID, folder_sha256
from lexome.errors import DamagedFileError, LexomeError, UsageError


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut even small corpora into several pieces."""
    monkeypatch.setattr(reading, "_SMALLEST", 2000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_tiny(tmp_path / "in" / "one.tiny", random_documents(1, 150, 300, "a"))
    write_tiny(tmp_path / "in" / "two.tiny", random_documents(2, 50, 300, "b"))
    return tmp_path / "in"


def tiny(source: Path | list[Path], target: Path, mirror: bool = False, **asked: Any) -> Corpus:
    sources = source if isinstance(source, list) else [source]
    request = PrepareRequest(sources, "tiny", **{"workers": 1, **asked})
    return prepare(request, target, language=Tiny(mirror))


def contents(corpus: Corpus, split: str, **asked: Any) -> list[str]:
    return [document.content for document in corpus.documents(split, **asked)]


def read_back(path: Path) -> dict[str, str]:
    return dict(line.split() for line in path.read_text().splitlines())


@pytest.mark.parametrize("split", ["document", "tail"])
@pytest.mark.parametrize("tokenizer", ["symbols", "bpe", "kmer"])
def test_every_document_comes_back_from_the_tokens(
    source: Path, tmp_path: Path, split: str, tokenizer: str
) -> None:
    corpus = tiny(source, tmp_path / "out", split=split, tokenizer=tokenizer)
    given = "".join(
        letters
        for name in ("one", "two")
        for letters in read_back(source / f"{name}.tiny").values()
    )
    manifest = corpus.manifest
    train, valid = contents(corpus, TRAIN), contents(corpus, VALID)
    assert manifest.train.units == sum(map(len, train))
    assert manifest.valid.units == sum(map(len, valid))
    assert manifest.train.units + manifest.valid.units == len(given)
    if split == "tail":
        assert "".join(train) + "".join(valid) == given
        assert manifest.train.units == int(len(given) * 0.9)
        assert manifest.split.border == manifest.train.units
        assert manifest.split.cut_documents == 1
    else:
        assert len(train) + len(valid) == 200
        assert abs(manifest.valid.units / len(given) - 0.1) < 0.02
    assert len(manifest.train.shards) > 3
    Corpus.open(tmp_path / "out", verify=True, language=Tiny())


def test_the_stream_is_begin_ids_end_and_the_table_says_where(source: Path, tmp_path: Path) -> None:
    corpus = tiny(source, tmp_path / "out")
    for split in (TRAIN, VALID):
        stream = corpus.stream(split)
        tokens = stream.read(0, len(stream))
        special = corpus.tokenizer.special
        starts = np.flatnonzero(tokens == special.begin)
        assert np.array_equal(starts, stream.document_starts)
        assert np.array_equal(np.flatnonzero(tokens == special.end) + 1, [*starts[1:], len(tokens)])
        rows = list(corpus.rows(split))
        assert [row["first_token"] for row in rows] == starts.tolist()
        assert [row["tokens"] for row in rows] == np.diff([*starts, len(tokens)]).tolist()
        assert len(rows) == corpus.manifest.side(split).documents
    for document in corpus.documents(VALID):
        line = Path(document.source.file).read_text().splitlines()[(document.source.line or 0) - 1]
        assert line == f"{document.source.record} {document.content}"
        assert document.metadata == {"length": str(len(document.content))}


def test_documents_with_one_key_stay_together(tmp_path: Path) -> None:
    documents = random_documents(3, 300, 50)
    named = {f"k{i // 3}.{i}": text for i, text in enumerate(documents.values())}
    corpus = tiny(write_tiny(tmp_path / "a.tiny", named), tmp_path / "out", validation=0.3)
    keys = {
        split: {row["record"].split(".")[0] for row in corpus.rows(split)}
        for split in (TRAIN, VALID)
    }
    assert keys[TRAIN] and keys[VALID] and not keys[TRAIN] & keys[VALID]


def test_the_seed_draws_another_split(source: Path, tmp_path: Path) -> None:
    first = tiny(source, tmp_path / "a", seed=1)
    second = tiny(source, tmp_path / "b", seed=2)
    assert set(contents(first, VALID)) != set(contents(second, VALID))
    assert first.fingerprint != second.fingerprint


def test_moving_the_sources_changes_no_token(source: Path, tmp_path: Path) -> None:
    here = tiny(source, tmp_path / "a")
    moved = source.rename(tmp_path / "elsewhere")
    assert tiny(moved, tmp_path / "b").fingerprint == here.fingerprint


def test_one_document_is_cut_at_its_tail_and_the_manifest_says_so(tmp_path: Path) -> None:
    source = write_tiny(tmp_path / "a.tiny", random_documents(1, 1, 5000))
    record = tiny(source, tmp_path / "out").manifest.split
    assert (record.how, record.asked, record.cut_documents) == ("tail", "document", 1)
    assert "only one document" in record.note


def test_validation_files_are_the_validation_split_and_nothing_else(
    source: Path, tmp_path: Path
) -> None:
    corpus = tiny(source, tmp_path / "out", validation_files=[source / "two.tiny"])
    assert contents(corpus, TRAIN) == list(read_back(source / "one.tiny").values())
    assert contents(corpus, VALID) == list(read_back(source / "two.tiny").values())
    record = corpus.manifest.split
    assert record.how == "files" and "1 of the sources are validation files" in record.note


def test_augmented_documents_go_to_train_only_and_are_marked(source: Path, tmp_path: Path) -> None:
    corpus = tiny(source, tmp_path / "out", mirror=True)
    plain = tiny(source, tmp_path / "plain")
    manifest = corpus.manifest
    assert contents(corpus, VALID, augmented=True) == contents(plain, VALID)
    assert contents(corpus, TRAIN) == contents(plain, TRAIN)
    both = contents(corpus, TRAIN, augmented=True)
    assert both[1::2] == [text[::-1] for text in both[::2]]
    assert manifest.train.augmented * 2 == manifest.train.documents == len(both)
    assert manifest.valid.augmented == 0


def test_weights_are_stored_where_they_are_not_one(tmp_path: Path) -> None:
    documents = random_documents(4, 60, 200)
    documents["d0"] = "ACgtACGT"
    corpus = tiny(write_tiny(tmp_path / "a.tiny", documents), tmp_path / "out", split="tail")
    side = corpus.manifest.train
    assert side.weights[0] is not None and set(side.weights[1:]) == {None}
    weights = corpus.stream(TRAIN).weights(0, 12)
    # begin, eight letters, end, and the next document.
    assert weights.tolist() == pytest.approx([1, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 1, 1, 1], abs=1 / 255)
    kmer = tiny(tmp_path / "a.tiny", tmp_path / "kmer", split="tail", tokenizer="kmer")
    # ACg tAC G T: each token weighs what its letters weigh on average.
    expected = [1, 2.5 / 3, 2.5 / 3, 1, 1, 1]
    assert kmer.stream(TRAIN).weights(0, 6).tolist() == pytest.approx(expected, abs=1 / 255)


def test_what_is_left_out_is_counted_with_examples(source: Path, tmp_path: Path) -> None:
    with (source / "one.tiny").open("a") as stream:
        stream.writelines(f"# remark {number}\n" for number in range(8))
    (source / "notes.doc").write_text("not for us")
    skipped = tiny(source, tmp_path / "out").manifest.skipped
    assert {reason: record.count for reason, record in skipped.items()} == {
        "comment": 8,
        "unknown suffix": 1,
    }
    assert len(skipped["comment"].examples) == 5
    assert skipped["comment"].examples[0].endswith("one.tiny, line 151 (# remark 0)")


@pytest.mark.parametrize("asked", [{}, {"split": "tail"}, {"tokenizer": "bpe"}])
def test_the_number_of_workers_changes_nothing(
    source: Path, tmp_path: Path, asked: dict[str, Any]
) -> None:
    digests = {
        workers: folder_sha256(
            tiny(source, tmp_path / f"out{workers}", mirror=True, workers=workers, **asked).folder
        )
        for workers in (1, 2, 3)
    }
    assert len(set(digests.values())) == 1


def test_a_trained_tokenizer_sees_nothing_of_validation(tmp_path: Path) -> None:
    documents = {f"d{i}": "ACGT" * 50 for i in range(90)} | {f"e{i}": "XYZ" * 60 for i in range(10)}
    source = write_tiny(tmp_path / "a.tiny", documents)
    corpus = tiny(source, tmp_path / "out", split="tail", tokenizer="bpe")
    assert set("".join(contents(corpus, TRAIN))) == set("ACGT")
    record = corpus.manifest.tokenizer
    labels = {corpus.tokenizer.token_label(token) for token in range(record.vocab_size)}
    assert "ACGT" in labels and not {"XY", "YZ", "ZX"} & labels
    assert (
        record.sample_units == corpus.manifest.train.units == sum(map(len, contents(corpus, TRAIN)))
    )


def test_a_smaller_sample_is_stated(source: Path, tmp_path: Path) -> None:
    record = tiny(source, tmp_path / "out", tokenizer="bpe", sample_units=500).manifest.tokenizer
    assert (record.kind, record.given, record.sample_units) == ("bpe", False, 500)


def test_a_tokenizer_that_exists_is_taken_as_it_is(source: Path, tmp_path: Path) -> None:
    first = tiny(source, tmp_path / "first", tokenizer="bpe", vocab_size=40)
    again = tiny(source, tmp_path / "again", tokenizer_folder=tmp_path / "first" / "tokenizer")
    assert again.manifest.tokenizer.given
    assert again.manifest.tokenizer.sha256 == first.manifest.tokenizer.sha256
    assert again.fingerprint == first.fingerprint


def test_kmers_take_their_options(source: Path, tmp_path: Path) -> None:
    asked = {"tokenizer": "kmer", "tokenizer_options": {"k": 2, "stride": 1}}
    corpus = tiny(source, tmp_path / "out", **asked)
    assert corpus.manifest.tokenizer.vocab_size == 4 + 7 + 16
    assert sum(map(len, contents(corpus, TRAIN))) == corpus.manifest.train.units


def test_a_tail_of_real_text_is_cut_between_characters(tmp_path: Path) -> None:
    text = "Größe ≠ süß, 中文 und 🙂.\n" * 40
    (tmp_path / "a.txt").write_text(text)
    size = len(text.encode())
    for fraction in (0.1, 0.11, 0.12, 0.13, 0.14):
        request = PrepareRequest(
            [tmp_path / "a.txt"], "text", tokenizer="characters", split="tail", validation=fraction
        )
        corpus = prepare(request, tmp_path / str(fraction))
        train, valid = contents(corpus, TRAIN), contents(corpus, VALID)
        assert train[0] + valid[0] == text
        assert corpus.manifest.train.units + corpus.manifest.valid.units == size
        assert 0 <= (corpus.manifest.split.border or 0) - corpus.manifest.train.units < 4
    assert Corpus.open(tmp_path / "0.1").language.name == "text"


@pytest.mark.parametrize("split", ["tail", "document"])
def test_windows_that_overlap_training_bases_are_not_held_out(tmp_path: Path, split: str) -> None:
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 6000))
    (tmp_path / "x.fa").write_text(f">chromosome\n{bases}\n")
    starts = range(0, 5000, 50)
    (tmp_path / "w.bed").write_text("".join(f"chromosome\t{s}\t{s + 1000}\n" for s in starts))
    request = PrepareRequest(
        [tmp_path / "x.fa"],
        "dna",
        {"windows": str(tmp_path / "w.bed")},
        split=split,
        validation=0.4,
        workers=1,
    )
    told = Told()
    corpus = prepare(request, tmp_path / "out", observer=told)
    train, valid = (
        [range(row["offset"], row["offset"] + row["units"]) for row in corpus.rows(side)]
        for side in (TRAIN, VALID)
    )
    trained = {base for window in train for base in window}
    assert not any(trained & set(window) for window in valid)
    # 60 windows are in train, the last of them ends at base 3950: from there on 21 are free.
    assert (len(train), len(valid), valid[0].start) == (60, 21, 3950)
    skipped = corpus.manifest.skipped["overlaps the training split"]
    assert skipped.count == 19 and skipped.examples[0].endswith("x.fa, record 'chromosome', line 1")
    assert any("19 documents" in message and "overlap" in message for message in told.messages)
    assert corpus.manifest.split.cut_documents == 0


def test_windows_are_a_source_whatever_their_file_is_called(tmp_path: Path) -> None:
    (tmp_path / "x.fa").write_text(">c\n" + "ACGT" * 50 + "\n")
    windows = tmp_path / "windows"
    windows.write_text("c\t0\t50\nc\t60\t110\nc\t120\t170\n")
    request = PrepareRequest(
        [tmp_path / "x.fa"], "dna", {"windows": str(windows)}, split="tail", workers=1
    )
    corpus = prepare(request, tmp_path / "out")
    assert [source.path for source in corpus.manifest.sources] == [
        str(tmp_path / "x.fa"),
        str(windows),
    ]
    windows.write_text("c\t1\t50\nc\t60\t110\nc\t120\t170\n")
    with pytest.raises(LexomeError, match="the source has changed") as caught:
        prepare(request, tmp_path / "out")
    assert caught.value.where == str(windows)


def test_names_and_facts_that_are_no_unicode_get_through(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(30):
        name = os.fsdecode(b"n\xff%d.jsonl" % number)
        line = f'{{"text": "hello world {number}", "fact": "x\\ud800y é"}}\n'
        (tmp_path / "in" / name).write_text(line)

    class Stopped(PrepareObserver):
        def advanced(self, progress: Progress) -> None:
            if progress.stage == "leak check":
                raise KeyboardInterrupt

    request = PrepareRequest([tmp_path / "in"], "text", tokenizer="bytes")
    with pytest.raises(KeyboardInterrupt):
        prepare(request, tmp_path / "out", observer=Stopped())
    corpus = prepare(request, tmp_path / "out")
    assert corpus.manifest.sources[0].path.endswith("n\\xff0.jsonl")
    assert next(corpus.documents(VALID)).metadata == {"fact": "x\ud800y é"}


class Told(PrepareObserver):
    def __init__(self) -> None:
        self.steps: list[Progress] = []
        self.messages: list[str] = []

    def advanced(self, progress: Progress) -> None:
        self.steps.append(progress)

    def told(self, message: str) -> None:
        self.messages.append(message)


@pytest.mark.parametrize("workers", [1, 2])
def test_progress_is_told_from_nothing_to_all(source: Path, tmp_path: Path, workers: int) -> None:
    told = Told()
    request = PrepareRequest([source], "tiny", tokenizer="bpe", workers=workers)
    corpus = prepare(request, tmp_path / "out", language=Tiny(), observer=told)
    stages = list(dict.fromkeys(step.stage for step in told.steps))
    assert stages == ["scan", "tokenizer", "encode", "leak check"]
    for stage in stages:
        done = [step.done for step in told.steps if step.stage == stage]
        total = {step.total for step in told.steps if step.stage == stage}
        assert done == sorted(done) and done[0] == 0 and len(total) == 1
        assert done[-1] == total.pop() or stage == "tokenizer"
    manifest = corpus.manifest
    assert told.steps[-1].tokens == manifest.train.tokens + manifest.valid.tokens
    assert told.steps[-1].documents == 200


def test_the_same_request_again_finds_it_there(source: Path, tmp_path: Path) -> None:
    first = tiny(source, tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    told = Told()
    request = PrepareRequest([source], "tiny", workers=3)
    again = prepare(request, tmp_path / "out", language=Tiny(), observer=told)
    assert again.fingerprint == first.fingerprint
    assert told.messages == ["the corpus is there already"]
    assert {step.stage for step in told.steps} == {"scan"}
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}


def test_another_request_is_refused_and_says_what_differs(source: Path, tmp_path: Path) -> None:
    tiny(source, tmp_path / "out")
    with pytest.raises(LexomeError, match="seed: 0 there, 7 asked for"):
        tiny(source, tmp_path / "out", seed=7)
    with (source / "one.tiny").open("a") as stream:
        stream.write("more ACGT\n")
    with pytest.raises(LexomeError, match="the source has changed") as caught:
        tiny(source, tmp_path / "out")
    assert "one.tiny" in str(caught.value)


def test_new_data_do_not_pass_for_the_corpus_that_is_there(source: Path, tmp_path: Path) -> None:
    first = tiny(source, tmp_path / "out")
    one, text = source / "one.tiny", (source / "one.tiny").read_text()
    one.write_text(text.replace("AC", "CA", 1))
    with pytest.raises(LexomeError, match="the source has changed") as caught:
        tiny(source, tmp_path / "out")
    assert caught.value.where == str(one)
    one.write_text(text)
    new = write_tiny(source / "three.tiny", {"x": "ACGT"})
    with pytest.raises(LexomeError, match="a file that this corpus was made without") as caught:
        tiny(source, tmp_path / "out")
    assert caught.value.where == str(new)
    new.unlink()
    one.unlink()
    assert tiny(source, tmp_path / "out").fingerprint == first.fingerprint
    source.rename(tmp_path / "gone")
    assert tiny(source, tmp_path / "out").fingerprint == first.fingerprint


def test_a_source_that_is_named_twice_is_found_again(source: Path, tmp_path: Path) -> None:
    (source / "link.tiny").symlink_to(source / "one.tiny")
    sources = [source / "link.tiny", source, source / "two.tiny"]
    first = tiny(sources, tmp_path / "out", validation_files=[source / "two.tiny"])
    again = tiny(sources, tmp_path / "out", validation_files=[source / "two.tiny"])
    assert again.fingerprint == first.fingerprint


def test_a_folder_that_holds_something_else_is_left_alone(source: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(LexomeError, match="not empty"):
        tiny(source, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["thesis.txt"]
    with pytest.raises(UsageError, match="inside its own sources"):
        tiny(source, source / "out")
    (tmp_path / "file").write_text("")
    with pytest.raises(LexomeError) as caught:
        tiny(source, tmp_path / "file" / "out")
    assert str(tmp_path / "file") in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"validation": 0}, "between 0 and 1"),
        ({"validation": 1.5}, "between 0 and 1"),
        ({"split": "tial"}, "no split 'tial'"),
        ({"workers": 0}, "workers must be at least 1"),
        ({"tokenizer": "symbol"}, "no tokenizer 'symbol'"),
        ({"tokenizer": "bpe", "tokenizer_options": {"k": 3}}, "has no options"),
        ({"tokenizer": "kmer", "tokenizer_options": {"n": 3}}, "not an option"),
        ({"vocab_size": 99}, "this tokenizer has 11 tokens"),
        ({"tokenizer": "bpe", "tokenizer_folder": "x"}, "has its kind"),
        ({"sources": "in"}, "are lists"),
    ],
)
def test_a_wrong_request_is_refused_before_anything_is_written(
    source: Path, tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        prepare(
            PrepareRequest(**{"sources": [source], "language": "tiny", **asked}),
            tmp_path / "out",
            language=Tiny(),
        )
    assert not (tmp_path / "out").exists()


def test_nothing_readable_and_empty_sides_are_errors(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    with pytest.raises(LexomeError, match="no file here"):
        tiny(tmp_path / "in", tmp_path / "out")
    (tmp_path / "in" / "a.tiny").write_text("# nothing\n# at all\n")
    with pytest.raises(LexomeError, match="no readable document here \\(left out: 2 comment\\)"):
        tiny(tmp_path / "in", tmp_path / "out")
    write_tiny(tmp_path / "b.tiny", {"d": "ACGT"})
    with pytest.raises(LexomeError, match="the validation split is empty"):
        tiny(tmp_path / "b.tiny", tmp_path / "c", validation_files=[tmp_path / "in" / "a.tiny"])
    with pytest.raises(LexomeError, match="the training split is empty"):
        tiny(tmp_path / "b.tiny", tmp_path / "d", validation_files=[tmp_path / "b.tiny"])
    write_tiny(tmp_path / "e.tiny", {"d": "A"})
    with pytest.raises(LexomeError, match="the training split is empty"):
        tiny(tmp_path / "e.tiny", tmp_path / "e")


@pytest.mark.parametrize("workers", [1, 2])
def test_a_document_that_does_not_fit_is_named(source: Path, tmp_path: Path, workers: int) -> None:
    with (source / "two.tiny").open("a") as stream:
        stream.write("odd ACQT\n")
    with pytest.raises(LexomeError, match="'Q' is not in the alphabet") as caught:
        tiny(source, tmp_path / "out", workers=workers)
    assert "two.tiny, record 'odd', line 51, symbol 3" in str(caught.value)
    (source / "three.tiny").write_text("x BAD\n")
    with pytest.raises(LexomeError, match="this document is bad"):
        tiny(source, tmp_path / "other", workers=workers)


def test_workers_are_the_cores_where_nothing_says_which_may_be_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert PrepareRequest(["x"], "tiny").processes == 7
    assert PrepareRequest(["x"], "tiny", workers=2).processes == 2


def test_a_tokenizer_of_another_language_is_refused(source: Path, tmp_path: Path) -> None:
    first = tiny(source, tmp_path / "first", tokenizer="kmer")

    class Longer(Tiny):
        def units(self, document: Any) -> int:
            return 2 * len(document.content)

    request = PrepareRequest(
        [source], "tiny", tokenizer_folder=first.folder / "tokenizer", workers=1
    )
    with pytest.raises(
        LexomeError, match=r"tokens stand for \d+ units, the document has"
    ) as caught:
        prepare(request, tmp_path / "out", language=Longer())
    assert "one.tiny" in str(caught.value)
    missing = replace(request, tokenizer_folder=tmp_path / "nowhere")
    with pytest.raises(LexomeError, match="no tokenizer here"):
        prepare(missing, tmp_path / "other", language=Tiny())


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 256 KiB; only the superuser may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(
    source: Path,
    tmp_path: Path,
    small_disk: Path,
    workers: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "_SMALLEST", 20_000)
    write_tiny(source / "big.tiny", random_documents(9, 200, 2000))
    with pytest.raises(LexomeError, match="the disk is full") as caught:
        tiny(source, small_disk / "out", workers=workers)
    assert str(small_disk) in str(caught.value)
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    finished = tiny(source, small_disk / "out", workers=workers)
    assert folder_sha256(finished.folder) == folder_sha256(tiny(source, tmp_path / "o").folder)


def test_a_read_only_folder_is_named(source: Path, small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(LexomeError, match="the file system is read-only") as caught:
        tiny(source, small_disk / "out")
    assert str(small_disk) in str(caught.value)


@pytest.fixture
def corpus_folder(source: Path, tmp_path: Path) -> Path:
    return tiny(source, tmp_path / "out").folder


def test_a_flipped_byte_is_found_by_verify(corpus_folder: Path) -> None:
    shard = sorted((corpus_folder / "shards").iterdir())[1]
    data = bytearray(shard.read_bytes())
    data[-3] ^= 1
    shard.write_bytes(data)
    Corpus.open(corpus_folder, language=Tiny())
    with pytest.raises(DamagedFileError, match="has changed") as caught:
        Corpus.open(corpus_folder, verify=True)
    assert shard.name in str(caught.value)


@pytest.mark.parametrize("name", ["shards/train-00000.npy", "documents.parquet"])
def test_a_truncated_or_missing_file_is_found_on_opening(corpus_folder: Path, name: str) -> None:
    path = corpus_folder / name
    os.truncate(path, path.stat().st_size - 1)
    with pytest.raises(DamagedFileError, match="bytes, recorded were") as caught:
        Corpus.open(corpus_folder)
    assert name in str(caught.value)
    path.unlink()
    with pytest.raises(LexomeError, match="no such file") as missing:
        Corpus.open(corpus_folder)
    assert name in str(missing.value)


def test_a_shard_that_is_no_shard_is_found_on_reading(corpus_folder: Path) -> None:
    path = corpus_folder / "shards/train-00000.npy"
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(DamagedFileError, match="not a whole shard"):
        Corpus.open(corpus_folder, language=Tiny()).stream(TRAIN)


def test_another_tokenizer_in_the_folder_is_found_by_verify(corpus_folder: Path) -> None:
    (corpus_folder / "tokenizer" / "extra.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="not the one"):
        Corpus.open(corpus_folder, verify=True)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[:-20],
        lambda text: text.replace('"seed": 0', '"seed": 1'),
        lambda text: text.replace('"documents": ', '"documents": 1', 1),
        lambda _: "[]",
        lambda _: "",
    ],
)
def test_a_damaged_manifest_is_found_on_opening(corpus_folder: Path, damage: Any) -> None:
    path = corpus_folder / "manifest.json"
    path.write_text(damage(path.read_text()))
    with pytest.raises(DamagedFileError) as caught:
        Corpus.open(corpus_folder)
    assert "manifest.json" in str(caught.value)


def test_a_folder_without_a_corpus_says_what_to_do(tmp_path: Path, corpus_folder: Path) -> None:
    with pytest.raises(LexomeError, match="no finished corpus here"):
        Corpus.open(tmp_path)
    with pytest.raises(UsageError, match="no split 'test'"):
        Corpus.open(corpus_folder).stream("test")


def test_the_manifest_names_the_sources_and_their_checksums(
    source: Path, corpus_folder: Path
) -> None:
    manifest = json.loads((corpus_folder / "manifest.json").read_text())
    assert [Path(entry["path"]).name for entry in manifest["sources"]] == ["one.tiny", "two.tiny"]
    assert manifest["sources"][0]["bytes"] == (source / "one.tiny").stat().st_size
    assert "workers" not in manifest["request"]

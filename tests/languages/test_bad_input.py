"""Every kind of bad input: one clear error that names the file, or a counted skip; no traceback."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import LexomeError
from lexome.languages.base import Document, Skipped
from lexome.languages.sources import find_files

relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
READERS = [
    ("text", ".txt"),
    ("text", ".md"),
    ("text", ".jsonl"),
    ("text", ".csv"),
    ("text", ".tsv"),
    ("text", ".parquet"),
    ("dna", ".fasta"),
    ("protein", ".fasta"),
]
every_reader = pytest.mark.parametrize(("language", "suffix"), READERS)


def read(path: Path, data: bytes, language: str, **options) -> list[Document | Skipped]:
    path.write_bytes(data)
    return list(languages.get(language, **options).read(path))


def refused(path: Path, data: bytes, language: str, **options) -> LexomeError:
    """Return the error, after checking that a person can act on it."""
    with pytest.raises(LexomeError) as caught:
        read(path, data, language, **options)
    error = caught.value
    assert str(path) in error.where
    assert error.what and error.fix and error.exit_status == 1
    assert len(str(error)) < 1000
    return error


@every_reader
@pytest.mark.parametrize("packed", [False, True])
def test_an_empty_file_is_one_counted_skip(tmp_path, language, suffix, packed):
    path = tmp_path / (f"x{suffix}.gz" if packed else f"x{suffix}")
    (entry,) = read(path, gzip.compress(b"") if packed else b"", language)
    assert isinstance(entry, Skipped)
    assert (entry.reason, entry.source.file) == ("empty", str(path))


@pytest.mark.parametrize("name", ["x.txt.gz", "x.fasta.gz", "x.parquet"])
def test_a_compressed_name_over_no_bytes_is_an_empty_file(tmp_path, name):
    language = "dna" if "fasta" in name else "text"
    (entry,) = read(tmp_path / name, b"", language)
    assert entry.reason == "empty"


@every_reader
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("ending", ["", ".gz", ".zst", ".xz", ".bz2"])
def test_random_bytes_are_refused_whatever_they_are_called(
    tmp_path, language, suffix, seed, ending
):
    data = random.Random(seed).randbytes(20_000)
    refused(tmp_path / f"x{suffix}{ending}", data, language)


@relaxed
@pytest.mark.parametrize(("language", "suffix"), READERS)
@given(data=st.binary(max_size=200), start=st.sampled_from([b"", b">", b">a\n", b"{", b"PAR1"]))
def test_any_bytes_give_documents_skips_or_one_clear_error(tmp_path, language, suffix, data, start):
    path = tmp_path / f"x{suffix}"
    try:
        entries = read(path, start + data, language)
    except LexomeError as error:
        assert str(path) in (error.where or "")
    else:
        assert all(isinstance(entry, Document | Skipped) for entry in entries)
        assert entries


@every_reader
def test_a_truncated_gzip_file_is_refused(tmp_path, language, suffix):
    if language == "text":
        content = b"text\n" + b"".join(b'"line %d"\n' % i for i in range(20_000))
    else:
        bases = random.Random(1).choices(b"ACGT", k=50_000)
        content = b">a\n" + bytes(bases)
    path = tmp_path / f"x{suffix}.gz"
    if suffix in (".parquet", ".jsonl"):
        content = content.removeprefix(b"text\n")
    error = refused(path, gzip.compress(content)[:-3000], language)
    if suffix != ".parquet":
        assert "the gzip data are damaged" in error.what


def test_documents_before_the_damage_come_first(tmp_path):
    lines = [b"%d" % random.Random(i).getrandbits(64) for i in range(200_000)]
    path = tmp_path / "x.txt.gz"
    path.write_bytes(gzip.compress(b"\n".join(lines))[:-1000])
    found = []
    with pytest.raises(LexomeError, match="damaged"):
        for document in languages.get("text", separator="line").read(path):
            found.append(document.content.encode())
    assert len(found) > 100_000
    assert found == lines[: len(found)]


@pytest.mark.parametrize("suffix", [".txt", ".md", ".jsonl", ".csv", ".tsv"])
def test_invalid_utf8_is_refused_with_its_offset(tmp_path, suffix):
    before = b"text,n\n" if suffix == ".csv" else b'"good"\n'
    error = refused(tmp_path / f"x{suffix}", before + b'"b\xe9d" and more\n', "text")
    assert f"byte {len(before) + 2}, line 2" in error.where


def test_fasta_without_a_header_is_refused_at_once(tmp_path):
    path = tmp_path / "x.fasta"
    for language in ("dna", "protein"):
        error = refused(path, b"\n\nACGTACGT\n" * 10, language)
        assert "there is no header before 'ACGTACGT'" in error.what
        assert error.where == f"{path}, line 3"


def test_names_that_come_twice_are_refused_or_kept_by_policy(tmp_path):
    path = tmp_path / "x.fasta"
    data = b">a\nACG\n>a\nCCC\n"
    for language in ("dna", "protein"):
        assert "lines 1 and 3" in refused(path, data, language).where
        documents = read(path, data, language, duplicates="keep")
        assert [document.content for document in documents] == ["ACG", "CCC"]
        # They cannot be told apart by name, so they stay on one side of the split.
        assert len({languages.get(language).split_key(document) for document in documents}) == 1


def test_blank_records_are_counted_and_lower_case_is_read(tmp_path):
    path = tmp_path / "x.fasta"
    for language in ("dna", "protein"):
        entries = read(path, b">a\n\n>b\nacgt\n>c\n \n\n>d", language)
        assert [entry.source.record for entry in entries] == ["a", "b", "c", "d"]
        kinds = [e.content if isinstance(e, Document) else e.reason for e in entries]
        assert kinds == ["empty record", "ACGT", "empty record", "empty record"]


def test_a_protein_among_dna_is_refused_by_record_line_position_and_letter(tmp_path):
    path = tmp_path / "x.fasta"
    error = refused(path, b">gene\nACGT\n>prot\nMKV\nLAEW\n", "dna")
    assert "'L' is not a base; this looks like a protein" in error.what
    assert error.where == f"{path}, record 'prot', line 5, position 4 (from 1)"
    assert "'protein'" in error.fix


def test_a_folder_with_no_readable_file_is_refused(tmp_path):
    (tmp_path / "x.exe").write_bytes(b"MZ")
    for name in languages.NAMES:
        with pytest.raises(LexomeError, match="no readable file") as caught:
            find_files([tmp_path], languages.get(name).suffixes)
        assert caught.value.where == str(tmp_path)


def test_a_folder_or_nothing_in_place_of_a_file_is_refused(tmp_path):
    for name in languages.NAMES:
        for path, what in ((tmp_path, "this is a folder"), (tmp_path / "no", "no such file")):
            with pytest.raises(LexomeError, match=what) as caught:
                list(languages.get(name).read(path))
            assert caught.value.where == str(path)


@pytest.mark.parametrize("suffix", [".txt", ".jsonl", ".csv"])
def test_one_very_long_line_is_read_whole(tmp_path, suffix):
    line = b"long words " * 2_000_000  # 22 MB
    data = {".txt": line, ".jsonl": b'{"text": "' + line + b'"}', ".csv": b"text\n" + line}[suffix]
    documents = read(tmp_path / f"x{suffix}", data + b"\n", "text")
    assert "".join(document.content for document in documents).rstrip("\n") == line.decode()
    assert max(len(document.content) for document in documents) <= 1 << 24

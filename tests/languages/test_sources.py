"""Files, folders, globs, and compressed files: found in order, read whole, or told why not."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import random
import struct
import sys
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.sources import content_suffix, find_files, open_bytes

relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def bgzip(data: bytes) -> bytes:
    """Pack as bgzip does: small gzip members that state their size, and an end mark."""
    packed = b""
    for start in range(0, len(data), 1000):
        block = data[start : start + 1000]
        deflate = zlib.compressobj(wbits=-15)
        body = deflate.compress(block) + deflate.flush()
        size = len(body) + 25
        head = bytes.fromhex("1f8b08040000000000ff0600424302 00".replace(" ", ""))
        packed += head + struct.pack("<H", size) + body
        packed += struct.pack("<II", zlib.crc32(block), len(block))
    return packed + BGZF_END


PACKERS = {
    ".gz": gzip.compress,
    ".bgz": bgzip,
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    ".xz": lzma.compress,
    ".bz2": bz2.compress,
}


def written(path: Path, data: bytes = b"text\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def read(path: Path) -> bytes:
    with open_bytes(path) as stream:
        return stream.read()


@relaxed
@given(parts=st.lists(st.binary(max_size=3000), max_size=4), suffix=st.sampled_from(list(PACKERS)))
def test_compressed_streams_follow_each_other(tmp_path, parts, suffix):
    path = written(tmp_path / f"x{suffix}", b"".join(map(PACKERS[suffix], parts)))
    if parts:
        assert read(path) == b"".join(parts)


@pytest.mark.parametrize("suffix", PACKERS)
def test_what_is_inside_decides_not_the_name(tmp_path, suffix):
    path = written(tmp_path / "x.txt", PACKERS[suffix](b"some words"))
    assert read(path) == b"some words"


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_damaged_wherever_it_was_cut(tmp_path, suffix, share):
    whole = PACKERS[suffix](random.Random(1).randbytes(20_000))
    path = written(tmp_path / f"x.txt{suffix}", whole[: max(20, int(len(whole) * share))])
    with pytest.raises(DamagedFileError) as caught:
        read(path)
    assert str(path) in caught.value.where
    assert caught.value.fix


def test_a_missing_package_is_told_with_the_file_that_needs_it(tmp_path, monkeypatch):
    path = written(tmp_path / "x.txt.zst", PACKERS[".zst"](b"words"))
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(LexomeError, match="needs the package zstandard") as caught:
        read(path)
    assert caught.value.where == str(path)


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_flipped_byte_is_damage(tmp_path, suffix):
    packed = bytearray(PACKERS[suffix](random.Random(1).randbytes(20_000)))
    packed[500] ^= 0x55  # not in a header, some of whose bytes mean nothing
    with pytest.raises(DamagedFileError, match="damaged"):
        read(written(tmp_path / f"x{suffix}", bytes(packed)))


@pytest.mark.parametrize("suffix", PACKERS)
def test_foreign_bytes_behind_the_data_are_damage(tmp_path, suffix):
    with pytest.raises(DamagedFileError):
        read(written(tmp_path / f"x{suffix}", PACKERS[suffix](b"words") + b"and more of it"))


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_name_that_promises_compression_is_held_to_it(tmp_path, suffix):
    with pytest.raises(DamagedFileError, match="the name promises") as caught:
        read(written(tmp_path / f"x{suffix}", b"plain text"))
    assert caught.value.where.endswith("byte 0")


def test_the_suffix_is_that_of_the_content():
    assert content_suffix(Path("a.FASTA.gz")) == ".fasta"
    assert content_suffix(Path("a.b.txt")) == ".txt"
    assert content_suffix(Path("a.gz")) == ""
    assert content_suffix(Path("gz")) == ""


def test_folders_are_walked_in_order_and_what_is_passed_over_is_told(tmp_path):
    for name in ("b.txt", "a.md", "sub/c.txt.gz", "d.pdf", ".hidden.txt", ".git/e.txt", "Makefile"):
        written(tmp_path / name)
    (tmp_path / "broken.txt").symlink_to(tmp_path / "absent")
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    found, skipped = find_files([tmp_path], [".txt", ".md"])
    assert [str(path.relative_to(tmp_path)) for path in found] == ["a.md", "b.txt", "sub/c.txt.gz"]
    told = {Path(entry.source.file).name: entry.reason for entry in skipped}
    assert told == {
        ".git": "hidden folder",
        ".hidden.txt": "hidden file",
        "Makefile": "unknown suffix",
        "broken.txt": "broken link",
        "d.pdf": "unknown suffix",
        "up": "link to a folder above it",
    }


def test_a_file_that_is_named_is_taken_whatever_its_suffix_and_only_once(tmp_path):
    path = written(tmp_path / "notes")
    (tmp_path / "sub").mkdir()
    found, skipped = find_files([path, tmp_path / "sub" / ".." / "notes", str(path)], [".txt"])
    assert found == [path]
    assert [entry.reason for entry in skipped] == ["file named twice"] * 2


def test_globs_go_down_and_an_empty_one_is_an_error(tmp_path):
    for name in ("a.txt", "x/b.txt", "x/y/c.txt", "x/d.bin"):
        written(tmp_path / name)
    found, skipped = find_files([f"{tmp_path}/**/*"], [".txt"])
    assert sorted(path.name for path in found) == ["a.txt", "b.txt", "c.txt"]
    assert [Path(entry.source.file).name for entry in skipped] == ["d.bin"]
    with pytest.raises(LexomeError, match="matches no file"):
        find_files([f"{tmp_path}/*.fasta"], [".txt"])


def test_sources_without_a_readable_file_are_an_error_that_says_what_was_there(tmp_path):
    written(tmp_path / "a.pdf")
    written(tmp_path / ".b.txt")
    with pytest.raises(LexomeError, match="no readable file") as caught:
        find_files([tmp_path], [".txt"])
    assert "hidden file" in caught.value.what
    assert "unknown suffix" in caught.value.what
    assert ".txt" in caught.value.fix
    (tmp_path / "empty").mkdir()
    with pytest.raises(LexomeError, match="no file here"):
        find_files([tmp_path / "empty"], [".txt"])
    with pytest.raises(LexomeError, match="no such file"):
        find_files([tmp_path / "absent.txt"], [".txt"])
    with pytest.raises(LexomeError, match="no source"):
        find_files([], [".txt"])


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_file_that_may_not_be_read_is_an_error(tmp_path):
    path = written(tmp_path / "x.txt")
    path.chmod(0)
    with pytest.raises(LexomeError, match="permission denied"):
        read(path)


def test_names_that_are_not_utf8_can_be_told(tmp_path):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.txt"))
    written(path)
    (document,) = languages.get("text").read(path)
    assert document.source.file.endswith("caf\\xe9.txt")
    document.source.file.encode("utf-8")


def test_languages_are_found_by_name():
    assert languages.NAMES == ("text", "dna", "protein", "music", "sound", "image")
    for name in languages.NAMES:
        language = languages.get(name)
        assert language.name == name
        assert languages.get(name, **language.options) == language
    with pytest.raises(UsageError, match="no language 'proteins'") as caught:
        languages.get("proteins")
    assert "did you mean 'protein'" in caught.value.fix
    with pytest.raises(UsageError) as caught:
        languages.get("text", enconding="utf-8")
    assert "did you mean 'encoding'" in caught.value.fix


def test_a_saved_tokenizer_is_loaded_by_its_folder(tmp_path):
    tokenizer = languages.get("dna").tokenizers()["symbols"].train([], None)
    tokenizer.save(tmp_path)
    assert languages.load_tokenizer(tmp_path).encode(["ACGT"])[0].tolist() == (
        tokenizer.encode(["ACGT"])[0].tolist()
    )
    with pytest.raises(LexomeError, match="no lexome tokenizer"):
        languages.load_tokenizer(tmp_path / "absent")

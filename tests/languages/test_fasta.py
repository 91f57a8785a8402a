"""FASTA: the stream against a plain reader of lines, and against Biopython."""

from __future__ import annotations

import gzip
import io
import lzma
from pathlib import Path
from typing import NamedTuple

import pytest
from Bio.SeqIO.FastaIO import SimpleFastaParser
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexome.errors import LexomeError
from lexome.languages import fasta
from lexome.languages.base import Skipped
from lexome.languages.fasta import FastaPart, gathered, line_of, read_fasta, write_fasta

relaxed = settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

names = st.text("abcXYZ019|._", min_size=1, max_size=8)
sequences = st.text("ACGTNacgtn", min_size=1, max_size=300)


class Plain(NamedTuple):
    """A record as a reader of lines finds it, with the line of each symbol."""

    line: int
    name: str
    description: str
    sequence: str
    lines: list[int]


def plain_records(data: bytes) -> list[Plain] | None:
    """Read FASTA the simple way: all lines at once; None where it does not begin with a header."""
    text = data.decode().replace("\r\n", "\n").replace("\r", "\n")
    records: list[Plain] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.startswith(";"):
            continue
        if line.startswith(">"):
            words = line[1:].split(maxsplit=1)
            name = words[0] if words else f"#{len(records) + 1}"
            description = words[1].strip() if len(words) > 1 else ""
            records.append(Plain(number, name, description, "", []))
        elif symbols := "".join(line.split()):
            if not records:
                return None
            last = records[-1]
            last.lines.extend([number] * len(symbols))
            records[-1] = last._replace(sequence=last.sequence + symbols)
    return records


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def whole_records(path: Path) -> list[FastaPart | Skipped]:
    return list(gathered(read_fasta(path, "keep")))


fragments = st.lists(
    st.sampled_from(
        [">", "\n", "\n>", "\n;", ";", "\r\n", "\r", " ", "\t", "A", "cg", "TTTT", "é", "name x"]
    ),
    max_size=40,
)


@relaxed
@given(fragments=fragments, chunk=st.integers(1, 12))
def test_any_text_reads_as_a_reader_of_lines_reads_it(tmp_path, fragments, chunk):
    data = "".join(fragments).encode()
    path = written(tmp_path / "x.fasta", data)
    expected = plain_records(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "_CHUNK", chunk)
        if expected is None:
            with pytest.raises(LexomeError, match="no header"):
                whole_records(path)
            return
        found = whole_records(path)
        if not expected:
            assert [entry.reason for entry in found] == ["empty"]
            return
        assert len(found) == len(expected)
        for number, (entry, record) in enumerate(zip(found, expected, strict=True), start=1):
            if isinstance(entry, Skipped):
                assert (entry.reason, record.sequence) == ("empty record", "")
                assert (entry.source.line, entry.source.record) == (record.line, record.name)
                continue
            assert entry.sequence.decode() == record.sequence
            assert (entry.name, entry.description) == (record.name, record.description)
            assert (entry.line, entry.number, entry.offset) == (record.line, number, 0)
            # `lines` counts characters and an index counts bytes: the same where all is ASCII.
            if record.sequence.isascii():
                found_lines = [line_of(path, number, i) for i in range(len(record.sequence))]
                assert found_lines == record.lines


@relaxed
@given(
    records=st.dictionaries(names, sequences, min_size=1, max_size=8),
    columns=st.integers(1, 80),
    ending=st.sampled_from(["\n", "\r\n", "\r"]),
    pack=st.sampled_from([bytes, gzip.compress, lzma.compress]),
)
def test_what_is_written_is_read_back(tmp_path, records, columns, ending, pack):
    text = "".join(write_fasta(n, f"about {n}", s, columns) for n, s in records.items())
    path = written(tmp_path / "x.fa", pack(text.replace("\n", ending).encode()))
    found = whole_records(path)
    assert {part.name: part.sequence.decode() for part in found} == records
    assert all(part.description == f"about {part.name}" for part in found)
    golden = list(SimpleFastaParser(io.StringIO(text)))
    assert [(f"{p.name} {p.description}", p.sequence.decode()) for p in found] == golden


@relaxed
@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    chunk=st.integers(1, 20),
    limit=st.integers(1, 15),
)
def test_pieces_follow_each_other_and_lose_nothing(tmp_path, lengths, chunk, limit):
    sequences = ["ACGTTGCAAC"[i % 10 :] * 5 for i in range(len(lengths))]
    sequences = [text[:length] for text, length in zip(sequences, lengths, strict=True)]
    text = "".join(f">r{i}\n{s[:7]}\n{s[7:]}\n" for i, s in enumerate(sequences))
    path = written(tmp_path / "x.fa", text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "_CHUNK", chunk)
        pieces = [p for p in gathered(read_fasta(path), limit) if isinstance(p, FastaPart)]
    for number, sequence in enumerate(sequences, start=1):
        mine = [piece for piece in pieces if piece.number == number]
        assert b"".join(piece.sequence for piece in mine).decode() == sequence
        assert [piece.offset for piece in mine] == list(range(0, len(sequence), limit))
        assert [piece.last for piece in mine] == [False] * (len(mine) - 1) + [True] * bool(mine)


def test_a_name_that_comes_twice_is_an_error_with_both_lines_or_kept(tmp_path):
    path = written(tmp_path / "x.fa", b">a one\nAC\n>b\nGT\n>a two\nTT\n")
    with pytest.raises(LexomeError, match="two records have the name 'a'") as caught:
        list(read_fasta(path))
    assert "lines 1 and 5" in caught.value.where
    kept = whole_records(path)
    assert [(part.name, part.line, part.sequence) for part in kept] == [
        ("a", 1, b"AC"),
        ("b", 3, b"GT"),
        ("a", 5, b"TT"),
    ]


@pytest.mark.parametrize(
    ("data", "line", "shown"),
    [
        (b"ACGT\n", 1, "'ACGT'"),
        (b"\n\n; remark\n  ACGT\n>a\nAC\n", 4, "'ACGT'"),
        (b"@read1\nACGT\n+\nIIII\n", 1, "FASTQ"),
        ("\ufeffACGT".encode(), 1, "'ACGT'"),
        (">a\nAC\n".encode("utf-16"), 1, "xff"),
    ],
)
def test_text_without_a_header_is_refused_with_its_line(tmp_path, data, line, shown):
    with pytest.raises(LexomeError, match="this is not FASTA") as caught:
        list(read_fasta(written(tmp_path / "x.fa", data)))
    assert caught.value.where.endswith(f"x.fa, line {line}")
    assert shown in str(caught.value)


def test_a_byte_order_mark_and_unnamed_records_are_no_trouble(tmp_path):
    path = written(tmp_path / "x.fa", "\ufeff>\nAC\n>  \nGT".encode())
    assert [(p.name, p.sequence) for p in whole_records(path)] == [("#1", b"AC"), ("#2", b"GT")]


def test_a_header_that_never_ends_is_refused_before_it_fills_the_memory(tmp_path):
    path = written(tmp_path / "x.fa", b">" + b"A" * (5 << 20))
    with pytest.raises(LexomeError, match="header is longer") as caught:
        list(read_fasta(path))
    assert caught.value.where.endswith("line 1")

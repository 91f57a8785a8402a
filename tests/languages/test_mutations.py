"""Tables of mutants against their proteins, whatever is wrong with either."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import Skipped
from lexome.languages.variants import Mutable, Variant

PROTEIN = languages.get("protein", min_length=1000)
ONE = "MKTAYIAKQR"
RESIDUES = "ACDEFGHIKLMNPQRSTVWY"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    file = tmp_path / "one.fa"
    file.write_text(f">one\n{ONE}\n")
    return file


def read(path: Path, reference: Path | None, mismatch: str = "error") -> list[Variant | Skipped]:
    assert isinstance(PROTEIN, Mutable)
    return list(PROTEIN.variants(path, reference, flank=0, mismatch=mismatch))  # type: ignore[arg-type]


def table(folder: Path, text: str, name: str = "mutants.csv") -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_mutants_of_one_and_of_several_sites(fasta: Path, tmp_path: Path) -> None:
    text = 'mutant,fitness,note\nA4G,1.5,"a, b"\nm1k:R10*,0,\n'
    found = read(table(tmp_path, text), fasta)
    first, second = (one for one in found if isinstance(one, Variant))
    assert (first.reference.content, first.alternative.content) == (ONE, "MKTGYIAKQR")
    assert second.alternative.content == "KKTAYIAKQ*"
    assert first.columns == {"mutant": "A4G", "fitness": "1.5", "note": "a, b"}
    assert (first.name, first.source.line, first.opens, first.closes) == ("A4G", 2, True, True)
    assert first.reference.source.record == "one"


@given(st.data())
def test_any_mutant_that_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("mutants")
    wild = data.draw(st.text(RESIDUES, min_size=1, max_size=30))
    places = data.draw(st.lists(st.integers(0, len(wild) - 1), min_size=1, unique=True))
    new = [data.draw(st.sampled_from(RESIDUES)) for _ in places]
    sites = ":".join(f"{wild[at]}{at + 1}{to}" for at, to in zip(places, new, strict=True))
    expected = list(wild)
    for at, to in zip(places, new, strict=True):
        expected[at] = to
    file = table(folder, f"wild_type\tmutant\n{wild}\t{sites}\n", "mutants.tsv")
    (variant,) = read(file, None)
    assert isinstance(variant, Variant)
    assert variant.alternative.content == "".join(expected)
    assert variant.columns == {"mutant": sites}


def test_a_column_says_which_protein(tmp_path: Path) -> None:
    (tmp_path / "two.fa").write_text(f">one\n{ONE}\n>two\nMAV\n")
    file = table(tmp_path, "record,mutant\ntwo,A2G\none,A4G\n")
    found = [one for one in read(file, tmp_path / "two.fa") if isinstance(one, Variant)]
    assert [one.alternative.content for one in found] == ["MGV", "MKTGYIAKQR"]
    with pytest.raises(LexomeError, match="no record 'tow'") as raised:
        read(table(tmp_path, "record,mutant\ntow,A2G\n"), tmp_path / "two.fa")
    assert "'two'" in str(raised.value.fix)
    with pytest.raises(LexomeError, match="2 records, and nothing says which"):
        read(table(tmp_path, "mutant\nA2G\n"), tmp_path / "two.fa")
    with pytest.raises(LexomeError, match="nothing says which protein"):
        read(table(tmp_path, "mutant\nA2G\n"), None)


@pytest.mark.parametrize(
    ("mutant", "what"),
    [
        ("G4A", "the wild type is 'G' at position 4 by the mutant, but 'A' in 'one'"),
        ("A4G:G5A", "the wild type is 'G' at position 5"),
        ("A11G", "position 11 is not in 'one', which has 10 residues"),
        ("A0G", "position 0 is not in 'one'"),
    ],
)
def test_a_mismatch_is_an_error_or_counted(
    mutant: str, what: str, fasta: Path, tmp_path: Path
) -> None:
    file = table(tmp_path, f"mutant\nA4G\n{mutant}\nA7G\n")
    with pytest.raises(LexomeError) as raised:
        read(file, fasta)
    assert what in raised.value.what
    assert "line 3" in str(raised.value.where)
    assert "--mismatch skip" in str(raised.value.fix)
    found = read(file, fasta, "skip")
    assert [type(one) for one in found] == [Variant, Skipped, Variant]


def test_the_wild_type_is_counted(fasta: Path, tmp_path: Path) -> None:
    found = read(table(tmp_path, "mutant\nWT\n_wt\nA4G\n"), fasta)
    assert [type(one) for one in found] == [Skipped, Skipped, Variant]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "this file is empty"),
        ("mutation\nA4G\n", "no column 'mutant'; the columns are: mutation"),
        ("mutant,x,x\nA4G,1,2\n", "two columns have one name"),
        ("mutant,x\nA4G\n", "this row has 1 columns, the header 2"),
        ("mutant\n4G\n", "'4G' is no mutation"),
        ("mutant\nA4G:\n", "'' is no mutation"),
        ("mutant\nA4-\n", "'A4-' is no mutation"),
        ("mutant\nA4G:A4C\n", "changes one position twice"),
        ("wild_type,mutant\nM1KT,M1K\n", "'1' is not a residue"),
        ('mutant\n"A4G\n', "not a table in UTF-8"),
    ],
)
def test_what_is_no_table_of_mutants_is_an_error(
    text: str, what: str, fasta: Path, tmp_path: Path
) -> None:
    with pytest.raises(LexomeError) as raised:
        read(table(tmp_path, text), fasta)
    assert what in raised.value.what
    assert "mutants.csv" in str(raised.value.where)


def test_bytes_that_are_no_text_and_torn_files_are_errors(fasta: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"mutant,x\nA4G,\xff\n")
    with pytest.raises(DamagedFileError, match="UTF-8"):
        read(tmp_path / "a.csv", fasta)
    packed = gzip.compress(b"mutant\n" + b"A4G\n" * 99)
    (tmp_path / "b.csv.gz").write_bytes(packed)
    assert len(read(tmp_path / "b.csv.gz", fasta)) == 99
    (tmp_path / "b.csv.gz").write_bytes(packed[:-9])
    with pytest.raises(DamagedFileError):
        read(tmp_path / "b.csv.gz", fasta)

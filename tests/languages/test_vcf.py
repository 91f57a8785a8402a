"""VCF files: alleles against a genome, whatever is wrong with either."""

from __future__ import annotations

import gzip
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages import vcf
from lexome.languages.base import Skipped
from lexome.languages.bases import reading_table
from lexome.languages.variants import Mutable, Variant
from lexome.languages.vcf import read_vcf

GENOME = {"chr1": "ACGTACGTTAGCNNRTTACG", "chr2": "ggggcccc", "chr3": "T" * 50}
TABLE = reading_table("keep", "error")
HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.fixture
def genome(tmp_path: Path) -> Path:
    file = tmp_path / "genome.fa"
    file.write_text("".join(f">{name} d\n{bases}\n" for name, bases in GENOME.items()))
    return file


def write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "calls.vcf"
    file.write_text(header + "".join("\t".join(line.split()) + "\t.\t.\t.\n" for line in lines))
    return file


def read(
    path: Path, genome: Path | None, flank: int = 3, mismatch: str = "error"
) -> list[Variant | Skipped]:
    return list(read_vcf(path, genome, TABLE, flank=flank, mismatch=mismatch))  # type: ignore[arg-type]


def pairs(items: Sequence[Variant | Skipped]) -> list[tuple[str, str]]:
    return [
        (item.reference.content, item.alternative.content)
        for item in items
        if isinstance(item, Variant)
    ]


def test_each_alternative_is_a_variant_with_its_surroundings(genome: Path, tmp_path: Path) -> None:
    file = write(tmp_path, "chr1 9 rs7 T A,TG", "chr2 5 . c g")
    found = read(file, genome)
    assert pairs(found) == [("CGTTAGC", "CGTAAGC"), ("GTTAGC", "GTTGAGC"), ("GGGCCCC", "GGGGCCC")]
    first, second, third = found
    assert isinstance(first, Variant) and isinstance(second, Variant) and isinstance(third, Variant)
    assert [one.name for one in (first, second, third)] == [
        "chr1:9:T>A",
        "chr1:9:T>TG",
        "chr2:5:C>G",
    ]
    assert first.source.line == 3
    assert str(first.source).endswith("calls.vcf, line 3")
    assert first.reference.source.offset == 5
    assert (first.opens, first.closes) == (False, False)
    assert (third.opens, third.closes) == (False, True)
    assert first.columns == {
        "record": "chr1",
        "position": "9",
        "id": "rs7",
        "reference": "T",
        "alternative": "A",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("chr1 4 . TACG T", ("CGTACGTTA", "CGTTTA")),  # a deletion of ACG; T is no part of it
        ("chr1 4 . T TGG", ("CGTACG", "CGTGGACG")),
        ("chr1 2 . CGT CAT", ("ACGTAC", "ACATAC")),
        ("chr1 1 . A G", ("ACGT", "GCGT")),
        ("chr1 20 . G GT", ("ACG", "ACGT")),
        ("chr1 15 . A G", ("CNNATTA", "CNNGTTA")),  # R in the genome: A is its first base
        ("chr1 13 . N A", ("AGCNNRT", "AGCANRT")),
    ],
)
def test_what_both_alleles_share_is_no_part_of_the_change(
    line: str, expected: tuple[str, str], genome: Path, tmp_path: Path
) -> None:
    assert pairs(read(write(tmp_path, line), genome)) == [expected]


@given(st.data())
def test_a_passage_is_the_genome_with_one_allele_in_it(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("vcf")
    bases = data.draw(st.text("ACGT", min_size=1, max_size=40))
    (folder / "g.fa").write_text(f">c\n{bases}\n")
    start = data.draw(st.integers(0, len(bases) - 1))
    stop = data.draw(st.integers(start + 1, len(bases)))
    new = data.draw(st.text("ACGTN", min_size=1, max_size=5))
    flank = data.draw(st.integers(0, 50))
    file = write(folder, f"c {start + 1} . {bases[start:stop]} {new}")
    found = read(file, folder / "g.fa", flank)
    changed = bases[:start] + new + bases[stop:]
    if changed == bases:
        assert [type(one) for one in found] == [Skipped]
        return
    (variant,) = found
    assert isinstance(variant, Variant)
    before, after = variant.reference.content, variant.alternative.content
    left = variant.reference.source.offset
    right = left + len(before)
    assert before == bases[left:right]
    assert bases[:left] + after + bases[right:] == changed
    assert (variant.opens, variant.closes) == (left == 0, right == len(bases))
    if flank >= len(bases):
        assert (variant.opens, variant.closes) == (True, True)


def test_alleles_that_are_not_spelled_out_are_counted(genome: Path, tmp_path: Path) -> None:
    file = write(
        tmp_path,
        "chr1 1 . A <DEL>,*,.,G,A",
        "chr1 2 . C ]chr2:3]C,C[chr2:9[,.G,<NON_REF>",
    )
    found = read(file, genome)
    reasons = [item.reason for item in found if isinstance(item, Skipped)]
    assert reasons == [
        "symbolic allele",
        "allele * (deleted by another variant)",
        "no alternative",
        "the alternative is the reference",
        "breakend",
        "breakend",
        "breakend",
        "symbolic allele",
    ]
    assert pairs(found) == [("ACGT", "GCGT")]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("chr1 2 . A G", "REF is 'A', but the reference has 'C' at chr1:2"),
        ("chr1 15 . G A", "REF is 'G', but the reference has 'R' at chr1:15"),
        ("chr1 20 . GG A", "position 20 of 'chr1' is not in the reference"),
        ("chr1 0 . A G", "position 0 of 'chr1' is not in the reference"),
        ("1 2 . C G", "the reference has no record '1'"),
    ],
)
def test_a_mismatch_is_an_error_or_counted(
    line: str, what: str, genome: Path, tmp_path: Path
) -> None:
    file = write(tmp_path, "chr1 1 . A G", line, "chr1 3 . G T,C")
    with pytest.raises(LexomeError) as raised:
        read(file, genome)
    assert what in raised.value.what
    assert "calls.vcf, line 4" in str(raised.value.where)
    assert "--mismatch skip" in str(raised.value.fix)
    found = read(file, genome, mismatch="skip")
    skipped = [item for item in found if isinstance(item, Skipped)]
    assert [(one.reason, one.source.line) for one in skipped] == [("the reference disagrees", 4)]
    assert len(pairs(found)) == 3


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("", "this file is empty"),
        (HEADER + "chr1\t1\t.\tA\n", "5 columns and more, this line 4"),
        (HEADER + "chr1 1 . A G\n", "5 columns and more, this line 1"),
        (HEADER + "chr1\tone\t.\tA\tG\n", "POS is 'one'"),
        (HEADER + "chr1\t1\t.\tE\tG\n", "REF is 'E'"),
        (HEADER + "chr1\t1\t.\t\tG\n", "REF is ''"),
        (HEADER + "chr1\t1\t.\tA\tQ\n", "ALT has 'Q'"),
        (HEADER + "chr1\t1\t.\tA\tG,\n", "ALT is empty"),
        ("BCF\2\2\0", "this is BCF"),
        (">chr1\nACGT\n", "5 columns"),
    ],
)
def test_what_is_no_vcf_is_an_error(content: str, what: str, genome: Path, tmp_path: Path) -> None:
    file = tmp_path / "calls.vcf"
    file.write_bytes(content.encode())
    with pytest.raises(LexomeError) as raised:
        read(file, genome)
    assert what in raised.value.what
    assert "calls.vcf" in str(raised.value.where)


def test_a_header_alone_has_no_variants(genome: Path, tmp_path: Path) -> None:
    assert read(write(tmp_path), genome) == []
    with pytest.raises(UsageError, match="without the genome"):
        read(write(tmp_path), None)


def test_packed_files_are_read_and_torn_ones_are_not(genome: Path, tmp_path: Path) -> None:
    lines = [f"chr3 {place + 1} . T A" for place in range(50)]
    plain = write(tmp_path, *lines)
    packed = tmp_path / "calls.vcf.gz"
    whole = gzip.compress(plain.read_bytes())
    packed.write_bytes(whole)
    assert read(packed, genome)[7].source.line == 10
    assert pairs(read(packed, genome)) == pairs(read(plain, genome))
    packed.write_bytes(whole[:-20])
    with pytest.raises(DamagedFileError):
        read(packed, genome)


def test_records_may_come_in_any_order(
    genome: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        f"{name} {place} . {GENOME[name][place - 1].upper()} N"
        for name in GENOME
        for place in (1, 2)
    ]
    in_order = {str(pair) for pair in pairs(read(write(tmp_path, *lines), genome))}
    random.Random(0).shuffle(lines)
    assert {str(pair) for pair in pairs(read(write(tmp_path, *lines), genome))} == in_order
    monkeypatch.setattr(vcf, "_KEPT", 10)
    assert {str(pair) for pair in pairs(read(write(tmp_path, *lines), genome))} == in_order


def test_the_language_reads_as_its_corpus_was(genome: Path, tmp_path: Path) -> None:
    file = write(tmp_path, "chr1 16 . T A")
    language = languages.get("dna", iupac="n", windows="windows.bed", min_length=99)
    assert isinstance(language, Mutable)
    (variant,) = language.variants(file, genome, flank=3, mismatch="error")
    assert isinstance(variant, Variant)
    assert (variant.reference.content, variant.alternative.content) == ("NNNTTAC", "NNNATAC")
    strict = languages.get("dna", iupac="error")
    assert isinstance(strict, Mutable)
    with pytest.raises(LexomeError, match="stands for several bases"):
        list(strict.variants(file, genome, flank=3, mismatch="error"))
    records = [one for one in language.records(genome) if not isinstance(one, Skipped)]
    assert [one.source.record for one in records] == list(GENOME)

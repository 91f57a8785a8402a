"""Maps of all substitutions, and the regions that they are asked for by."""

from __future__ import annotations

import csv
from pathlib import Path

import brute_force as brute
import numpy as np
import pytest

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.mutagenesis import (
    Region,
    find_record,
    mutable,
    mutagenesis_map,
    parse_region,
)
from lexome.evaluation.tables import map_rows, tsv_lines, write_table
from lexome.languages.bases import reverse_complement
from lexome.report.heat_map import colour, draw_map

PROTEIN = languages.get("protein")
DNA = languages.get("dna", windows="nothing.bed")
RESIDUES = "MKTAYIAKQRQXSFVKSHFSRQLEERLGLIEVQAPILSRVGDGT"
BASES = "ACGTTGCANNACGGATTACAGGACT"


@pytest.fixture
def fasta(tmp_path: Path) -> Path:
    file = tmp_path / "a.fa"
    file.write_text(f">one first\n{RESIDUES}\n>two:b\nMKV\n")
    return file


def test_a_protein_s_map_is_its_masked_marginals(fasta: Path, tmp_path: Path) -> None:
    tokenizer = brute.symbols_of(PROTEIN)
    model = brute.model_of("modernbert", tokenizer.vocab_size)
    loaded = brute.theirs(model, tmp_path)
    region = Region(fasta, "one", 11, 14)
    found = mutagenesis_map(model, tokenizer, PROTEIN, region, flank=0)
    assert (found.record, found.wild_type) == ("one", RESIDUES[10:14])
    assert found.positions.tolist() == [11, 12, 13, 14]
    assert found.methods == ("masked-marginals",)
    assert found.scores.shape == (20, 4)
    special = tokenizer.special
    ids = [special.begin, *tokenizer.encode([RESIDUES])[0].tolist(), special.end]
    letters = dict(zip(found.symbols, tokenizer.encode([found.symbols])[0].tolist(), strict=True))
    for column, place in enumerate(range(11, 15)):
        for row, symbol in enumerate(found.symbols):
            expected = brute.hidden_log_probability(
                loaded, special.mask, ids, [place], place, letters[symbol]
            ) - brute.hidden_log_probability(loaded, special.mask, ids, [place], place, ids[place])
            assert found.scores[row, column] == pytest.approx(expected, abs=1e-4)


def test_the_map_of_the_other_strand_is_the_same_map(tmp_path: Path) -> None:
    tokenizer = brute.symbols_of(DNA)
    model = brute.model_of("llama", tokenizer.vocab_size)
    maps = []
    for name, bases in (("a", BASES), ("b", reverse_complement(BASES))):
        (tmp_path / f"{name}.fa").write_text(f">chr1\n{bases}\n")
        region = parse_region(str(tmp_path / f"{name}.fa"))
        maps.append(mutagenesis_map(model, tokenizer, DNA, region, flank=6))
    # A stands where T stood, C where G, from the other end.
    assert maps[0].symbols == "ACGT"
    assert maps[0].scores == pytest.approx(maps[1].scores[::-1, ::-1], abs=1e-4)
    unknown = [place for place, base in enumerate(BASES) if base == "N"]
    changed = maps[0].scores != 0
    assert changed[:, unknown].all()
    assert changed.sum() == 3 * len(BASES) + len(unknown)


def test_regions_are_written_as_samtools_writes_them(fasta: Path, tmp_path: Path) -> None:
    assert parse_region(str(fasta)) == Region(fasta, None)
    assert parse_region(f"{fasta}:one") == Region(fasta, "one")
    assert parse_region(f"{fasta}:two:b") == Region(fasta, "two:b")
    assert parse_region(f"{fasta}:one:2-1,003") == Region(fasta, "one", 2, 1003)
    strange = tmp_path / "b:1-2.fa"
    strange.write_text(">x\nMK\n")
    assert parse_region(f"{strange}:x:1-2") == Region(strange, "x", 1, 2)
    with pytest.raises(LexomeError, match="no such file"):
        parse_region(str(tmp_path / "none.fa"))
    for span in ("5-2", "0-3"):
        with pytest.raises(UsageError, match="no stretch"):
            parse_region(f"{fasta}:one:{span}")


def test_a_record_that_is_not_there_is_an_error(fasta: Path) -> None:
    assert find_record(PROTEIN, Region(fasta, None)).source.record == "one"
    assert find_record(PROTEIN, Region(fasta, "two:b", 1, 3)).content == "MKV"
    with pytest.raises(LexomeError, match="no record 'tow'"):
        find_record(PROTEIN, Region(fasta, "tow"))
    with pytest.raises(LexomeError, match="not in the record"):
        find_record(PROTEIN, Region(fasta, "two:b", 2, 4))
    with pytest.raises(UsageError, match="no files of variants"):
        mutable(languages.get("text"))


def test_maps_are_pictures_and_tables(fasta: Path, tmp_path: Path) -> None:
    from PIL import Image

    tokenizer = brute.symbols_of(PROTEIN)
    model = brute.model_of("llama", tokenizer.vocab_size)
    found = mutagenesis_map(model, tokenizer, PROTEIN, Region(fasta, "two:b"), flank=0)
    draw_map(found, tmp_path / "map.png")
    with Image.open(tmp_path / "map.png") as picture:
        assert picture.width > 3 * 10
        assert len(picture.getcolors(1 << 20) or ()) > 10
    rows = list(map_rows(found))
    assert len(rows) == 3 * 19
    assert write_table(rows, tmp_path / "map.tsv") == len(rows)
    with (tmp_path / "map.tsv").open() as file:
        read = list(csv.DictReader(file, delimiter="\t"))
    assert [float(row["score"]) for row in read] == pytest.approx(
        [row["score"] for row in rows], rel=1e-5
    )
    assert (read[0]["position"], read[0]["wild_type"], read[0]["substitution"]) == ("1", "M", "A")
    assert list(tsv_lines([])) == []


def test_colours_say_the_sign() -> None:
    assert colour(0.0, 2.0) == (255, 255, 255)
    red, blue = colour(9.0, 2.0), colour(-9.0, 2.0)
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    assert np.mean(colour(1.0, 2.0)) > np.mean(red)


def test_a_picture_has_its_limits(fasta: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = brute.symbols_of(PROTEIN)
    model = brute.model_of("modernbert", tokenizer.vocab_size)
    found = mutagenesis_map(model, tokenizer, PROTEIN, Region(fasta, "two:b"), flank=0)
    monkeypatch.setattr("lexome.report.heat_map.LONGEST", 2)
    with pytest.raises(UsageError, match="too large"):
        draw_map(found, fasta.with_suffix(".png"))
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(LexomeError, match="needs the package pillow"):
        draw_map(found, fasta.with_suffix(".png"))

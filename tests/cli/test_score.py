"""`lexome score` and `lexome embed` on small runs of DNA and proteins."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from lexome.errors import LexomeError, UsageError

Lexome = Callable[..., Any]
TINY = ("--depth", 1, "--context", 32, "--batch-size", 4, "--steps", 2, "--compile", "false")


def trained(lexome: Lexome, folder: Path, language: str, letters: str, *options: Any) -> Path:
    """Write records of random letters, prepare and train; return the run."""
    draw = random.Random(2)
    records = ["".join(draw.choices(letters, k=300)) for _ in range(6)]
    text = "".join(f">r{number}\n{record}\n" for number, record in enumerate(records))
    (folder / "data.fa").write_text(text)
    out = folder / "corpus"
    prepared = ("--language", language, "--workers", 1, "--out", out)
    assert lexome("prepare", folder / "data.fa", *prepared).exit_code == 0
    run = folder / "run"
    result = lexome("train", "--corpus", out, "--out", run, *TINY, *options)
    assert result.exit_code == 0, result.output
    return run


@pytest.fixture(scope="module")
def dna(lexome: Lexome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(lexome, tmp_path_factory.mktemp("dna"), "dna", "ACGT")


@pytest.fixture(scope="module")
def protein(lexome: Lexome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("protein")
    masked = ("--objective", "masked-token")
    return trained(lexome, folder, "protein", "ACDEFGHIKLMNPQRSTVWY", *masked)


@pytest.fixture
def calls(dna: Path, tmp_path: Path) -> Path:
    """Five lines: two variants, a deletion, a symbolic allele, and one that disagrees."""
    (first, *_) = (dna.parent / "data.fa").read_text().split("\n")[1::2]
    wrong = "A" if first[99] != "A" else "C"
    lines = [
        f"r0\t10\trs1\t{first[9]}\tN",
        f"r0\t50\t.\t{first[49:53]}\t{first[49]}",
        f"r0\t60\t.\t{first[59]}\t<DEL>",
        f"r0\t100\t.\t{wrong}\tG",
        f"r0\t300\t.\t{first[299]}\t{first[299]}T",
    ]
    file = tmp_path / "calls.vcf"
    file.write_text("##fileformat=VCFv4.2\n" + "".join(f"{line}\t.\t.\t.\n" for line in lines))
    return file


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(text.splitlines(), delimiter="\t"))


def test_a_vcf_is_scored_to_the_screen_to_files_and_to_programs(
    lexome: Lexome, dna: Path, calls: Path, tmp_path: Path
) -> None:
    asked = ("score", dna, calls, "--reference", dna.parent / "data.fa", "--mismatch", "skip")
    shown = lexome(*asked)
    assert shown.exit_code == 0, shown.output
    rows = rows_of(shown.stdout)
    assert [row["line"] for row in rows] == ["2", "3", "6"]
    assert (rows[0]["id"], rows[0]["record"], rows[0]["position"]) == ("rs1", "r0", "10")
    for row in rows:
        mean = (float(row["as_written"]) + float(row["mirrored"])) / 2
        assert float(row["score"]) == pytest.approx(mean, abs=1e-4)
    assert "skipped: 1 (symbolic allele)" in shown.stderr
    assert "skipped: 1 (the reference disagrees)" in shown.stderr

    told = lexome(*asked, "--json")
    found = json.loads(told.stdout)
    assert found["variants"] == 3
    assert found["methods"] == {"likelihood": 3}
    assert sum(found["skipped"].values()) == 2
    scores = [row["score"] for row in found["scores"]]
    assert scores == pytest.approx([float(row["score"]) for row in rows], rel=1e-4)

    for name in ("scores.tsv", "scores.parquet"):
        written = lexome(*asked, "--out", tmp_path / name)
        assert f"written: {tmp_path / name}, 3 variants" in written.stdout
    assert rows_of((tmp_path / "scores.tsv").read_text()) == rows
    table = pq.read_table(tmp_path / "scores.parquet")
    assert table["score"].to_pylist() == pytest.approx(scores, abs=1e-6)
    assert table["line"].to_pylist() == [2, 3, 6]

    one = lexome(*asked, "--one-strand", "--json")
    written_only = json.loads(one.stdout)["scores"]
    assert "mirrored" not in written_only[0]
    expected = [float(row["as_written"]) for row in rows]
    assert [row["score"] for row in written_only] == pytest.approx(expected, abs=1e-4)


def test_a_reference_that_disagrees_ends_it_and_leaves_no_file(
    lexome: Lexome, dna: Path, calls: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.tsv"
    asked = ("score", dna, calls, "--reference", dna.parent / "data.fa", "--out", out)
    result = lexome(*asked)
    assert result.exit_code == 1
    assert "the reference has" in result.stderr
    assert "line 5" in result.stderr
    assert list(tmp_path.glob("*scores*")) == []


def test_mutants_are_scored_with_their_own_columns(
    lexome: Lexome, protein: Path, tmp_path: Path
) -> None:
    (wild, *_) = (protein.parent / "data.fa").read_text().split("\n")[1::2]
    lines = ["record,mutant,score", f"r0,{wild[4]}5W,0.5", f"r0,{wild[4]}5W:{wild[250]}251C,0.1"]
    (tmp_path / "mutants.csv").write_text("\n".join(lines) + "\n")
    asked = ("score", protein, tmp_path / "mutants.csv", "--reference", protein.parent / "data.fa")
    found = json.loads(lexome(*asked, "--json").stdout)
    assert found["methods"] == {"masked-marginals": 2}
    assert [row["given_score"] for row in found["scores"]] == ["0.5", "0.1"]
    assert [row["record"] for row in found["scores"]] == ["r0", "r0"]
    pseudo = json.loads(lexome(*asked, "--method", "pseudo-likelihood", "--json").stdout)
    assert pseudo["methods"] == {"pseudo-likelihood": 2}


def test_maps_are_drawn_written_and_told(
    lexome: Lexome, protein: Path, dna: Path, tmp_path: Path
) -> None:
    region = f"{protein.parent / 'data.fa'}:r2:11-14"
    for name in ("map.png", "map.tsv", "map.parquet"):
        result = lexome("score", protein, "--mutagenesis", region, "--out", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).stat().st_size > 100
    rows = rows_of((tmp_path / "map.tsv").read_text())
    assert len(rows) == 4 * 19
    assert pq.read_table(tmp_path / "map.parquet").num_rows == len(rows)
    region = f"{dna.parent / 'data.fa'}:r1:1-3"
    found = json.loads(lexome("score", dna, "--mutagenesis", region, "--json").stdout)
    assert found["positions"] == [1, 2, 3]
    assert set(found["scores"]) == set("ACGT")
    shown = lexome("score", dna, "--mutagenesis", region)
    assert len(rows_of(shown.stdout)) == 9


def test_states_are_written_with_their_ids(lexome: Lexome, dna: Path, tmp_path: Path) -> None:
    data, out = dna.parent / "data.fa", tmp_path / "states.parquet"
    result = lexome("embed", dna, data, "--out", out)
    assert result.exit_code == 0, result.output
    table = pq.read_table(out)
    assert table["record"].to_pylist() == [f"r{number}" for number in range(6)]
    assert json.loads(table.schema.metadata[b"lexome"])["both_strands"] is False
    asked = ("--per", "unit", "--layer", 0, "--both-strands", "--out", out, "--json")
    told = json.loads(lexome("embed", dna, data, *asked).stdout)
    assert (told["documents"], told["rows"], told["layer"]) == (6, 1800, 0)
    assert pq.read_table(out).num_rows == 1800


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("score",), "name a file of variants"),
        (("score", "--mutagenesis", "a.fa", "--mismatch", "maybe"), "there is no 'maybe'"),
        (("score", "--mutagenesis", "a.fa", "--method", "esm"), "there is no 'esm'"),
        (("score", "--mutagenesis", "a.fa", "--out", "map.gif"), "does not say what to write"),
        (("score", "--mutagenesis", "none.fa"), "no such file"),
        (("embed", "data.fa", "--out", "states.tsv"), "does not say what to write"),
        (("embed", "data.fa", "--out", "states.parquet", "--per", "word"), "there is no 'word'"),
        (("embed", "data.fa", "--out", "states.parquet", "--layer", "9"), "there is no layer 9"),
    ],
)
def test_bad_requests_say_what_is_wrong(
    lexome: Lexome,
    dna: Path,
    arguments: tuple[str, ...],
    what: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(dna.parent)
    command, *rest = arguments
    result = lexome(command, dna, *rest)
    assert result.exit_code in (LexomeError.exit_status, UsageError.exit_status)
    assert what in result.stderr


def test_other_languages_have_no_variants(lexome: Lexome, run: Path, tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_text("##fileformat=VCFv4.2\n")
    result = lexome("score", run, tmp_path / "a.vcf")
    assert result.exit_code == 2
    assert "text has no files of variants" in result.stderr
    result = lexome("embed", run, tmp_path, "--both-strands", "--out", tmp_path / "a.parquet")
    assert result.exit_code == 2
    assert "one reading" in result.stderr

"""MMseqs2: a stand-in for the program, which keeps its part of the contract or does not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from lexome.errors import LexomeError
from lexome.languages.base import Document, Source
from lexome.languages.clusters import IdentityClusters
from lexome.languages.mmseqs import MMseqs

# Clusters by the first letter, and keeps what it was asked.
_PROGRAM = """#!/bin/sh
[ "$1" = version ] && { echo 15-6f452; exit 0; }
echo "$@" > asked
awk '/^>/ { name = substr($1, 2); next }
     { key = substr($1, 1, 1); if (!(key in first)) first[key] = name; print first[key] "\\t" name }
    ' "$2" > "$3_cluster.tsv"
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bin" / "mmseqs"
    path.parent.mkdir()
    path.write_text(_PROGRAM)
    path.chmod(0o755)
    monkeypatch.setenv("PATH", str(path.parent), prepend=":")
    monkeypatch.chdir(tmp_path)
    return path


def documents(*proteins: str) -> list[Document]:
    return [Document(protein, Source("x.fasta", str(n))) for n, protein in enumerate(proteins)]


def grouped(tmp_path: Path, *proteins: str) -> tuple[list[int], str]:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    found = IdentityClusters(0.5).group(documents(*proteins), scratch, 3)
    return found.groups.tolist(), found.how


def test_the_program_on_the_path_clusters_and_its_version_is_told(
    program: Path, tmp_path: Path
) -> None:
    assert grouped(tmp_path, "MKA", "ACD", "MMM", "A*") == ([0, 1, 0, 1], "MMseqs2 15-6f452")
    asked = (tmp_path / "asked").read_text().split()
    assert asked[0] == "easy-cluster"
    options = dict(zip(asked[4::2], asked[5::2], strict=True))
    assert options == {
        "--min-seq-id": "0.5",
        "-c": "0.8",
        "--cov-mode": "0",
        "--cluster-mode": "1",
        "--threads": "3",
        "-v": "1",
    }
    assert (tmp_path / "scratch/proteins.fasta").read_text().endswith(">3\nAX\n")


def test_without_the_program_sketches_cluster_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    groups, how = grouped(tmp_path, "MKA" * 30, "ACDEFGH", "MKA" * 30)
    assert groups == [0, 1, 0]
    assert how == "lexome's k-mer sketches, as mmseqs is not on the PATH"


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ('[ "$1" = version ] && exit 0; echo no more memory >&2; exit 3', "status 3: no more mem"),
        ("exit 1", "status 1: no word"),
        ('[ "$1" = version ] || : > "$3_cluster.tsv"', "left 2 of 2 sequences without a cluster"),
        ('[ "$1" = version ] || exit 0', "no such file or folder"),
    ],
)
def test_a_program_that_fails_is_an_error_with_its_last_words(
    program: Path, tmp_path: Path, script: str, what: str
) -> None:
    program.write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(LexomeError) as raised:
        grouped(tmp_path, "MKA", "ACD")
    assert what in raised.value.what


def test_a_program_that_cannot_be_started_is_an_error(program: Path, tmp_path: Path) -> None:
    program.write_bytes(b"\x7fELF and no more")
    with pytest.raises(LexomeError, match="cannot be started"):
        MMseqs.find()


@pytest.mark.skipif(shutil.which("mmseqs") is None, reason="MMseqs2 is not installed")
def test_the_real_program_joins_a_planted_family(tmp_path: Path) -> None:
    protein = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV"
    relative = protein.replace("K", "R").replace("V", "I")
    stranger = "GSHMASMTGGQQMGRDPNSWWWPLCCYHEDDFTNNGSPPLAWCYKKMMQQTTHHEENNDDCCFFYYWWGGS"
    found, how = grouped(tmp_path, protein, stranger, relative)
    assert found[0] == found[2] != found[1]
    assert how.startswith("MMseqs2 ")

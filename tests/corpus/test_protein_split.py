"""Proteins prepared with `identity`: planted families stand on one side, and it is said how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lexome.corpus import PrepareRequest, prepare

RESIDUES = list("ACDEFGHIKLMNPQRSTVWY")


@pytest.fixture(scope="module")
def proteins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = np.random.default_rng(0)
    records = []
    for family in range(40):
        parent = draw.choice(RESIDUES, 200)
        for member in range(4):
            child = np.where(draw.random(200) < 0.25, draw.choice(RESIDUES, 200), parent)
            records.append(f">f{family}.{member} member {member}\n{''.join(child)}\n")
    path = tmp_path_factory.mktemp("proteins") / "proteins.fasta"
    path.write_text("".join(records[n] for n in draw.permutation(len(records))))
    return path


def families(source: Path, folder: Path, **options: float) -> tuple[set[str], set[str], object]:
    request = PrepareRequest([source], "protein", options=options, workers=1)
    corpus = prepare(request, folder)
    train, valid = (
        {document.source.record.split(".")[0] for document in corpus.documents(split)}
        for split in ("train", "valid")
    )
    return train, valid, corpus.manifest.groups


def test_families_are_parted_by_record_and_not_by_identity(
    proteins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    train, valid, groups = families(proteins, tmp_path / "record")
    assert len(train & valid) > 5 and groups is None
    train, valid, groups = families(proteins, tmp_path / "identity", identity=0.5)
    assert not train & valid
    assert len(valid) == 4 and len(train) == 36
    assert str(groups) == (
        "160 documents in 40 clusters of 50 % identity, the largest of 4; found by lexome's "
        "k-mer sketches, as mmseqs is not on the PATH"
    )

"""Proteins: records, letters, rendering."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from Bio import SeqIO
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.protein import ALPHABET
from lexome.languages.tokenizers import BytesTrainer

relaxed = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HEADER = "sp|P69905|HBA_HUMAN Hemoglobin subunit alpha OS=Homo sapiens OX=9606 GN=HBA1 PE=1 SV=2"


def read(tmp_path: Path, text: str, **options) -> list[Document | Skipped]:
    path = tmp_path / "x.faa"
    path.write_text(text)
    return list(languages.get("protein", **options).read(path))


def test_the_alphabet_is_twenty_amino_acids_and_seven_more_signs():
    assert len(set(ALPHABET)) == len(ALPHABET) == 27
    assert set(ALPHABET) == set("ABCDEFGHIJKLMNOPQRSTUVWXYZ*")


@relaxed
@given(records=st.lists(st.text(ALPHABET + ALPHABET.lower(), min_size=1, max_size=200), min_size=1))
def test_records_are_what_biopython_reads_in_upper_case(tmp_path, records):
    text = "".join(f">p{i} protein {i}\n{s[:50]}\n{s[50:]}\n" for i, s in enumerate(records))
    documents = read(tmp_path, text)
    golden = list(SeqIO.parse(io.StringIO(text), "fasta"))
    assert [d.content for d in documents] == [str(record.seq).upper() for record in golden]
    assert [d.source.record for d in documents] == [record.id for record in golden]


def test_a_uniprot_header_gives_name_and_description(tmp_path):
    (document,) = read(tmp_path, f">{HEADER}\nmvls\nPADK*\n")
    assert document.content == "MVLSPADK*"
    assert document.source == Source(str(tmp_path / "x.faa"), "sp|P69905|HBA_HUMAN", 1, 0)
    name, description = HEADER.split(maxsplit=1)
    assert document.metadata == {"name": name, "description": description}


@pytest.mark.parametrize(
    ("letter", "what"),
    [
        ("-", "'-' is a gap"),
        (".", "'.' is a gap"),
        ("1", "'1' is not a residue"),
        ("é", "is not a residue"),
        ("@", "'@' is not a residue"),
    ],
)
def test_an_illegal_letter_is_an_error_or_x_or_skipped(tmp_path, letter, what):
    text = f">good\nMKV\n>bad\nMK\n\nLV{letter}A\n"
    with pytest.raises(LexomeError) as caught:
        read(tmp_path, text)
    assert what in caught.value.what
    assert caught.value.where.endswith("record 'bad', line 6, position 5 (from 1)")
    assert "illegal=" in caught.value.fix
    good, bad = read(tmp_path, text, illegal="x")
    # In UTF-8 é is two bytes, and each is a letter that nobody knows.
    wrong = len(letter.encode())
    assert (good.content, bad.content) == ("MKV", f"MKLV{'X' * wrong}A")
    assert bad.metadata["illegal_to_x"] == str(wrong)
    good, bad = read(tmp_path, text, illegal="skip")
    assert (good.content, bad.reason) == ("MKV", "illegal letters")
    assert bad.source.record == "bad"


def test_short_and_empty_records_are_counted(tmp_path):
    entries = read(tmp_path, ">a\nMKV\n>b\n>c\nMK\n", min_length=3)
    assert [entry.content for entry in entries if isinstance(entry, Document)] == ["MKV"]
    skipped = [(e.source.record, e.reason) for e in entries if isinstance(e, Skipped)]
    assert skipped == [("b", "empty record"), ("c", "shorter than min_length")]


def test_cut_keeps_the_place_and_the_split_key(tmp_path):
    protein = languages.get("protein")
    (document,) = read(tmp_path, ">a\nMKVLA\n")
    part = protein.cut(document, 1, 3)
    assert (part.content, part.source.offset, protein.units(part)) == ("KV", 1, 2)
    assert protein.cut(part, 1, 99).source.offset == 2
    assert protein.split_key(part) == protein.split_key(document)
    assert protein.split_key(document).endswith("x.faa#a")
    assert protein.augment(document) == ()


def test_rendering_is_fasta_that_reads_back(tmp_path):
    protein = languages.get("protein")
    (document,) = read(tmp_path, f">{HEADER}\n{'MKVLAX*' * 20}\n")
    rendering = protein.render(document)
    assert (rendering.suffix, max(map(len, rendering.text.splitlines()[1:]))) == (".fasta", 60)
    assert read(tmp_path, rendering.data.decode()) == [document]
    cut = protein.render(protein.cut(document, 7, 9)).text
    assert cut.startswith(">sp|P69905|HBA_HUMAN:7-9 ")
    assert protein.render(Document("MK", Source("prompt"))).text == ">sequence\nMK\n"


def test_prompts_are_residues_in_any_case():
    protein = languages.get("protein")
    assert protein.parse(" mk v*\n") == "MKV*"
    for prompt in ("MK-", "MK1", "MK€"):
        with pytest.raises(LexomeError, match="is not a residue") as caught:
            protein.parse(prompt)
        assert caught.value.where == "the prompt, letter 3"


@pytest.mark.parametrize("kind", ["symbols", "bpe", "bytes"])
def test_every_tokenizer_is_lossless_and_counts_residues(kind):
    protein = languages.get("protein")
    assert next(iter(protein.tokenizers())) == "symbols"
    residues = ALPHABET * 10
    tokenizer = protein.tokenizers()[kind].train([residues], None)
    (ids,) = tokenizer.encode([residues])
    assert tokenizer.decode(ids) == residues
    assert tokenizer.unit_lengths[ids].sum() == protein.units(Document(residues, None))


def test_options_rebuild_the_language():
    protein = languages.get("protein", illegal="x", min_length=30)
    assert protein.options == {"illegal": "x", "min_length": 30}
    assert languages.get("protein", **protein.options) == protein
    with pytest.raises(UsageError, match="'illegal_letters' is not an option") as caught:
        languages.get("protein", illegal_letters="x")
    assert "did you mean 'illegal'" in caught.value.fix
    assert len(protein.baselines(BytesTrainer().train())) == 3

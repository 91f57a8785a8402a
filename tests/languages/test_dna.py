"""DNA: windows against plain slices, strands against Biopython, policies against their words."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from Bio import SeqIO
from Bio.Seq import reverse_complement as golden_reverse_complement
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.languages import bed, fasta
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.bases import reverse_complement
from lexome.languages.bed import Slicer, read_bed
from lexome.languages.fasta import write_fasta
from lexome.languages.tokenizers import BytesTrainer

relaxed = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
iupac = st.text("ACGTRYSWKMBDHVN", max_size=60)
mixed_case = st.text("ACGTNacgtn", min_size=1, max_size=80)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def read(tmp_path: Path, text: str, **options) -> list[Document | Skipped]:
    path = written(tmp_path / "x.fa", text)
    return list(languages.get("dna", **options).read(path))


def contents(entries: list[Document | Skipped]) -> list[str]:
    return [entry.content for entry in entries if isinstance(entry, Document)]


def reasons(entries: list[Document | Skipped]) -> list[str]:
    return [entry.reason for entry in entries if isinstance(entry, Skipped)]


@given(bases=iupac)
def test_the_other_strand_is_biopythons_and_twice_it_is_the_first(bases):
    assert reverse_complement(bases) == golden_reverse_complement(bases)
    assert reverse_complement(reverse_complement(bases)) == bases
    codes = np.frombuffer(bases.encode(), np.uint8)
    mirrored = languages.get("dna").mirrored(codes)
    assert mirrored.tobytes().decode() == golden_reverse_complement(bases)


def test_records_become_documents_with_their_place(tmp_path):
    one, two = read(tmp_path, ">a first one\nacg\nTNR\n\n>b\nGG\n")
    assert (one.content, two.content) == ("ACGTNR", "GG")
    assert one.source == Source(str(tmp_path / "x.fa"), "a", 1, 0)
    assert two.source == Source(str(tmp_path / "x.fa"), "b", 5, 0)
    assert one.metadata == {"description": "first one"}
    assert one.weights is None


@relaxed
@given(
    records=st.dictionaries(st.sampled_from(["chr1", "chr2", "x|y"]), mixed_case, min_size=1),
    data=st.data(),
    chunk=st.integers(1, 40),
    longest=st.integers(1, 50),
)
def test_windows_are_slices_on_their_strand(tmp_path, records, data, chunk, longest):
    wanted = []
    for name, sequence in records.items():
        places = st.integers(0, len(sequence))
        spans = st.tuples(places, places).filter(lambda span: span[0] != span[1])
        for span in data.draw(st.lists(spans, max_size=6)):
            start, stop = sorted(span)
            strand = data.draw(st.sampled_from("+-."))
            # A window longer than the limit comes in pieces.
            for first in range(start, stop, longest):
                wanted.append((name, first, min(first + longest, stop), strand == "-"))
    lines = [f"{n}\t{a}\t{b}\tw\t0\t{'-' if r else '+'}" for n, a, b, r in wanted]
    if not wanted:
        return
    order = data.draw(st.permutations(lines))
    bed_file = written(tmp_path / "w.bed", "\n".join(["track x", "# remark", *order]) + "\n")
    text = "".join(write_fasta(name, "", sequence, 7) for name, sequence in records.items())
    path = written(tmp_path / "x.fa", text)
    missing = set(records) - {name for name, *_ in wanted}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta, "_CHUNK", chunk)
        patch.setattr("lexome.languages.dna.PIECE", longest)
        bed._read.cache_clear()
        found = list(languages.get("dna", windows=str(bed_file)).read(path))
    assert not missing or all(entry.source.record not in missing for entry in found)
    golden = {record.id: str(record.seq).upper() for record in SeqIO.parse(path, "fasta")}
    expected = []
    for name, start, stop, reverse in wanted:
        piece = golden[name][start:stop]
        piece = golden_reverse_complement(piece) if reverse else piece
        expected.append((name, start, piece, "-" if reverse else "+"))
    got = [(d.source.record, d.source.offset, d.content, d.metadata["strand"]) for d in found]
    assert sorted(got) == sorted(expected)


def test_overlapping_windows_share_a_region_and_a_split_key(tmp_path):
    lines = ["c\t30\t40", "c\t0\t10", "c\t5\t20\tx\t0\t-", "c\t20\t25", "d\t0\t10"]
    bed_file = written(tmp_path / "w.bed", "\n".join(lines))
    text = write_fasta("c", "", "ACGT" * 10, 60) + write_fasta("d", "", "ACGT" * 10, 60)
    path = written(tmp_path / "x.fa", text)
    dna = languages.get("dna", windows=str(bed_file))
    keys = [dna.split_key(document).removeprefix(f"{path}#") for document in dna.read(path)]
    assert keys == ["c:0-20", "c:0-20", "c:20-25", "c:30-40", "d:0-10"]
    whole = languages.get("dna", windows=str(bed_file), split_by="record")
    keys = [whole.split_key(document).removeprefix(f"{path}#") for document in whole.read(path)]
    assert keys == ["c", "c", "c", "c", "d"]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("c\t5", "needs a record, a start and a stop"),
        ("c\tone\t5", "whole numbers"),
        ("c\t-1\t5", "whole numbers"),
        ("c\t1.0\t5", "whole numbers"),
        ("c\t5\t5", "empty: it starts at 5 and stops at 5"),
        ("c\t5\t2", "empty"),
        ("c\t0\t5\tx\t0\tplus", "strand"),
        ("c\t0\t9", "reaches beyond the record 'c', which has 8 bases"),
        ("chrC\t0\t5", "record 'chrC' that the FASTA file does not have"),
    ],
)
def test_a_bad_window_is_an_error_with_file_and_line(tmp_path, line, what):
    bed_file = written(tmp_path / "w.bed", f"# windows\nc\t0\t2\n\n{line}\n")
    with pytest.raises(LexomeError) as caught:
        read(tmp_path, ">c\nACGTACGT\n", windows=str(bed_file))
    assert what in caught.value.what
    assert f"{bed_file}, line 4" in caught.value.where
    assert caught.value.fix


def test_records_may_be_called_like_lines_of_display(tmp_path):
    lines = ["track name=x", 'track\tname="two words"\t7', "browser position c:1-5", "browser"]
    names = ["track", "track1", "browser_2", "browser"]
    lines += [f"{name}\t0\t2" for name in names] + ["track 2 4"]
    bed_file = written(tmp_path / "w.bed", "\n".join(lines) + "\n")
    text = "".join(f">{name}\nACGT\n" for name in names)
    assert contents(read(tmp_path, text, windows=str(bed_file))) == ["AC", "GT", "AC", "AC", "AC"]


def test_signs_have_no_case(tmp_path):
    text = ">a\nAC-gt.A*Ca\n"
    (document,) = read(tmp_path, text, illegal="n", soft_mask="down-weight", soft_mask_weight=0.5)
    assert document.content == "ACNGTNANCA"
    assert document.weights.tolist() == [1, 1, 1, 0.5, 0.5, 1, 1, 1, 1, 0.5]


def test_a_protein_in_letters_that_are_all_codes_is_no_dna(tmp_path):
    text = ">gene\nACGTRYACGT\n>peptide\nMKVHDSTRGAC\n"
    with pytest.raises(LexomeError, match=r"looks like a protein.*MKVHDSTRGAC") as caught:
        read(tmp_path, text)
    assert caught.value.where == f"{tmp_path / 'x.fa'}, record 'peptide', line 3"
    entries = read(tmp_path, text, illegal="skip")
    assert (contents(entries), reasons(entries)) == (["ACGTRYACGT"], ["looks like a protein"])
    assert contents(read(tmp_path, text, illegal="n"))[1] == "MKVHDSTRGAC"
    assert contents(read(tmp_path, text, iupac="n"))[1] == "NNNNNNTNGAC"


@pytest.mark.parametrize(
    "primer",
    # 16S primers 515F and 806R, a degenerate one of cytochrome b, a motif, and unknown bases.
    ["GTGYCAGCMGCCGCGGTAA", "GGACTACNVGGGTWTCTAAT", "GGNACNTGGYTNTAYTAYGG", "TATAWAWR", "NNNNN"],
)
def test_primers_and_motifs_are_dna(tmp_path, primer):
    assert contents(read(tmp_path, f">a\n{primer}\n")) == [primer]


def test_windows_of_an_empty_record_and_a_bed_without_windows_are_errors(tmp_path):
    bed_file = written(tmp_path / "w.bed", "c\t0\t2\n")
    with pytest.raises(LexomeError, match="has 0 bases"):
        read(tmp_path, ">c\n>d\nACGT\n", windows=str(bed_file))
    with pytest.raises(LexomeError, match="no window"):
        read(tmp_path, ">c\nAC\n", windows=str(written(tmp_path / "none.bed", "# nothing\n")))
    with pytest.raises(LexomeError, match="no such file"):
        read(tmp_path, ">c\nAC\n", windows=str(tmp_path / "absent.bed"))


def test_windows_of_a_record_in_another_file_can_be_left_to_it(tmp_path):
    bed_file = written(tmp_path / "w.bed", "c\t0\t2\nd\t0\t1\nd\t1\t2\n")
    entries = read(tmp_path, ">c\nACGT\n", windows=str(bed_file), windows_elsewhere="skip")
    assert contents(entries) == ["AC"]
    (skipped,) = [entry for entry in entries if isinstance(entry, Skipped)]
    assert (skipped.source.record, skipped.source.line) == ("d", 2)
    assert skipped.detail.startswith("2 windows")


def test_a_changed_bed_file_is_read_again(tmp_path):
    bed_file = written(tmp_path / "w.bed", "c\t0\t2\n")
    assert [w.stop for w in read_bed(bed_file, 100)["c"]] == [2]
    written(bed_file, "c\t0\t33\n")
    assert [w.stop for w in read_bed(bed_file, 100)["c"]] == [33]


def test_a_slicer_keeps_no_more_than_the_window_that_is_due_needs(tmp_path):
    bed_file = written(tmp_path / "w.bed", "c\t90000\t90010\nc\t5\t10\n")
    slicer = Slicer(read_bed(bed_file, 100)["c"])
    most = 0
    for _ in range(100):
        list(slicer.feed(b"A" * 1000))
        most = max(most, len(slicer._held))
    assert not slicer.left()
    assert most <= 1000


@relaxed
@given(
    sequence=mixed_case,
    n=st.sampled_from(["keep", "split", "drop"]),
    soft_mask=st.sampled_from(["keep", "down-weight", "drop"]),
    min_length=st.integers(1, 4),
    strand=st.sampled_from(["", "+", "-"]),
)
def test_every_base_is_in_a_document_or_counted_as_skipped(
    tmp_path, sequence, n, soft_mask, min_length, strand
):
    options = {"n": n, "soft_mask": soft_mask, "min_length": min_length}
    if strand:
        line = f"c\t0\t{len(sequence)}\tw\t0\t{strand}\n"
        options["windows"] = str(written(tmp_path / "w.bed", line))
    entries = read(tmp_path, write_fasta("c", "", sequence, 13), **options)
    seen = np.zeros(len(sequence), int)
    for entry in entries:
        if isinstance(entry, Skipped):
            seen[entry.source.offset :][: int(entry.detail.split()[-2])] += 1
            continue
        start, stop = entry.source.offset, entry.source.offset + len(entry.content)
        seen[start:stop] += 1
        part, forward = sequence[start:stop], entry.content
        if strand == "-":
            forward = golden_reverse_complement(forward)
        assert forward == part.upper()
        assert len(part) >= min_length
        assert n == "keep" or "N" not in part.upper()
        if soft_mask == "drop":
            assert part == part.upper()
        weights = np.where([letter.islower() for letter in part], np.float32(0.1), np.float32(1))
        if soft_mask == "down-weight" and part != part.upper():
            assert entry.weights.dtype == np.float32
            np.testing.assert_array_equal(entry.weights[:: -1 if strand == "-" else 1], weights)
        else:
            assert entry.weights is None
    assert (seen == 1).all()


def test_policies_count_what_they_leave_out(tmp_path):
    text = ">a\nACNNGTnA\n>b\nACGT\n"
    entries = read(tmp_path, text, n="split")
    assert contents(entries) == ["AC", "GT", "A", "ACGT"]
    assert reasons(entries) == ["run of N"] * 2
    entries = read(tmp_path, text, n="drop")
    assert (contents(entries), reasons(entries)) == (["ACGT"], ["has N"])
    entries = read(tmp_path, text, soft_mask="drop")
    assert (contents(entries), reasons(entries)) == (["ACNNGT", "A", "ACGT"], ["soft-masked"])
    entries = read(tmp_path, text, min_length=5)
    assert (contents(entries), reasons(entries)) == (["ACNNGTNA"], ["shorter than min_length"])


def test_codes_for_several_bases_are_kept_or_become_n_or_are_an_error(tmp_path):
    text = ">a\nACRyGT\n"
    assert contents(read(tmp_path, text)) == ["ACRYGT"]
    (document,) = read(tmp_path, text, iupac="n")
    assert (document.content, document.metadata) == ("ACNNGT", {"iupac_to_n": "2"})
    with pytest.raises(LexomeError, match="'R' stands for several bases") as caught:
        read(tmp_path, text, iupac="error")
    assert "line 2, position 3" in caught.value.where
    assert reasons(read(tmp_path, text, iupac="error", illegal="skip")) == ["illegal letters"]


def test_rna_is_an_error_or_is_read_as_dna(tmp_path):
    with pytest.raises(LexomeError, match="'u' is RNA") as caught:
        read(tmp_path, ">a\nACG\nuU\n")
    assert "line 3, position 4" in caught.value.where
    assert "--option rna=convert" in caught.value.fix
    (document,) = read(tmp_path, ">a\nACG\nuU\n", rna="convert")
    assert (document.content, document.metadata) == ("ACGTT", {"u_to_t": "2"})


def test_a_letter_that_is_no_base_is_named_with_record_line_and_position(tmp_path):
    text = ">good\nACGT\n>bad one\nAC\n;remark\n\nGTMEKL\n"
    with pytest.raises(LexomeError, match="'E' is not a base; this looks like a protein") as caught:
        read(tmp_path, text)
    place = "record 'bad', line 7, position 6 (from 1)"
    assert caught.value.where == f"{tmp_path / 'x.fa'}, {place}"
    entries = read(tmp_path, text, illegal="skip")
    assert (contents(entries), reasons(entries)) == (["ACGT"], ["illegal letters"])
    entries = read(tmp_path, text, illegal="n")
    assert contents(entries) == ["ACGT", "ACGTMNKN"]
    assert entries[1].metadata["illegal_to_n"] == "2"
    with pytest.raises(LexomeError, match="'-' is a gap"):
        read(tmp_path, ">a\nAC-GT\n")


def test_a_bad_letter_inside_a_window_is_named_by_its_place_in_the_record(tmp_path):
    bed_file = written(tmp_path / "w.bed", "a\t0\t4\na\t6\t10\tw\t0\t-\n")
    with pytest.raises(LexomeError, match="'!' is not a base") as caught:
        read(tmp_path, ">a\nACGT?\nACG!T\n", windows=str(bed_file))
    assert "line 3, position 9 (from 1)" in caught.value.where


def test_a_long_record_comes_in_pieces_that_stay_together(tmp_path):
    dna = languages.get("dna")
    path = written(tmp_path / "x.fa", write_fasta("c", "", "ACGTTGCA" * 10, 11))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fasta.gathered, "__defaults__", (32,))
        pieces = list(dna.read(path))
    assert [(piece.source.offset, len(piece.content)) for piece in pieces] == [
        (0, 32),
        (32, 32),
        (64, 16),
    ]
    assert "".join(contents(pieces)) == "ACGTTGCA" * 10
    assert len({dna.split_key(piece) for piece in pieces}) == 1


def test_memory_is_flat_for_one_line_of_a_whole_chromosome(tmp_path):
    path = tmp_path / "long.fa"
    with path.open("wb") as file:
        file.write(b">chr\n")
        for _ in range(96):
            file.write(b"ACGTTGCAnNACGTaa" * (1 << 16))
    tracemalloc.start()
    try:
        total = sum(len(document.content) for document in languages.get("dna").read(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 96 << 20
    # Five or six copies of a piece of 16 MiB, and nothing that grows with the record.
    assert peak < 96 << 20


@relaxed
@given(bases=iupac.filter(bool), strand=st.sampled_from("+-"), data=st.data())
def test_a_cut_is_the_same_bases_of_the_forward_strand(bases, strand, data):
    dna = languages.get("dna", reverse_complement=True)
    weights = np.linspace(0, 1, len(bases), dtype=np.float32)
    source = Source("x.fa", "c", 1, 100)
    whole = Document(bases, source, {"strand": strand}, weights)
    start, stop = sorted(data.draw(st.integers(-3, len(bases) + 3)) for _ in range(2))
    part = dna.cut(whole, start, stop)
    assert part.content == bases[max(start, 0) : max(stop, 0)]
    np.testing.assert_array_equal(part.weights, weights[max(start, 0) : max(stop, 0)])
    forward = bases if strand == "+" else golden_reverse_complement(bases)
    own = part.content if strand == "+" else golden_reverse_complement(part.content)
    place = part.source.offset - 100
    assert forward[place : place + dna.units(part)] == own
    # The other strand of a document stands at the same place of the record.
    (flipped,) = dna.augment(whole)
    assert flipped.content == golden_reverse_complement(bases)
    assert flipped.source == source
    assert flipped.metadata["strand"] == ("-" if strand == "+" else "+")
    np.testing.assert_array_equal(flipped.weights, weights[::-1])
    (again,) = dna.augment(flipped)
    assert (again.content, again.metadata) == (whole.content, whole.metadata)


def test_nothing_is_augmented_unless_asked_for(tmp_path):
    (document,) = read(tmp_path, ">a\nAC\n")
    assert languages.get("dna").augment(document) == ()


def test_rendering_is_fasta_that_reads_back(tmp_path):
    dna = languages.get("dna")
    (document,) = read(tmp_path, f">a first\n{'ACGTN' * 30}\n")
    rendering = dna.render(document)
    assert rendering.text.splitlines()[0] == ">a first"
    assert max(map(len, rendering.text.splitlines())) == 70
    (again,) = read(tmp_path, rendering.data.decode())
    assert again == document
    part = dna.render(dna.cut(document, 10, 20)).text
    assert part == ">a:10-20(+) first\nACGTNACGTN\n"
    assert dna.render(Document("AC", Source("prompt"))).text == ">sequence\nAC\n"


def test_prompts_are_bases_in_any_case():
    dna = languages.get("dna")
    assert dna.parse(" acg\nTNr ") == "ACGTNR"
    for prompt in ("ACGE", "ACG€", "ACG*"):
        with pytest.raises(LexomeError, match="is not a base") as caught:
            dna.parse(prompt)
        assert caught.value.where == "the prompt, letter 4"
    assert languages.get("dna", rna="convert").parse("acgu") == "ACGT"


@pytest.mark.parametrize("kind", ["symbols", "bpe", "kmer", "bytes"])
@pytest.mark.parametrize("policy", ["keep", "n"])
def test_every_tokenizer_is_lossless_and_counts_bases(kind, policy):
    dna = languages.get("dna", iupac=policy)
    assert next(iter(dna.tokenizers())) == "kmer"
    bases = "ACGTNNACGTACGTTGCA" * 30 + ("RYSWKMBDHV" if policy == "keep" else "")
    tokenizer = dna.tokenizers()[kind].train([bases], None)
    (ids,) = tokenizer.encode([bases])
    assert tokenizer.decode(ids) == bases
    assert tokenizer.unit_lengths[ids].sum() == len(bases) == dna.units(Document(bases, None))


def test_baselines_are_those_of_the_field():
    names = [baseline.name for baseline in languages.get("dna").baselines(BytesTrainer().train())]
    assert len(names) == len(set(names)) == 4
    assert sum("order 11" in name for name in names) == 2


def test_options_rebuild_the_language_and_wrong_ones_are_named():
    dna = languages.get("dna", n="split", soft_mask="down-weight", soft_mask_weight=0.5)
    assert dna.options == {"n": "split", "soft_mask": "down-weight", "soft_mask_weight": 0.5}
    assert languages.get("dna", **dna.options) == dna
    assert languages.get("dna").options == {}
    for options, expected in (
        ({"nn": "split"}, "did you mean 'n'"),
        ({"n": "cut"}, "'keep' or 'split' or 'drop'"),
        ({"soft_mask_weight": 2}, "from 0 to 1"),
        ({"min_length": 0}, "at least 1"),
        ({"min_length": "5"}, "a whole number"),
        ({"reverse_complement": "yes"}, "true or false"),
    ):
        with pytest.raises(UsageError) as caught:
            languages.get("dna", **options)
        assert expected in str(caught.value)

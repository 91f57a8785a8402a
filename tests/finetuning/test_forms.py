"""In which form pairs stand, and in which columns: what is found out, and what has to be said."""

from __future__ import annotations

from pathlib import Path

import pytest
from small import lines, prepared, table

from lexome.errors import LexomeError, UsageError
from lexome.finetuning.pairs import HeldOut


@pytest.mark.parametrize(
    "text_of, columns, count",
    [
        ("one\teins\ntwo\tzwei\nsix\tsechs\n", {}, 3),
        ("source\ttarget\none\teins\ntwo\tzwei\n", {}, 2),
        ("en\tde\none\teins\ntwo\tzwei\n", {"source": "en", "target": "de"}, 2),
        ("x\ten\tde\nx\tone\teins\nx\ttwo\tzwei\n", {"source": "en", "target": "de"}, 2),
        ("eins\tone\nzwei\ttwo\nsechs\tsix\n", {"source": "2", "target": "1"}, 3),
    ],
)
def test_a_tsv_with_and_without_header(
    tmp_path: Path, base: Path, text_of: str, columns: dict[str, str], count: int
) -> None:
    (tmp_path / "a.tsv").write_text(text_of)
    corpus = prepared(
        tmp_path / "corpus", base, "translation", [tmp_path / "a.tsv"],
        held_out=HeldOut(share=0.4), **columns,
    )  # fmt: skip
    found = {
        document.content[0].content: document.content[1].content
        for split in ("train", "valid")
        for document in corpus.documents(split)
    }
    assert len(found) == count and found["one"] == "eins" and found["two"] == "zwei"


def test_a_column_that_is_not_usual_has_to_be_named(tmp_path: Path, base: Path) -> None:
    file = table(tmp_path / "a.jsonl", [{"bases": "ACGT", "kind": "x"}])
    with pytest.raises(UsageError, match="none of the columns bases, kind is usual") as caught:
        prepared(tmp_path / "corpus", base, "labels", [file])
    assert "--source" in str(caught.value)
    with pytest.raises(LexomeError, match="no column 'basis'") as error:
        prepared(
            tmp_path / "corpus", base, "labels", [file], source="basis", target="kind",
        )  # fmt: skip
    assert "bases, kind" in str(error.value)


@pytest.mark.parametrize("header", ["text\tsentiment", "review\tlabel"])
def test_a_header_of_one_usual_name_is_no_example(tmp_path: Path, base: Path, header: str) -> None:
    (tmp_path / "a.tsv").write_text(f"{header}\nfine\tgood\npoor\tbad\n")
    with pytest.raises(UsageError, match=r"is usual for the (source|target)") as caught:
        prepared(tmp_path / "c", base, "labels", [tmp_path / "a.tsv"])
    assert header.replace("\t", ", ") in str(caught.value) and "--" in str(caught.value.fix)


def test_one_named_column_does_not_make_a_table_without_header(tmp_path: Path, base: Path) -> None:
    (tmp_path / "a.tsv").write_text("en\tde\none\teins\n")
    with pytest.raises(UsageError, match="usual for the target"):
        prepared(tmp_path / "c", base, "translation", [tmp_path / "a.tsv"], source="en")


def test_two_tables_of_one_name_are_no_parallel_texts(tmp_path: Path, base: Path) -> None:
    rows = [{"source": str(n), "target": "b"} for n in range(9)]
    files = [table(tmp_path / "a.jsonl", rows[:5]), tmp_path / "a.csv"]
    files[1].write_text("source,target\n" + "".join(f"{row['source']},b\n" for row in rows[5:]))
    corpus = prepared(tmp_path / "corpus", base, "translation", files)
    assert corpus.manifest.train.documents + corpus.manifest.valid.documents == 9


def test_texts_whose_names_do_not_say_that_they_belong_together(tmp_path: Path, base: Path) -> None:
    files = [lines(tmp_path / "en.txt", ["one"]), lines(tmp_path / "de.txt", ["eins"])]
    with pytest.raises(UsageError, match="the other side") as caught:
        prepared(tmp_path / "corpus", base, "translation", files)
    assert "talk.en and talk.de" in str(caught.value)

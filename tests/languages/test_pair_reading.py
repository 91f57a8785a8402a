"""From files to pairs: what is read, what is left out and counted, what is an error and where."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pair_samples import pair, said, written
from PIL import Image

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.base import Document, Skipped
from lexome.languages.label import Label
from lexome.languages.music.score import Score, Track, ordered
from lexome.languages.pair import Pair, Turn
from lexome.languages.pair.language import as_bytes


def test_every_table_reads_alike(tmp_path: Path) -> None:
    rows = [{"source": "a, b", "target": 'say "x"', "who": "me"}, {"source": "ä", "target": "ö"}]
    written(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.csv").write_text('source,target,who\n"a, b","say ""x""",me\nä,ö,\n')
    (tmp_path / "a.tsv").write_text('who\tsource\ttarget\nme\ta, b\tsay "x"\n\tä\tö\n')
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress((tmp_path / "a.tsv").read_bytes()))
    for name in ("a.jsonl", "a.csv", "a.tsv", "a.parquet", "b.tsv.gz"):
        assert said(pair(), tmp_path / name) == [("a, b", 'say "x"'), ("ä", "ö")], name
        first = next(iter(pair().read(tmp_path / name)))
        assert isinstance(first, Document) and first.metadata == {"who": "me"}
        assert first.source.record == "1" and name in str(first.source)


def test_a_table_without_a_header(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\teins\ntwo\tzwei\n")
    numbered = pair(columns={"source": "1", "target": "2"}, header=False)
    assert said(numbered, tmp_path / "a.tsv") == [("one", "eins"), ("two", "zwei")]
    named = pair(columns={"source": "one", "target": "eins"})
    assert said(named, tmp_path / "a.tsv") == [("two", "zwei")]


def test_empty_sides_are_left_out_with_the_reason(tmp_path: Path) -> None:
    rows = [{"source": "a", "target": target} for target in ("b", "", " \n", None)]
    rows += [{"source": " ", "target": "b"}]
    entries = list(pair().read(written(tmp_path / "a.jsonl", rows)))
    assert [entry.reason for entry in entries if isinstance(entry, Skipped)] == [
        *["empty target"] * 3,
        "empty source",
    ]
    assert [entry.source.line for entry in entries if isinstance(entry, Skipped)] == [2, 3, 4, 5]
    classes = pair(target="label")
    assert sum(isinstance(entry, Skipped) for entry in classes.read(tmp_path / "a.jsonl")) == 4


def test_a_missing_column_is_named_with_those_that_are_there(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"source": "a", "target": "b"}, {"source": "a"}])
    with pytest.raises(LexomeError, match="no column 'target'") as caught:
        list(pair().read(path))
    assert "line 2" in str(caught.value) and "the columns are source" in str(caught.value)


@pytest.mark.parametrize(
    "name, text, where",
    [
        ("a.jsonl", '{"source": "a", "target": "b"}\n{"source": ', "line 2"),
        ("a.jsonl", "[1]\n", "line 1"),
        ("a.tsv", "source\ttarget\na\tb\tc\n", "line 2"),
        ("a.csv", 'source,target\n"a,b\n', "line 2"),
        ("a.jsonl", b'{"source": "\xff"}\n', "line 1"),
    ],
)
def test_a_broken_record_is_named(tmp_path: Path, name: str, text: str | bytes, where: str) -> None:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(LexomeError) as caught:
        list(pair().read(path))
    assert f"{path}" in str(caught.value) and where in str(caught.value) and caught.value.fix


def test_other_files_are_no_tables(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(DamagedFileError, match="not a whole Parquet"):
        list(pair().read(tmp_path / "a.parquet"))
    (tmp_path / "a.txt").write_text("a\tb\n")
    with pytest.raises(LexomeError, match=r"\.txt is no table"):
        list(pair().read(tmp_path / "a.txt"))


# Two files side by side

SUFFIXES = {"source": ".en", "target": ".de"}


def test_parallel_files(tmp_path: Path) -> None:
    (tmp_path / "p.en").write_text("one\n\ntwo\n three \n")
    (tmp_path / "p.de.gz").write_bytes(gzip.compress(b"eins\nnull\n\ndrei\n"))
    entries = list(pair(form="parallel", columns=SUFFIXES).read(tmp_path / "p.en"))
    assert [entry.reason if isinstance(entry, Skipped) else "" for entry in entries] == [
        "", "empty source", "empty target", "",
    ]  # fmt: skip
    assert [entry.source.line for entry in entries] == [1, 2, 3, 4]
    assert entries[3].content[0].content == " three "  # type: ignore[union-attr]


@pytest.mark.parametrize("shorter", ["en", "de"])
def test_parallel_files_of_unequal_length_are_an_error(tmp_path: Path, shorter: str) -> None:
    for ending in ("en", "de"):
        (tmp_path / f"p.{ending}").write_text("a\nb\n" if ending == shorter else "a\nb\nc\n")
    with pytest.raises(LexomeError, match="ends at line 2") as caught:
        list(pair(form="parallel", columns=SUFFIXES).read(tmp_path / "p.en"))
    assert caught.value.where == str(tmp_path / f"p.{shorter}")


def test_a_missing_partner_is_named(tmp_path: Path) -> None:
    (tmp_path / "p.en").write_text("one\n")
    with pytest.raises(LexomeError, match=r"there is no p\.de beside"):
        list(pair(form="parallel", columns=SUFFIXES).read(tmp_path / "p.en"))


def test_the_targets_file_decides_what_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "p.de").write_text("eins\n")
    partners = json.dumps([str(tmp_path / "p.de")])
    language = pair(form="parallel", columns=SUFFIXES, partners=partners)
    assert language.option_files == (tmp_path / "p.de",)


# Files, and what is said of them


def coloured(path: Path, colour: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((4, 4, 3), colour, np.uint8)).save(path)


def test_pictures_and_what_is_said_of_them(tmp_path: Path) -> None:
    for number, name in enumerate(("cat/1.png", "cat/2.png", "dog/3.png")):
        coloured(tmp_path / name, 40 * number)
    small = {"size": 4}
    for column, expected in (("folder", "dog"), ("file", "3")):
        language = pair("image", "label", "files", {"target": column}, source_options=small)
        (entry,) = language.read(tmp_path / "dog/3.png")
        assert isinstance(entry, Document)
        assert entry.content[1] == Turn("target", expected)
        assert entry.content[0].content.shape == (4, 4, 3)
        assert entry.metadata[column] == expected
    captions = tmp_path / "captions.jsonl"
    written(
        captions,
        [{"image": "cat/1.png", "caption": "a cat"}, {"image": "cat/2.png", "caption": ""}],
    )
    language = pair(
        "text", "image", "files", {"source": "caption"},
        target_options={**small, "manifest": str(captions)},
    )  # fmt: skip
    (entry,) = language.read(tmp_path / "cat/1.png")
    assert isinstance(entry, Document) and entry.content[0].content == "a cat"
    (skipped,) = language.read(tmp_path / "cat/2.png")
    assert isinstance(skipped, Skipped) and skipped.reason == "empty source"
    with pytest.raises(LexomeError, match="nothing called 'caption'") as caught:
        list(language.read(tmp_path / "dog/3.png"))
    assert "3.png" in str(caught.value)
    assert language.option_files == (captions,)


def test_captions_in_a_table(tmp_path: Path) -> None:
    coloured(tmp_path / "a.png", 7)
    columns = {"source": "caption", "target": "image"}
    language = pair("text", "image", columns=columns, target_options={"size": 4})
    path = written(
        tmp_path / "a.jsonl",
        [{"caption": "a", "image": "a.png"}, {"caption": "b", "image": ""}, {"caption": "c"}],
    )
    entries = language.read(path)
    first = next(entries)
    assert isinstance(first, Document) and first.content[1].content.max() == 7
    second = next(entries)
    assert isinstance(second, Skipped) and second.reason == "empty target"
    with pytest.raises(LexomeError, match="no column 'image'"):
        next(entries)
    written(path, [{"caption": "a", "image": "lost.png"}])
    with pytest.raises(LexomeError, match=r"there is no file 'lost\.png'") as caught:
        list(language.read(path))
    assert "line 1" in str(caught.value) and str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("value", ["cat.gif", "cat", 3])
@pytest.mark.parametrize(
    "target, suffix", [("image", ".webp"), ("sound", ".flac"), ("music", ".mid")]
)
def test_a_file_that_cannot_be_read_says_which_can(
    tmp_path: Path, target: str, suffix: str, value: Any
) -> None:
    path = written(tmp_path / "a.jsonl", [{"source": "a cat", "target": value}])
    with pytest.raises(LexomeError, match=f"'?{value}'? does not end as a file") as caught:
        list(pair(target=target).read(path))
    assert suffix in str(caught.value.fix) and "--from" not in str(caught.value)
    assert "line 1" in str(caught.value)


def test_what_can_be_typed_is_no_file(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"source": "ACG!.gif", "target": "b"}])
    with pytest.raises(LexomeError) as caught:
        list(pair(source="dna").read(path))
    assert "file of" not in caught.value.what


def test_a_text_that_ends_like_a_file_is_a_text(tmp_path: Path) -> None:
    for text in ("see readme.txt", "x" * 300 + " notes.txt", "a\nb.txt", "nul\0.txt"):
        path = written(tmp_path / "a.jsonl", [{"source": text, "target": "b"}])
        assert said(pair(), path) == [(text, "b")]


# What stays together


def test_one_source_is_on_one_side() -> None:
    def key(language: Pair, source: Any, target: Any, **metadata: str) -> str:
        document = Document((Turn("source", source), Turn("target", target)), None, metadata)  # type: ignore[arg-type]
        return language.split_key(document)

    plain, grouped = pair(), pair(group="speaker")
    assert key(plain, "a", "b") == key(plain, "a", "c") != key(plain, "b", "b")
    assert key(grouped, "a", "b", speaker="x") == key(grouped, "c", "d", speaker="x") == "x"
    with pytest.raises(LexomeError, match="nothing is known of this pair under 'speaker'"):
        key(grouped, "a", "b", speeker="x")


def test_contents_that_differ_in_the_middle_differ() -> None:
    def tune(pitch: int) -> Score:
        notes = [(tick, 1, 60 if tick != 1500 else pitch, 64, 0) for tick in range(3000)]
        return Score(ordered(notes), (Track(),))

    assert as_bytes(tune(61)) == as_bytes(tune(61)) != as_bytes(tune(62))
    assert as_bytes(np.arange(3)) != as_bytes(np.arange(4))


def test_other_forms_of_a_source_keep_the_target() -> None:
    def forms(target: str, content: Any, **options: Any) -> list[Any]:
        language = pair(
            "dna", target, source_options={"reverse_complement": True}, target_options=options
        )
        document = Document((Turn("source", "AACG"), Turn("target", content)), None, {})  # type: ignore[arg-type]
        return [entry.content for entry in language.augment(document)]

    assert forms("label", "yes") == [(Turn("source", "CGTT"), Turn("target", "yes"))]
    # Backwards, each base's label would stand at another base.
    assert forms("label", ("a", "b", "c", "d"), form="each") == []


def test_a_description_that_is_none_is_refused() -> None:
    for roles in ("", "{", "{}", '{"a": {"language": "text"}}', '{"a": 3}'):
        with pytest.raises(UsageError, match="who speaks which language"):
            _ = languages.get("pair", roles=roles).speakers  # type: ignore[attr-defined]
    assert isinstance(pair(target="label").languages["target"], Label)

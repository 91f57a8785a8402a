"""Labels beside their sources: what names none of them, how many there have to be, numbers."""

from __future__ import annotations

from pathlib import Path

import pytest
from pair_samples import pair, written

from lexome.errors import LexomeError
from lexome.languages.base import Document, Skipped


def test_labels_as_json_holds_them(tmp_path: Path) -> None:
    rows = [
        {"source": "ACGT", "target": ["b", "a"]},
        {"source": "ACGT", "target": "a, b"},
        {"source": "ACGT", "target": []},
        {"source": "ACGT", "target": ""},
        {"source": "ACGT", "target": 3},
    ]
    path = written(tmp_path / "a.jsonl", rows)
    entries = list(pair("dna", "label", target_options={"form": "several"}).read(path))
    found = [entry.content[1].content for entry in entries if isinstance(entry, Document)]
    assert found == [("a", "b"), ("a", "b"), (), (), ("3",)]
    each = pair("dna", "label", target_options={"form": "each"})
    written(path, [{"source": "AC", "target": ["b", "a"]}, *rows])
    assert next(iter(each.read(path))).content[1].content == ("b", "a")  # type: ignore[union-attr]
    written(path, rows)
    with pytest.raises(LexomeError, match="a list of 2 values") as caught:
        list(pair("dna", "label").read(path))
    assert "a.jsonl, record '1', line 1" in str(caught.value)


def test_of_several_classes_an_empty_text_names_none(tmp_path: Path) -> None:
    """CSV has no other way to say it; what is not there at all says nothing."""
    several = {"target_options": {"form": "several"}}
    (tmp_path / "a.csv").write_text('source,target\nAC,"a,b"\nCA,\nGA," "\n,a\n')
    rows = [
        {"source": source, "target": target}
        for source, target in (("AC", "b,a"), ("CA", ""), ("GA", []), ("TT", None), ("", "a"))
    ]
    written(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.seq").write_text("AC\nCA\nGA\n\n")
    (tmp_path / "a.label").write_text("a,b\n\n \na\n")
    endings = {"source": ".seq", "target": ".label"}
    for name, language in {
        "a.csv": pair("dna", "label", **several),
        "a.jsonl": pair("dna", "label", **several),
        "a.seq": pair("dna", "label", "parallel", endings, **several),
    }.items():
        entries = list(language.read(tmp_path / name))
        found = [entry.content[1].content for entry in entries if isinstance(entry, Document)]
        assert found == [("a", "b"), (), ()], name
        reasons = [entry.reason for entry in entries if isinstance(entry, Skipped)]
        assert reasons == ["empty target", "empty source"][-len(reasons) :] and reasons, name
    for form in ("class", "each"):
        language = pair("dna", "label", target_options={"form": form, "separator": ""})
        reasons = [e.reason for e in language.read(tmp_path / "a.csv") if isinstance(e, Skipped)]
        assert reasons.count("empty target") == 2


@pytest.mark.parametrize("separator", ["", ","])
def test_a_label_for_each_part_fits_the_source_or_is_counted(
    tmp_path: Path, separator: str
) -> None:
    said = {"target_options": {"form": "each", "separator": separator}}
    labels = [separator.join(one) for one in ("RYR", "RY", "RYRY", "R")]
    rows = [{"source": "ACG", "target": label} for label in labels]
    path = written(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.seq").write_text("ACG\n" * 4)
    (tmp_path / "a.label").write_text("".join(f"{label}\n" for label in labels))
    (tmp_path / "a.fa").write_text("".join(f">1 label={one}\nACG\n" for one in labels))
    endings = {"source": ".seq", "target": ".label"}
    for language, file in (
        (pair("dna", "label", **said), path),
        (pair("dna", "label", "parallel", endings, **said), tmp_path / "a.seq"),
        (pair("protein", "label", **said), path),
    ):
        whole, *others = language.read(file)
        assert isinstance(whole, Document) and whole.content[1].content == ("R", "Y", "R")
        assert all(isinstance(one, Skipped) for one in others) and len(others) == 3
        assert {one.reason for one in others} == {"labels that do not fit the source"}  # type: ignore[union-attr]
        unit = language.languages["source"].unit
        assert others[0].detail == f"2 labels for 3 {unit}s"  # type: ignore[union-attr]


def test_a_text_has_labels_for_its_words_or_its_characters(tmp_path: Path) -> None:
    texts = pair("text", "label", target_options={"form": "each", "separator": ""})
    rows = [{"source": "die Kühe", "target": "x" * count} for count in range(1, 10)]
    entries = list(texts.read(written(tmp_path / "a.jsonl", rows)))
    kept = [len(one.content[1].content) for one in entries if isinstance(one, Document)]
    assert kept == [2, 8]
    left_out = [one.detail for one in entries if isinstance(one, Skipped)]
    assert left_out[0] == "1 labels for 2 words or 8 characters"


def test_a_number_stays_as_it_was_written(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", [{"source": "MK", "target": 0.125, "assay": 2}])
    number = pair("protein", "label", target_options={"form": "number"})
    (entry,) = number.read(path)
    assert isinstance(entry, Document)
    assert entry.content[1].content == 0.125
    assert entry.metadata == {"target": "0.125", "assay": "2"}
    assert entry.metadata[number.target_column] == "0.125"
    written(path, [{"source": "MK", "target": "high"}])
    with pytest.raises(LexomeError, match="'high' is not a number") as caught:
        list(number.read(path))
    assert "line 1" in str(caught.value)


def test_a_number_stays_in_parallel_files_too(tmp_path: Path) -> None:
    (tmp_path / "a.seq").write_text("MK\nML\n")
    (tmp_path / "a.value").write_text("0.5\n1e3\n")
    number = pair(
        "protein", "label", "parallel", {"source": ".seq", "target": ".value"},
        target_options={"form": "number"},
    )  # fmt: skip
    entries = list(number.read(tmp_path / "a.seq"))
    assert [entry.metadata[number.target_column] for entry in entries] == ["0.5", "1e3"]  # type: ignore[union-attr]

"""The columns beside the text come from the file to documents.parquet and back, nothing lost."""

from __future__ import annotations

import csv
import datetime
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lexome import languages
from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.corpus.manifest import TRAIN, VALID
from lexome.errors import LexomeError, UsageError

NESTED = {"tags": ["a", "ü"], "who": {"name": 'Ada "A" L.', "born": 1815}}
ROWS: list[dict[str, Any]] = [
    {
        "text": f"E\u0301t\u00e9 number {n} " * 4,
        "id": n,
        "share": n / 7,
        "done": n % 2 == 0,
        "note": None if n % 3 else f"line one\nline two, {n}",
        **NESTED,
    }
    for n in range(40)
]


def json_lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def separated(rows: list[dict[str, Any]], delimiter: str) -> bytes:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        plain = {name: value for name, value in row.items() if value is not None}
        writer.writerow(
            {
                k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False)
                for k, v in plain.items()
            }
        )
    return stream.getvalue().encode()


def parquet(rows: list[dict[str, Any]]) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), stream)
    return stream.getvalue()


FILES = {
    "x.jsonl": json_lines(ROWS),
    "x.csv": separated(ROWS, ","),
    "x.tsv": separated(ROWS, "\t"),
    "x.parquet": parquet(ROWS),
}


def made(path: Path, data: bytes, out: Path, **options: Any) -> Corpus:
    path.write_bytes(data)
    request = PrepareRequest(
        [path], "text", tokenizer="bytes", options=options, workers=1, validation=0.2
    )
    return prepare(request, out)


@pytest.mark.parametrize("name", list(FILES))
def test_every_column_of_every_format_is_kept(tmp_path: Path, name: str) -> None:
    options = {"quotes": "double"} if name == "x.tsv" else {}
    corpus = made(tmp_path / name, FILES[name], tmp_path / "out", unicode="nfc", **options)
    table = pq.read_table(tmp_path / "out" / "documents.parquet").to_pylist()
    found = {int(json.loads(row["metadata"])["id"]): row for row in table}
    assert sorted(found) == list(range(40))
    for row in ROWS:
        facts = json.loads(found[row["id"]]["metadata"])
        assert found[row["id"]]["record"] == str(row["id"] + 1)
        assert facts.pop("unicode_changed") == "4"
        note = facts.pop("note", None)
        # A CSV file cannot say null: it is empty text there.
        assert note == row["note"] or (note == "" and row["note"] is None)
        assert {name: json.loads(value) for name, value in facts.items()} == {
            name: row[name] for name in ("id", "share", "done", "tags", "who")
        }
    documents = [*corpus.documents(TRAIN), *corpus.documents(VALID)]
    assert {d.content for d in documents} == {r["text"].replace("E\u0301", "\u00c9") for r in ROWS}
    assert {d.metadata["who"] for d in documents} == {json.dumps(NESTED["who"], ensure_ascii=False)}


def test_a_column_called_as_a_fact_of_ours_is_kept_beside_it(tmp_path: Path) -> None:
    lines = json_lines([{"text": "A\u030a", "encoding": "EBCDIC", "unicode_changed": 7}])
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + lines)
    (document,) = languages.get("text", unicode="nfc").read(path)
    assert document.metadata == {
        "encoding": "utf-8 (byte order mark)",
        "encoding (column)": "EBCDIC",
        "unicode_changed": "1",
        "unicode_changed (column)": "7",
    }


def test_dates_and_bytes_of_parquet_are_spelled_out(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 2, 29, 12, 30)
    path = tmp_path / "x.parquet"
    path.write_bytes(parquet([{"text": "a", "when": day, "raw": b"\0\xff", "in": {"when": [day]}}]))
    (document,) = languages.get("text").read(path)
    assert document.metadata["when"] == json.dumps(str(day))
    assert document.metadata["raw"] == "2 bytes"
    assert json.loads(document.metadata["in"]) == {"when": [str(day)]}


def test_two_columns_of_one_name_are_refused_in_parquet_too(tmp_path: Path) -> None:
    table = pa.table([pa.array(["a"]), pa.array([1]), pa.array([2])], names=["text", "n", "n"])
    pq.write_table(table, tmp_path / "x.parquet")
    with pytest.raises(LexomeError, match="two columns have one name: text, n, n"):
        list(languages.get("text").read(tmp_path / "x.parquet"))


def test_metadata_say_what_is_held_out(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"text": f"number {n} " * 9, "set": "b" if n % 4 else "a", "n": n} for n in range(40)]
    path.write_bytes(json_lines(rows))
    request = PrepareRequest([path], "text", tokenizer="bytes", validation_where={"set": "a"})
    corpus = prepare(request, tmp_path / "out")
    assert {d.metadata["set"] for d in corpus.documents(TRAIN)} == {"b"}
    assert [d.metadata["n"] for d in corpus.documents(VALID)] == [str(n) for n in range(0, 40, 4)]
    record = corpus.manifest.split
    assert (record.how, record.asked) == ("metadata", "set=a")
    assert record.fraction == pytest.approx(0.25, abs=0.01)
    both = PrepareRequest([path], "text", validation_where={"set": "a", "n": "4"})
    assert len(list(prepare(both, tmp_path / "both").documents(VALID))) == 1


@pytest.mark.parametrize("where", [{"set": "c"}, {"other": "a"}])
def test_metadata_that_no_document_has_are_an_error(tmp_path: Path, where: dict[str, str]) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(json_lines([{"text": "some text", "set": "a"}]))
    request = PrepareRequest([path], "text", tokenizer="bytes", validation_where=where)
    with pytest.raises(LexomeError, match="validation split is empty"):
        prepare(request, tmp_path / "out")


def test_files_and_metadata_cannot_both_say_what_is_held_out() -> None:
    with pytest.raises(UsageError, match="two things"):
        PrepareRequest(["a"], "text", validation_files=["b"], validation_where={"set": "a"})

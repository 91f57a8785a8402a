"""Text: cutting against plain splits, records of every format, encodings, places."""

# ruff: noqa: RUF001 (Cyrillic letters that look like Latin ones are the point)
from __future__ import annotations

import csv
import gzip
import io
import json
import re
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages import decoding
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.text_pieces import byte_length, split_lines, split_text
from lexome.languages.tokenizers import BytesTrainer

relaxed = settings(
    deadline=None, max_examples=120, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
characters = st.text(
    st.one_of(st.sampled_from("ab é\t€😀\n\n\n \n \n"), st.characters(codec="utf-8")),
    max_size=60,
)
plain = characters.map(lambda text: text.replace("\r", "").replace("\0", ""))


def written(path: Path, data: bytes | str) -> Path:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def read(path: Path, data: bytes | str, **options) -> list[Document | Skipped]:
    return list(languages.get("text", **options).read(written(path, data)))


def contents(entries: list[Document | Skipped]) -> list[str]:
    return [entry.content for entry in entries if isinstance(entry, Document)]


def reasons(entries: list[Document | Skipped]) -> list[str]:
    return [entry.reason for entry in entries if isinstance(entry, Skipped)]


def chunked(text: str, size: int) -> list[str]:
    return [text[start : start + size] for start in range(0, len(text), size)]


blanks = st.text("a \t\n", max_size=40)

# Cutting ------------------------------------------------------------------------------------


@relaxed
@given(
    text=st.one_of(plain, blanks),
    size=st.integers(1, 9),
    limit=st.integers(1, 12),
    separator=st.sampled_from(["file", "line", "blank_line", "ab", "\n\n", "é"]),
)
def test_text_is_cut_at_separators_with_every_place_right(text, size, limit, separator):
    pieces = list(split_text(chunked(text, size), separator, limit))
    patterns = {"line": r"\n", "blank_line": r"\n(?:[ \t]*\n)+"}
    pattern = patterns.get(separator, re.escape(separator))
    expected = [text] if separator == "file" else re.split(pattern, text)
    if separator != "file" and expected[-1] == "":
        expected.pop()
    joined: dict[int, str] = {}
    for piece in pieces:
        joined[piece.record] = joined.get(piece.record, "") + piece.text
        assert len(piece.text) <= limit
        start = len(text.encode()[: piece.offset].decode())
        assert text.startswith(piece.text, start)
        assert piece.line == text.count("\n", 0, start) + 1
        assert piece.whole == (piece.text == expected[piece.record - 1])
    assert list(joined.values()) == expected
    assert list(joined) == list(range(1, len(expected) + 1))


@given(text=characters, size=st.integers(1, 9))
def test_lines_are_those_of_a_plain_split(text, size):
    expected = text.split("\n")
    assert list(split_lines(chunked(text, size))) == (expected if expected[-1] else expected[:-1])


@relaxed
@given(text=plain)
def test_a_plain_file_is_one_document_with_all_of_its_text(tmp_path, text):
    entries = read(tmp_path / "x.txt", text)
    if not text or text.isspace():
        assert reasons(entries) == ["empty"]
    elif not text.startswith("\ufeff"):
        assert contents(entries) == [text]


def test_lines_and_paragraphs_know_where_they_stand(tmp_path):
    text = "é one\ntwo\n\n \nthree\n"
    lines = read(tmp_path / "x.txt", text, separator="line")
    assert contents(lines) == ["é one", "two", "three"]
    assert reasons(lines) == ["empty"] * 2
    places = [(d.source.record, d.source.line, d.source.offset) for d in lines]
    assert places == [("1", 1, 0), ("2", 2, 7), ("3", 3, 11), ("4", 4, 12), ("5", 5, 14)]
    paragraphs = read(tmp_path / "x.txt", text, separator="blank_line")
    assert contents(paragraphs) == ["é one\ntwo", "three\n"]
    assert [d.source.line for d in paragraphs] == [1, 5]
    assert contents(read(tmp_path / "x.txt", "a<|x|>b", separator="<|x|>")) == ["a", "b"]


def test_a_long_document_comes_in_pieces_at_line_ends_with_flat_memory(tmp_path):
    path = tmp_path / "x.txt"
    line = "0123456789 " * 9 + "\n"
    path.write_text(line * 800_000)  # 80 MB
    text = languages.get("text")
    tracemalloc.start()
    try:
        place = 0
        for piece in text.read(path):
            assert piece.content.endswith("\n")
            assert piece.source.offset == place
            assert piece.source.line == place // len(line) + 1
            place += text.units(piece)
            assert text.split_key(piece) == str(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert place == path.stat().st_size
    assert peak < 72 << 20


def test_one_line_without_end_comes_in_pieces_with_flat_memory(tmp_path):
    path = tmp_path / "x.txt"
    with path.open("wb") as file:
        for _ in range(96):
            file.write(b"x" * (1 << 20))
    for separator in ("file", "line", "blank_line"):
        tracemalloc.start()
        try:
            language = languages.get("text", separator=separator)
            sizes = [len(piece.content) for piece in language.read(path)]
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (sum(sizes), max(sizes)) == (96 << 20, 1 << 24)
        assert peak < 72 << 20


# Records ------------------------------------------------------------------------------------

rows = st.lists(
    st.fixed_dictionaries(
        {"text": plain.filter(lambda text: text.strip()), "year": st.integers(0, 9)}
    ),
    min_size=1,
    max_size=6,
)


def as_json_lines(table: list[dict]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in table).encode()


def as_separated(table: list[dict], delimiter: str) -> bytes:
    file = io.StringIO()
    writer = csv.DictWriter(file, ["year", "text"], delimiter=delimiter, lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return file.getvalue().encode()


def as_parquet(table: list[dict]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(table), file)
    return file.getvalue()


def as_parquet_without_rows() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.schema([("text", pa.string())]).empty_table(), file)
    return file.getvalue()


FORMATS = {
    ".jsonl": as_json_lines,
    ".csv": lambda table: as_separated(table, ","),
    ".tsv": lambda table: as_separated(table, "\t"),
    ".parquet": as_parquet,
}


@relaxed
@given(table=rows, suffix=st.sampled_from(list(FORMATS)), packed=st.booleans())
def test_every_format_gives_back_its_texts_and_facts(tmp_path, table, suffix, packed):
    data = FORMATS[suffix](table)
    path = tmp_path / (f"x{suffix}.gz" if packed else f"x{suffix}")
    options = {"quotes": "double"} if suffix == ".tsv" else {}
    documents = read(path, gzip.compress(data) if packed else data, **options)
    assert contents(documents) == [row["text"] for row in table]
    assert [d.metadata["year"] for d in documents] == [str(row["year"]) for row in table]
    assert [d.source.record for d in documents] == [str(i + 1) for i in range(len(table))]


def test_records_name_their_first_line(tmp_path):
    found = read(tmp_path / "x.csv", 'text,n\n"a\nb",1\nc,2\n')
    assert [(d.content, d.source.line) for d in found] == [("a\nb", 2), ("c", 4)]
    found = read(tmp_path / "x.jsonl", '{"text": "a"}\n\n"plain"\n')
    assert [(d.content, d.source.line) for d in found] == [("a", 1), ("plain", 3)]


def test_the_column_is_named_or_called_text_or_the_only_one_of_strings(tmp_path):
    lines = '{"title": "t", "body": "b"}\n'
    assert contents(read(tmp_path / "x.jsonl", lines, column="body")) == ["b"]
    assert contents(read(tmp_path / "x.jsonl", '{"body": "b", "n": 1}\n')) == ["b"]
    with pytest.raises(LexomeError, match="no column 'text'; the columns are: title, body"):
        read(tmp_path / "x.jsonl", lines)
    with pytest.raises(LexomeError, match="no column 'bdy'"):
        read(tmp_path / "x.jsonl", lines, column="bdy")
    with pytest.raises(LexomeError, match="no column 'text'"):
        read(tmp_path / "x.parquet", as_parquet([{"a": "x", "b": "y"}]))


@pytest.mark.parametrize(
    ("name", "data", "reason", "line"),
    [
        ("x.jsonl", '{"text": "a"}\n{"text": "b"\n{"text": "c"}\n', "malformed JSON", 2),
        ("x.jsonl", '{"text": "a"}\n[1]\n{"text": "c"}\n', "malformed JSON", 2),
        ("x.jsonl", '{"text": "a"}\n{"t": "b"}\n{"text": "c"}\n', "no text", 2),
        ("x.jsonl", '{"text": "a"}\n{"text": 3}\n{"text": "c"}\n', "no text", 2),
        ("x.csv", "text,n\na,1\nb\nc,3\n", "malformed row", 3),
        ("x.csv", 'text,n\na,1\n"b"b,2\nc,3\n', "malformed row", 3),
    ],
)
def test_a_malformed_record_is_an_error_with_its_line_or_skipped(
    tmp_path, name, data, reason, line
):
    with pytest.raises(LexomeError, match=reason) as caught:
        read(tmp_path / name, data)
    assert caught.value.where == f"{tmp_path / name}, record '2', line {line}"
    entries = read(tmp_path / name, data, invalid="skip")
    assert (contents(entries), reasons(entries)) == (["a", "c"], [reason])


def test_a_text_that_comes_after_the_first_record_is_not_passed_over(tmp_path):
    lines = '{"title": "A"}\n{"title": "B", "text": "long"}\n'
    with pytest.raises(LexomeError, match="'title', was taken for the text") as caught:
        read(tmp_path / "x.jsonl", lines)
    assert caught.value.where == f"{tmp_path / 'x.jsonl'}, record '2', line 2"
    assert "--option column=title; or --option column=text with --option invalid=skip" in (
        caught.value.fix
    )
    assert contents(read(tmp_path / "x.jsonl", lines, column="title")) == ["A", "B"]
    entries = read(tmp_path / "x.jsonl", lines, column="text", invalid="skip")
    assert (contents(entries), reasons(entries)) == (["long"], ["no text"])


def test_a_quote_in_tsv_is_a_quote(tmp_path):
    lines = 'text\tn\n"To be\t1\nor not\t2\nto be"\t3\n'
    assert contents(read(tmp_path / "x.tsv", lines)) == ['"To be', "or not", 'to be"']
    quoted = 'text\tn\n"two\nlines"\t1\n'
    assert contents(read(tmp_path / "x.tsv", quoted, quotes="double")) == ["two\nlines"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.csv", b"text,n\n"),
        ("x.csv", b"\n\n"),
        ("x.tsv", b"text\tn\n"),
        ("x.jsonl", b"\n \n"),
        ("x.parquet", as_parquet_without_rows()),
    ],
)
def test_a_file_without_records_is_counted(tmp_path, name, data):
    (entry,) = read(tmp_path / name, data)
    assert (entry.reason, entry.source.file) == ("empty", str(tmp_path / name))


def test_null_and_blank_texts_are_counted(tmp_path):
    entries = read(tmp_path / "x.jsonl", '{"text": null}\n{"text": " "}\n{"text": "a"}\n')
    assert (contents(entries), reasons(entries)) == (["a"], ["empty", "empty"])


def test_columns_that_seem_to_be_separated_otherwise_are_told(tmp_path):
    with pytest.raises(LexomeError, match="separated by ';'") as caught:
        read(tmp_path / "x.csv", "text;n\na;1\n")
    assert caught.value.fix == "choose --option delimiter=';'"
    with pytest.raises(LexomeError, match="separated by") as caught:
        read(tmp_path / "x.csv", "text\tn\na\t1\n")
    assert caught.value.fix == "choose --option delimiter=$'\\t'"
    assert contents(read(tmp_path / "x.csv", "text;n\na;1\n", delimiter=";")) == ["a"]
    with pytest.raises(LexomeError, match="two columns have one name"):
        read(tmp_path / "x.csv", "text,text\na,b\n")


def test_texts_that_are_longer_than_the_limit_of_the_csv_module_are_read(tmp_path):
    long = "word " * 100_000
    assert contents(read(tmp_path / "x.csv", f"text,n\n{long},1\n")) == [long]


def test_a_long_record_comes_in_pieces_that_stay_together(tmp_path):
    long = "é" * ((1 << 24) + 5)
    first, second = read(tmp_path / "x.jsonl", json.dumps({"text": long, "n": 1}) + "\n")
    assert first.content + second.content == long
    assert second.source.offset == 2 << 24
    text = languages.get("text")
    assert text.split_key(first) == text.split_key(second) == f"{tmp_path / 'x.jsonl'}#1"
    assert first.metadata == second.metadata == {"n": "1"}


# Encodings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-be", "utf-16-le", "utf-32-be"]
)
@pytest.mark.parametrize("chunk", [1 << 20, 5])
def test_a_byte_order_mark_decides(tmp_path, monkeypatch, encoding, chunk):
    text = "Grüße, 世界 😀\nzwei\n"
    monkeypatch.setattr(decoding, "_CHUNK", chunk)
    mark = "\ufeff" if encoding.endswith("e") else ""
    (document,) = read(tmp_path / "x.txt", (mark + text).encode(encoding))
    assert document.content == text


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1252", "Die Größe der Bäume überraschte die Gäste, die früher häufig müde wären. "),
        ("cp1251", "Жена узнала, что муж был в связи с бывшею в их доме француженкою. Все там. "),
        (
            "shift_jis",
            "吾輩は猫である。名前はまだ無い。何でも薄暗いじめじめした所でニャーニャー泣いていた。",
        ),
    ],
)
def test_another_encoding_is_guessed_and_stated_or_named(tmp_path, encoding, text):
    data = (text * 40).encode(encoding)
    (document,) = read(tmp_path / "x.txt", data)
    assert document.content == text * 40
    assert document.metadata["encoding"].endswith("(guessed)")
    (document,) = read(tmp_path / "x.txt", data, encoding=encoding)
    assert document.content == text * 40
    assert document.metadata["encoding"].endswith("(named)")


def test_a_guess_that_could_go_either_way_is_left_to_the_user(tmp_path):
    # Every letter of the one is a letter of the other, in the other case.
    text = "Все счастливые семьи похожи друг на друга, каждая несчастлива по-своему. "
    with pytest.raises(LexomeError, match="may be koi8-r or cp1251") as caught:
        read(tmp_path / "x.txt", text.encode("cp1251"))
    assert "--option encoding=koi8-r" in caught.value.fix
    assert contents(read(tmp_path / "x.txt", text.encode("cp1251"), encoding="cp1251")) == [text]


@pytest.mark.parametrize("chunk", [1 << 20, 3])
@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\0"])
def test_invalid_bytes_are_an_error_with_offset_and_line_by_default(
    tmp_path, monkeypatch, chunk, bad
):
    monkeypatch.setattr(decoding, "_CHUNK", chunk)
    before = "Grüße\nzwei ".encode()
    with pytest.raises(LexomeError) as caught:
        read(tmp_path / "x.txt", before + bad + b" rest\n")
    assert f"byte {len(before)}, line 2" in caught.value.where
    assert "--option invalid=replace or --option invalid=skip" in caught.value.fix


def test_invalid_bytes_are_replaced_and_counted_or_the_document_is_left_out(tmp_path):
    data = b"good\nb\xffa\xfed\0\nfine\n"
    entries = read(tmp_path / "x.txt", data, separator="line", invalid="replace")
    assert contents(entries) == ["good", "b\ufffda\ufffdd\ufffd", "fine"]
    assert [d.metadata.get("replaced") for d in entries] == [None, "3", None]
    entries = read(tmp_path / "x.txt", data, separator="line", invalid="skip")
    assert contents(entries) == ["good", "fine"]
    assert reasons(entries) == ["invalid bytes or characters"]


@pytest.mark.parametrize(
    ("encoding", "data", "text"),
    [
        ("utf-16-le", "ab".encode("utf-16-le") + b"c", "ab\ufffd"),
        ("utf-16-be", "ab".encode("utf-16-be") + b"\0", "ab\ufffd"),
        (
            "utf-16-le",
            "a".encode("utf-16-le") + b"\x00\xdc" + "é".encode("utf-16-le"),
            "a\ufffd\ufffdé",
        ),
        ("utf-32-le", "a".encode("utf-32-le") + b"\x41\x42\x43\x7f", "a" + 4 * "\ufffd"),
        ("shift_jis", "日".encode("shift_jis") + b"\x81\n" + b"x", "日\ufffd\nx"),
        ("utf-8", b"\xe3\x81x", "\ufffd\ufffdx"),
        ("ascii", b"a\xffb", "a\ufffdb"),
    ],
)
@pytest.mark.parametrize("chunk", [1 << 20, 3])
def test_what_does_not_decode_is_replaced_in_every_encoding(
    tmp_path, monkeypatch, encoding, data, text, chunk
):
    monkeypatch.setattr(decoding, "_CHUNK", chunk)
    (document,) = read(tmp_path / "x.txt", data, encoding=encoding, invalid="replace")
    assert document.content == text
    assert document.metadata["replaced"] == str(text.count("\ufffd"))
    (entry,) = read(tmp_path / "x.txt", data, encoding=encoding, invalid="skip")
    assert entry.reason == "invalid bytes or characters"


def test_a_missing_package_is_told_with_the_file_that_needs_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    with pytest.raises(LexomeError, match="charset-normalizer") as caught:
        read(tmp_path / "x.txt", ("über die Straße gehen, müde " * 40).encode("cp1252"))
    assert caught.value.where == str(tmp_path / "x.txt")


def test_lone_surrogates_in_records_are_an_error_or_replaced(tmp_path):
    line = '{"text": "a\\ud800b"}\n'
    with pytest.raises(LexomeError, match="lone surrogates") as caught:
        read(tmp_path / "x.jsonl", line)
    assert "record '1', line 1" in caught.value.where
    assert contents(read(tmp_path / "x.jsonl", line, invalid="replace")) == ["a\ufffdb"]


def test_bad_utf8_inside_parquet_is_told_and_mended(tmp_path):
    array = pa.array([b"fine", b"b\xffd"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": array}), tmp_path / "t.parquet")
    data = (tmp_path / "t.parquet").read_bytes()
    with pytest.raises(LexomeError, match="invalid bytes"):
        read(tmp_path / "x.parquet", data)
    entries = read(tmp_path / "x.parquet", data, invalid="replace")
    assert contents(entries) == ["fine", "b\ufffdd"]


@relaxed
@given(text=st.text("ab\r\n", max_size=40), chunk=st.integers(1, 5))
def test_line_ends_become_lf_and_are_counted_or_are_kept(tmp_path, text, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "_CHUNK", chunk)
        entries = read(tmp_path / "x.txt", text)
        kept = read(tmp_path / "x.txt", text, newlines="keep")
    if not text.strip():
        assert reasons(entries) == ["empty"]
        return
    unix = text.replace("\r\n", "\n").replace("\r", "\n")
    (document,) = entries
    assert document.content == unix
    assert int(document.metadata.get("line_ends_converted", 0)) == text.count("\r")
    assert contents(kept) == [text]


# The rest of a language ---------------------------------------------------------------------


@given(text=plain, data=st.data())
def test_cuts_fall_on_whole_characters_and_put_together_give_the_text(text, data):
    language = languages.get("text")
    size = len(text.encode())
    weights = np.arange(size, dtype=np.float32)
    document = Document(text, Source("x.txt", "", 10, 100), {}, weights)
    assert language.units(document) == size == byte_length(text)
    place = data.draw(st.integers(-2, size + 2))
    left, right = language.cut(document, 0, place), language.cut(document, place, size)
    assert left.content + right.content == text
    assert right.source.offset == 100 + language.units(left)
    assert right.source.line == 10 + left.content.count("\n")
    np.testing.assert_array_equal(np.concatenate([left.weights, right.weights]), weights)


def test_pieces_of_a_file_share_a_key_and_records_have_their_own(tmp_path):
    text = languages.get("text", separator="line")
    keys = [text.split_key(d) for d in text.read(written(tmp_path / "x.txt", "a\nb\n"))]
    assert keys == [f"{tmp_path / 'x.txt'}#1", f"{tmp_path / 'x.txt'}#2"]


def test_prompts_and_rendering_are_the_text_itself():
    text = languages.get("text")
    assert text.parse(" Grüße\n") == " Grüße\n"
    with pytest.raises(LexomeError, match="not valid UTF-8"):
        text.parse("a\udcffb")
    rendering = text.render(Document("Grüße", Source("x")))
    assert (rendering.text, rendering.data) == ("Grüße", "Grüße".encode())
    assert rendering.suffix == ".txt"
    assert text.augment(Document("a", Source("x"))) == ()


def test_tokenizers_and_baselines_are_those_of_text():
    text = languages.get("text")
    assert list(text.tokenizers()) == ["bpe", "bytes", "characters"]
    for trainer in text.tokenizers().values():
        tokenizer = trainer.train(["Grüße, 世界"] * 3, None)
        (ids,) = tokenizer.encode(["Größe 世"])
        assert tokenizer.decode(ids) == "Größe 世"
        assert tokenizer.unit_lengths[ids].sum() == len("Größe 世".encode())
    assert len(text.baselines(BytesTrainer().train())) == 3


def test_options_rebuild_the_language_and_wrong_ones_are_named():
    text = languages.get("text", separator="line", encoding="cp1252")
    assert text.options == {"separator": "line", "encoding": "cp1252"}
    assert languages.get("text", **text.options) == text
    for options, expected in (
        ({"separator": ""}, "separator must have"),
        ({"delimiter": "::"}, "delimiter must be one character"),
        ({"encoding": "utf-9"}, "not a known text encoding"),
        ({"encoding": "base64"}, "not a known text encoding"),
        ({"invalid": "ignore"}, "'error' or 'replace' or 'skip'"),
        ({"separater": "line"}, "did you mean 'separator'"),
    ):
        with pytest.raises(UsageError) as caught:
            languages.get("text", **options)
        assert expected in str(caught.value)


def test_a_torn_parquet_file_is_damaged(tmp_path):
    data = as_parquet([{"text": f"row {i}"} for i in range(5000)])
    with pytest.raises(DamagedFileError, match="not a whole Parquet file"):
        read(tmp_path / "x.parquet", data[: len(data) // 2])

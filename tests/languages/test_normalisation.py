"""Normalisation: against unicodedata, for any chunks; counted; for prompts too."""

# ruff: noqa: RUF001 (letters that look like others are the point)
from __future__ import annotations

import itertools
import json
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.languages import decoding
from lexome.languages.base import Document
from lexome.languages.normalisation import COUNTED, Normalisation, Normaliser

# Marks in the wrong order, letters that join them, jamo, half-width kana with their voice marks,
# ligatures, sigmas, a dotted capital I, blanks of all kinds, line ends, joiners, a soft hyphen.
TRICKY = (
    "aeJΣσΑς'İıKÅﬁ①ｶﾞかが゙\u0301\u0323\u030c\u0327\u0345\u1100\u1161\u11a8가각한中国ℌ𝚺"
    "  \t\u00a0\u2003\u3000\u2028\x0b\x1c\u200b\u200c\u200d\u200e\u00ad\ufeff\x07\r\n\n¨ﷺ“’«\0"
)
texts = st.text(st.one_of(st.sampled_from(TRICKY), st.characters()), max_size=40)
normalisations = st.builds(
    Normalisation,
    unicode=st.sampled_from(["keep", "nfc", "nfkc"]),
    invisible=st.sampled_from(["keep", "remove"]),
    lowercase=st.booleans(),
    quotation_marks=st.sampled_from(["keep", "straight"]),
    white_space=st.sampled_from(["keep", "single"]),
    trailing_blanks=st.sampled_from(["keep", "remove"]),
)
many = settings(deadline=None, max_examples=400)


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    return [text[start:stop] for start, stop in itertools.pairwise(places)]


@many
@given(normalisation=normalisations, text=texts, cuts=st.lists(st.integers(0, 40)))
def test_a_stream_gives_the_text_and_the_counts_of_the_whole(normalisation, text, cuts):
    streamed, whole = Normaliser(normalisation), Normaliser(normalisation)
    assert "".join(streamed.stream(pieces(text, cuts))) == whole.whole(text)
    assert streamed.counts == whole.counts


@many
@given(text=texts, cuts=st.lists(st.integers(0, 40)))
@pytest.mark.parametrize("form", ["NFC", "NFKC"])
def test_normal_forms_are_those_of_the_standard_library(form, text, cuts):
    normaliser = Normaliser(Normalisation(unicode=form.lower()))
    result = "".join(normaliser.stream(pieces(text, cuts)))
    assert result == unicodedata.normalize(form, text)
    assert (normaliser.counts["unicode_changed"] > 0) == (result != text)


@many
@given(text=texts, cuts=st.lists(st.integers(0, 40)))
def test_lower_case_is_that_of_the_standard_library(text, cuts):
    normaliser = Normaliser(Normalisation(lowercase=True))
    assert "".join(normaliser.stream(pieces(text, cuts))) == text.lower()


@many
@given(normalisation=normalisations, text=texts)
def test_twice_is_once_and_lines_stay(normalisation, text):
    once = normalisation(text)
    assert normalisation(once) == once
    assert re.sub(r"[^\r\n]", "", once) == re.sub(r"[^\r\n]", "", text)


@pytest.mark.parametrize("form", ["nfc", "nfkc"])
def test_lowercase_stays_in_the_normal_form_for_every_character(form):
    normalisation = Normalisation(unicode=form, lowercase=True)
    for letter in map(chr, range(sys.maxunicode + 1)):
        once = normalisation(letter)
        if once != letter:
            assert normalisation(once) == once
    # No small caron j in capitals; a capital behind a compatibility character.
    assert normalisation("J\u030c") == "ǰ"
    assert Normalisation(unicode="nfkc", lowercase=True)("ℌ") == "h"


def test_nothing_is_done_unless_asked_for():
    assert Normalisation()(TRICKY) == TRICKY
    assert not Normaliser(Normalisation()).counts


def test_what_carries_meaning_is_kept_and_the_rest_removed():
    kept = (
        "می\u200cخواهم क्\u200dष ខ្មែរ\u200bភាសា \u200fא\u2067b\u2069 ❤\ufe0f 👩\u200d🚀 \t\n\x0b\x0c"
    )
    kept += "\U0001f3f4\U000e0067\U000e0062\U000e007f"
    normaliser = Normaliser(Normalisation(invisible="remove"))
    assert normaliser.whole(kept) == kept
    assert normaliser.whole("so\u00adft\u2060 \ufeffmark\x07\x9b\x1b[0m") == "soft mark[0m"
    assert normaliser.counts == {"invisible_removed": 6}
    # NUL is for the option `invalid` to refuse.
    assert normaliser.whole("a\0b") == "a\0b"


@pytest.mark.parametrize(
    ("options", "text", "expected", "counts"),
    [
        ({"white_space": "single"}, "a \t b\u00a0c d\n\n  e", "a b c d\n\n e", (0, 0, 0, 0, 3, 0)),
        ({"trailing_blanks": "remove"}, "a \t\r\nb\u3000\nc ", "a\r\nb\nc ", (0, 0, 0, 0, 0, 2)),
        ({"quotation_marks": "straight"}, "“It’s”", '"It\'s"', (0, 0, 0, 3, 0, 0)),
        ({"lowercase": True}, "ÉΑΣ, Σ", "éας, σ", (0, 0, 4, 0, 0, 0)),
        ({"unicode": "nfc"}, "e\u0301 \u212b", "é Å", (0, 2, 0, 0, 0, 0)),
        ({"unicode": "nfc"}, "q\u0301\u0323", "q\u0323\u0301", (0, 2, 0, 0, 0, 0)),
        ({"unicode": "nfkc"}, "ﬁ①", "fi1", (0, 2, 0, 0, 0, 0)),
        ({"invisible": "remove", "unicode": "nfc"}, "e\u00ad\u0301", "é", (1, 1, 0, 0, 0, 0)),
    ],
)
def test_each_step_and_its_count(options, text, expected, counts):
    normaliser = Normaliser(Normalisation(**options))
    assert normaliser.whole(text) == expected
    assert tuple(normaliser.counts.get(name, 0) for name in COUNTED) == counts


def read(path: Path, data: str | bytes, **options) -> list[Document]:
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return list(languages.get("text", **options).read(path))


@pytest.mark.parametrize("chunk", [1 << 20, 3])
def test_a_file_is_read_normalised_and_every_document_says_what_changed(
    tmp_path, monkeypatch, chunk
):
    monkeypatch.setattr(decoding, "_CHUNK", chunk)
    data = "Cafe\u0301  one \r\nplain\r\nE\u0301te\u0301\r\n\u00ad\r\n"
    documents = read(
        tmp_path / "x.txt",
        data,
        separator="line",
        unicode="nfc",
        white_space="single",
        trailing_blanks="remove",
        invisible="remove",
        lowercase=True,
    )
    assert [d.content for d in documents[:3]] == ["café one", "plain", "été"]
    assert documents[3].reason == "empty"
    assert [d.source.line for d in documents] == [1, 2, 3, 4]
    names = ("unicode_changed", "lowercased", "white_space_changed", "line_ends_converted")
    sums = [sum(int(d.metadata.get(name, 0)) for d in documents[:3]) for name in names]
    assert sums[:3] == [3, 2, 1]


def test_the_columns_of_records_are_normalised_only_where_the_text_is(tmp_path):
    line = json.dumps({"text": "E\u0301A", "title": "E\u0301"}) + "\n"
    (document,) = read(tmp_path / "x.jsonl", line, unicode="nfc", lowercase=True)
    assert document.content == "éa"
    assert document.metadata == {"title": "E\u0301", "unicode_changed": "1", "lowercased": "2"}
    (skipped,) = read(tmp_path / "x.jsonl", '{"text": "\u00ad"}\n', invisible="remove")
    assert skipped.reason == "empty"


def test_broken_characters_are_still_told(tmp_path):
    with pytest.raises(LexomeError, match="NUL"):
        read(tmp_path / "x.txt", "a\0b", unicode="nfc", invisible="remove", lowercase=True)
    (document,) = read(tmp_path / "x.txt", b"A\xff\0B", invalid="replace", lowercase=True)
    assert document.content == "a\ufffd\ufffdb"


def test_a_prompt_is_normalised_as_the_training_text_was():
    text = languages.get("text", unicode="nfc", lowercase=True, trailing_blanks="remove")
    assert text.parse("E\u0301te\u0301 \r\nEst ") == "été\nest "
    assert languages.get("text", newlines="keep").parse("a\r\n") == "a\r\n"
    assert languages.get("text", **text.options) == text


def test_a_separator_that_normalisation_would_change_is_refused_with_the_right_one():
    with pytest.raises(UsageError, match="is left in a text") as caught:
        languages.get("text", separator="END", lowercase=True)
    assert caught.value.fix == "write it as it then stands: 'end'"
    with pytest.raises(UsageError, match="no separator") as caught:
        languages.get("text", separator="\u00ad", invisible="remove")
    assert caught.value.fix == "choose another one"


@pytest.mark.parametrize(
    "line", ["Ein  Wort, e\u0301 “so” \n", "吾輩は猫である。", "x" * 99, "ไทย "]
)
def test_little_is_held_back_of_lines_and_of_text_without_any(line):
    normaliser = Normaliser(Normalisation("nfkc", "remove", True, "straight", "single", "remove"))
    chunk = (line * 100)[:-1]
    given = 0

    def chunks():
        nonlocal given
        for _ in range(20):
            given += len(chunk)
            yield chunk

    came = 0
    for part in normaliser.stream(chunks()):
        came += len(part)
        # As much as normalisation removes of this text, and no more than two words.
        assert given * len(normaliser.whole(chunk)) / len(chunk) - came < 50


def test_a_long_word_is_held_until_it_ends_in_linear_time():
    word = "\u0301" * (1 << 20)
    parts = list(Normaliser(Normalisation(unicode="nfc")).stream([*pieces(word, [7, 99]), " a"]))
    assert "".join(parts) == word + " a"

"""Words, sentences and windows, beside a search written out letter by letter."""

from __future__ import annotations

import json
import unicodedata
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome import languages
from lexome.evaluation.honesty.contexts import (
    Finder,
    Writing,
    reads_sentences,
    starts_of,
    writing_of,
)
from lexome.evaluation.honesty.groups import Terms
from lexome.languages.joint import Said
from lexome.languages.pair.turns import Turn
from lexome.languages.words import words_of


def test_words_of_any_script() -> None:
    assert words_of("Women's CO-OP, Straße_1") == ("women", "s", "co", "op", "strasse_1")
    assert words_of("नर्स और डॉक्टर") == ("नर्स", "और", "डॉक्टर"), "a vowel sign ends no word"
    assert words_of("ممرّضة") == ("ممرّضة",)
    decomposed = unicodedata.normalize("NFD", "Élève")
    assert decomposed != "Élève" and words_of(decomposed) == ("élève",)
    assert words_of("?! …") == ()


def test_a_script_without_spaces_has_a_word_for_each_letter_so_that_terms_are_found() -> None:
    assert words_of("他是医生。") == ("他", "是", "医", "生")
    assert words_of("iPhoneを買う2台") == ("iphone", "を", "買", "う", "2", "台")
    assert words_of("ผู้ชาย") == ("ผู้", "ช", "า", "ย")
    finder = Finder([Terms(words=("他",)), Terms(words=("医生",)), Terms(words=("医学",))])
    text = "他是医生。她是护士。"
    found = finder.find(Writing(text), {}, starts_of(text, "sentence", None))
    assert found.tolist() == [[True, True, False], [False, False, False]]


def sentences(text: str) -> list[str]:
    starts = [*starts_of(text, "sentence", None).tolist(), len(text)]
    return [text[first:last] for first, last in pairwise(starts)]


def test_sentences() -> None:
    assert sentences("One went. “Two?” said 3.5 of them!\nFour") == [
        "One went. ",
        "“Two?” ",
        "said 3.5 of them!\n",
        "Four",
    ]
    assert sentences("A heading\n\nIts text\ngoes on. ") == ["A heading\n\n", "Its text\ngoes on. "]
    assert sentences("他来了。她走了。") == ["他来了。", "她走了。"]
    assert sentences("") == [""]


@given(st.text("ab.?! \n"))
def test_sentences_lose_nothing(text: str) -> None:
    assert "".join(sentences(text)) == text
    assert all(sentences(text)) or not text


def test_windows_and_documents() -> None:
    assert starts_of("x" * 25, "window", 10).tolist() == [0, 10, 20]
    assert starts_of("", "window", 10).tolist() == [0]
    assert starts_of("a. b. c", "document", None).tolist() == [0]


TERMS = [
    Terms(words=("wug", "old mip")),
    Terms(words=("mip",)),
    Terms(pattern="[Ww]ug+"),
    Terms(metadata="habitat", values=("sea",)),
    Terms(metadata="habitat", pattern="^s"),
    Terms(labels=("rare",)),
]


@given(st.lists(st.sampled_from(["wug", "Wugg", "old", "mip", "MIP's", ".", "\n\n"]), max_size=30))
def test_terms_are_found_where_they_start(parts: list[str]) -> None:
    text = " ".join(parts)
    starts = starts_of(text, "window", 7)
    found = Finder(TERMS[:3]).find(Writing(text), {}, starts)
    expected = np.zeros_like(found)
    lower = text.lower()
    for place in range(len(text)):
        for number, words in enumerate((("wug", "old mip"), ("mip",))):
            for word in words:
                # "old mip" may have anything between its words that is no letter.
                length = next(
                    (
                        end - place
                        for end in range(place + 1, len(text) + 1)
                        if words_of(lower[place:end]) == words_of(word)
                        and lower[place].isalpha()
                        and lower[end - 1].isalpha()
                    ),
                    0,
                )
                before = place and text[place - 1].isalpha()
                behind = text[place + length : place + length + 1].isalpha()
                if length and not before and not behind:
                    expected[place // 7, number] = True
        expected[place // 7, 2] |= text[place] in "Ww" and text[place + 1 : place + 3] == "ug"
    assert (found == expected).all()


def test_metadata_and_labels_are_of_every_context() -> None:
    starts = starts_of("a. b. c", "sentence", None)
    find = Finder(TERMS[3:]).find
    writing = Writing("a. b. c", frozenset(["rare", "odd"]))
    assert find(writing, {"habitat": "sea"}, starts).tolist() == [[True, True, True]] * 3
    assert find(Writing(), {"habitat": "shore"}, starts[:1]).tolist() == [[False, True, False]]
    assert not find(Writing(), {}, starts[:1]).any()


def pair(**roles: dict[str, object]) -> languages.Language:
    return languages.get("pair", roles=json.dumps(roles))


def test_what_can_be_read_of_every_content() -> None:
    text, image = languages.get("text"), languages.get("image")
    assert writing_of("Wugs.", text) == Writing("Wugs.") and reads_sentences(text)
    assert writing_of("ACGT", languages.get("dna")) == Writing("ACGT")
    assert writing_of(np.zeros((2, 2, 3)), image) == Writing() and not reads_sentences(image)
    asked = {"language": "text", "predicted": False}
    labelled = pair(source=asked, target={"language": "label", "predicted": True})
    said = (Turn("source", "A wug."), Turn("target", "rare"))
    assert writing_of(said, labelled) == Writing("A wug.", frozenset(["rare"]))
    several = {"language": "label", "predicted": True, "options": {"form": "several"}}
    said = (Turn("source", "A wug."), Turn("target", ("odd", "rare")))
    found = writing_of(said, pair(source=asked, target=several))
    assert found.labels == {"odd", "rare"} and reads_sentences(labelled)
    spoken = pair(source=asked, target={"language": "text", "predicted": True})
    said = (Turn("source", "A wug"), Turn("target", "Ein Wug"))
    assert len(sentences(writing_of(said, spoken).text)) == 2, "turns are sentences of their own"
    both = languages.get("joint", parts=json.dumps({"text": {}, "dna": {}}))
    assert writing_of(Said("text", "Wugs."), both) == Writing("Wugs.") and reads_sentences(both)


@pytest.mark.parametrize("number", [1.5, 3])
def test_a_number_is_no_label(number: float) -> None:
    language = pair(
        source={"language": "text", "predicted": False},
        target={"language": "label", "predicted": True, "options": {"form": "number"}},
    )
    assert writing_of((Turn("source", "x"), Turn("target", number)), language).labels == frozenset()

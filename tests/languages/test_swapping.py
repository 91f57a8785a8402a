"""Terms exchanged for their partners: in several scripts, and from files of real shapes."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome.errors import LexomeError, UsageError
from lexome.languages import get
from lexome.languages.base import Document, Source
from lexome.languages.swap_files import read_swap
from lexome.languages.swapping import Swap

PAIRS = [
    ("king", "queen"),
    ("uncle", "aunt"),
    ("heir apparent", "heiress"),
    ("дядя", "тётя"),
    ("מלך", "מלכה"),  # king and queen, written from right to left
    ("élève", "maîtresse"),
    ("mr.", "mrs."),
]


def swap_of(
    folder: Path, pairs: str | list[tuple[str, str]], names: str | None = None, **options: object
) -> Swap:
    file = folder / "pairs.csv"
    text = pairs if isinstance(pairs, str) else "".join(f"{a},{b}\n" for a, b in pairs)
    file.write_text(text, encoding="utf-8")
    listed = None
    if names is not None:
        listed = folder / "names.txt"
        listed.write_text(names, encoding="utf-8")
    return read_swap(file, listed, get("text", **options))


@pytest.fixture(scope="module")
def swap(tmp_path_factory: pytest.TempPathFactory) -> Swap:
    return swap_of(tmp_path_factory.mktemp("swap"), PAIRS)


def in_some_case(term: str) -> st.SearchStrategy[str]:
    return st.sampled_from([term, term[0].upper() + term[1:], term.upper()])


TERMS = st.sampled_from([term for pair in PAIRS for term in pair]).flatmap(in_some_case)
# Words in which a term stands that is no whole word, and other scripts.
OTHERS = st.sampled_from(
    ["Viking", "uncles", "kingqueen", "rain", "x2", "дядюшка", "המלכה", "한국", "👑", "ﬁ", "mrs"]
)
SIGNS = st.sampled_from([" ", " ", ", ", ".\n", "-", "'s ", "\u200f ", " (", ") "])


@st.composite
def texts(draw: st.DrawFn) -> str:
    pieces = draw(st.lists(st.tuples(st.one_of(TERMS, OTHERS), SIGNS), max_size=12))
    return "".join(part for piece in pieces for part in piece)


def by_regex(text: str, pairs: list[tuple[str, str]]) -> tuple[str, int]:
    """Exchange terms by one regular expression, an alternative for each in each case."""
    forms = {}
    for one, other in [*pairs, *((b, a) for a, b in pairs)]:
        forms[one] = other
        forms[one[0].upper() + one[1:]] = other[0].upper() + other[1:]
        forms[one.upper()] = other.upper()
    longest = sorted(forms, key=len, reverse=True)
    alternatives = "|".join(re.escape(form) for form in longest)
    pattern = re.compile(f"(?<!\\w)(?:{alternatives})(?:(?<=\\W)|(?!\\w))")
    return pattern.subn(lambda found: forms[found.group()], text)


@given(texts())
def test_it_is_what_a_regular_expression_makes(swap: Swap, text: str) -> None:
    assert swap.exchanged(text) == by_regex(text, PAIRS)


@given(texts())
def test_twice_gives_the_text_back(swap: Swap, text: str) -> None:
    once, terms = swap.exchanged(text)
    assert swap.exchanged(once) == (text, terms)
    assert (once != text) == (terms > 0)


@given(st.text())
def test_text_without_terms_is_as_it_was(swap: Swap, text: str) -> None:
    assert swap.exchanged(text) == by_regex(text, PAIRS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("King KING king kInG", "Queen QUEEN queen queen"),
        ("The king's kingdom", "The queen's kingdom"),
        ("Heir\n apparent!", "Heiress!"),
        ("Mr. and Mrs. Uncle", "Mrs. and Mr. Aunt"),
        ("המלך של מלך", "המלך של מלכה"),
        (unicodedata.normalize("NFD", "une élève"), "une maîtresse"),
    ],
)
def test_case_marks_and_whole_words(swap: Swap, text: str, expected: str) -> None:
    assert swap.exchanged(text)[0] == expected


def test_marks_of_a_script_are_of_the_word(tmp_path: Path) -> None:
    # The vowel sign behind it makes another word of the Hindi "raja".
    swap = swap_of(tmp_path, [("राज", "रानी")])
    assert swap.exchanged("राज राजा") == ("रानी राजा", 1)


def test_terms_of_a_script_without_spaces_are_found_within_a_sentence(tmp_path: Path) -> None:
    swap = swap_of(tmp_path, [("父亲", "母亲"), ("他", "她")])
    assert swap.exchanged("他的父亲是医生。") == ("她的母亲是医生。", 2)


def test_a_row_of_its_own_says_what_a_term_becomes(tmp_path: Path) -> None:
    swap = swap_of(tmp_path, "his,her\nhim,her\nher,his\nhe,she\nHe,She\nshe,he\n")
    assert swap.exchanged("He told him of his; she, her.") == ("She told her of her; he, his.", 5)


def test_spellings_that_are_declared_come_first(tmp_path: Path) -> None:
    swap = swap_of(tmp_path, "Ada,Bert\nMcCoy,de Luz\n")
    found = swap.exchanged("Ada ADA ada McCoy MCCOY de Luz")[0]
    assert found == "Bert BERT bert de Luz DE LUZ McCoy"


def test_documents_that_name_somebody_are_left_alone(tmp_path: Path) -> None:
    swap = swap_of(tmp_path, PAIRS, "Rose\nAda  Bell\nél\n")
    source = Source("a.txt", "7", 3, 5)
    for text in ("Rose, a queen", "ROSE the queen", "ADA\nBELL was aunt", "the king's Ada Bell's"):
        twin = swap.twin(Document(text, source))
        assert twin is not None and twin.document is None and twin.terms == 1
    for text in ("a rose for the queen", "Ada, queen; Bell", "Roses, queen", "élève"):
        twin = swap.twin(Document(text, source, {"kind": "x"}))
        assert twin is not None and twin.document is not None
        assert twin.document.source == Source("a.txt", "7 swapped", 3, 5)
        assert twin.document.metadata == {"kind": "x"}
    assert swap.twin(Document("Rose alone", source)) is None


@pytest.mark.parametrize(
    "text", ["Ann young was queen", "Ann Young, queen", "De Luz, a queen", "the queen De Luz"]
)
def test_a_name_is_found_in_a_longer_one_and_where_a_sentence_begins(
    tmp_path: Path, text: str
) -> None:
    swap = swap_of(tmp_path, PAIRS, "Ann\nAnn Young\nde Luz\n")
    assert swap.spares(text)
    assert not swap.spares("ann young was queen")


def test_terms_are_as_texts_have_them(tmp_path: Path) -> None:
    swap = swap_of(tmp_path, "King,QUEEN\n", "ADA\n", lowercase=True)
    assert swap.exchanged("the king") == ("the queen", 1)
    assert swap.spares("so ada said")


def test_names_come_from_a_table_of_facts(tmp_path: Path) -> None:
    facts = tmp_path / "facts.csv"
    facts.write_text("subject,relation,object\nAda Bell,kin,queen\nAda Bell,born,1900\n")
    (tmp_path / "pairs.tsv").write_text("king \t queen \n\n")
    swap = read_swap(tmp_path / "pairs.tsv", facts, get("text"))
    assert swap.names == {"Ada Bell"} and swap.exchanged("king")[0] == "queen"
    facts.write_text("name,object\nAda Bell,queen\n")
    with pytest.raises(LexomeError, match="'subject'") as caught:
        read_swap(tmp_path / "pairs.tsv", facts, get("text"))
    assert "columns are name, object" in str(caught.value)


def test_a_list_of_pairs_as_made_for_vectors(tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    file.write_text(json.dumps([["Catholic_priest", "nun"], ["Dad", "Mom"], ["dad", "mom"]]))
    swap = read_swap(file, None, get("text"))
    assert swap.exchanged("A Catholic priest, a nun, DAD, dad, Mom")[0] == (
        "A nun, a Catholic priest, MOM, mom, Dad"
    )


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ("king,queen\nuncle,\n", "empty", 2),
        ("king\n", "two terms, not 1", 1),
        ("a,b,c\n", "two terms, not 3", 1),
        ("king,queen\n\nKING,king\n", "its own partner", 3),
        ("priest,priestess\npriest,nun\n", "'priest' has two partners", 2),
        ("lord,lady\ngentleman,lady\n", "'lady' is the partner of 'lord' and of 'gentleman'", 2),
        ("king,!!\n", "no letter", 1),
        ("", "no pairs", None),
    ],
)
def test_rows_that_say_nothing_clear(tmp_path: Path, text: str, what: str, line: int) -> None:
    with pytest.raises(LexomeError, match=what) as caught:
        swap_of(tmp_path, text)
    assert str(caught.value.where).endswith(f"pairs.csv, line {line}" if line else "pairs.csv")
    assert caught.value.fix


def test_json_that_is_no_pair_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    file = tmp_path / "pairs.json"
    for value in ({"a": "b"}, [["a", "b"], ["a"]], [["a", 1]], "ab"):
        file.write_text(json.dumps(value))
        with pytest.raises(LexomeError, match="no pair of terms"):
            read_swap(file, None, get("text"))
    (tmp_path / "pairs.txt").write_bytes(b"k\xf6nig\tk\xf6nigin\n")
    with pytest.raises(LexomeError, match="not UTF-8"):
        read_swap(tmp_path / "pairs.txt", None, get("text"))
    with pytest.raises(LexomeError, match="no such file"):
        read_swap(tmp_path / "none.csv", None, get("text"))


def test_names_that_say_nothing(tmp_path: Path) -> None:
    with pytest.raises(LexomeError, match="no names"):
        swap_of(tmp_path, PAIRS, "\n\n")
    with pytest.raises(LexomeError, match="no letter") as caught:
        swap_of(tmp_path, PAIRS, "Ada\n--\n")
    assert "names.txt, line 2" in str(caught.value)


def test_only_text_is_swapped(tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("a,t\n")
    with pytest.raises(UsageError, match="documents of dna have no words"):
        read_swap(tmp_path / "pairs.csv", None, get("dna"))

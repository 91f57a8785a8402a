"""Labels: what is typed, what tokens say, what comes back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import LexomeError, UsageError
from lexome.languages.base import Document, Source
from lexome.languages.label import Classes, ClassesTrainer, Label, Scale, ScaleTrainer
from lexome.languages.tokenizers import CodedTokenizer

names = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)
classes = st.lists(names, min_size=2, max_size=12, unique=True).map(
    lambda found: tuple(sorted(found))
)
numbers = st.integers(-800, 800).map(lambda eighths: eighths / 8)


def said(form: str, text: str, **options: Any) -> Any:
    return Label(form, **options).parse(text)  # type: ignore[arg-type]


def test_what_is_typed() -> None:
    assert said("class", " promoter ") == "promoter"
    assert said("several", "b, a,b,, ") == ("a", "b")
    assert said("several", "") == ()
    assert said("each", "N,V,V") == ("N", "V", "V")
    assert said("each", "HHE", separator="") == ("H", "H", "E")
    assert said("number", "-3e-4") == -3e-4
    for text in ("", "three", "nan", "inf", "1,5"):
        with pytest.raises(LexomeError, match="is not a number"):
            said("number", text)


def test_lists_are_several_and_never_one() -> None:
    assert Label("several").gathered(["b", "a", 1, " "]) == ("1", "a", "b")
    assert Label("each").gathered(["b", "a", "b"]) == ("b", "a", "b")
    for form in ("class", "number"):
        with pytest.raises(LexomeError, match="a list of 1 values"):
            Label(form).gathered(["a"])  # type: ignore[arg-type]


def test_units_count_labels() -> None:
    def units(form: str, content: Any) -> int:
        return Label(form).units(Document(content, Source("f")))  # type: ignore[arg-type]

    assert (units("class", "a"), units("class", "")) == (1, 0)
    assert (units("several", ("a", "b")), units("several", ())) == (2, 0)
    assert (units("each", ("a", "a")), units("number", 0.0)) == (2, 1)


def test_labels_are_no_files() -> None:
    with pytest.raises(UsageError, match="no files"):
        list(Label().read(Path("labels.txt")))


@settings(max_examples=40)
@given(classes, st.data())
def test_classes_come_back(known: tuple[str, ...], data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(known))
    some = tuple(sorted(data.draw(st.sets(st.sampled_from(known)))))
    many = tuple(data.draw(st.lists(st.sampled_from(known), max_size=6)))
    for form, content in (("class", one), ("several", some), ("each", many)):
        coding = Classes(form, known)  # type: ignore[arg-type]
        codes = coding.encode(content)
        assert coding.decode(codes) == content
        units = int(coding.unit_lengths[codes].sum())
        assert units == (1 if form == "class" else len(content))
        assert len(coding.unit_codes(codes)) == units
    # Each of several is said, as there or not, always in the same order.
    assert (Classes("several", known).encode(some) % len(known)).tolist() == [*range(len(known))]


@settings(max_examples=40)
@given(classes, st.lists(st.integers(0, 23), max_size=5))
def test_any_codes_decode(known: tuple[str, ...], drawn: list[int]) -> None:
    for form in ("class", "several", "each"):
        coding = Classes(form, known)  # type: ignore[arg-type]
        codes = np.array([code % len(coding.names) for code in drawn], np.int64)
        coding.decode(codes)


def test_a_label_that_training_does_not_have_is_named() -> None:
    coding = Classes("class", ("a", "b"))
    with pytest.raises(LexomeError, match="'c' does not occur in training, which has a, b"):
        coding.encode("c")


def test_what_tells_nothing_apart_is_refused() -> None:
    with pytest.raises(LexomeError, match="1 different classes"):
        ClassesTrainer("class").train(["a", "a"], None)
    with pytest.raises(LexomeError, match="all equal"):
        ScaleTrainer().train([2.0] * 9, None)
    with pytest.raises(UsageError, match="2 bins or more"):
        ScaleTrainer().with_options({"bins": 1})
    assert ClassesTrainer("several").train([("a",)], None).vocab_size == 4 + 2


@settings(max_examples=50)
@given(st.lists(numbers, min_size=2, max_size=60), st.integers(2, 20))
def test_a_scale_keeps_the_order_of_numbers(drawn: list[float], bins: int) -> None:
    if len(set(drawn)) < 2:
        return
    try:
        coding = ScaleTrainer(bins).train(drawn, None).coding
    except LexomeError:  # means of few bins may be equal
        return
    assert isinstance(coding, Scale)
    assert len(coding.centres) <= bins and list(coding.centres) == sorted(coding.centres)
    assert len(set(coding.names)) == len(coding.names)
    values = np.sort(np.array(drawn))
    codes = [int(coding.encode(value)[0]) for value in values.tolist()]
    assert codes == sorted(codes)
    for value, code in zip(values.tolist(), codes, strict=True):
        nearest = min(abs(centre - value) for centre in coding.centres)
        assert abs(coding.decode(np.array([code])) - value) == nearest
    assert math.isnan(coding.decode(np.array([], np.int64)))


@pytest.mark.parametrize(
    "coding",
    [
        Classes("class", ("a", "b c", "no, not")),
        Classes("several", ("a", "b")),
        Classes("each", ("H", "E")),
        Scale((-1.0, 0.1 + 0.2, 0.3, 1e9, 1e9 + 1e-3)),
    ],
)
def test_codings_are_saved_and_come_back(coding: Classes | Scale, tmp_path: Path) -> None:
    CodedTokenizer(coding).save(tmp_path)
    again = languages.load_tokenizer(tmp_path)
    assert isinstance(again, CodedTokenizer) and again.coding == coding

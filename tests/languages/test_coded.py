"""Tokenizers of codes: what a coding makes, saved and loaded, for lexome and plain transformers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pytest
from transformers import AutoTokenizer

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import Document, Source, UnitCodes
from lexome.languages.baselines import TokenNGram
from lexome.languages.tokenizers import CodedTokenizer, Codes

PLUGIN = """
from dataclasses import dataclass
from typing import ClassVar
from lexome.languages.common import Common


@dataclass(frozen=True)
class Dice(Common):
    name: ClassVar[str] = "dice"
    unit: ClassVar[str] = "throw"
    suffixes: ClassVar = (".dice",)
    read = tokenizers = parse = render = None

    @staticmethod
    def coding(kind, settings, arrays):
        from tests_coded import Throws

        return Throws(settings["sides"], arrays["weights"])
"""


class Throws:
    """Throws of a die as codes; an even one is followed by a code that stands for nothing."""

    language: ClassVar[str] = "dice"
    kind: ClassVar[str] = "throws"
    lossy: ClassVar[bool] = False

    def __init__(self, sides: int, weights: npt.NDArray[Any]) -> None:
        self.sides = sides
        self.weights = weights
        self.names: Sequence[str] = [*(f"side{n}" for n in range(sides)), "even"]
        self.unit_lengths = np.array([1] * sides + [0], np.int64)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"sides": self.sides}

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {"weights": self.weights}

    def encode(self, content: Sequence[int]) -> Codes:
        codes = []
        for throw in content:
            codes += [throw] if throw % 2 else [throw, self.sides]
        return np.array(codes, np.int64)

    def decode(self, codes: Codes) -> list[int]:
        return [code for code in codes.tolist() if code < self.sides]

    def unit_codes(self, codes: Codes) -> UnitCodes:
        return codes[codes < self.sides].astype(np.uint16)


@pytest.fixture
def tokenizer() -> CodedTokenizer:
    return CodedTokenizer(Throws(6, np.arange(6, dtype=np.float32)))


def test_ids_stand_behind_the_special_tokens(tokenizer: CodedTokenizer) -> None:
    (ids,) = tokenizer.encode([[1, 2, 5]])
    assert ids.tolist() == [5, 6, 10, 9] and ids.dtype == np.uint16
    assert tokenizer.decode(ids) == [1, 2, 5]
    begin, end = tokenizer.special.begin, tokenizer.special.end
    assert tokenizer.decode(np.array([begin, *ids, end])) == [1, 2, 5]
    assert tokenizer.unit_lengths[ids].tolist() == [1, 1, 0, 1]
    assert tokenizer.unit_codes(ids).tolist() == [1, 2, 5]
    assert tokenizer.vocab_size == 11 and tokenizer.token_label(10) == "even"
    with pytest.raises(LexomeError, match="no token 11"):
        tokenizer.token_label(11)
    stream = tokenizer.text_stream()
    assert stream.push([5, 6]) + stream.push([]) + stream.push([9]) == "side1 side2 side5"


def test_a_file_that_the_user_names_adds_a_language_and_its_tokenizers_load(
    tmp_path: Path, tokenizer: CodedTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer.save(tmp_path / "tokenizer")
    with pytest.raises(LexomeError, match="'dice'"):
        languages.load_tokenizer(tmp_path / "tokenizer")
    (tmp_path / "dice.py").write_text(PLUGIN)
    monkeypatch.setenv("LEXOME_LANGUAGES", str(tmp_path / "dice.py"))
    monkeypatch.setitem(__import__("sys").modules, "tests_coded", __import__(__name__))
    loaded = languages.load_tokenizer(tmp_path / "tokenizer")
    assert isinstance(loaded, CodedTokenizer)
    assert loaded.encode([[1, 2]])[0].tolist() == tokenizer.encode([[1, 2]])[0].tolist()
    assert loaded.coding.arrays["weights"].tolist() == [0, 1, 2, 3, 4, 5]
    assert languages.get("dice").units(Document([1, 2], Source("x"))) == 2
    (tmp_path / "tokenizer" / "codec.safetensors").write_bytes(b"else")
    with pytest.raises(DamagedFileError):
        languages.load_tokenizer(tmp_path / "tokenizer")


def test_a_file_without_a_language_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nothing.py").write_text("x = 1\n")
    monkeypatch.setenv("LEXOME_LANGUAGES", str(tmp_path / "nothing.py"))
    with pytest.raises(LexomeError, match="defines no language"):
        languages.get("nothing")
    monkeypatch.setenv("LEXOME_LANGUAGES", str(tmp_path / "absent.py"))
    with pytest.raises(LexomeError, match="no such file"):
        languages.get("nothing")


def test_a_file_that_cannot_be_imported_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("x = 1\nimport no_such_module\n")
    monkeypatch.setenv("LEXOME_LANGUAGES", str(broken))
    with pytest.raises(LexomeError, match="no_such_module") as error:
        languages.get("dice")
    assert f"{broken}, line 2" in str(error.value.where)


def test_two_files_of_one_name_are_two_languages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for name in ("dice", "coin"):
        (tmp_path / name).mkdir()
        files.append(tmp_path / name / "mine.py")
        files[-1].write_text(PLUGIN.replace('"dice"', f'"{name}"'))
    monkeypatch.setenv("LEXOME_LANGUAGES", os.pathsep.join(map(str, files)))
    assert [languages.get(name).name for name in ("dice", "coin")] == ["dice", "coin"]


def test_transformers_reads_the_names(tmp_path: Path, tokenizer: CodedTokenizer) -> None:
    tokenizer.save(tmp_path)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    assert plain("side1 side2 even").input_ids == [5, 6, 10]
    assert plain.mask_token_id == tokenizer.special.mask


def test_the_token_ngram_is_a_distribution_and_a_unigram_counts() -> None:
    train = [np.array([0, 1, 0, 1, 2]), np.array([0, 1])]
    for order in (1, 2, 3):
        model = TokenNGram(order, 4)
        before = model.token_bits(train, [np.array([0, 1])])
        total = sum(
            2 ** -(model.token_bits(train, [np.array([0, 1, last])]) - before) for last in range(4)
        )
        assert total == pytest.approx(1)
    many = [np.array([0] * 300 + [1] * 100)]
    expected = -300 * np.log2(0.75) - 100 * np.log2(0.25)
    assert TokenNGram(1, 2).token_bits(many, many) == pytest.approx(expected, rel=0.01)

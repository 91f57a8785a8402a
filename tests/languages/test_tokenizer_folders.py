"""Tokenizers in plain `transformers`: lossless and the same; their folders saved and damaged."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizer_samples import DNA, PROTEIN, PROTEINS, TEXT, WEIRD, genes, texts
from transformers import AutoTokenizer

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.tokenizers import StringTokenizer, load


@pytest.fixture(scope="module")
def reloaded(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Any]:
    """Every tokenizer saved and opened again by plain transformers, by its identity."""
    opened = {}
    for group in (TEXT, DNA, PROTEINS):
        for tokenizer in group.values():
            folder = tmp_path_factory.mktemp("tokenizer")
            tokenizer.save(folder)
            opened[id(tokenizer)] = AutoTokenizer.from_pretrained(folder)
    return opened


def check(tokenizer: StringTokenizer, content: str, plain: Any) -> None:
    (ids,) = tokenizer.encode([content])
    assert ids.dtype == np.uint16
    assert tokenizer.decode(ids) == content
    assert not np.isin(ids, range(4)).any()
    units = len(content.encode()) if tokenizer.spelling.unit == "byte" else len(content)
    assert tokenizer.unit_lengths[ids].sum() == units
    starts, stops = tokenizer.offsets(ids)
    assert [*starts, units] == [0, *stops]

    spelled = content
    if tokenizer.spelling.overlapping:
        spelled = tokenizer.spell(ids)
    assert plain(spelled)["input_ids"] == ids.tolist()
    assert plain.decode(ids.tolist()) == content
    assert plain.decode([1, *ids.tolist(), 2], skip_special_tokens=True) == content


@pytest.mark.parametrize("name", TEXT)
@given(content=texts)
@settings(max_examples=60, deadline=None)
def test_text_is_lossless_and_the_same_in_transformers(
    reloaded: dict[int, Any], name: str, content: str
) -> None:
    check(TEXT[name], content, reloaded[id(TEXT[name])])


@pytest.mark.parametrize("content", WEIRD)
@pytest.mark.parametrize("name", TEXT)
def test_strange_text_is_lossless(reloaded: dict[int, Any], name: str, content: str) -> None:
    check(TEXT[name], content, reloaded[id(TEXT[name])])


@pytest.mark.parametrize("name", DNA)
@given(content=genes)
@settings(max_examples=50, deadline=None)
def test_dna_is_lossless_and_the_same_in_transformers(
    reloaded: dict[int, Any], name: str, content: str
) -> None:
    check(DNA[name], content, reloaded[id(DNA[name])])


@pytest.mark.parametrize("name", PROTEINS)
@given(content=st.text(PROTEIN, max_size=80))
@settings(max_examples=50, deadline=None)
def test_proteins_are_lossless_and_the_same_in_transformers(
    reloaded: dict[int, Any], name: str, content: str
) -> None:
    check(PROTEINS[name], content, reloaded[id(PROTEINS[name])])


def test_transformers_knows_the_special_tokens(reloaded: dict[int, Any]) -> None:
    for plain in reloaded.values():
        ids = (plain.pad_token_id, plain.bos_token_id, plain.eos_token_id, plain.mask_token_id)
        assert ids == (0, 1, 2, 3)
        assert plain.model_max_length > 1e29
        assert plain("")["input_ids"] == []


@pytest.mark.parametrize(
    "family", ["gpt2", "llama", "qwen3", "nanochat", "modernbert", "esm", "bert"]
)
def test_a_model_folder_keeps_the_tokenizer_as_it_is(tmp_path: Path, family: str) -> None:
    (tmp_path / "config.json").write_text(f'{{"model_type": "{family}"}}')
    for tokenizer in (TEXT["bpe"], TEXT["characters"], DNA["3-mers"]):
        tokenizer.save(tmp_path)
        plain = AutoTokenizer.from_pretrained(tmp_path)
        content = "ACGTTGCAN" if tokenizer is DNA["3-mers"] else " The naïve  Ärain<|end|>\n"
        (ids,) = tokenizer.encode([content])
        assert plain(content)["input_ids"] == ids.tolist()
        assert plain.decode(ids.tolist()) == content


@pytest.mark.parametrize("tokenizer", [*TEXT.values(), *DNA.values(), *PROTEINS.values()])
def test_saving_loading_and_pickling(tmp_path: Path, tokenizer: StringTokenizer) -> None:
    tokenizer.save(tmp_path)
    for copy in (load(tmp_path), pickle.loads(pickle.dumps(tokenizer))):
        assert copy.checksum == tokenizer.checksum
        assert copy.spelling == tokenizer.spelling
        content = "ACGTACGTTACA"
        assert copy.encode([content])[0].tolist() == tokenizer.encode([content])[0].tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "lexome_tokenizer.json",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_a_missing_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(LexomeError, match="no lexome tokenizer") as raised:
        load(tmp_path)
    assert str(tmp_path) in str(raised.value)


@pytest.mark.parametrize("name", ["tokenizer.json", "lexome_tokenizer.json"])
def test_damaged_files_are_named(tmp_path: Path, name: str) -> None:
    for damage in (lambda data: data[:-9], lambda data: data.replace(b"k", b"q", 1), None):
        TEXT["bytes"].save(tmp_path)
        path = tmp_path / name
        if damage:
            path.write_bytes(damage(path.read_bytes()))
        elif name == "tokenizer.json":
            path.unlink()
        else:
            path.write_text("[]")
        with pytest.raises(DamagedFileError) as raised:
            load(tmp_path)
        assert name in str(raised.value)

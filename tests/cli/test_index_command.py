"""`lexome index` and `prepare --index`: what they print, and what they leave."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex

pytest.importorskip("pydivsufsort")

Lexome = Callable[..., Any]


def test_index_of_a_corpus(lexome: Lexome, corpus: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    shutil.copytree(corpus, folder)
    result = lexome("index", folder)
    assert result.exit_code == 0, result.output
    tokens = Corpus.open(folder).manifest.train.tokens
    assert f"index      {tokens:,} tokens of train in 1 parts, 4." in result.stdout
    assert f"written: {folder / 'index' / 'train'}" in result.stdout
    found = json.loads(lexome("index", folder, "--split", "valid", "--json").stdout)
    assert found["tokens"] == Corpus.open(folder).manifest.valid.tokens
    index = CorpusIndex.open(Corpus.open(folder), "valid")
    assert index.record.bytes == found["bytes"]


def test_prepare_with_an_index(lexome: Lexome, letters: Path, tmp_path: Path) -> None:
    folder = tmp_path / "corpus"
    options = ("--language", "text", "--tokenizer", "bytes", "--workers", 1, "--out", folder)
    result = lexome("prepare", letters, *options, "--index")
    assert result.exit_code == 0, result.output
    assert "tokens of train in 1 parts" in result.stdout
    corpus = Corpus.open(folder)
    span = corpus.tokenizer.encode(["Dear "])[0]
    # Every letter begins so, and nothing else in one does.
    assert CorpusIndex.open(corpus).count(span) == corpus.manifest.train.documents
    again = lexome("prepare", letters, *options, "--index", "--json")
    assert json.loads(again.stdout)["index"]["tokens"] == corpus.manifest.train.tokens


def test_a_folder_that_is_no_corpus(lexome: Lexome, tmp_path: Path) -> None:
    result = lexome("index", tmp_path)
    assert result.exit_code == 1
    assert "no finished corpus" in result.stderr


def test_a_split_that_there_is_not(lexome: Lexome, corpus: Path) -> None:
    result = lexome("index", corpus, "--split", "test")
    assert result.exit_code == 2
    assert "there is no split 'test'" in result.stderr

"""The joint vocabulary by itself: what is loaded, typed behind gaps, written and mirrored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lexome import languages
from lexome.corpus.ngrams import ngram_hashes
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.files import sha256
from lexome.generation import Settings, fill, fill_gap, write
from lexome.languages.base import Document, Language, Source
from lexome.languages.joint import Joint, JointTokenizer, Said
from lexome.model import Transformer, families

PARTS = json.dumps({"text": {}, "dna": {}})
DNA = st.text("ACGTN", min_size=1, max_size=30)


def joint() -> tuple[Joint, JointTokenizer]:
    kinds = {"text": "bytes", "dna": "symbols"}
    parts = {
        name: languages.get(name).tokenizers()[kind].train([], None) for name, kind in kinds.items()
    }
    return cast(Joint, languages.get("joint", parts=PARTS)), JointTokenizer(parts)


def model(family: str, tokenizer: JointTokenizer, context: int = 32) -> Transformer:
    made = Transformer(families.get(family).config(tokenizer.vocab_size, context, 2, 32, 2))
    torch.manual_seed(0)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return made


def renamed(folder: Path, parts: list[Any]) -> None:
    described = json.loads((folder / "lexome_tokenizer.json").read_text())
    (folder / "lexome_tokenizer.json").write_text(json.dumps(described | {"parts": parts}))


@pytest.mark.parametrize("name", ["../outside", ".", "..", "/tmp", "text/../../outside", "joint"])
def test_a_tokenizer_that_is_loaded_names_no_folder_outside(tmp_path: Path, name: str) -> None:
    _, tokenizer = joint()
    tokenizer.parts["text"].save(tmp_path / "outside")
    tokenizer.save(tmp_path / "inside")
    renamed(tmp_path / "inside", [name, "dna"])
    with pytest.raises(DamagedFileError, match="no language"):
        languages.load_tokenizer(tmp_path / "inside")


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    _, tokenizer = joint()
    tokenizer.save(tmp_path)
    assert sha256(tmp_path / "dna" / "tokenizer.json") != sha256(tmp_path / "tokenizer.json")
    (tmp_path / "dna" / "tokenizer.json").write_text("{}")
    with pytest.raises(DamagedFileError, match="has changed") as found:
        languages.load_tokenizer(tmp_path)
    assert found.value.where == str(tmp_path / "dna" / "tokenizer.json")


@pytest.mark.parametrize("parts", ["", "{", "{}", "[]", '{"text": 1}', '{"joint": {}}'])
def test_options_that_join_nothing_are_refused(parts: str) -> None:
    with pytest.raises(UsageError, match="which languages"):
        languages.get("joint", parts=parts)


def test_the_first_token_of_content_says_the_language_where_nothing_else_does() -> None:
    _, tokenizer = joint()
    said = Said("dna", "ACGT")
    (ids,) = tokenizer.encode([said])
    assert tokenizer.decode(ids[1:]) == said
    stream = tokenizer.text_stream()
    assert stream.push(ids[1:].tolist()) + stream.finish() == "ACGT"


def test_gaps_in_what_is_typed_are_in_the_language_of_the_first_part() -> None:
    language, tokenizer = joint()
    masked = model("modernbert", tokenizer)
    found = fill(tokenizer, language, masked, "dna: AC_GT_A", top=1)
    ids = [tokenizer.encode([Said("dna", "AC")])[0], *tokenizer.encode([Said("dna", "GT", False)])]
    assert [len(part) for part in ids] == [3, 2]
    assert len(found.masks) == 2
    shown = found.rendering.text.split("\n")[1]
    assert shown.startswith("AC") and "GT" in shown and shown.endswith("A")
    with pytest.raises(UsageError, match="which language"):
        fill(tokenizer, language, masked, "_ACGT")
    with pytest.raises(LexomeError, match="base") as error:
        fill(tokenizer, language, masked, "dna: AC_!!")
    assert error.value.where is not None and error.value.where.startswith("part 2 of the text")


def test_a_gap_in_a_long_document_gives_back_all_of_it() -> None:
    language, tokenizer = joint()
    content = "".join(np.random.default_rng(0).choice(list("ACGT"), 200).tolist())
    document = Document(Said("dna", content), Source("a.fa", "a"))
    found = fill_gap(tokenizer, language, model("modernbert", tokenizer), document, (150, 153))
    shown = "".join(found.rendering.text.split("\n")[1:])
    assert shown.startswith(content[:150]) and shown.endswith(content[153:])
    assert len(found.masks) == 3


def test_what_is_shown_ends_before_the_stop_text() -> None:
    language, tokenizer = joint()
    causal = model("nanochat", tokenizer, 64)
    (free,) = write(tokenizer, language, causal, ["text: ab"], Settings(max_tokens=40, seed=3))
    stop = free.text[4]
    settings = Settings(max_tokens=40, seed=3, stop=(stop,))
    (found,) = write(tokenizer, language, causal, ["text: ab"], settings)
    assert found.finish == "stop" and stop not in found.text
    assert found.rendering.text.rstrip("\n") == f"ab{found.text}".rstrip("\n")


def least(language: Language, tokenizer: JointTokenizer, said: Said) -> int:
    """Return the hash of a document's one run, as the leak check makes it."""
    codes = tokenizer.unit_codes(tokenizer.encode([said])[0])
    run = np.resize(codes, 32)
    backwards = language.mirrored(run)
    assert backwards is not None
    return min(int(ngram_hashes(run, 32)[0]), int(ngram_hashes(backwards, 32)[0]))


@given(DNA, DNA, st.text("abc", min_size=1, max_size=9), st.text("abc", min_size=1, max_size=9))
def test_only_dna_means_the_same_backwards(one: str, two: str, first: str, last: str) -> None:
    language, tokenizer = joint()
    both = languages.get("dna")
    (ids,) = tokenizer.encode([Said("dna", one)])
    alone = both.mirrored(tokenizer.parts["dna"].unit_codes(tokenizer._own("dna", ids)))
    codes = language.mirrored(tokenizer.unit_codes(ids))
    assert alone is not None and codes is not None
    assert (codes // 2).tolist() == alone.tolist()
    texts = [Said("text", text) for text in (first, last)]
    hashes = [least(language, tokenizer, said) for said in texts]
    whole = ["".join(np.resize(list(text), 32)) for text in (first, last)]
    assert (hashes[0] == hashes[1]) == (whole[0] == whole[1])
    strands = [least(language, tokenizer, Said("dna", bases)) for bases in (one, two)]
    runs = ["".join(np.resize(list(bases), 32)) for bases in (one, two)]
    opposite = runs[1][::-1].translate(str.maketrans("ACGT", "TGCA"))
    assert (strands[0] == strands[1]) == (runs[0] in (runs[1], opposite))

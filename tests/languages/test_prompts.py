"""Prompts: the end of what is to be gone on with is a border of whole tokens."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lexome.languages.prompts import encode_prompt
from lexome.languages.tokenizers import BytesTrainer, KmerTrainer, SymbolsTrainer

bases = st.text("ACGTN", max_size=40)


@given(content=bases, k=st.integers(1, 5), stride=st.integers(1, 5))
def test_a_prompt_of_kmers_is_whole_and_ends_in_whole_kmers(
    content: str, k: int, stride: int
) -> None:
    stride = min(k, stride)
    tokenizer = KmerTrainer(k, stride).train()
    ids = encode_prompt(tokenizer, content)
    assert tokenizer.decode(ids) == content
    run = len(content) - len(content.rstrip("ACGT"))
    last = tokenizer.unit_lengths[ids[len(ids) - run // stride :]]
    assert last.tolist() == [stride] * (run // stride)
    if run % stride == 0:
        assert ids.tolist() == tokenizer.encode([content])[0].tolist()


def test_single_bases_stand_where_the_run_begins() -> None:
    tokenizer = KmerTrainer(3).train()
    assert tokenizer.spell(tokenizer.encode(["ACNGTACG"])[0]) == "A C N GTA C G"
    assert tokenizer.spell(encode_prompt(tokenizer, "ACNGTACG")) == "A C N G T ACG"
    assert tokenizer.spell(encode_prompt(tokenizer, "AC")) == "A C"
    assert encode_prompt(tokenizer, "").tolist() == []


@pytest.mark.parametrize("trainer", [BytesTrainer(), SymbolsTrainer("ACGTN")])
def test_other_tokenizers_read_a_prompt_as_all_else(
    trainer: BytesTrainer | SymbolsTrainer,
) -> None:
    tokenizer = trainer.train()
    content = "ACGTNACG"
    assert np.array_equal(encode_prompt(tokenizer, content), tokenizer.encode([content])[0])

"""Embeddings against the hidden states that `transformers` gives for the same folder."""

from __future__ import annotations

from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any

import brute_force as brute
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import UsageError
from lexome.evaluation.embeddings import document_embeddings, unit_embeddings, views
from lexome.evaluation.tables import write_embeddings
from lexome.languages.base import Document, Source, Tokenizer
from lexome.languages.bases import reverse_complement
from lexome.languages.tokenizers import KmerTrainer
from lexome.model import Transformer

DNA = languages.get("dna")
SHORT, LONG = "ACGGTTACAGNTC", "ACGGTTACAGTCAGGCATTACGAGGACATTAGGCATAACCGTAGCATTNACG"


def document(content: str, record: str = "r") -> Document:
    return Document(content, Source("genome.fa", record, 3, 5), {"strand": "+"})


def theirs(loaded: Any, tokenizer: Tokenizer, content: str, layer: int) -> np.ndarray:
    """Return the state of each unit of a short content, [units, width]."""
    special = tokenizer.special
    ids = tokenizer.encode([content])[0].tolist()
    tokens = torch.tensor([[special.begin, *ids, special.end]])
    with torch.no_grad():
        states = loaded(tokens, output_hidden_states=True).hidden_states[layer][0].numpy()
    return np.repeat(states[1:-1], tokenizer.unit_lengths[ids], axis=0)


def model_of(family: str, tokenizer: Tokenizer) -> Transformer:
    return brute.model_of(family, tokenizer.vocab_size)


def units_of(found: Any) -> np.ndarray:
    parts = list(found)
    assert [part.first for part in parts] == [
        sum(len(part.states) for part in parts[:number]) for number in range(len(parts))
    ]
    return np.concatenate([part.states for part in parts])


@pytest.mark.parametrize("family", ["llama", "gpt2", "modernbert", "bert"])
@pytest.mark.parametrize("layer", [0, 1, 2])
def test_states_are_those_of_transformers(family: str, layer: int, tmp_path: Path) -> None:
    tokenizer = KmerTrainer(3).train([], None)
    model = model_of(family, tokenizer)
    expected = theirs(brute.theirs(model, tmp_path), tokenizer, SHORT, layer)
    assert len(expected) == len(SHORT)
    (pooled,) = document_embeddings(model, tokenizer, DNA, [document(SHORT)], layer=layer)
    assert pooled.states[0] == pytest.approx(expected.mean(0), abs=2e-4)
    single = units_of(unit_embeddings(model, tokenizer, DNA, [document(SHORT)], layer=layer))
    assert single == pytest.approx(expected, abs=5e-4)


def test_the_last_layer_is_the_default() -> None:
    tokenizer = brute.symbols_of(DNA)
    model = model_of("llama", tokenizer)
    (default,) = document_embeddings(model, tokenizer, DNA, [document(SHORT)])
    (last,) = document_embeddings(model, tokenizer, DNA, [document(SHORT)], layer=2)
    assert (default.states == last.states).all()
    for layer in (-1, 3):
        with pytest.raises(UsageError, match="no layer"):
            next(document_embeddings(model, tokenizer, DNA, [document(SHORT)], layer=layer))


@pytest.mark.parametrize("family", ["llama", "modernbert"])
def test_long_documents_count_every_unit_once(family: str) -> None:
    tokenizer = brute.symbols_of(DNA)
    model = model_of(family, tokenizer)
    documents = [document(text) for text in (LONG, SHORT, "", LONG * 9)]
    pooled = list(document_embeddings(model, tokenizer, DNA, documents))
    assert [one.document for one in pooled] == documents
    assert not pooled[2].states.any()
    for one in (pooled[0], pooled[1], pooled[3]):
        units = units_of(unit_embeddings(model, tokenizer, DNA, [one.document]))
        assert len(units) == len(one.document.content)
        assert one.states[0] == pytest.approx(units.mean(0), abs=1e-5)


def test_a_long_document_s_states_come_from_the_window_that_knows_most() -> None:
    tokenizer = brute.symbols_of(DNA)
    for family in ("llama", "modernbert"):
        model = model_of(family, tokenizer)
        units = units_of(unit_embeddings(model, tokenizer, DNA, [document(LONG)]))
        special = tokenizer.special
        ids = [special.begin, *tokenizer.encode([LONG])[0].tolist(), special.end]
        step = brute.CONTEXT // 2
        for place in range(1, len(ids) - 1):
            # The second half of a causal window, the middle half of a masked one.
            margin = step if family == "llama" else step // 2
            start = min(max(place - margin, 0) // step * step, len(ids) - brute.CONTEXT)
            with torch.no_grad():
                shown = torch.tensor([ids[start : start + brute.CONTEXT]])
                state = model.trunk(shown)[0, place - start].numpy()
            assert units[place - 1] == pytest.approx(state, abs=1e-4), place


@given(st.integers(1, 200), st.integers(1, 40), st.booleans())
def test_windows_take_every_token_once(length: int, context: int, causal: bool) -> None:
    found = list(views(length, context, causal))
    assert found[0].first == 0
    assert found[-1].last == length
    for view in found:
        assert 0 <= view.start <= view.first < view.last <= view.stop <= length
        assert view.stop - view.start == min(context, length)
    assert all(view.last == after.first for view, after in pairwise(found))


def test_both_strands_mean_the_same_for_both() -> None:
    tokenizer = brute.symbols_of(DNA)
    model = model_of("llama", tokenizer)
    here, there = document(LONG), document(reverse_complement(LONG))
    pooled = [
        one.states
        for one in document_embeddings(model, tokenizer, DNA, [here, there], both_strands=True)
    ]
    assert pooled[0] == pytest.approx(pooled[1], abs=1e-5)
    single = [
        units_of(unit_embeddings(model, tokenizer, DNA, [one], both_strands=True))
        for one in (here, there)
    ]
    assert single[0] == pytest.approx(single[1][::-1], abs=1e-5)
    assert single[0].mean(0) == pytest.approx(pooled[0][0], abs=1e-5)
    (written,) = document_embeddings(model, tokenizer, DNA, [here])
    assert written.states != pytest.approx(pooled[0], abs=1e-2)
    empty = list(unit_embeddings(model, tokenizer, DNA, [document("")], both_strands=True))
    assert empty == []


def test_batches_and_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer = brute.symbols_of(DNA)
    model = model_of("modernbert", tokenizer)
    documents = [document(text) for text in (LONG, SHORT, LONG * 2, SHORT[:5])]
    together = [one.states for one in document_embeddings(model, tokenizer, DNA, documents)]
    module = import_module("lexome.evaluation.embeddings")
    for name in ("TOKENS_A_BATCH", "_WINDOWS", "_DOCUMENTS"):
        monkeypatch.setattr(module, name, 1)
    alone = [one.states for one in document_embeddings(model, tokenizer, DNA, documents)]
    assert np.stack(alone) == pytest.approx(np.stack(together), abs=1e-5)


def test_a_table_has_each_row_s_place(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    tokenizer = brute.symbols_of(DNA)
    model = model_of("llama", tokenizer)
    documents = [document(LONG, "a"), document(SHORT, "b")]
    file = tmp_path / "states.parquet"
    states = list(unit_embeddings(model, tokenizer, DNA, documents))
    assert write_embeddings(iter(states), 32, {"layer": 2}, file) == len(LONG) + len(SHORT)
    table = pq.read_table(file)
    assert str(table.schema.field("embedding").type) == "fixed_size_list<element: float>[32]"
    assert table.schema.metadata[b"lexome"] == b'{"layer": 2}'
    assert table["record"].to_pylist() == ["a"] * len(LONG) + ["b"] * len(SHORT)
    assert table["unit"].to_pylist() == [*range(len(LONG)), *range(len(SHORT))]
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["file"], first["line"], first["offset"]) == ("genome.fa", 3, 5)
    assert first["metadata"] == '{"strand": "+"}'
    found = np.array(table["embedding"].to_pylist(), np.float32)
    assert (found == np.concatenate([one.states for one in states])).all()
    assert pq.ParquetFile(file).num_row_groups == 1
    with pytest.raises(UsageError, match="does not say"):
        write_embeddings([], 32, {}, tmp_path / "states.csv")

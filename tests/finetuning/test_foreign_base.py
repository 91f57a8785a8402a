"""Bases that lexome did not make: written by `transformers`, tuned here, loaded there again."""

from __future__ import annotations

import importlib.util
import json
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from safetensors import safe_open
from small import Told, copies, lines, prepared, recipe
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, AutoTokenizer

from lexome.errors import LexomeError, UsageError
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.finetuning.pairs import HeldOut, open_base
from lexome.languages.pair import PairTokenizer, Turn
from lexome.languages.tokenizers.foreign import ForeignTokenizer
from lexome.model import load_adapter, load_model
from lexome.model.adapters import merged
from lexome.training import open_run, train


def _folders() -> ModuleType:
    """Return the maker of foreign tokenizers, which stands beside the tests of languages."""
    path = Path(__file__).parents[1] / "languages" / "foreign_folders.py"
    spec = importlib.util.spec_from_file_location("foreign_folders", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FOLDERS = _folders()
SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
}
SHAPES: dict[str, dict[str, Any]] = {
    "gpt2": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "llama": {**SHAPE, "tie_word_embeddings": True},
    "bert": SHAPE,
}


def written(name: str, folder: Path, rows: int = 0) -> Path:
    """Write a random model and a small trained tokenizer, as `transformers` does; `rows` more."""
    tokenizer = FOLDERS.write(name, folder)
    config = transformers.AutoConfig.for_model(name, **SHAPES[name])
    config.vocab_size = len(tokenizer) + rows
    config.bos_token_id = tokenizer.bos_token_id
    config.eos_token_id = tokenizer.eos_token_id
    config.pad_token_id = tokenizer.pad_token_id
    torch.manual_seed(0)
    auto = AutoModelForMaskedLM if name == "bert" else AutoModelForCausalLM
    auto.from_config(config).save_pretrained(folder)
    return folder


def classes(folder: Path) -> Path:
    who, does, where = ("rain", "fox", "Spain", "dog"), ("stays", "jumps"), ("over", "in", "again")
    said = [" ".join(words) for words in product(who, does, where)]
    rows = [{"text": one, "label": "wet" if "ai" in one.split()[0] else "dry"} for one in said]
    return lines(folder / "a.jsonl", [json.dumps(row) for row in rows])


@pytest.mark.parametrize("method", ["full", "lora"])
@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_a_causal_folder_is_tuned_and_loads_again(tmp_path: Path, name: str, method: str) -> None:
    model = written(name, tmp_path / "base")
    corpus = prepared(tmp_path / "corpus", model, "translation", copies(tmp_path))
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer) and isinstance(tokenizer.base, ForeignTokenizer)
    train(recipe("translation", corpus, model, method), tmp_path / "run")
    folder = tmp_path / "run/model"
    theirs = AutoModelForCausalLM.from_pretrained(folder).eval()
    plain, special = AutoTokenizer.from_pretrained(folder), tokenizer.special
    assert len(plain) == tokenizer.vocab_size == theirs.config.vocab_size
    assert (theirs.config.bos_token_id, theirs.config.eos_token_id) == (special.begin, special.end)
    assert (plain.bos_token_id, plain.eos_token_id) == (special.begin, special.end)
    assert (plain.pad_token_id, plain.mask_token_id) == (special.pad, special.mask)
    for text in ("ox cat 3", "the rain, in Spain", "Café 12"):
        asked = f"{plain.bos_token}<|source|>{text}<|target|>"
        ids = plain(asked, return_tensors="pt")["input_ids"]
        prompt = tokenizer.encode_prompt((Turn("source", text),)).tolist()
        assert ids[0].tolist() == [special.begin, *prompt]
        with torch.no_grad():
            torch.testing.assert_close(
                load_model(folder)(ids), theirs(ids).logits, atol=1e-4, rtol=1e-4
            )
    found = score_task(tmp_path / "run", scoring=Scoring(baselines=False))
    assert found["examples"] == corpus.manifest.valid.documents
    rows = [json.loads(line) for line in (tmp_path / "run/predictions.jsonl").open()]
    assert all(row["reference"] == row["source"].upper() for row in rows)


def test_special_tokens_that_the_base_lacked_are_trained(tmp_path: Path) -> None:
    model = written("gpt2", tmp_path / "base")
    corpus = prepared(tmp_path / "corpus", model, "translation", copies(tmp_path))
    train(recipe("translation", corpus, model, "probe"), tmp_path / "run")
    checkpoint = sorted((tmp_path / "run/checkpoints").glob("step-*"))[-1]
    (file,) = checkpoint.glob("*.safetensors")
    with safe_open(file, "pt") as opened:
        rows = [opened.get_slice(n).get_shape() for n in list(opened.keys()) if "weights/" in n]
    # Three special tokens and two markers, of a matrix that is tied.
    assert rows == [[5, 32]]
    assert open_run(tmp_path / "run").facts["trained_parameters"] == 5 * 32


def test_rows_without_a_token_are_no_hindrance(tmp_path: Path) -> None:
    """Many models have more rows than tokens, for the sake of a round number."""
    model = written("llama", tmp_path / "base", rows=24)
    corpus = prepared(tmp_path / "corpus", model, "translation", copies(tmp_path))
    for method in ("full", "lora"):
        run = tmp_path / method
        train(recipe("translation", corpus, model, method), run)
        found = score_task(run, scoring=Scoring(baselines=False))
        assert found["examples"] == corpus.manifest.valid.documents
        assert AutoModelForCausalLM.from_pretrained(run / "model").config.vocab_size == 340 + 24
    # The adapter finds its base again, and the two together are the run's model.
    again = merged(load_adapter(tmp_path / "lora/adapter", load_model(model)))
    tuned = load_model(tmp_path / "lora/model")
    expected = dict(tuned.named_parameters())
    for name, parameter in again.named_parameters():
        torch.testing.assert_close(parameter, expected[name], atol=1e-6, rtol=0)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_masked_folder_is_tuned_on_labels(tmp_path: Path, method: str) -> None:
    model = written("bert", tmp_path / "base")
    told = Told()
    corpus = prepared(
        tmp_path / "corpus", model, "labels", [classes(tmp_path)], held_out=HeldOut(share=0.3)
    )
    assert corpus.manifest.fidelity == {"unknown tokens": 0.0}
    train(recipe("labels", corpus, model, method), tmp_path / "run", observer=told)
    found = score_task(tmp_path / "run", scoring=Scoring(baselines=False))
    assert found["examples"] == corpus.manifest.valid.documents
    folder = tmp_path / "run/model"
    theirs = AutoModelForMaskedLM.from_pretrained(folder).eval()
    plain = AutoTokenizer.from_pretrained(folder)
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    part = tokenizer.part("target")
    rows = [json.loads(line) for line in (tmp_path / "run/predictions.jsonl").open()]
    for row in rows[:3]:
        text = f"[CLS]<|source|>{row['source']}<|target|>[MASK][SEP]"
        ids = plain(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logits = theirs(ids).logits[0, -2, part.offset : part.stop]
        np.testing.assert_allclose(logits.softmax(-1).numpy(), row["probabilities"], atol=1e-4)
    assert not any("no adapter" in message for message in told.messages)


def test_what_the_tokenizer_does_not_know_is_counted(tmp_path: Path) -> None:
    model = written("bert", tmp_path / "base")
    rows = [{"text": f"rain {'漢' * number}", "label": "ab"[number % 2]} for number in range(9)]
    files = [lines(tmp_path / f"{n}.jsonl", [json.dumps(row) for row in rows]) for n in range(2)]
    corpus = prepared(
        tmp_path / "corpus", model, "labels", files[:1],
        held_out=HeldOut(files=files[1:]), duplicates="keep",
    )  # fmt: skip
    # Each sign is a word of its own: 36 beside nine times two markers, a word and a label.
    assert corpus.manifest.fidelity["unknown tokens"] == pytest.approx(36 / (36 + 4 * 9))


def test_a_folder_has_to_say_which_language_its_tokens_are_of(tmp_path: Path) -> None:
    model = written("gpt2", tmp_path / "base")
    assert open_base(model).tokens.language == "text"
    assert open_base(model, "dna", "dna").tokens.language == "dna"
    assert open_base(model, "text", "music").tokens.language == "text"
    with pytest.raises(UsageError, match="does not say which language") as caught:
        open_base(model, None, "dna")
    assert "--base-language dna" in str(caught.value)


def test_a_folder_without_a_fast_tokenizer_is_refused(tmp_path: Path) -> None:
    model = written("gpt2", tmp_path / "base")
    (model / "tokenizer.json").unlink()
    with pytest.raises(LexomeError, match=r"no lexome tokenizer .*\n.*\n.* with a tokenizer\.json"):
        open_base(model)

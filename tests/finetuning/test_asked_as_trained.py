"""An example is asked as it is trained: in a pack as alone, behind masks, up to the last place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import Told, dna_base, lines, prepared, recipe, session_of
from transformers import AutoModelForMaskedLM

from lexome.errors import LexomeError
from lexome.finetuning.answering import answers, questions
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.finetuning.paired import Pairs
from lexome.finetuning.pairs import HeldOut
from lexome.generation import Settings
from lexome.languages.pair import PairTokenizer, Turn
from lexome.model import families, load_model
from lexome.training import train


@pytest.mark.parametrize("family", ["gpt2", "llama", "modernbert", "esm"])
def test_an_example_in_a_pack_is_as_it_is_alone(tmp_path: Path, family: str) -> None:
    model = dna_base(tmp_path / "base", family)
    corpus = prepared(tmp_path / "corpus", model, "labels", [genes(tmp_path)], language="dna")
    session = session_of(recipe("labels", corpus, model, training__batch_size=3), corpus)
    batches = session.batches(corpus, "train", 0)
    batch = batches(0)
    example = session.objective(batch, np.arange(3))
    packed = session.model(example.inputs, example.segments)
    special, seen = corpus.tokenizer.special, 0
    for row in range(3):
        whole = batch.tokens[row]
        starts = np.flatnonzero(whole == special.begin)
        assert len(starts) > 1, "nothing is packed"
        for start in starts.tolist():
            stop = start + int(np.flatnonzero(whole[start:] == special.end)[0])
            ids = whole[start : stop + 1].copy()
            if session.model.config.attention == "bidirectional":
                ids[-2] = special.mask
            ids = ids[: packed.shape[1] - start]
            with torch.no_grad():
                alone = session.model(torch.from_numpy(ids[None]))[0]
            there = packed[row, start : start + len(ids)]
            torch.testing.assert_close(there, alone, atol=1e-4, rtol=1e-4)
            seen += 1
    assert seen >= 6


def genes(folder: Path, count: int = 24) -> Path:
    """Write short genes; those that begin with A are of one class."""
    draw = np.random.default_rng(0)
    found = []
    for number in range(count):
        letters = "".join(draw.choice(list("ACGT"), 4 + number % 7))
        letters = ("A" if number % 2 else "C") + letters + "ACGT"[number % 4] * (number // 4)
        found.append({"sequence": letters, "label": "yes" if number % 2 else "no"})
    return lines(folder / "genes.jsonl", [json.dumps(row) for row in found])


# Models that see both sides


LABELS: dict[str, tuple[dict[str, Any], Any]] = {
    "class": ({}, lambda gene: "yes" if gene[0] == "A" else "no"),
    "several": ({"form": "several"}, lambda gene: sorted(set(gene[:1]) & {"A", "C"})),
    "each": ({"form": "each"}, lambda gene: ["r" if base in "AG" else "y" for base in gene]),
    "number": ({"form": "number"}, lambda gene: gene.count("A") / len(gene)),
}


def labelled(folder: Path, form: str, count: int = 60) -> Path:
    draw = np.random.default_rng(1)
    genes = ["".join(draw.choice(list("ACGT"), draw.integers(4, 12))) for _ in range(count)]
    rows = [{"sequence": gene, "label": LABELS[form][1](gene)} for gene in genes]
    return lines(folder / f"{form}.jsonl", [json.dumps(row) for row in rows])


@pytest.mark.parametrize("form", LABELS)
@pytest.mark.parametrize("family", ["modernbert", "esm"])
def test_a_masked_model_is_asked_as_it_is_trained(tmp_path: Path, family: str, form: str) -> None:
    """What is likeliest in a packed row of training is what is answered to the example alone."""
    model = dna_base(tmp_path / "base", family)
    corpus = prepared(
        tmp_path / "corpus", model, "labels", [labelled(tmp_path, form)],
        language="dna", target_options=LABELS[form][0], held_out=HeldOut(share=0.3),
    )  # fmt: skip
    session = session_of(recipe("labels", corpus, model), corpus)
    batches = session.batches(corpus, "valid", 0)
    example = session.scored(batches(0), np.arange(batches.batch_size))
    with torch.no_grad():
        logits = session.model(example.inputs, example.segments)
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    part = tokenizer.part("target")
    asked = questions(Pairs.of(corpus), "valid")
    said = answers(session.model, Pairs.of(corpus), asked, Settings(temperature=0.0))
    seen = 0
    for row in range(batches.batch_size):
        said_here = example.weights[row] > 0
        place = 0
        for document in batches.row_documents(row):  # type: ignore[attr-defined]
            count = len(asked[document].reference)
            there = torch.nonzero(said_here)[place : place + count, 0]
            assert example.labels[row, there].tolist() == list(asked[document].reference)
            shares = logits[row, there, part.offset : part.stop].softmax(-1)
            answer = said[document]
            if form == "several":
                half = shares.shape[1] // 2
                pairs = torch.stack([shares[n, [n, n + half]] for n in range(half)])
                expected = (pairs / pairs.sum(1, keepdim=True))[:, 0].tolist()
                assert answer.probabilities == pytest.approx(expected, abs=1e-4)
                assert answer.ids == tuple(
                    part.offset + n + half * (share < 0.5) for n, share in enumerate(expected)
                )
            else:
                assert answer.ids == tuple((part.offset + shares.argmax(1)).tolist())
            if form in ("class", "number"):
                assert answer.probabilities == pytest.approx(shares[0].tolist(), abs=1e-4)
            place += count
            seen += 1
    assert seen >= 3


def test_a_masked_base_is_tuned_and_answers(tmp_path: Path) -> None:
    model = dna_base(tmp_path / "base", "esm")
    corpus = prepared(
        tmp_path / "corpus", model, "labels", [labelled(tmp_path, "class")],
        language="dna", held_out=HeldOut(share=0.3),
    )  # fmt: skip
    changes = {"training__steps": 80, "training__batch_size": 4, "training__evaluate_every": 40}
    rates = {"optimizer__matrix_learning_rate": 0.03, "optimizer__learning_rate": 0.01}
    train(recipe("labels", corpus, model, **changes, **rates), tmp_path / "run")
    found = score_task(tmp_path / "run", scoring=Scoring(baselines=False))
    assert found["examples"] == corpus.manifest.valid.documents and found["too_long"] == 0
    said = [json.loads(line) for line in (tmp_path / "run/predictions.jsonl").open()]
    assert np.mean([one["answer"] == one["reference"] for one in said]) > 0.8
    assert all(sum(one["probabilities"]) == pytest.approx(1, abs=1e-5) for one in said)


def test_places_are_filled_with_what_plain_transformers_finds_likeliest(tmp_path: Path) -> None:
    from lexome.finetuning import filling

    model = dna_base(tmp_path / "base", "modernbert")
    corpus = prepared(
        tmp_path / "corpus", model, "labels", [labelled(tmp_path, "several")],
        language="dna", target_options={"form": "several"},
    )  # fmt: skip
    train(recipe("labels", corpus, model), tmp_path / "run")
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    special, part = tokenizer.special, tokenizer.part("target")
    prompts = [
        [special.begin, *tokenizer.encode_prompt((Turn("source", gene),)).tolist()]
        for gene in ("ACGT", "CCCC", "AGGTCA")
    ]
    ours = load_model(tmp_path / "run/model")
    choices = [filling.places(part.tokenizer.coding, part, 2)] * 3  # type: ignore[attr-defined]
    assert choices[0].tolist() == [
        [part.offset, part.offset + 2],
        [part.offset + 1, part.offset + 3],
    ]
    found = filling.fill(ours, prompts, [None] * 3, choices, mask=special.mask, end=special.end)
    theirs = AutoModelForMaskedLM.from_pretrained(tmp_path / "run/model").eval()
    for prompt, shares in zip(prompts, found, strict=True):
        ids = torch.tensor([[*prompt, special.mask, special.mask, special.end]])
        with torch.no_grad():
            logits = theirs(ids).logits[0, len(prompt) : len(prompt) + 2].double()
        expected = torch.stack(
            [row[own].softmax(-1) for row, own in zip(logits, choices[0], strict=True)]
        )
        np.testing.assert_allclose(shares, expected.numpy(), atol=1e-5)
    assert families.get("modernbert").attention == "bidirectional"


@pytest.mark.parametrize("family", ["llama", "modernbert"])
def test_an_example_that_fills_the_context_to_the_last_place(tmp_path: Path, family: str) -> None:
    """Longer by one than what is answered is what a causal model can train on."""
    model = dna_base(tmp_path / "base", family, context=24)
    rows = [{"sequence": "ACGT"[n % 4] * length, "label": "ab"[n % 2]}
            for n, length in enumerate([8, 9, 18, 19, 20, 21, 22] * 2)]  # fmt: skip
    file = lines(tmp_path / "a.jsonl", [json.dumps(row) for row in rows])
    test = lines(
        tmp_path / "b.jsonl",
        [json.dumps({**r, "sequence": r["sequence"][:-1] + "N"}) for r in rows],
    )
    corpus = prepared(
        tmp_path / "corpus", model, "labels", [file], language="dna",
        held_out=HeldOut(files=[test]), duplicates="keep",
    )  # fmt: skip
    train(recipe("labels", corpus, model), tmp_path / "run")
    found = score_task(tmp_path / "run", scoring=Scoring(baselines=False))
    # begin, marker, marker, label and end stand beside the source; the end is read by one alone.
    longest = 24 + 1 - 5 if family == "llama" else 24 - 5
    assert found["examples"] == sum(len(row["sequence"]) <= longest for row in rows)
    assert found["examples"] + found["too_long"] == 14


def test_where_nothing_fits_it_is_said(tmp_path: Path) -> None:
    model = dna_base(tmp_path / "base", context=24)
    rows: Sequence[dict[str, str]] = [
        {"sequence": "ACGT"[n % 4] * (4 + n), "label": "ab"[n % 2]} for n in range(6)
    ]
    file = lines(tmp_path / "a.jsonl", [json.dumps(row) for row in rows])
    test = lines(tmp_path / "b.jsonl", [json.dumps({"sequence": "ACGT" * 9, "label": "a"})])
    corpus = prepared(
        tmp_path / "corpus", model, "labels", [file], language="dna",
        held_out=HeldOut(files=[test]),
    )  # fmt: skip
    told = Told()
    train(recipe("labels", corpus, model), tmp_path / "run", observer=told)
    assert any("no validation loss" in message for message in told.messages)
    with pytest.raises(LexomeError, match="none of the 1 examples fits"):
        score_task(tmp_path / "run")

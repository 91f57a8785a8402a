"""Detached answers: margins are those of transformers, the rate as a model looks at its source."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta
from small import dna_base, lines, prepared, recipe
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM

from lexome.corpus import Corpus
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.metrics.bootstrap import Scored, Undefined
from lexome.finetuning import detached
from lexome.finetuning.answering import Answer, Question, answers, questions
from lexome.finetuning.detached import (
    Draws,
    Margins,
    detached_figures,
    log_probabilities,
    margins,
    other_sources,
    whole_answer,
)
from lexome.finetuning.detached_run import NAME, evaluate_detached
from lexome.finetuning.paired import Pairs
from lexome.generation import Settings
from lexome.languages.label import Classes
from lexome.model import Transformer, load_model
from lexome.training import open_run, train

ALL = Draws(examples=50, others=3, seed=1)


@pytest.fixture(scope="module")
def run(base: Path, pairs: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    train(
        recipe("translation", pairs, base, training__steps=30, optimizer__learning_rate=0.01),
        folder,
    )
    return folder


def read(model: Transformer, pairs: Pairs) -> tuple[list[Question], list[Answer]]:
    asked = questions(pairs, "valid")
    return asked, answers(model, pairs, asked, Settings(temperature=0.0, max_tokens=12))


def compared(model: Transformer, pairs: Pairs, draws: Draws = ALL) -> tuple[Margins, Margins]:
    asked, said = read(model, pairs)
    true = [whole_answer(pairs, one.reference) for one in asked]
    own = [whole_answer(pairs, one.ids, one.finish == "end") for one in said]
    others = other_sources(asked, [max(map(len, both)) for both in zip(true, own, strict=True)],
                           model.config.context, draws)  # fmt: skip
    return margins(model, pairs, asked, true, others), margins(model, pairs, asked, own, others)


# Beside transformers


def test_margins_are_those_of_transformers_one_by_one(run: Path, pairs: Corpus) -> None:
    made, model = Pairs.of(pairs), open_run(run).model()
    theirs = AutoModelForCausalLM.from_pretrained(run / "model", dtype=torch.float32).eval()
    asked, said = read(model, made)
    own = [whole_answer(made, one.ids, one.finish == "end") for one in said]
    assert all(ids[-1] == made.tokenizer.special.end for ids in own if len(ids) < 12)
    others = other_sources(asked, list(map(len, own)), model.config.context, ALL)
    found = margins(model, made, asked, own, others)

    def brute(source: int, ids: tuple[int, ...]) -> float:
        whole = torch.tensor([[*asked[source].prompt, *ids]])
        with torch.no_grad():
            logs = theirs(whole).logits[0].double().log_softmax(-1)
        first = len(asked[source].prompt) - 1
        return sum(float(logs[first + n, token]) for n, token in enumerate(ids))

    for number, ids in enumerate(own):
        mine = brute(number, ids)
        assert found.own[number] == pytest.approx(mine, abs=1e-3)
        beside = [mine - brute(other, ids) for other in others[number]]
        np.testing.assert_allclose(found.beside[number], beside, atol=2e-3)
        assert found.means[number] == pytest.approx(np.mean(beside), abs=2e-3)


def test_a_masked_model_multiplies_the_places_of_its_label(tmp_path: Path) -> None:
    base = dna_base(tmp_path / "base", "esm")
    genes = ["ACGT"[n % 4] * 5 + "AC" * (n % 3) + "G" * n for n in range(24)]
    rows = [{"sequence": one, "label": ["a,b", "a", "b"][n % 3]} for n, one in enumerate(genes)]
    file = lines(tmp_path / "g.jsonl", [json.dumps(row) for row in rows])
    corpus = prepared(tmp_path / "corpus", base, "labels", [file], language="dna",
                      target_options={"form": "several"})  # fmt: skip
    folder = tmp_path / "run"
    train(recipe("labels", corpus, base), folder)
    pairs, model = Pairs.of(corpus), open_run(folder).model()
    made = pairs.coding
    assert isinstance(made, Classes)
    theirs = AutoModelForMaskedLM.from_pretrained(folder / "model", dtype=torch.float32).eval()
    asked = questions(pairs, "valid")
    special, part = pairs.tokenizer.special, pairs.target
    ids = whole_answer(pairs, asked[0].reference)
    assert ids == asked[0].reference and len(ids) == len(made.classes) > 1
    for source, one in enumerate(asked):
        whole = torch.tensor([[*one.prompt, *[special.mask] * len(ids), special.end]])
        with torch.no_grad():
            logits = theirs(whole, attention_mask=torch.ones_like(whole)).logits[0].double()
        expected = 0.0
        for place, token in enumerate(ids):
            choices = [part.offset + place, part.offset + place + len(ids)]
            logs = logits[len(one.prompt) + place, choices].log_softmax(-1)
            expected += float(logs[choices.index(token)])
        (found,) = log_probabilities(model, pairs, asked, [(source, ids)])
        assert found == pytest.approx(expected, abs=1e-4)


def test_what_is_asked_together_changes_nothing(
    run: Path, pairs: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, model = Pairs.of(pairs), open_run(run).model()
    asked, said = read(model, made)
    cut = [(n, one.ids[: 1 + n % 3]) for n, one in enumerate(said)]
    ended = [(n, whole_answer(made, one.reference)) for n, one in enumerate(asked)]
    wanted = [*cut, *ended, *cut]
    together = log_probabilities(model, made, asked, wanted)
    monkeypatch.setattr(detached, "_ROUND", 1)
    alone = [log_probabilities(model, made, asked, [one])[0] for one in wanted]
    np.testing.assert_allclose(together, alone, atol=1e-4)


# What the rate says


def test_a_model_that_ignores_its_source_is_detached_everywhere(run: Path, pairs: Corpus) -> None:
    model = open_run(run).model()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            # What attention brings is multiplied by nothing: only the last token counts.
            if "attention" in name and name.endswith("weight"):
                parameter.zero_()
    for found in compared(model, Pairs.of(pairs)):
        assert found.detached.tolist() == [1.0] * len(found.own)
        np.testing.assert_allclose(found.means, 0, atol=1e-4)


def test_a_model_that_copies_is_never_detached(tmp_path: Path) -> None:
    base = dna_base(tmp_path / "base")
    rows = [{"sequence": "ACGT"[n % 4] * 4 + "ACGT"[n // 4 % 4] * (n // 16), "label": "ACGT"[n % 4]}
            for n in range(64)]  # fmt: skip
    file = lines(tmp_path / "g.jsonl", [json.dumps(row) for row in rows])
    corpus = prepared(
        tmp_path / "corpus", base, "labels", [file], language="dna", duplicates="keep"
    )
    made = recipe("labels", corpus, base, training__steps=120, training__batch_size=8,
                  training__evaluate_every=60, training__checkpoint_every=120)  # fmt: skip
    train(made, tmp_path / "run")
    found = evaluate_detached(tmp_path / "run", ALL)
    figures = {one["name"]: one for one in found["figures"]}
    for name in ("detached outputs", "detached targets"):
        assert figures[name]["value"] == figures[name]["low"] == 0.0
        assert figures[name]["high"] > 0.0
    assert figures["nats of the source, targets"]["low"] > 0.0
    assert found["strange"][0]["name"] == "held-out examples"


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=6), st.integers(0, 3))
def test_the_rate_is_the_share_of_margins_that_are_not_positive(
    beside: list[float], empty: int
) -> None:
    found = Margins(np.zeros(1 + empty), (np.array(beside), *(np.zeros(0) for _ in range(empty))))
    expected = sum(one <= 1e-4 for one in beside) / len(beside)
    assert found.detached[0] == pytest.approx(expected)
    figures = {one.name: one for one in detached_figures(found, found)}
    whole = figures["detached outputs"]
    assert isinstance(whole, Scored) and whole.value == pytest.approx(expected) and whole.n == 1


@pytest.mark.parametrize("n", [1, 7, 300])
def test_no_detached_answer_among_few_proves_little(n: int) -> None:
    never = Margins(np.zeros(n), tuple(np.ones(3) for _ in range(n)))
    always = Margins(np.zeros(n), tuple(-np.ones(3) for _ in range(n)))
    targets, outputs = detached_figures(always, never)[1], detached_figures(always, never)[0]
    assert isinstance(outputs, Scored) and isinstance(targets, Scored)
    assert (outputs.low, outputs.high) == (0.0, pytest.approx(beta.ppf(0.975, 1, n)))
    assert (targets.low, targets.high) == (pytest.approx(beta.ppf(0.025, n, 1)), 1.0)


def test_examples_without_another_source_do_not_count() -> None:
    none = Margins(np.zeros(2), (np.zeros(0), np.zeros(0)))
    assert all(isinstance(one, Undefined) for one in detached_figures(none, none))


# Which sources stand in


def question(prompt: int, reference: int, length: int) -> Question:
    return Question((0, *[prompt] * length, 9), (reference,), "place", {})


@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 6)), max_size=8),
    st.integers(1, 5),
    st.integers(0, 9),
)
def test_other_sources_are_others_with_other_targets_that_fit(
    made: list[tuple[int, int, int]], count: int, seed: int
) -> None:
    asked, context = [question(*one) for one in made], 9
    lengths = [1 + number % 4 for number in range(len(asked))]
    found = other_sources(asked, lengths, context, Draws(others=count, seed=seed))
    assert found == other_sources(asked, lengths, context, Draws(others=count, seed=seed))
    for one, length, others in zip(asked, lengths, found, strict=True):
        possible = {
            number
            for number, other in enumerate(asked)
            if other.prompt != one.prompt
            and other.reference != one.reference
            and len(other.prompt) + length <= context
        }
        assert len(others) == len(set(others)) == min(count, len(possible))
        assert set(others) <= possible


# The whole run


def test_a_run_keeps_what_was_found_and_its_card_says_so(run: Path) -> None:
    card = run / "model" / "README.md"
    before = card.read_text() if card.is_file() else ""
    first = evaluate_detached(run, ALL)
    said = card.read_text()
    again = evaluate_detached(run, ALL)
    assert first == again == json.loads((run / NAME).read_text())
    assert card.read_text() == said and said.startswith(before.rstrip())
    assert said.count("lexome: detached -->") == 1 and "--detached --examples 50 --others 3" in said
    assert first["examples"] == len(questions(Pairs.of(open_run(run).corpus()), "valid"))
    kinds = [one["name"] for one in first["strange"]]
    assert kinds == [
        "held-out examples",
        "nothing",
        "noise",
        "monotone",
        "another language",
        "no language",
    ]
    shares = [one["detached"] for one in first["most_detached"]]
    assert shares == sorted(shares, reverse=True) and len(shares) == min(12, first["examples"])
    fewer = evaluate_detached(run, Draws(examples=2, others=1))
    assert fewer["examples"] == 2 and fewer["asked"]["others"] == 1


def test_a_run_without_sources_is_refused(base: Path, tmp_path: Path, run: Path) -> None:
    assert load_model(run / "model").config.context == 64
    with pytest.raises(LexomeError):
        evaluate_detached(base, ALL)


def test_one_target_alone_has_no_other_source(base: Path, tmp_path: Path) -> None:
    sources = lines(tmp_path / "p.en", [f"ox {n}" for n in range(30)])
    targets = lines(tmp_path / "p.de", ["OX"] * 30)
    corpus = prepared(tmp_path / "corpus", base, "translation", [sources, targets])
    train(recipe("translation", corpus, base), tmp_path / "run")
    with pytest.raises(LexomeError, match="with the source of another") as caught:
        evaluate_detached(tmp_path / "run", ALL)
    assert not isinstance(caught.value, UsageError) and caught.value.fix

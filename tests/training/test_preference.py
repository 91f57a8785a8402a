"""Preference tuning beside its formula written out, and what it does to a model."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from lexome.corpus import Corpus, PackedBatches
from lexome.errors import LexomeError, UsageError
from lexome.finetuning.answering import questions
from lexome.finetuning.evaluate import Scoring, score_task
from lexome.finetuning.paired import Pairs
from lexome.languages import load_tokenizer
from lexome.languages.pair import PairTokenizer
from lexome.model import Transformer, load_model, save_model
from lexome.training import train
from lexome.training.objectives import make
from lexome.training.preference import Choices, PreferenceBatches
from lexome.training.session import Session, make_session
from lexome.training.start import base_config

from .assistants import prepared, random_assistant, recipe_of
from .conftest import ALONE, losses

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def preferences(count: int, chosen: str = "yes", rejected: str = "no") -> list[dict[str, Any]]:
    """Return preferences of one answer over another, whatever the question; some are talks."""
    draw = random.Random(3)
    found: list[dict[str, Any]] = []
    for number in range(count):
        asked = {"role": "user", "content": "".join(draw.choices(LETTERS, k=draw.randint(2, 9)))}
        before = [asked]
        if number % 3 == 0:
            before = [
                {"role": "system", "content": "Be."},
                asked,
                {"role": "assistant", "content": "so"},
                {"role": "user", "content": "and?"},
            ]
        answers = {"chosen": chosen, "rejected": rejected}
        found.append(
            {
                "prompt": before,
                **{name: [{"role": "assistant", "content": a}] for name, a in answers.items()},
            }
        )
    return found


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return random_assistant(tmp_path_factory.mktemp("base") / "model")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Corpus:
    folder = tmp_path_factory.mktemp("preferences")
    return prepared(folder, base, "preference", preferences(30), preferences(45)[30:])


def session_of(corpus: Corpus, base: Path, method: str = "full", **said: Any) -> Session:
    recipe = recipe_of("preference", corpus, base, method, training__batch_size=3, **said)
    assert recipe.start is not None
    config = base_config(recipe.start, corpus.tokenizer)
    session = make_session(config, recipe, corpus.tokenizer, "fp32", ALONE)
    session.refer(corpus)
    return session


def moved(session: Session) -> None:
    """Move the weights away from the reference."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in session.model.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=generator))


def said_log_probability(model: Transformer, ids: list[int], marker: int) -> torch.Tensor:
    """Return log p of what stands behind the last marker of one conversation alone."""
    log_probabilities = model(torch.tensor([ids[:-1]]))[0].float().log_softmax(-1)
    first = len(ids) - ids[::-1].index(marker)
    places = range(first - 1, len(ids) - 1)
    return torch.stack([log_probabilities[place, ids[place + 1]] for place in places]).sum()


def conversations(corpus: Corpus, split: str, document: int) -> tuple[list[int], list[int]]:
    """Return the ids of a preference's two conversations, encoded as plain chats."""
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    *prompt, chosen, rejected = list(corpus.documents(split))[document].content
    begin, end = tokenizer.special.begin, tokenizer.special.end
    return tuple(  # type: ignore[return-value]
        [begin, *tokenizer.encode([(*prompt, answer)])[0].tolist(), end]
        for answer in (chosen, rejected)
    )


def test_a_question_is_a_document_cut_where_its_two_answers_begin(corpus: Corpus) -> None:
    tokenizer = corpus.tokenizer
    assert isinstance(tokenizer, PairTokenizer)
    end, marker = tokenizer.special.end, tokenizer.markers["assistant"]
    stream = corpus.stream("train")
    stops = [*stream.document_starts[1:].tolist(), len(stream)]
    asked, answers_before = questions(Pairs.of(corpus), "train"), 0
    for number, one in enumerate(asked):
        whole = stream.read(int(stream.document_starts[number]), stops[number])
        assert one.document(end) == tuple(whole.tolist())
        chosen, rejected = conversations(corpus, "train", number)
        assert [*one.prompt, *one.reference, end] == chosen
        assert [*one.prompt, *one.rejected, end] == rejected
        assert one.prompt[-1] == marker
        answers_before += one.prompt.count(marker) - 1
    assert len(asked) == 30 and answers_before == 10


@pytest.mark.parametrize("beta", [0.1, 0.7])
def test_loss_and_gradient_are_those_of_the_formula(
    corpus: Corpus, base: Path, beta: float
) -> None:
    session = session_of(corpus, base, objective__beta=beta)
    session.optimizer.clip_norm = None
    moved(session)
    batches = session.batches(corpus, "train", session.seed)
    assert isinstance(batches, PackedBatches)
    marker = int(corpus.tokenizer.predicted[0])
    reference = load_model(base)
    # TRL's, written out: -log sigmoid(beta ((pi_c - pi_r) - (ref_c - ref_r))), its mean over pairs.
    each = []
    for row in range(batches.batch_size):
        for document in batches.row_documents(row):
            chosen, rejected = conversations(corpus, "train", document)
            policy = [
                said_log_probability(session.model, one, marker) for one in (chosen, rejected)
            ]
            with torch.no_grad():
                ref = [said_log_probability(reference, one, marker) for one in (chosen, rejected)]
            each.append(-F.logsigmoid(beta * ((policy[0] - policy[1]) - (ref[0] - ref[1]))))
    assert len(each) > batches.batch_size
    expected = torch.stack(each).mean()
    expected.backward()
    gradients = {name: p.grad.clone() for name, p in session.model.named_parameters()}
    session.optimizer.zero_grad()
    found = session.gradient(batches, 0)
    assert found.loss == pytest.approx(expected.item(), rel=1e-5)
    for name, parameter in session.model.named_parameters():
        torch.testing.assert_close(parameter.grad, gradients[name], rtol=1e-3, atol=1e-6)
    assert sum(float(one.abs().sum()) for one in gradients.values()) > 0.1


def test_before_the_first_step_the_model_is_its_reference(corpus: Corpus, base: Path) -> None:
    session = session_of(corpus, base)
    loss = session.validation_loss(session.batches(corpus, "valid", 0))
    assert loss == pytest.approx(np.log(2), abs=1e-5)
    moved(session)
    session.refer(corpus)
    loss = session.validation_loss(session.batches(corpus, "valid", 0))
    assert loss == pytest.approx(np.log(2), abs=1e-5)


def test_micro_batches_add_up(corpus: Corpus, base: Path) -> None:
    found = []
    for micro in (3, 1):
        session = session_of(corpus, base, training__micro_batch_size=micro)
        moved(session)
        found.append(session.gradient(session.batches(corpus, "train", session.seed), 1))
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_each_row_shows_its_prompts_with_either_answer(corpus: Corpus, base: Path) -> None:
    session = session_of(corpus, base)
    batches = session.batches(corpus, "train", session.seed)
    assert isinstance(batches, PreferenceBatches)
    choices = session.objective(batches(0), np.arange(3))
    assert isinstance(choices, Choices)
    marker = int(corpus.tokenizer.predicted[0])
    for row in range(3):
        documents = batches.row_documents(row)
        assert int(choices.weights[row].sum()) == len(documents)
        for side in range(2):
            inputs, labels = choices.inputs[row, side], choices.labels[row, side]
            for number, document in enumerate(documents, start=1):
                ids = conversations(corpus, "train", document)[side]
                here = choices.segments[row, side] == number
                shown = [*inputs[here].tolist(), int(labels[here][-1])]
                # A row that is full has no room for the end of its last document as an input.
                assert [one for one in shown if one][: len(ids)] == ids
                said = labels[here & (choices.said[row, side] > 0)].tolist()
                assert said == ids[len(ids) - ids[::-1].index(marker) :]


def newest(run: Path) -> Path:
    return max((run / "checkpoints").glob("step-*"))


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_resumed_run_is_exact(tmp_path: Path, corpus: Corpus, base: Path, method: str) -> None:
    recipe = recipe_of(
        "preference",
        corpus,
        base,
        method,
        training__steps=9,
        training__batch_size=3,
        training__checkpoint_every=4,
        training__evaluate_every=3,
        training__dropout=0.1,
        optimizer__learning_rate=0.01,
    )
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    train(recipe, whole)
    shutil.copytree(whole, resumed)
    for folder in (newest(resumed), resumed / "model"):
        shutil.rmtree(folder)
    train(recipe, resumed, resume=True)
    assert losses(resumed) == losses(whole) and len(losses(whole)) == 9
    for name, tensor in load_file(whole / "model/model.safetensors").items():
        assert torch.equal(load_file(resumed / "model/model.safetensors")[name], tensor)


@pytest.mark.parametrize(("method", "rate"), [("full", 0.005), ("lora", 0.03)])
def test_preferences_turn_what_a_model_chooses(
    tmp_path: Path, base: Path, method: str, rate: float
) -> None:
    before = []
    for chosen, rejected in (("yes", "no"), ("no", "yes")):
        folder = tmp_path / chosen
        folder.mkdir()
        records = preferences(45, chosen, rejected)
        corpus = prepared(folder, base, "preference", records[:30], records[30:])
        recipe = recipe_of(
            "preference",
            corpus,
            base,
            method,
            training__steps=20,
            optimizer__name="adamw",
            optimizer__learning_rate=rate,
            optimizer__weight_decay=0.0,
        )
        outcome = train(recipe, folder / "run")
        assert outcome.validation_loss is not None and outcome.validation_loss < 0.5
        found = score_task(folder / "run")
        figures = {one["name"]: one["value"] for one in found["figures"]}
        assert figures["preference accuracy"] == figures["chosen is likelier"] == 1.0
        assert figures["reward margin"] > 0.3
        assert found["examples"] == 15 and found["task"] == "preference"
        said = (folder / "run/predictions.jsonl").read_text().splitlines()
        assert {(json.loads(one)["reference"], json.loads(one)["rejected"]) for one in said} == {
            (chosen, rejected)
        }
        before.append(found["baselines"][0]["figures"][0]["value"])
    # What one data set calls chosen is what the other calls rejected: the base cannot suit both.
    assert sum(before) == 1.0


def test_implicit_rewards_are_those_of_single_conversations(
    tmp_path: Path, corpus: Corpus, base: Path
) -> None:
    run = tmp_path / "run"
    train(recipe_of("preference", corpus, base, training__steps=4, objective__beta=0.3), run)
    found = score_task(run, scoring=Scoring(baselines=False))
    marker = int(corpus.tokenizer.predicted[0])
    tuned, reference = load_model(run / "model"), load_model(base)
    margins = []
    for number in range(found["examples"]):
        with torch.no_grad():
            policy, ref = (
                [said_log_probability(one, ids, marker) for ids in
                 conversations(corpus, "valid", number)]
                for one in (tuned, reference)
            )  # fmt: skip
        margins.append(0.3 * float((policy[0] - policy[1]) - (ref[0] - ref[1])))
    figures = {one["name"]: one["value"] for one in found["figures"]}
    assert figures["reward margin"] == pytest.approx(np.mean(margins), rel=1e-3)
    assert figures["preference accuracy"] == pytest.approx(np.mean(np.array(margins) > 0))


def test_another_base_than_the_run_began_from_is_nothing_to_score_against(
    tmp_path: Path, corpus: Corpus, base: Path
) -> None:
    own = tmp_path / "base"
    shutil.copytree(base, own)
    train(recipe_of("preference", corpus, own, training__steps=2), tmp_path / "run")
    model, tokenizer = load_model(own), load_tokenizer(own)
    with torch.no_grad():
        model.embedding.weight.mul_(1.1)
    save_model(own, model, tokenizer=tokenizer)
    with pytest.raises(LexomeError, match="other weights than when the run began"):
        score_task(tmp_path / "run", scoring=Scoring(baselines=False))


def test_who_does_not_answer_has_no_preferences(tmp_path: Path) -> None:
    base = random_assistant(tmp_path / "model", speaks=False)
    with pytest.raises(UsageError, match="this base is none"):
        prepared(tmp_path, base, "preference", preferences(5))


@pytest.mark.parametrize("start", ["scratch", None])
def test_there_is_something_to_prefer_beside(corpus: Corpus, base: Path, start: str | None) -> None:
    with pytest.raises(UsageError, match="there is none"):
        if start:
            recipe_of("preference", corpus, base, start)
        else:
            recipe_of("preference", corpus, base, start=None)


def test_preferences_need_a_causal_model_and_answers(corpus: Corpus, base: Path) -> None:
    recipe = recipe_of("preference", corpus, base)
    assert recipe.start is not None
    config = base_config(recipe.start, corpus.tokenizer)
    with pytest.raises(UsageError, match="between answers"):
        make(recipe.objective, config, corpus.tokenizer.base, 0)

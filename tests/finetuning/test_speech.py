"""Speech as frames, from recordings to transcripts: trained, asked, resumed, silent, chosen."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from small import prepared, recipe, text_base
from vowels import RATE, vowel, write_wav

from lexome.corpus import Corpus
from lexome.errors import LexomeError, UsageError
from lexome.finetuning.answering import answers, contents, original_contents, questions
from lexome.finetuning.paired import Pairs
from lexome.finetuning.pairs import HeldOut
from lexome.generation import Settings
from lexome.generation.writer import write
from lexome.languages.pair import PairTokenizer
from lexome.model import Transformer, load_model
from lexome.training import objectives, open_run, train


def spoken(folder: Path, count: int = 60, rates: tuple[int, ...] = (RATE,)) -> Path:
    """Write recordings of the words, every fourth one of them of nothing, and their table."""
    folder.mkdir(exist_ok=True)
    random, lines = np.random.default_rng(0), []
    for number in range(count):
        word = ("ou", "ee", "", "ee" if number % 8 < 4 else "ou")[number % 4]
        rate = rates[number % len(rates)]
        samples = vowel(word, random.uniform(0.2, 0.4), random, rate)
        if number % 8 == 2:
            # Digital silence, always the same: a second length could be the same to the model.
            samples = np.zeros(3 * rate // 10, np.int16)
        write_wav(folder / f"{number}.wav", samples, rate)
        lines.append(json.dumps({"audio": f"{number}.wav", "text": word}))
    (folder / "table.jsonl").write_text("\n".join(lines) + "\n")
    return folder / "table.jsonl"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return text_base(tmp_path_factory.mktemp("base") / "base")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return spoken(tmp_path_factory.mktemp("spoken"))


def speech(folder: Path, base: Path, table: Path, **said: Any) -> Corpus:
    options = {"source_options": {"rate": RATE}, "held_out": HeldOut(share=0.3), **said}
    return prepared(folder, base, "speech", [table], **options)


@pytest.fixture(scope="module")
def corpus(base: Path, table: Path, tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return speech(tmp_path_factory.mktemp("corpus") / "made", base, table)


@pytest.fixture(scope="module")
def run(base: Path, corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "run"
    steps = {"training__steps": 120, "training__batch_size": 4, "training__evaluate_every": 40}
    train(recipe("speech", corpus, base, **steps), folder)
    return folder


def said(model: Transformer, corpus: Corpus, settings: Settings) -> tuple[list[str], list[str]]:
    """Return what the model says to the held-out recordings, and what is true."""
    asked = questions(Pairs.of(corpus), "valid")
    found = answers(model, Pairs.of(corpus), asked, settings)
    assert all(one.finish == "end" for one in found)
    return (
        contents(Pairs.of(corpus), [one.ids for one in found]),
        contents(Pairs.of(corpus), [one.reference for one in asked]),
    )


@pytest.mark.parametrize("beams", [1, 3])
def test_words_are_recognised_and_silence_gives_none(run: Path, corpus: Corpus, beams: int) -> None:
    model, settings = open_run(run).model(), Settings(max_tokens=4, temperature=0.0, beams=beams)
    hypotheses, references = said(model, corpus, settings)
    assert set(references) == {"", "ou", "ee"} and len(references) >= 12
    assert hypotheses == references


def test_without_its_features_a_model_is_deaf(run: Path, corpus: Corpus) -> None:
    model = open_run(run).model()
    asked = [replace(one, features=None) for one in questions(Pairs.of(corpus), "valid")]
    found = answers(model, Pairs.of(corpus), asked, Settings(max_tokens=4, temperature=0.0))
    assert len({one.ids for one in found}) <= 2


def test_a_recording_is_a_prompt(run: Path, corpus: Corpus, table: Path) -> None:
    opened = open_run(run)
    # The third one is digital silence.
    paths = [str(table.parent / f"{number}.wav") for number in (0, 1, 2)]
    found = write(
        opened.tokenizer(),
        opened.language(),
        opened.model(),
        paths,
        Settings(max_tokens=4, temperature=0.0),
    )
    assert [one.text for one in found] == ["ou", "ee", ""]


def test_the_front_end_is_new_trained_and_in_the_run(run: Path, base: Path) -> None:
    facts = open_run(run).facts
    assert [group["label"] for group in facts["groups"]].count("front end") == 1
    assert facts["plan"]["model"]["features"] == 160
    assert load_model(base).config.features == 0
    assert load_model(run / "model").config.features == 160
    assert set(load_file(run / "model" / "front_end.safetensors")) == {
        "inner.weight",
        "outer.weight",
    }


def test_masks_are_the_recipes_and_validation_hears_everything(base: Path, corpus: Corpus) -> None:
    made = recipe("speech", corpus, base)
    assert made.objective.time_masks == 2 and made.objective.band_masks == 2
    bare = recipe("speech", corpus, base, objective__time_masks=0)
    assert bare.objective.time_masks == 0


@pytest.mark.parametrize("method", ["full", "lora", "probe"])
def test_every_method_moves_the_front_end_alike_when_resumed(
    base: Path, corpus: Corpus, tmp_path: Path, method: str
) -> None:
    made = recipe("speech", corpus, base, method)
    train(made, tmp_path / "whole")
    train(made, tmp_path / "parts")
    for folder in ("model", "best", "checkpoints/step-00000004"):
        path = tmp_path / "parts" / folder
        if path.is_dir():
            path.rename(tmp_path / folder.replace("/", "-"))
    train(made, tmp_path / "parts", resume=True)
    whole, parts = (load_model(tmp_path / name / "model") for name in ("whole", "parts"))
    for (name, one), (_, other) in zip(
        whole.named_parameters(), parts.named_parameters(), strict=True
    ):
        assert torch.equal(one, other), name
    begun = train(recipe("speech", corpus, base, method, training__steps=1), tmp_path / "begun")
    assert begun.steps == 1
    first = load_model(tmp_path / "begun" / "model")
    assert whole.front_end is not None and first.front_end is not None
    assert not torch.equal(whole.front_end.inner.weight, first.front_end.inner.weight)


def test_a_tuned_model_is_a_base_for_more_of_the_same(
    run: Path, table: Path, tmp_path: Path
) -> None:
    corpus = speech(tmp_path / "corpus", run, table)
    assert isinstance(corpus.tokenizer, PairTokenizer)
    train(recipe("speech", corpus, run), tmp_path / "again")
    again, before = (open_run(folder).model() for folder in (tmp_path / "again", run))
    assert again.config == before.config


def test_codes_are_read_where_they_are_asked_for(table: Path, tmp_path: Path) -> None:
    base = text_base(tmp_path / "base", context=128)
    corpus = speech(tmp_path / "corpus", base, table, source_tokenizer="codec")
    assert isinstance(corpus.tokenizer, PairTokenizer) and corpus.tokenizer.frame is None
    made = recipe("speech", corpus, base)
    assert made.objective.time_masks == made.objective.band_masks == 0
    masked = made.objective.model_copy(update={"time_masks": 1})
    with pytest.raises(UsageError, match="no frames that could be changed"):
        objectives.make(masked, load_model(base).config, corpus.tokenizer, 0)


def test_rates_may_be_mixed(base: Path, tmp_path: Path) -> None:
    table = spoken(tmp_path / "spoken", 24, (8000, 16000, 22050))
    corpus = speech(tmp_path / "corpus", base, table)
    asked = questions(Pairs.of(corpus), "train") + questions(Pairs.of(corpus), "valid")
    assert len(asked) == 24
    lengths = [len(one.prompt) for one in asked]
    assert max(lengths) <= 3 + -(-40 // 4) + 1


def test_a_recording_that_is_not_there_is_named(base: Path, tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"audio": "gone.wav", "text": "a"}\n')
    with pytest.raises(LexomeError, match=r"no file 'gone\.wav'"):
        speech(tmp_path / "corpus", base, tmp_path / "t.jsonl")


def test_baselines_hear_the_recordings_themselves(base: Path, tmp_path: Path) -> None:
    table = spoken(tmp_path / "spoken", 24)
    corpus = speech(tmp_path / "corpus", base, table)
    asked = questions(Pairs.of(corpus), "valid")
    heard = original_contents(Pairs.of(corpus), asked)
    for one, samples in zip(asked, heard, strict=True):
        number = int(one.place.partition("record '")[2].partition("'")[0]) - 1
        with wave.open(str(table.parent / f"{number}.wav")) as file:
            stored = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        assert np.array_equal(samples, stored)
    table.write_text("\n".join(table.read_text().splitlines()[:1]) + "\n")
    with pytest.raises(LexomeError, match="not what it was"):
        original_contents(Pairs.of(corpus), asked)


def test_an_objective_that_would_predict_frames_is_refused(
    base: Path, corpus: Corpus, tmp_path: Path
) -> None:
    made = recipe("speech", corpus, base)
    objective = made.objective.model_copy(
        update={"name": "next-token", "time_masks": 0, "band_masks": 0}
    )
    with pytest.raises(UsageError, match="cannot predict"):
        train(made.model_copy(update={"objective": objective}), tmp_path / "run")

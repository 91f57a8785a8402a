"""The records of tuned runs: equal to their files; what is absent or damaged says so."""

from __future__ import annotations

import base64
import io
import json
import shlex
import shutil
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer
from fake_run import FakeRun
from hypothesis import given
from hypothesis import strategies as st
from tuned_run import METHODS, comparison, read, task_of

from lexome.cli.app import app
from lexome.finetuning.answering import contents, questions
from lexome.finetuning.paired import Pairs
from lexome.languages.image import Image
from lexome.report import collect
from lexome.report.data import CorpusFacts, EmbeddingMap, Inside, Missing
from lexome.report.said import EXAMPLES, evenly
from lexome.report.task_data import Comparison, Examples, Task
from lexome.training import open_run


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_figures_and_details_are_those_of_the_file(tuned_labels: Path) -> None:
    found, told = task_of(tuned_labels), read(tuned_labels / "task.json")
    assert (found.name, found.asked, found.answered) == ("labels", "dna", "label")
    assert found.examples == told["examples"]
    assert found.first == told["figures"][0]["name"] == "accuracy"
    everybody = {"this model": told["figures"]}
    everybody |= {one["name"]: one["figures"] for one in told["baselines"] if one["figures"]}
    assert {one.name for one in found.standings} == everybody.keys()
    for one in found.standings:
        for shown, said in zip(one.figures, everybody[one.name], strict=True):
            assert (shown.name, shown.n) == (said["name"], said["n"])
            assert shown.value == said.get("value")
            assert (shown.low, shown.high) == (said.get("low"), said.get("high"))
            assert shown.note == said.get("note", said.get("reason"))
    first = [one.figure("accuracy") for one in found.standings]
    values = [one.value for one in first if one is not None and one.value is not None]
    assert values == sorted(values, reverse=True)
    assert found.confusion is not None
    assert list(found.confusion.classes) == told["details"]["classes"]
    assert [list(row) for row in found.confusion.counts] == told["details"]["confusion"]
    bins = [
        {"confidence": b.confidence, "accuracy": b.accuracy, "n": b.n} for b in found.reliability
    ]
    assert bins == told["details"]["reliability"]


def test_it_is_said_what_chose_the_weights_and_what_was_trained_on(
    tuned_labels: Path, copy: Path
) -> None:
    told, found = read(tuned_labels / "task.json"), task_of(tuned_labels)
    assert told["weights_chosen_on_these"] is found.chosen_on is True
    (note,) = [one for one in found.notes if "weights were chosen" in one]
    assert f"at {told['validations']} validations" in note
    assert f"lexome evaluate {tuned_labels} OTHER" in note and "training.keep=last" in note
    assert found.trained_on == told["among_training"]
    changed = {**told, "weights_chosen_on_these": False, "among_training": 2}
    (copy / "task.json").write_text(json.dumps(changed))
    other = task_of(copy)
    assert (other.chosen_on, other.trained_on) == (False, 2)
    assert not any("weights were chosen" in one for one in other.notes)
    assert any(one.startswith("2 of the examples") for one in other.notes)


def test_answers_are_those_of_the_predictions(tuned_labels: Path) -> None:
    found, told = task_of(tuned_labels), lines(tuned_labels / "predictions.jsonl")
    assert isinstance(found.said, Examples) and len(told) <= EXAMPLES
    for one, line in zip(found.said.examples, told, strict=True):
        assert one.place == line["place"]
        assert one.source.text == line["source"]
        assert (one.answer.text, one.reference.text) == (line["answer"], line["reference"])
        assert one.equal == (line["answer"] == line["reference"])
        assert one.sure == max(line["probabilities"])
    right = sum(bool(one.equal) for one in found.said.examples)
    accuracy = found.model.figure("accuracy")
    assert accuracy is not None and accuracy.value == pytest.approx(right / len(told))


def test_a_tuned_run_has_no_likelihood_and_says_what_it_is(tuned_labels: Path) -> None:
    data = collect(tuned_labels)
    assert data.scores is data.samples is data.gallery is None
    start = open_run(tuned_labels).recipe.start
    assert start is not None and data.summary.tuned is not None
    assert data.summary.tuned.startswith(
        f"Tuned for labels (dna → label) from {start.base} by LoRA"
    )
    facts = read(tuned_labels / "run.json")
    assert f"{facts['trained_parameters']:,} of its {facts['parameters']:,}" in data.summary.tuned
    assert data.summary.verdict.startswith(f"Asked {task_of(tuned_labels).examples} examples")
    assert data.summary.objective == "causal"
    assert isinstance(data.corpus, CorpusFacts) and data.corpus.language == "pairs, dna → label"


def test_before_training_a_tuned_model_was_its_base(tuned_labels: Path, copy: Path) -> None:
    inside = collect(tuned_labels).inside
    assert isinstance(inside, Inside) and isinstance(inside.embeddings, EmbeddingMap)
    start = open_run(tuned_labels).recipe.start
    assert start is not None and inside.embeddings.start == f"the base, {start.base}"
    # By LoRA the rows of the base's tokens stay as they were, and so do their neighbours.
    base_tokens = [token for token in inside.embeddings.tokens if token < 12]
    assert len(base_tokens) >= 4
    assert inside.opening is not None and inside.labels[inside.opening] == "<|target|>"
    recipe = (copy / "recipe.yaml").read_text()
    (copy / "recipe.yaml").write_text(recipe.replace(start.base, "gone/away"))
    inside = collect(copy).inside
    assert isinstance(inside, Inside) and isinstance(inside.embeddings, Missing)
    assert "gone/away" in inside.embeddings.missing


def test_translations_stand_beside_what_is_true(tuned_translation: Path) -> None:
    found, told = task_of(tuned_translation), lines(tuned_translation / "predictions.jsonl")
    assert found.first == "BLEU" and found.confusion is None
    assert {one.name for one in found.diagnostics} >= {"equal to the source", "length ratio"}
    assert isinstance(found.said, Examples)
    chosen = [told[at] for at in evenly(len(told), EXAMPLES)]
    shown = [(one.source.text, one.answer.text, one.reference.text) for one in found.said.examples]
    assert shown == [(line["source"], line["answer"], line["reference"]) for line in chosen]
    assert all(one.source.text.upper() == one.reference.text for one in found.said.examples)
    assert all(
        one.ended == (line["finish"] == "end")
        for one, line in zip(found.said.examples, chosen, strict=True)
    )


def test_made_pictures_stand_beside_real_ones(tuned_pictures: Path) -> None:
    found, told = task_of(tuned_pictures), read(tuned_pictures / "task.json")
    assert found.first == "adherence"
    chance = next(one["value"] for one in told["figures"] if one["name"] == "chance")
    beside = {one.name: one.figure("adherence") for one in found.standings}
    (by_chance,) = (figure for name, figure in beside.items() if name.startswith("chance"))
    assert by_chance is not None and by_chance.value == chance
    corpus = open_run(tuned_pictures).corpus()
    asked = {one.place: one for one in questions(Pairs.of(corpus), "valid")}
    language = Image(size=4, colour="grey")
    assert isinstance(found.said, Examples)
    for one, line, judged in zip(
        found.said.examples,
        lines(tuned_pictures / "predictions.jsonl"),
        told["details"]["judged"],
        strict=True,
    ):
        pictures = contents(Pairs.of(corpus), [line["ids"], asked[one.place].reference])
        for side, picture in zip((one.answer, one.reference), pictures, strict=True):
            assert [base64.b64decode(medium.data) for medium in side.media] == [
                view.data for view in language.render(document(picture)).views
            ]
        assert one.source.text == line["source"]
        assert one.wanted == one.source.text.split()[0]
        assert (one.judged, one.equal) == (judged, None)


def test_recordings_are_heard_as_their_files_have_them(tuned_speech: Path, tmp_path: Path) -> None:
    data = collect(tuned_speech)
    assert isinstance(data.task, Task) and data.task.first == "WER"
    assert isinstance(data.inside, Missing) and "frames of sound" in data.inside.missing
    said, rows = data.task.said, lines(tuned_speech.parents[1] / "said.jsonl")
    assert isinstance(said, Examples)
    for one in said.examples:
        row = rows[int(one.place.rpartition(" ")[2]) - 1]
        assert one.reference.text == row["text"]
        (sound,) = (m for m in one.source.media if m.media_type == "audio/wav")
        assert samples(base64.b64decode(sound.data)) == samples(Path(row["audio"]).read_bytes())
    gone = Path(rows[0]["audio"])
    gone.rename(tmp_path / "away.wav")
    try:
        said = task_of(tuned_speech).said
    finally:
        (tmp_path / "away.wav").rename(gone)
    assert isinstance(said, Examples)
    assert all(not one.source.media for one in said.examples)
    assert all(one.source.text.startswith("cannot be heard here") for one in said.examples)


def samples(file: bytes) -> bytes:
    with wave.open(io.BytesIO(file)) as opened:
        return opened.readframes(opened.getnframes())


def document(content: Any) -> Any:
    from lexome.languages.base import Document, Source

    return Document(content, Source("test"))


def test_without_the_corpus_pictures_are_made_and_nothing_else_is_lost(
    tuned_pictures: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(tuned_pictures, tmp_path / "run"))
    facts = read(folder / "run.json") | {"corpus": "gone/away"}
    (folder / "run.json").write_text(json.dumps(facts))
    whole, found = task_of(tuned_pictures).said, task_of(folder).said
    assert isinstance(whole, Examples) and isinstance(found, Examples)
    assert [one.answer for one in found.examples] == [one.answer for one in whole.examples]
    assert not any(one.reference.media for one in found.examples)


@pytest.mark.parametrize("name", ["tuned_labels", "tuned_translation", "tuned_pictures"])
def test_commands_are_ones_that_the_program_has_and_mean_this_run(
    name: str, request: pytest.FixtureRequest
) -> None:
    run: Path = request.getfixturevalue(name)
    known: Any = typer.main.get_command(app)
    facts, data = read(run / "run.json"), collect(run)
    assert isinstance(data.task, Task) and isinstance(data.task.comparison, Missing)
    for line in (*data.reproduction.commands, data.task.comparison.command):
        program, command, *words = shlex.split(line)
        assert program == "lexome"
        given = known.commands[command].make_context(command, words).params
        if command == "finetune":
            recipe = open_run(run).recipe
            assert recipe.start is not None
            assert (given["task"], given["method"]) == (recipe.start.task, recipe.start.method)
            assert str(given["base"]) == recipe.start.base and given["out"] == run
            assert given["corpus"] == Path(facts["corpus"])
            assert all(Path(file).is_file() for file in given["data"])
            assert (given["duplicates"], given["base_language"]) == (
                "keep",
                facts["finetune"]["base_language"],
            )
            changed = dict(one.split("=", 1) for one in given["settings"])
            assert changed["training.steps"] == "3" and changed["training.compile"] == "false"
    assert given["compare"] is True


def test_methods_are_compared_in_their_order(copy: Path) -> None:
    told = comparison("accuracy")
    (copy / "compare.json").write_text(json.dumps(told))
    found = task_of(copy).comparison
    assert isinstance(found, Comparison)
    assert (found.figure, found.better, found.examples, found.sizes) == (
        "accuracy",
        "higher",
        40,
        None,
    )
    order = [(one.examples, one.method) for one in found.contenders]
    assert order == [(size, method) for size in (10, 40) for method in METHODS]
    rows = {(row["examples"], row["method"]): row for row in told["rows"]}
    for one in found.contenders:
        row = rows[one.examples, one.method]
        assert one.figure is not None and one.figure.value == row["figure"]["value"]
        assert [list(point) for point in one.curve] == row["curve"]
        for name in ("validation_loss", "seconds", "peak_bytes", "trained_parameters", "steps"):
            assert getattr(one, name) == row[name], name
    assert found.finding == (
        "Full fine-tuning reaches accuracy 0.800 where it is 0.500 from scratch. "
        "LoRA reaches accuracy 0.780 where it is 0.800 by full fine-tuning, training 2.0% of the "
        "parameters. The best validation loss of training from scratch, which took 60 seconds, is "
        "passed after 10 seconds."
    )


def test_one_number_of_examples_is_no_curve_and_the_command_that_makes_it_is_said(
    copy: Path,
) -> None:
    told = comparison("accuracy")
    told["rows"] = [row for row in told["rows"] if row["examples"] == 40]
    told["rows"][0] |= {"figure": None, "seconds": None, "peak_bytes": None, "curve": []}
    (copy / "compare.json").write_text(json.dumps(told))
    found = task_of(copy).comparison
    assert isinstance(found, Comparison) and found.sizes is not None
    assert found.sizes.command.endswith("--compare --sizes 10")
    worst = found.contenders[-1]
    assert worst.figure is worst.seconds is worst.peak_bytes is None


def test_long_curves_are_thinned_and_end_where_they_end(copy: Path) -> None:
    told = comparison("accuracy")
    told["rows"][0]["curve"] = [[float(step), 1.0] for step in range(4_001)]
    (copy / "compare.json").write_text(json.dumps(told))
    found = task_of(copy).comparison
    assert isinstance(found, Comparison)
    (curve,) = (one.curve for one in found.contenders if len(one.curve) > 5)
    assert len(curve) <= 200 and curve[-1] == (4_000.0, 1.0)


def test_a_run_that_was_not_tuned_has_no_task(causal: FakeRun) -> None:
    data = collect(causal.folder)
    assert data.task is None and data.summary.tuned is None


@given(st.integers(1, 500), st.integers(1, 40))
def test_examples_are_evenly_spaced(count: int, wanted: int) -> None:
    chosen = evenly(count, wanted)
    assert len(chosen) == min(count, wanted)
    assert chosen == sorted({*chosen}) and chosen[0] == 0
    if len(chosen) > 1:
        assert chosen[-1] == count - 1
        steps = np.diff(chosen)
        assert steps.max() - steps.min() <= 1

"""The sentence on a task says what its figures say; and which way figures get better is so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lexome.evaluation.metrics.bootstrap import Figure, Resampling, Scored
from lexome.evaluation.metrics.labels import label_scores
from lexome.evaluation.metrics.regression import regression_scores
from lexome.evaluation.metrics.speech import speech_scores
from lexome.evaluation.metrics.translation import copy_diagnostics, translation_scores
from lexome.report.data import Missing
from lexome.report.task_data import Standing, Task, TaskFigure
from lexome.report.task_figures import better, first_name
from lexome.report.task_verdict import task_verdict

FEW = Resampling(resamples=20)


def task(mine: tuple[float, float, float] | None, name: str = "accuracy", **rivals: float) -> Task:
    def figure(value: float, low: float | None = None, high: float | None = None) -> TaskFigure:
        return TaskFigure(name, value, low, high, 9, "", better(name))

    model = Standing("this model", True, () if mine is None else (figure(*mine),))
    standings = [Standing(other, False, (figure(value),)) for other, value in rivals.items()]
    first = "" if mine is None else name
    empty = Missing("x")
    return Task(
        *("labels", "", "dna", "label", "valid", 1_200, 9, (), first, ""),
        (*standings, model),
        (),
        None,
        (),
        empty,
        empty,
        (),
    )


ASKED = "Asked 1,200 examples that it has not seen, it "


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            task((0.9, 0.88, 0.92), majority=0.5, forest=0.87),
            "beats all 2 of its baselines: accuracy 0.900 (0.880 to 0.920), where forest has "
            "0.870.",
        ),
        (
            task((0.9, 0.88, 0.92), forest=0.87),
            "beats its baseline: accuracy 0.900 (0.880 to 0.920), where forest has 0.870.",
        ),
        (
            task((0.9, 0.88, 0.92), majority=0.5, forest=0.89),
            "is level with the best of its baselines: accuracy 0.900 (0.880 to 0.920), where "
            "forest has 0.890.",
        ),
        (
            task((0.8, 0.78, 0.82), majority=0.5, forest=0.89),
            "does not beat 1 of its 2 baselines yet: accuracy 0.800 (0.780 to 0.820), where "
            "forest has 0.890.",
        ),
        (
            # Level with one of two is not ahead of it.
            task((0.8, 0.78, 0.82), majority=0.8, forest=0.89),
            "does not beat any of its baselines yet: accuracy 0.800 (0.780 to 0.820), where "
            "forest has 0.890.",
        ),
        (
            task((0.8, 0.78, 0.82), forest=0.89),
            "does not beat its baseline yet: accuracy 0.800 (0.780 to 0.820), where forest has "
            "0.890.",
        ),
        (
            task((0.2, 0.1, 0.3), "WER", sphinx=0.5, silence=1.0),
            "beats all 2 of its baselines: WER 0.200 (0.100 to 0.300), where sphinx has 0.500.",
        ),
        (
            task((0.7, 0.6, 0.8), "WER", sphinx=0.5, silence=1.0),
            "does not beat 1 of its 2 baselines yet: WER 0.700 (0.600 to 0.800), where sphinx "
            "has 0.500.",
        ),
        (
            task((31.2, 29.9, 33.0), "BLEU", copy=2.0),
            "beats its baseline: BLEU 31.2 (29.9 to 33.0), where copy has 2.000.",
        ),
        (
            task((12.5, 12.0, 13.0), "PSNR to the nearest training picture", pictures=13.5),
            "has PSNR to the nearest training picture 12.5 (12.0 to 13.0); pictures have 13.5.",
        ),
        (
            task((0.8, 0.78, 0.82)),
            "reaches accuracy 0.800 (0.780 to 0.820); there is no baseline to compare that with.",
        ),
        (task(None), "answered; its answers have no figure to set beside others."),
    ],
)
def test_sentence(given: Task, sentence: str) -> None:
    assert task_verdict(given) == ASKED + sentence


def test_sentence_says_which_examples_and_whether_there_is_a_score() -> None:
    blind = task((0.9, 0.88, 0.92), forest=0.87)
    for more, said in (
        ({"trained_on": 3}, "1,200 examples, 3 of which it was trained on, it beats"),
        ({"chosen_on": True}, "1,200 examples, by which its weights were chosen, it beats"),
        (
            {"trained_on": 3, "chosen_on": True},
            "1,200 examples, 3 of which it was trained on and by which its weights were chosen, it",
        ),
    ):
        assert said in task_verdict(replace(blind, **more))  # type: ignore[arg-type]
    assert task_verdict(Missing("x")).startswith("Not yet scored")


def test_the_first_figure_is_one_that_baselines_have_too() -> None:
    def figures(*names: str) -> tuple[TaskFigure, ...]:
        return tuple(TaskFigure(name, 0.5, None, None, 9, "", "higher") for name in names)

    model = Standing("this model", True, figures("a", "b"))
    assert first_name(model, [Standing("other", False, figures("b"))]) == "b"
    assert first_name(model, []) == "a"
    undefined = replace(model.figures[0], value=None)
    assert first_name(replace(model, figures=(undefined,)), []) == ""


def directions(good: list[Figure], poor: list[Figure]) -> dict[str, str]:
    """Return which way each figure moved from poor predictions to good ones."""
    found = {}
    for one, other in zip(good, poor, strict=True):
        if isinstance(one, Scored) and isinstance(other, Scored) and one.value != other.value:
            found[one.name] = "higher" if one.value > other.value else "lower"
    return found


def test_perfect_predictions_are_better_in_every_figure_of_labels() -> None:
    truth = np.array([0, 1, 2] * 8)
    perfect = np.eye(3)[truth] * 0.97 + 0.01
    shifted = np.eye(3)[np.where(np.arange(24) % 4, (truth + 1) % 3, truth)] * 0.97 + 0.01
    scores = [
        list(label_scores(one, truth, ["a", "b", "c"], resampling=FEW).figures)
        for one in (perfect, shifted)
    ]
    found = directions(*scores)
    assert len(found) >= 8
    assert found == {name: better(name) for name in found}


def test_perfect_predictions_are_better_in_every_figure_of_numbers() -> None:
    truth = np.arange(12.0)
    poor = truth + np.resize([3.0, -4.0, 1.0], 12)
    scores = [regression_scores(one, truth, resampling=FEW) for one in (truth + 0.01, poor)]
    found = directions(*scores)
    assert found.keys() == {"Spearman", "Pearson", "R2", "MAE", "RMSE"}
    assert found == {name: better(name) for name in found}


def test_perfect_words_are_better_in_every_figure_of_text() -> None:
    said = ["the red cat sat down there", "a dog ran home very fast", ""]
    heard = ["the bed sat down on there", "dog ran home so very very fast", "oh no"]
    found = directions(
        list(speech_scores(said, said, resampling=FEW).figures),
        list(speech_scores(heard, said, resampling=FEW).figures),
    )
    assert {"WER", "CER", "deletions", "insertions", "words from silence"} <= found.keys()
    found |= directions(
        translation_scores(said[:2], said[:2], resampling=FEW),
        translation_scores(heard[:2], said[:2], resampling=FEW),
    )
    sources = ["die rote katze sass dort unten", "ein hund lief sehr schnell heim"]
    copied = [sources[0], "heim heim heim heim heim heim heim heim"]
    moved = directions(
        copy_diagnostics(said[:2], sources, said[:2], resampling=FEW),
        copy_diagnostics(copied, sources, said[:2], resampling=FEW),
    )
    found |= {name: way for name, way in moved.items() if name != "length ratio"}
    assert {"equal to the source", "words left untranslated", "repeated 4-grams"} <= found.keys()
    assert found == {name: better(name) for name in found}


@pytest.mark.parametrize("name", ["mean length", "length ratio", "chance"])
def test_what_only_describes_has_no_direction(name: str) -> None:
    assert better(name) == ""

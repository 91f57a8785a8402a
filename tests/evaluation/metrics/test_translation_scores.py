"""BLEU and chrF are sacrebleu's; what copies and loops is counted."""

from __future__ import annotations

import random
import sys

import numpy as np
import pytest
import sacrebleu
from figures import scored, undefined, value

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import Resampling
from lexome.evaluation.metrics.translation import copy_diagnostics, translation_scores

WORDS = [
    "ein",
    "Mann,",
    "eine",
    "Frau",
    "und",
    "der",
    "große",
    "Hund",
    "laufen",
    "über",
    "die",
    "Straße.",
]


def sample() -> tuple[list[str], list[str]]:
    draw = random.Random(0)
    references = [" ".join(draw.choices(WORDS, k=draw.randint(1, 14))) for _ in range(60)]
    outputs = [
        " ".join(word for word in text.split() if draw.random() < 0.9) for text in references
    ]
    outputs[3], references[5], outputs[7], references[8] = "", "", "ab", "x"
    return outputs, references


def test_scores_and_intervals_are_sacrebleu_s() -> None:
    outputs, references = sample()
    resampling = Resampling(resamples=80)
    found = translation_scores(outputs, references, resampling=resampling)
    bleu, chrf = sacrebleu.BLEU(), sacrebleu.CHRF()
    weights = np.concatenate(list(resampling.weights(60)), axis=1).T.astype(int)
    for metric, name in ((bleu, "BLEU"), (chrf, "chrF")):
        figure = scored(found, name)
        assert figure.value == pytest.approx(metric.corpus_score(outputs, [references]).score)
        assert figure.note == str(metric.get_signature())
        drawn = []
        for counts in weights:
            kept = np.repeat(np.arange(60), counts)
            sides = [[side[row] for row in kept] for side in (outputs, references)]
            drawn.append(metric.corpus_score(sides[0], [sides[1]]).score)
        assert (figure.low, figure.high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]))


def test_nothing_right_is_nothing() -> None:
    found = translation_scores(["x", ""], ["ein Mann", "eine Frau"])
    assert (value(found, "BLEU"), value(found, "chrF")) == (0, 0)
    assert set(undefined(translation_scores([], []))) == {"BLEU", "chrF"}
    with pytest.raises(LexomeError, match="1 texts stand beside 2"):
        translation_scores(["x"], ["a", "b"])


def test_copies_loops_and_silence_are_counted() -> None:
    sources = ["A man in Berlin .", "two dogs", "the end", "a b"]
    references = ["Ein Mann in Berlin.", "zwei Hunde", "das Ende", "c d e f g h i j"]
    outputs = ["a man in Berlin", " two dogs", "", "c d c d c d c d"]
    found = copy_diagnostics(outputs, sources, references)
    assert value(found, "equal to the source") == 1 / 4
    # "a", "man", "two", "dogs"; "in" and "Berlin" are in the reference.
    assert value(found, "words left untranslated") == 4 / 10
    assert value(found, "length ratio") == 14 / 16
    assert value(found, "empty") == 1 / 4
    # Of 5 and 1 n-grams of four words, "c d c d" comes three times, "d c d c" twice.
    assert value(found, "repeated 4-grams") == 3 / 6
    reasons = undefined(copy_diagnostics(["x"], ["."], ["!"]))
    assert set(reasons) == {"words left untranslated", "length ratio", "repeated 4-grams"}


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(LexomeError, match=r"package sacrebleu[\s\S]*lexome\[tasks\]"):
        translation_scores(["x"], ["x"])

"""Error rates are jiwer's; words from silence are counted; the normaliser is what it says."""

from __future__ import annotations

import random

import jiwer
import numpy as np
import pytest
from figures import scored, undefined, value
from hypothesis import given
from hypothesis import strategies as st

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.metrics.bootstrap import Resampling
from lexome.evaluation.metrics.normalisers import AS_WRITTEN, ENGLISH, english, normaliser
from lexome.evaluation.metrics.speech import Edits, speech_scores

WORDS = ["please", "press", "the", "number", "three", "after", "that", "tone"]


def sample() -> tuple[list[str], list[str]]:
    draw = random.Random(1)
    references = [" ".join(draw.choices(WORDS, k=draw.randint(1, 9))) for _ in range(50)]
    hypotheses = []
    for text in references:
        words = [draw.choice(WORDS) if draw.random() < 0.2 else word for word in text.split()]
        extra = [draw.choice(WORDS)] if draw.random() < 0.3 else []
        hypotheses.append(" ".join([word for word in words if draw.random() < 0.9] + extra))
    return hypotheses, references


def test_rates_and_intervals_are_jiwer_s() -> None:
    hypotheses, references = sample()
    found = speech_scores(hypotheses, references)
    words = jiwer.process_words(references, hypotheses)
    assert value(found.figures, "WER") == pytest.approx(words.wer)
    assert value(found.figures, "CER") == pytest.approx(jiwer.cer(references, hypotheses))
    assert found.words == Edits(words.hits, words.substitutions, words.deletions, words.insertions)
    total = words.hits + words.substitutions + words.deletions
    assert value(found.figures, "substitutions") == pytest.approx(words.substitutions / total)
    assert value(found.figures, "deletions") == pytest.approx(words.deletions / total)
    assert value(found.figures, "insertions") == pytest.approx(words.insertions / total)
    random_rows = np.random.default_rng(0)
    drawn = []
    for _ in range(1000):
        rows = random_rows.integers(0, 50, 50)
        drawn.append(jiwer.wer([references[r] for r in rows], [hypotheses[r] for r in rows]))
    interval = scored(found.figures, "WER")
    assert (interval.low, interval.high) == pytest.approx(np.percentile(drawn, [2.5, 97.5]))
    assert interval.note == "normaliser lexome-en-1"
    assert undefined(found.figures) == {"words from silence": "no reference is empty"}


def test_words_made_from_silence_are_insertions() -> None:
    found = speech_scores(["", "thank you", "one two"], ["...", "", "one two three four"])
    assert found.words == Edits(2, 0, 2, 2)
    assert value(found.figures, "WER") == 1
    assert value(found.figures, "words from silence") == 1
    assert "2 words from 2 empty references" in scored(found.figures, "WER").note
    silent = speech_scores(["", "you"], ["", ""])
    assert value(silent.figures, "words from silence") == 0.5
    assert undefined(silent.figures)["WER"] == "all references are empty"
    assert set(undefined(speech_scores([], []).figures)) >= {"WER", "CER"}
    with pytest.raises(LexomeError, match="1 hypotheses stand beside 2"):
        speech_scores([""], ["", ""])


def test_speakers_are_drawn_together() -> None:
    hypotheses, references = sample()
    speakers = [str(number % 3) for number in range(50)]
    found = speech_scores(hypotheses, references, resampling=Resampling(speakers))
    assert "interval over 3 groups" in scored(found.figures, "WER").note


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Please, PRESS 1!", "please press 1"),
        ("Don’t 'quote' rock 'n' roll", "don't quote rock n roll"),
        ("the dogs' bowl -- twenty-one", "the dogs bowl twenty one"),
        ("  3.5\tpounds\n", "3 5 pounds"),
        ("CAFE\u0301 \ufb01ne", "café fine"),
        ("o''clock", "o clock"),
        ("?!", ""),
    ],
)
def test_the_english_normaliser(written: str, normal: str) -> None:
    assert english(written) == normal


@given(st.text(max_size=40))
def test_what_is_normal_stays_so(text: str) -> None:
    once = english(text)
    assert english(once) == once
    assert once == " ".join(once.split())


def test_normalisers_have_names() -> None:
    assert normaliser("lexome-en-1") is ENGLISH
    assert AS_WRITTEN.apply(" A,  b ") == "A, b"
    assert value(speech_scores(["a b"], ["A b"], normaliser=AS_WRITTEN).figures, "WER") == 0.5
    with pytest.raises(UsageError, match=r"no normaliser 'lexome-en-2'[\s\S]*lexome-en-1"):
        normaliser("lexome-en-2")

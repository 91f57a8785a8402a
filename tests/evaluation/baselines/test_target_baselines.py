"""Baselines whose answers are contents: dictionaries, nearest examples, closed sets."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from lexome.evaluation.baselines import baselines_for
from lexome.evaluation.baselines import translation as translation_baselines
from lexome.evaluation.baselines.alignment import NULL, Lexicon, align
from lexome.evaluation.baselines.features import Pictures, TfIdf
from lexome.evaluation.baselines.retrieval import ClosedSet, MajorityTarget, NearestTarget
from lexome.evaluation.baselines.translation import CopySource, WordByWord

DICTIONARY = {
    "a": "ein",
    "dog": "Hund",
    "man": "Mann",
    "runs": "läuft",
    "sleeps": "schläft",
    "big": "großer",
    "red": "roter",
}


def sentence_pairs(count: int) -> tuple[list[str], list[str]]:
    draw = random.Random(2)
    sources = []
    for _ in range(count):
        middle = draw.sample(["big", "red"], draw.randint(0, 2))
        sources.append(["a", *middle, draw.choice(["dog", "man"]), draw.choice(["runs", "sleeps"])])
    said = [" ".join(words).capitalize() + "." for words in sources]
    return said, [" ".join(DICTIONARY[word] for word in words) + "." for words in sources]


def by_hand(pairs: list[tuple[list[int], list[int]]], rounds: int) -> dict[tuple[int, int], float]:
    """Return p(target | source) of IBM model 1, as its definition is written."""
    table: dict[tuple[int, int], float] = defaultdict(lambda: 1.0)
    for _ in range(rounds):
        counts: defaultdict[tuple[int, int], float] = defaultdict(float)
        totals: defaultdict[int, float] = defaultdict(float)
        for source, target in pairs:
            words = [NULL, *source]
            for t in target:
                whole = sum(table[s, t] for s in words)
                for s in words:
                    counts[s, t] += table[s, t] / whole
                    totals[s] += table[s, t] / whole
        table = defaultdict(float, {(s, t): c / totals[s] for (s, t), c in counts.items()})
    return table


def test_the_lexicon_is_that_of_model_1_by_hand() -> None:
    draw = random.Random(0)
    pairs = [
        (
            [draw.randint(1, 6) for _ in range(draw.randint(0, 5))],
            [draw.randint(0, 5) for _ in range(draw.randint(0, 5))],
        )
        for _ in range(25)
    ]
    sources, targets = ([np.array(side, np.int64) for side in s] for s in zip(*pairs, strict=True))
    for rounds in (1, 4):
        lexicon = align(sources, targets, rounds)
        expected = by_hand(pairs, rounds)
        assert len(lexicon.source) == len(expected)
        for s, t, p in zip(lexicon.source, lexicon.target, lexicon.probability, strict=True):
            assert p == pytest.approx(expected[s, t])
    assert lexicon.counts.sum() == pytest.approx(sum(len(target) for target in targets))


def test_a_word_s_best_translation_belongs_to_it_too() -> None:
    lexicon = align(
        [np.array([1, 2])] * 4 + [np.array([2])] * 4, [np.array([0, 1])] * 4 + [np.array([1])] * 4
    )
    assert lexicon.best() == {1: 0, 2: 1}
    # What word 1 has most often is a mark that belongs to word 2.
    split = Lexicon(np.array([1, 1, 2]), np.array([0, 1, 1]), np.array([2.0, 3.0, 30.0]))
    assert split.best() == {1: 0, 2: 1}
    assert align([], []).best() == {}


def test_word_by_word_finds_the_dictionary() -> None:
    sources, targets = sentence_pairs(80)
    baseline = WordByWord()
    found = baseline.fit_predict(sources, targets, ["Dog a runs big!", "the man", ""])
    assert found == ["Hund ein läuft großer !", "the Mann", ""]
    assert baseline.note == ""


def test_what_the_dictionary_left_out_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    sources, targets = sentence_pairs(80)
    monkeypatch.setattr(translation_baselines, "_MOST_PAIRS", 900)
    baseline = WordByWord()
    baseline.fit_predict(sources, targets, ["a"])
    words = [
        (len(s.split()) + 2) * (len(t.split()) + 1) for s, t in zip(sources, targets, strict=True)
    ]
    kept = int((np.cumsum(words) <= 900).sum())
    assert 0 < kept < 80
    assert baseline.note == f"fitted on the first {kept} of 80 sentence pairs"
    monkeypatch.setattr(translation_baselines, "_MOST_PAIRS", 1)
    assert baseline.fit_predict(sources, targets, ["a dog"]) == ["a dog"]
    assert baseline.note == "fitted on the first 0 of 80 sentence pairs"


def test_copies_and_majorities() -> None:
    assert CopySource().fit_predict(["x"], ["y"], ["a b", ""]) == ["a b", ""]
    assert MajorityTarget().fit_predict([1, 2, 3], ["b", "a", "a"], [4, 5]) == ["a", "a"]
    assert MajorityTarget().fit_predict([1, 2], ["b", "a"], [4]) == ["b"]


def test_the_nearest_caption_s_picture() -> None:
    pictures = list(np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), np.uint8))
    captions = ["red apple", "green apple", "blue whale"]
    (baseline,) = baselines_for("image", "text")
    found = baseline.fit_predict(captions, pictures, ["a blue whale at sea", "Red  apples"])
    assert found[0] is pictures[2]
    assert found[1] is pictures[0]


def test_the_nearest_of_many_is_found_in_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lexome.evaluation.baselines.retrieval._BATCH", 3)
    words = [f"word{number} thing{number * 7}" for number in range(20)]
    found = NearestTarget(TfIdf()).fit_predict(words, list(range(20)), words[::-1])
    assert found == list(range(19, -1, -1))
    pictures = list(np.random.default_rng(1).integers(0, 256, (10, 8, 8, 3), np.uint8))
    assert NearestTarget(Pictures()).fit_predict(pictures, list("abcdefghij"), pictures[4:]) == [
        *"efghij"
    ]


def test_spoken_words_are_told_apart_in_a_closed_set() -> None:
    rate, random_numbers = 8000, np.random.default_rng(0)

    def spoken(pitch: float) -> np.ndarray:
        time = np.arange(random_numbers.integers(2000, 4000)) / rate
        noise = random_numbers.normal(0, 0.02, len(time))
        return (0.3 * np.sin(2 * np.pi * pitch * time) + noise).astype(np.float32)

    pitches = {"low": 200.0, "middle": 700.0, "high": 2000.0}
    transcripts = [*pitches] * 12
    sounds = [spoken(pitches[word] * random_numbers.uniform(0.9, 1.1)) for word in transcripts]
    majority, closed = baselines_for("text", "sound", rate=rate, targets=transcripts[:24])
    assert isinstance(closed, ClosedSet)
    assert closed.fit_predict(sounds[:24], transcripts[:24], sounds[24:]) == transcripts[24:]
    assert majority.fit_predict(sounds[:24], transcripts[:24], sounds[24:]) == ["low"] * 12

"""Baselines of classes, labels, numbers and labels of parts learn what is there to learn."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lexome.errors import LexomeError, UsageError
from lexome.evaluation.baselines import baselines_for, source_kind
from lexome.evaluation.baselines import classes as class_baselines
from lexome.evaluation.baselines.classes import Forest, Logistic, MajorityClass, RidgeClasses
from lexome.evaluation.baselines.features import Kmers, OneHot, TfIdf
from lexome.evaluation.baselines.numbers import RidgeNumber
from lexome.evaluation.baselines.several import LabelByLabel
from lexome.evaluation.baselines.token_labels import MajorityLabel, WindowLabel

DRAW = random.Random(0)


def strings(count: int, length: int = 30) -> list[str]:
    return ["".join(DRAW.choices("ACGT", k=length)) for _ in range(count)]


def names(target: str, source: str, **options: object) -> list[str]:
    return [baseline.name for baseline in baselines_for(target, source, **options)]


def test_each_task_has_its_baselines() -> None:
    kmers, tfidf = "counts of 1- to 5-mers", "TF-IDF of 1- to 5-grams of characters"
    assert names("class", "text") == [
        "majority class",
        f"{tfidf} + logistic regression",
        f"{tfidf} + random forest",
    ]
    assert names("class", "symbols") == [
        "majority class",
        f"{kmers} + logistic regression",
        f"{kmers} + random forest",
    ]
    assert set(names("class", "symbols")) < set(names("class", "aligned"))
    assert names("several", "text") == names("class", "text")
    assert names("class", "sound", rate=8000) == ["majority class", "log-mel levels + ridge"]
    assert names("number", "aligned") == ["mean", "one-hot symbols + ridge"]
    assert names("number", "symbols") == ["mean", f"{kmers} + ridge"]
    assert len(names("each", "symbols")) == 2
    assert names("each", "image") == []
    assert names("text", "text")[:2] == ["copy of the source", "word by word (IBM model 1)"]
    assert names("image", "text") == [f"target of the nearest source by {tfidf}"]
    assert names("class", "other") == ["majority class"]
    assert names("sound", "other") == []
    digits = names("text", "sound", rate=8000, targets=["one", "two"] * 5)
    assert digits[1] == "log-mel levels + ridge among the targets of training"
    sentences = names("text", "sound", rate=8000, targets=["one", "two"])
    assert sentences[1] == "target of the nearest source by log-mel levels"
    with pytest.raises(UsageError, match="without its rate"):
        baselines_for("text", "sound")


def test_the_majority_is_as_likely_as_it_is() -> None:
    found = MajorityClass(3).fit_predict(["x"] * 7, np.array([1, 1, 1, 1, 1, 0, 0]), ["y", "z"])
    assert found == pytest.approx(np.array([[3 / 10, 6 / 10, 1 / 10]] * 2))


@pytest.mark.parametrize(
    "baseline",
    [
        Logistic(Kmers(), 4),
        Forest(Kmers(), 4),
        RidgeClasses(OneHot(), 4),
        Logistic(OneHot(), 4),
        Logistic(TfIdf(), 4),
    ],
    ids=lambda baseline: baseline.name,
)
def test_a_motif_is_learned_and_a_class_unseen_keeps_a_little(
    baseline: Logistic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_baselines, "_TREES", 60)
    motifs = ["AAAAA", "CCCCC", "GTGTG"]
    sources = [motifs[n % 3] + one for n, one in enumerate(strings(90, 12))]
    truth = np.array([0, 1, 3] * 30)
    found = baseline.fit_predict(sources[:60], truth[:60], sources[60:])
    assert found.shape == (30, 4)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found.argmax(axis=1) == truth[60:]).mean() > 0.9
    assert found[:, 2] == pytest.approx(1 / 64)
    assert found.min() >= 1 / 64 - 1e-12


def test_what_is_not_there_is_not_learned() -> None:
    sources, truth = strings(90), np.array([0, 1] * 45)
    for baseline in baselines_for("class", "symbols")[:2]:
        found = baseline.fit_predict(sources[:60], truth[:60], sources[60:])
        assert (found.argmax(axis=1) == truth[60:]).mean() < 0.8


@pytest.mark.parametrize("truth", [[2, 2, 2, 2], [0, 1, 2, 2]], ids=["one class", "rare ones"])
def test_few_examples_are_enough_to_run(truth: list[int]) -> None:
    for baseline in baselines_for("class", "aligned", classes=3):
        found = baseline.fit_predict(["AC", "CA", "GG", "GT"], np.array(truth), ["GG"])
        assert found.sum() == pytest.approx(1)
        assert found.argmax() == 2


def test_several_labels_are_each_learned() -> None:
    texts = ["red sun", "red sea", "blue sun", "blue sea"] * 8
    there = np.array([["red" in t, "sun" in t, False] for t in texts])
    for baseline in baselines_for("several", "text")[:2]:
        found = baseline.fit_predict(texts, there, ["the red sea", "a blue sun"])
        assert found.shape == (2, 3)
        assert found[:, 2] == pytest.approx(1 / 34)
        if isinstance(baseline, LabelByLabel) and "logistic" in baseline.name:
            assert (found[:, :2] >= 0.5).tolist() == [[True, False], [False, True]]


def test_numbers_that_places_add_up_to() -> None:
    sources = strings(200, 8)
    worth = {"A": 0.0, "C": 1.0, "G": -2.0, "T": 5.0}
    numbers = np.array([worth[one[2]] + 3 * worth[one[5]] for one in sources])
    assert source_kind(sources) == "aligned"
    mean, ridge = baselines_for("number", "aligned")
    assert mean.fit_predict(sources[:150], numbers[:150], sources[150:]) == pytest.approx(
        np.full(50, numbers[:150].mean())
    )
    found = ridge.fit_predict(sources[:150], numbers[:150], sources[150:])
    assert found == pytest.approx(numbers[150:], abs=0.01)
    # Which symbol stands where is not in the counts.
    counted = RidgeNumber(Kmers()).fit_predict(sources[:150], numbers[:150], sources[150:])
    assert np.abs(counted - numbers[150:]).mean() > 1


def test_two_numbers_are_enough_to_run() -> None:
    for baseline in baselines_for("number", "aligned"):
        found = baseline.fit_predict(["AC", "AT"], np.array([1.0, 3.0]), ["AC", "GG"])
        assert np.isfinite(found).all()
        assert 1 <= found[0] <= 2


def test_labels_of_parts_are_those_of_their_neighbours() -> None:
    # A symbol's label is whether the next one is C; the last one has none.
    sources = strings(60, 20)
    targets = [np.array([int(b == "C") for b in (*s[1:], "x")]) for s in sources]
    window = WindowLabel().fit_predict(sources[:50], targets[:50], sources[50:])
    majority = MajorityLabel().fit_predict(sources[:50], targets[:50], sources[50:])
    true = np.concatenate(targets[50:])
    assert (np.concatenate(window) == true).mean() > 0.97
    assert (np.concatenate(majority) == 0).all()
    assert [len(one) for one in window] == [20] * 10


def test_a_window_backs_off_to_what_it_knows_twice() -> None:
    sources = ["ABA", "ABA", "CBC", "ABC"]
    targets = [np.array(labels) for labels in ([0, 1, 0], [0, 1, 0], [0, 2, 0], [0, 2, 0])]
    (found,) = WindowLabel(1).fit_predict(sources, targets, ["XBA"])
    # "X" is unknown: the majority. "XBA" is unknown: that of "B", 1 and 2 alike, the first met.
    assert found.tolist() == [0, 1, 0]
    (seen,) = WindowLabel(1).fit_predict(sources, targets, ["CBC"])
    # "CBC" was met once, which is too little.
    assert seen.tolist() == [0, 1, 0]
    (twice,) = WindowLabel(1).fit_predict([*sources, "CBC"], [*targets, targets[2]], ["CBC"])
    assert twice.tolist() == [0, 2, 0]


def test_parts_may_be_words() -> None:
    sources, targets = ["the dog runs", "a dog"], [np.array([0, 1, 2]), np.array([0, 1])]
    (found,) = WindowLabel().fit_predict(sources, targets, ["the cat dog"])
    assert found.tolist() == [0, 0, 1]
    with pytest.raises(LexomeError, match=r"12 characters and 3 words has 4 labels[\s\S]*source 0"):
        MajorityLabel().fit_predict(["the dog runs"], [np.array([0, 1, 2, 2])], ["x"])

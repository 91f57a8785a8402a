"""Pictures: copies are found, chance is chance, and the judge says how good it is."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from figures import scored, undefined, value
from sklearn.metrics import accuracy_score, recall_score

from lexome.errors import LexomeError
from lexome.evaluation.metrics import picture_classifier
from lexome.evaluation.metrics import pictures as scores
from lexome.evaluation.metrics.picture_classifier import train_picture_classifier
from lexome.evaluation.metrics.picture_features import picture_features
from lexome.evaluation.metrics.pictures import adherence, memorisation, nearest_training
from lexome.languages.image.fidelity import EXACT, psnr


def noise(count: int, seed: int, shape: tuple[int, int, int] = (9, 7, 3)) -> list[np.ndarray]:
    return list(np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8))


def test_the_nearest_picture_is_that_of_a_search_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scores, "_BATCH", 4)
    training, asked = noise(30, 0), noise(6, 1)
    asked[2] = training[17].copy()
    asked[4] = training[5] ^ np.uint8(1)
    found = nearest_training(asked, training)
    for number, picture in enumerate(asked):
        ratios = [psnr(picture, other) for other in training]
        assert found.psnr[number] == pytest.approx(max(ratios))
        assert found.picture[number] == np.argmax(ratios)
    assert found.psnr[2] == EXACT
    assert (found.picture[2], found.picture[4]) == (17, 5)


def test_copies_stand_beside_the_yardstick() -> None:
    training = noise(20, 0)
    found = memorisation([training[3], *noise(3, 1)], noise(5, 2), training)
    name = "PSNR to the nearest training picture"
    assert value(found.figures, "exact copies of training pictures") == 1 / 4
    assert value(found.figures, "exact copies of training pictures, held-out pictures") == 0
    assert value(found.figures, name) == pytest.approx(found.generated.psnr.mean())
    assert scored(found.figures, f"{name}, held-out pictures").n == 5
    assert value(found.figures, name) > value(found.figures, f"{name}, held-out pictures") + 10


def test_pictures_that_do_not_compare() -> None:
    with pytest.raises(LexomeError, match="no pictures"):
        nearest_training([], noise(2, 0))
    with pytest.raises(LexomeError, match="pictures of one size"):
        nearest_training(noise(2, 0, (8, 8, 3)), noise(2, 0))
    with pytest.raises(LexomeError, match=r"float64[\s\S]*picture 1"):
        nearest_training([noise(1, 0)[0], noise(1, 0)[0] / 255], noise(2, 0))


def test_adherence_and_its_chance() -> None:
    random = np.random.default_rng(0)
    asked = random.choice(3, 300, p=[0.6, 0.3, 0.1])
    predicted = np.where(random.random(300) < 0.5, asked, random.choice(3, 300))
    found = adherence(predicted, asked, ["sun", "sea", "sky"])
    accuracy = accuracy_score(asked, predicted)
    assert value(found, "adherence") == pytest.approx(accuracy)
    shuffled = [(random.permutation(predicted) == asked).mean() for _ in range(2000)]
    assert value(found, "chance") == pytest.approx(np.mean(shuffled), abs=0.003)
    assert value(found, "adherence over chance") == pytest.approx(accuracy / value(found, "chance"))
    recalls = recall_score(asked, predicted, average=None)
    for category, recall in zip(("sun", "sea", "sky"), recalls, strict=True):
        assert value(found, f"adherence, {category}") == pytest.approx(recall)
    assert scored(found, "adherence, sky").note == f"asked for {(asked == 2).sum()} times"


def test_one_picture_for_everything_is_not_above_chance() -> None:
    asked = np.repeat([0, 1], [90, 10])
    found = adherence(np.zeros(100, int), asked, ["sun", "sea", "sky"])
    assert value(found, "adherence") == 0.9
    assert value(found, "adherence over chance") == pytest.approx(1)
    assert undefined(found) == {"adherence, sky": "it was not asked for"}
    never = adherence(np.ones(4, int), np.zeros(4, int), ["a", "b"])
    assert set(undefined(never)) == {"adherence over chance", "adherence, b"}


def test_features_see_colours_places_and_edges() -> None:
    size = 16
    plain = np.full((size, size, 3), 128, np.uint8)
    upright = plain.copy()
    upright[:, np.arange(size) % 4 < 2] = 0
    lying = np.ascontiguousarray(upright.transpose(1, 0, 2))
    corner = plain.copy()
    corner[:2, :2] = (255, 0, 0)
    features = picture_features([plain, upright, lying, corner])
    assert features.shape == (4, 8 * 8 * 3 + 4**3 + 4 * 4 * 8)
    assert features[0, : 8 * 8 * 3] == pytest.approx(128 / 255)
    assert not features[0, 192 + 64 :].any()
    assert features[1, 192:256] == pytest.approx(features[2, 192:256])
    # Slopes to the right are in the first of 8 directions, those down in the fifth.
    directions = features[1:3, 256:].reshape(2, 16, 8).any(axis=1)
    assert [np.flatnonzero(row).tolist() for row in directions] == [[0], [4]]
    first = features[3, :192].reshape(8, 8, 3)
    assert first[0, 0] == pytest.approx([1, 0, 0])
    assert first[1, 1] == pytest.approx(128 / 255)
    assert features[3, 192 + 3] == pytest.approx((4 / 256) ** 0.5)


def test_shrinking_weighs_pixels_by_the_area_that_counts() -> None:
    ramp = np.tile(np.arange(12, dtype=np.uint8)[None, :, None], (3, 1, 1))
    shrunk = picture_features([ramp])[0, :64].reshape(8, 8) * 255
    # 1.5 pixels each: all of pixel 0 and half of pixel 1.
    assert shrunk[0, :2] == pytest.approx([(0 + 0.5) / 1.5, (0.5 + 2) / 1.5])


def drawn(count: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """Return noise with a bright half, above or left of the middle."""
    pictures = noise(count, seed, (16, 16, 3))
    for number, picture in enumerate(pictures):
        half = picture[:8] if number % 2 else picture[:, :8]
        half[:] = 200 + half // 8
    return pictures, ["above" if number % 2 else "left" for number in range(count)]


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture_classifier, "_TREES", 30)


@pytest.mark.usefixtures("few_trees")
def test_the_judge_is_as_good_as_it_says() -> None:
    pictures, categories = drawn(60, 0)
    judge = train_picture_classifier(pictures, categories)
    assert judge.categories == ("above", "left")
    assert judge.accuracy.value > 0.95
    unseen, truth = drawn(40, 1)
    assert [judge.categories[number] for number in judge.predict(unseen)] == truth
    assert judge.probabilities(unseen).sum(axis=1) == pytest.approx(1)


@pytest.mark.usefixtures("few_trees")
def test_the_judge_of_noise_says_that_it_is_none() -> None:
    names = np.random.default_rng(3).choice(["a", "b"], 80).tolist()
    assert train_picture_classifier(noise(80, 0), names).accuracy.value < 0.7
    # Copies on both sides of a fold would be known by heart; as groups they are not.
    twice = noise(30, 1) * 2
    labels = names[:30] * 2
    known = train_picture_classifier(twice, labels)
    groups = [str(number % 30) for number in range(60)]
    honest = train_picture_classifier(twice, labels, groups=groups)
    assert known.accuracy.value > 0.75 > honest.accuracy.value
    assert "interval over 30 groups" in honest.accuracy.note


def test_a_judge_needs_two_categories(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LexomeError, match="of 1 categories"):
        train_picture_classifier(noise(4, 0), ["a"] * 4)
    with pytest.raises(LexomeError, match="4 pictures have 3"):
        train_picture_classifier(noise(4, 0), ["a"] * 3)
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)
    with pytest.raises(LexomeError, match=r"package scikit-learn[\s\S]*lexome\[tasks\]"):
        train_picture_classifier(noise(4, 0), ["a", "b", "a", "b"])

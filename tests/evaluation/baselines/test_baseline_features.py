"""What baselines see of sources: fitted on training alone, as a count by hand finds it."""

from __future__ import annotations

import math
import random
import sys
from collections import Counter

import numpy as np
import pytest

from lexome.errors import LexomeError
from lexome.evaluation.baselines.contents import source_kind
from lexome.evaluation.baselines.features import Kmers, LogMel, OneHot, Pictures, TfIdf
from lexome.languages.sound.levels import to_pcm


@pytest.mark.parametrize(
    ("contents", "kind"),
    [
        (["a man", "two"], "text"),
        (["ACGT", "ACG"], "symbols"),
        (["ACGT", "TTNT"], "aligned"),
        (["MKV*", "MK-V"], "aligned"),
        (["acgt"], "text"),
        (["A MAN"], "text"),
        (["".join(chr(number) for number in range(0x410, 0x432))], "text"),
        (["", ""], "text"),
        ([np.zeros(8, np.int16), np.zeros(3, np.float32)], "sound"),
        ([np.zeros((4, 4, 3), np.uint8)], "image"),
        ([np.zeros((4, 4, 3))], "other"),
        ([np.zeros(8), "x"], "other"),
        ([], "other"),
    ],
)
def test_sources_are_told_apart_by_their_content(contents: list[object], kind: str) -> None:
    assert source_kind(contents) == kind


def test_k_mers_are_counts_over_their_spread() -> None:
    draw = random.Random(0)
    train = ["".join(draw.choices("ACGT", k=draw.randint(5, 30))) for _ in range(20)]
    test = ["ACGTNACGT", "GG", ""]
    known, asked = Kmers().rows(train, test)

    def counts(source: str) -> Counter[str]:
        return Counter(
            source[at : at + k] for k in range(1, 6) for at in range(len(source) - k + 1)
        )

    names = sorted(set().union(*map(counts, train)))
    by_hand = np.array([[counts(source)[name] for name in names] for source in train], float)
    spread = by_hand.std(axis=0)
    spread[spread == 0] = 1
    assert known.toarray() == pytest.approx(by_hand / spread)
    unseen = np.array([[counts(source)[name] for name in names] for source in test], float)
    assert asked.toarray() == pytest.approx(unseen / spread)


def test_tf_idf_is_its_formula() -> None:
    train, test = ["Ab", "b c", "abab"], ["abx"]
    known, asked = TfIdf().rows(train, test)
    assert np.asarray(known.multiply(known).sum(axis=1)).ravel() == pytest.approx(1)

    def weight(count: int, sources: int) -> float:
        return (1 + math.log(count)) * (math.log((1 + 3) / (1 + sources)) + 1)

    # Of "abx" training knows a, b and ab: in two, three and two sources.
    found = np.sort(asked.toarray()[asked.toarray() > 0])
    raw = np.sort([weight(1, 2), weight(1, 3), weight(1, 2)])
    assert found == pytest.approx(raw / np.linalg.norm(raw))


def test_one_hot_rows_hold_what_varies() -> None:
    known, asked = OneHot().rows(["ACA", "ACG", "AGG"], ["AGA", "CTT"])
    # Place 2 is C or G, place 3 is A or G; of place 1 nothing is known.
    assert known.tolist() == [[1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 0, 1]]
    assert asked.tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]
    same, _ = OneHot().rows(["AC", "AC"], ["AC"])
    assert same.shape == (2, 4)
    with pytest.raises(LexomeError, match=r"2 symbols where others have 3[\s\S]*test source 1"):
        OneHot().rows(["ACA"], ["ACG", "AC"])


def test_levels_are_above_the_pitch_and_after_the_time_that_sounds() -> None:
    rate = 8000
    time = np.arange(rate) / rate
    high = (0.5 * np.sin(2 * np.pi * 3000 * time)).astype(np.float32)
    low = (0.5 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    late = high * (time >= 0.75)
    row = LogMel(rate).row
    bands = row(high).reshape(4, -1)
    assert (bands.argmax(axis=1) > 30).all()
    assert (row(low).reshape(4, -1).argmax(axis=1) < 10).all()
    assert bands.max() == 0
    levels = row(late).reshape(4, -1).max(axis=1)
    assert levels[3] == 0
    assert (levels[:2] < -50).all()
    # Loudness tells nothing, and 16-bit samples tell the same.
    assert row(high * np.float32(0.5)).reshape(4, -1).argmax() == bands.argmax()
    # The quieter bands of 16-bit samples hold their rounding.
    loud = row(high) > -40
    assert row(to_pcm(high))[loud] == pytest.approx(row(high)[loud], abs=0.1)


def test_short_recordings_have_rows_too() -> None:
    sounds = [np.zeros(length, np.int16) for length in (0, 1, 90, 300)]
    known, asked = LogMel(8000).rows(sounds, sounds[:1])
    assert known.shape == (4, asked.shape[1])
    assert np.isfinite(known).all()


def test_pictures_are_standardised_on_training() -> None:
    pictures = list(np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), np.uint8))
    known, asked = Pictures().rows(pictures[:10], pictures[10:])
    assert known.mean(axis=0) == pytest.approx(0, abs=1e-9)
    spread = known.std(axis=0)
    assert np.isclose(spread, 1).sum() + np.isclose(spread, 0).sum() == len(spread)
    assert np.isfinite(asked).all()
    assert len(asked) == 2


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(LexomeError, match=r"package scikit-learn[\s\S]*lexome\[tasks\]"):
        TfIdf().rows(["a"], ["b"])

"""SpecAugment: what is masked, how much at most, and that a row's masks are its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome.corpus import Batch
from lexome.languages.base import SpecialTokens
from lexome.languages.features import FrameToken
from lexome.training.spec_augment import SpecAugment
from lexome.training.target import Target

FRAME = FrameToken(9, steps=4, bands=8)
SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)
SOURCE, TARGET = 4, 5


def row(*frames: int) -> list[int]:
    """Return documents of so many frames, each with an answer of two tokens."""
    found: list[int] = []
    for count in frames:
        found += [SPECIAL.begin, SOURCE, *[FRAME.token] * count, TARGET, 10, 11, SPECIAL.end]
    return found


def batch(*rows: list[int]) -> Batch:
    """Return rows, padded to one length, whose features are ones at frames."""
    length = max(map(len, rows))
    tokens = np.array([one + [SPECIAL.pad] * (length - len(one)) for one in rows])
    features = np.ones((*tokens.shape, FRAME.width), np.float32)
    features[tokens != FRAME.token] = 0
    return Batch(tokens, np.ones(tokens.shape, np.float32), np.zeros(len(rows), np.int64), features)


def target(time: int = 0, bands: int = 0, *, seed: int = 0, dropout: float = 0.0) -> Target:
    masks = SpecAugment(FRAME, time, 6, bands, 3) if time or bands else None
    return Target(SPECIAL, (SOURCE,), (TARGET,), seed, source_dropout=dropout, spec_augment=masks)


def steps(features: np.ndarray) -> np.ndarray:
    """Return features [frames, width] as [steps, bands]."""
    return features.reshape(-1, FRAME.bands)


def heard(objective: Target, given: Batch, numbers: list[int]) -> np.ndarray:
    example = objective(given, np.array(numbers))
    assert example.features is not None
    return example.features.numpy()


def test_without_masks_everything_is_heard() -> None:
    given = batch(row(7, 3), row(12))
    assert np.array_equal(heard(target(), given, [0, 1]), given.features[:, :-1])


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 3), st.integers(0, 3), st.integers(0, 2**40), st.integers(0, 40))
def test_masks_are_few_narrow_stretches_of_each_recording(
    time: int, bands: int, number: int, frames: int
) -> None:
    given = batch(row(frames, 30))
    found = heard(target(time, bands), given, [number])[0]
    places = np.flatnonzero(given.tokens[0, :-1] == FRAME.token)
    assert not np.delete(found, places, axis=0).any()
    for own in (places[:frames], places[frames:]):
        grid = steps(found[own])
        assert set(np.unique(grid)) <= {0, 1}
        whole_steps, whole_bands = (grid == 0).all(axis=1), (grid == 0).all(axis=0)
        # What is masked is whole steps and whole bands, and nothing else.
        assert np.array_equal(grid == 0, whole_steps[:, None] | whole_bands[None])
        if not whole_bands.all():
            most = min(6, int(0.2 * len(grid)))
            assert whole_steps.sum() <= time * most
            assert np.count_nonzero(np.diff(whole_steps.astype(int), prepend=0) == 1) <= time
        if not whole_steps.all():
            assert whole_bands.sum() <= bands * 3


def test_both_kinds_of_mask_occur_and_differ_between_rows_and_documents() -> None:
    given = batch(*[row(20, 20)] * 16)
    found = heard(target(2, 2), given, list(range(16)))
    assert len({one.tobytes() for one in found}) > 12
    places = np.flatnonzero(given.tokens[0, :-1] == FRAME.token)
    first, second = found[:, places[:20]], found[:, places[20:]]
    assert any(not np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    only_time = heard(target(2), given, list(range(16)))[:, places]
    assert (steps(only_time) == 0).all(axis=1).any()
    only_bands = heard(target(0, 2), given, list(range(16)))[:, places[:20]]
    assert any((steps(one) == 0).all(axis=0).any() for one in only_bands)


def test_a_row_is_masked_alike_in_any_company() -> None:
    rows = [row(9), row(20, 5), row(14)]
    whole = heard(target(2, 2, seed=3), batch(*rows), [40, 41, 42])
    alone = heard(target(2, 2, seed=3), batch(rows[1], rows[2]), [41, 42])
    assert np.array_equal(whole[1:], alone)
    assert not np.array_equal(whole, heard(target(2, 2, seed=4), batch(*rows), [40, 41, 42]))


def test_a_warp_reads_each_band_from_one_factor_times_its_place() -> None:
    given = batch(*[row(5)] * 40)
    given.features[...] *= np.random.default_rng(0).normal(size=given.features.shape)
    objective = Target(
        SPECIAL, (SOURCE,), (TARGET,), 0, spec_augment=SpecAugment(FRAME, 0, 6, 0, 3, 0.2)
    )
    found = heard(objective, given, list(range(40)))
    factors = np.linspace(0.8, 1.2, 4001)
    bands = np.arange(FRAME.bands)
    near = []
    for ours, before in zip(found[:, 2:7], given.features[:, 2:7], strict=True):
        ours, before = steps(ours), steps(before)
        errors = [
            np.abs(ours[0] - np.interp(bands * factor, bands, before[0])).max()
            for factor in factors
        ]
        factor = factors[np.argmin(errors)]
        for one, other in zip(ours, before, strict=True):
            expected = np.interp(bands * factor, bands, other)
            assert np.allclose(one, expected, atol=5e-3)
        near.append(factor)
    assert min(near) < 0.85 and max(near) > 1.15


def test_the_batch_itself_stays_as_it_is() -> None:
    given = batch(row(20))
    before = given.features.copy()
    heard(target(3, 3), given, [1])
    assert np.array_equal(given.features, before)


def test_a_hidden_source_is_not_heard_either() -> None:
    given = batch(*[row(6, 6, 6)] * 8)
    example = target(dropout=0.5)(given, np.arange(8))
    assert example.features is not None
    inputs, features = example.inputs.numpy(), example.features.numpy()
    hidden = inputs == SPECIAL.mask
    assert hidden.any() and (inputs == FRAME.token).any()
    assert not features[hidden].any()
    assert (features[inputs == FRAME.token] == 1).all()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_features_stand_where_their_frames_stand(bidirectional: bool) -> None:
    given = batch(row(3, 4), row(5))
    objective = Target(SPECIAL, (SOURCE,), (TARGET,), 0, bidirectional)
    example = objective(given, np.arange(2))
    assert example.features is not None
    assert example.features.shape == (*example.inputs.shape, FRAME.width)
    frames = (example.inputs == FRAME.token).numpy()
    assert np.array_equal(example.features.numpy().all(axis=-1), frames)


def test_dropped_words_are_no_frames() -> None:
    given = batch(*[row(6, 6, 6)] * 8)
    objective = Target(SPECIAL, (SOURCE,), (TARGET,), 0, word_dropout=0.5, frame=FRAME)
    example = objective(given, np.arange(8))
    assert example.features is not None
    assert np.array_equal(example.features.numpy(), given.features[:, :-1])
    assert (example.inputs.numpy() == SPECIAL.mask).any()
    frames = given.tokens[:, :-1] == FRAME.token
    assert np.array_equal(example.inputs.numpy() == FRAME.token, frames)

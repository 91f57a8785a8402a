"""Scores: REMI and TSD round trips, transposition, parts, and what they look and sound like."""

from __future__ import annotations

import io
import pickle
import wave
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lexome import languages
from lexome.errors import UsageError
from lexome.languages.base import Document, Source
from lexome.languages.music.listening import RATE, synthesised
from lexome.languages.music.midi import read_midi, write_midi
from lexome.languages.music.round_trip import RoundTrip, matched
from lexome.languages.music.score import Score, Track, ordered
from lexome.languages.music.score_coding import (
    CODINGS,
    RemiCoding,
    ScoreCoding,
    ScoreSettings,
    ScoreTrainer,
)

REMI, TSD = (coding() for coding in CODINGS.values())
NOTES = st.tuples(
    st.integers(0, 9600), st.integers(1, 5000), st.integers(0, 127), st.integers(1, 127)
)


@st.composite
def scores(draw: st.DrawFn) -> Score:
    programs = draw(st.lists(st.integers(0, 127), min_size=1, max_size=2, unique=True))
    tracks = (*(Track(program) for program in programs), Track(drums=True))
    notes = draw(st.lists(st.tuples(NOTES, st.integers(0, len(tracks) - 1)), min_size=1))
    tempos = draw(st.dictionaries(st.integers(1, 9600), st.floats(20, 300), max_size=2))
    signature = draw(st.sampled_from([(4, 4), (3, 4), (6, 8), (12, 8), (2, 2), (7, 8), (3, 16)]))
    return Score(
        ordered([(*note, track) for note, track in notes]),
        tracks,
        draw(st.sampled_from([24, 96, 480, 1000])),
        ((0, 120.0), *sorted(tempos.items())),
        ((0, *signature),),
    )


def scale(*, tracks: tuple[Track, ...] = (Track(),), notes: int = 16) -> Score:
    """Return quarter notes that rise, each in the next track."""
    made = [(480 * n, 480, 48 + n, 80, n % len(tracks)) for n in range(notes)]
    return Score(ordered(made), tracks, 480, ((0, 120.0),), ((0, 4, 4),))


@pytest.mark.parametrize("coding", [REMI, TSD, CODINGS["remi"](ScoreSettings(grid=12))])
@given(score=scores())
@settings(max_examples=15, deadline=None)
def test_what_was_quantised_once_stays_as_it_is(coding: ScoreCoding, score: Score) -> None:
    codes = coding.encode(score)
    decoded = coding.decode(codes)
    assert coding.encode(decoded).tolist() == codes.tolist()
    assert len(decoded.notes) == coding.unit_lengths[codes].sum() == len(coding.unit_codes(codes))
    first, second = matched(score, decoded)
    assert len(first) == len(decoded.notes) == len(set(first.tolist()))
    assert (score.notes["pitch"][first] == decoded.notes["pitch"][second]).all()


@pytest.mark.parametrize("coding", [REMI, TSD])
@given(data=st.data())
@settings(max_examples=15, deadline=None)
def test_any_codes_are_a_score_that_can_be_written(
    coding: ScoreCoding, data: st.DataObject
) -> None:
    drawn = data.draw(st.lists(st.integers(0, len(coding.names) - 1), max_size=60))
    score = coding.decode(np.array(drawn, np.int64))
    assert len(read_midi(write_midi(score), "x")[0].notes) == len(score.notes)


def test_settings_decide_what_is_told_and_are_kept(tmp_path: Path) -> None:
    options = {"grid": 4, "velocities": 0, "tempo": 0, "time_signature": 0, "programs": 0}
    tokenizer = ScoreTrainer("tsd").with_options(options).train((), None)
    names = {tokenizer.token_label(number) for number in range(4, tokenizer.vocab_size)}
    kinds = {name.split("_")[0] for name in names}
    assert kinds == {"Pitch", "Duration", "TimeShift"}
    score = scale(tracks=(Track(3), Track(drums=True)))
    (ids,) = tokenizer.encode([score])
    assert len(tokenizer.decode(ids).notes) == 8
    tokenizer.save(tmp_path)
    loaded = languages.load_tokenizer(tmp_path)
    assert loaded.coding.settings == options == asdict(ScoreSettings(**options))  # type: ignore[attr-defined]
    assert loaded.encode([score])[0].tolist() == ids.tolist()


@pytest.mark.parametrize(
    "options", [{"grid": 0}, {"grid": 7}, {"velocities": 128}, {"tempo": 2}, {"programs": -1}]
)
def test_settings_that_cannot_be_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        ScoreTrainer("remi").with_options(options)


def test_a_coding_goes_to_other_processes() -> None:
    coding = RemiCoding(ScoreSettings(grid=4))
    again = pickle.loads(pickle.dumps(coding))
    score = pickle.loads(pickle.dumps(scale()))
    assert again.encode(score).tolist() == coding.encode(score).tolist()


def test_the_round_trip_report_counts_what_was_lost_and_moved() -> None:
    before = replace(scale(notes=4), tempos=((0, 60.0), (480, 90.0)))
    later = before.notes[:3].copy()
    later["start"] += 48
    later["duration"] -= 120
    later["velocity"] += 5
    found = RoundTrip()
    found.add(before, replace(before, notes=later, tempos=((0, 60.0),)))
    figures = found.figures()
    assert figures["notes lost, %"] == 25
    assert figures["onset error, quarter notes"] == pytest.approx(0.1)
    assert figures["onset error, ms"] == pytest.approx((100 + 2 * 1000 / 15) / 3)
    assert figures["length error, quarter notes"] == pytest.approx(0.25)
    assert figures["velocity error, of 127"] == 5
    assert figures["tempo changes lost, %"] == 100
    assert "time signature changes lost, %" not in figures


def test_prepare_can_ask_for_fidelity() -> None:
    music = languages.get("music")
    tokenizer = music.tokenizers()["remi"].train((), None)
    figures = music.fidelity(tokenizer, [Document(scale(), Source("x"))])
    assert figures["notes lost, %"] == figures["onset error, ms"] == 0


@given(scores(), st.integers(-12, 12))
@settings(max_examples=30, deadline=None)
def test_transposition_moves_all_but_drums(score: Score, semitones: int) -> None:
    moved = score.transposed(semitones)
    drums = score.tracks[-1].drums & (score.notes["track"] == len(score.tracks) - 1)
    expected = score.notes["pitch"] + np.where(drums, 0, semitones)
    if moved is None:
        assert drums.all() or expected.min() < 0 or expected.max() > 127
        return
    assert (moved.notes["pitch"] == expected).all()
    for name in ("start", "duration", "velocity", "track"):
        assert (moved.notes[name] == score.notes[name]).all()


def test_augmentation_names_its_keys_and_stays_in_range() -> None:
    music = languages.get("music", transpose=2)
    high = replace(scale(), notes=scale().notes.copy())
    high.notes["pitch"] += 126 - high.notes["pitch"].max()
    made = list(music.augment(Document(high, Source("x"))))
    assert [document.metadata["transposed"] for document in made] == ["-2", "-1", "+1"]
    with pytest.raises(UsageError, match="transpose"):
        languages.get("music", transpose=13)
    with pytest.raises(UsageError, match="cannot be transposed"):
        languages.get("music", form="abc", transpose=1)


def test_a_part_begins_with_its_own_bar() -> None:
    music = languages.get("music")
    score = replace(scale(), tempos=((0, 60.0), (960, 90.0), (7200, 30.0)))
    part = music.cut(Document(score, Source("x")), 6, 10)
    assert part.content.notes["start"].tolist() == [960, 1440, 1920, 2400]
    assert part.content.notes["pitch"].tolist() == [54, 55, 56, 57]
    assert part.content.tempos == ((0, 90.0),)
    assert part.source.offset == 6 and music.units(part) == 4
    assert music.units(music.cut(part, 4, 9)) == 0
    with pytest.raises(UsageError, match="--from FILE"):
        music.parse("C4")


def test_a_rendering_is_seen_and_heard() -> None:
    score = scale(tracks=(Track(), Track(40), Track(drums=True)))
    rendering = languages.get("music").render(Document(score, Source("x")))
    assert rendering.suffix == ".mid" and "16 notes, 16 quarter notes, 8.0 s" in rendering.text
    picture, sound = rendering.views
    image = Image.open(io.BytesIO(picture.data)).convert("RGB")
    colours = {colour for _, colour in image.getcolors(1 << 16)}
    assert {(0x1F, 0x77, 0xB4), (0xD6, 0x27, 0x28), (0x2C, 0xA0, 0x2C)} <= colours
    with wave.open(io.BytesIO(sound.data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        assert file.getnframes() == pytest.approx(8.06 * RATE, abs=2)


@pytest.mark.parametrize("pitch", [45, 69, 81])
def test_a_note_sounds_at_its_frequency(pitch: int) -> None:
    score = Score(ordered([(0, 960, pitch, 100, 0)]), (Track(),))
    samples = synthesised(score)
    spectrum = np.abs(np.fft.rfft(samples))
    loudest = np.argmax(spectrum) * RATE / len(samples)
    assert loudest == pytest.approx(440 * 2 ** ((pitch - 69) / 12), abs=1.5)
    assert np.abs(samples).max() == pytest.approx(0.9, abs=0.01)


def test_long_and_empty_scores_are_bounded() -> None:
    far = Score(ordered([(0, 480, 60, 80, 0), (480 * 100_000, 480, 60, 80, 0)]), (Track(),))
    empty = Score(ordered([]), ())
    for score, seconds in ((far, 60), (empty, 0.06)):
        rendering = languages.get("music").render(Document(score, Source("x")))
        with wave.open(io.BytesIO(rendering.views[1].data)) as file:
            assert file.getnframes() == pytest.approx(seconds * RATE, abs=2)
        assert Image.open(io.BytesIO(rendering.views[0].data)).size[0] == 1200

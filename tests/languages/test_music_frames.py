"""Music as frames: an exact spelling, chorales in JSON, MIDI on a grid."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.music.frame_coding import FrameCoding, FrameTrainer
from lexome.languages.music.frames import REST, Frames, from_score, to_score, transposed
from lexome.languages.music.midi import read_midi, write_midi
from lexome.languages.music.score import Score, Track, ordered

PITCHES = st.integers(0, 127)


def without_last_rests(frame: list[int]) -> tuple[int, ...]:
    while frame and frame[-1] == REST:
        frame.pop()
    return tuple(frame)


FRAMES = st.lists(
    st.lists(st.just(REST) | PITCHES, max_size=5).map(without_last_rests), max_size=12
).map(tuple)


@given(FRAMES, st.integers(5, 12), st.integers(0, 5))
@settings(deadline=None, max_examples=60)
def test_frames_come_back_exactly_with_one_token_a_voice(
    frames: Frames, voices: int, beat: int
) -> None:
    coding = FrameCoding(voices, beat)
    codes = coding.encode(frames)
    beats = -(-len(frames) // beat) if beat else 0
    assert len(codes) == voices * len(frames) + beats
    assert coding.decode(codes) == frames
    assert coding.unit_lengths[codes].sum() == len(frames)
    numbers = coding.unit_codes(codes).tolist()
    assert len(numbers) == len(frames)
    for one in range(len(frames)):
        for other in range(one):
            assert (numbers[one] == numbers[other]) == (frames[one] == frames[other])


@given(st.integers(1, 5), st.integers(0, 3), st.data())
@settings(deadline=None, max_examples=10)
def test_any_codes_are_frames_that_can_be_rendered(
    voices: int, beat: int, data: st.DataObject
) -> None:
    coding = FrameCoding(voices, beat)
    drawn = data.draw(st.lists(st.integers(0, len(coding.names) - 1), max_size=20))
    codes = np.array(drawn, np.int64)
    frames = coding.decode(codes)
    assert coding.decode(coding.encode(frames)) == frames
    assert len(coding.unit_codes(codes)) == coding.unit_lengths[codes].sum()
    rendering = languages.get("music", form="frames").render(Document(frames, Source("x")))
    assert read_midi(rendering.data, "x")[0].ticks
    assert [view.suffix for view in rendering.views] == [".png", ".wav"]


def test_a_beat_stands_before_its_frames() -> None:
    coding = FrameCoding(1, beat=2)
    names = [coding.names[code] for code in coding.encode(((72,), (71,), (70,)))]
    assert names == ["beat", "v1.72", "v1.71", "beat", "v1.70"]


def test_a_token_says_its_voice() -> None:
    coding = FrameCoding(2)
    names = [coding.names[code] for code in coding.encode(((72, 60), (71,), ()))]
    assert names == ["v1.72", "v2.60", "v1.71", "v2.rest", "v1.rest", "v2.rest"]
    second = [coding.names.index("v2.60"), coding.names.index("v1.70"), coding.names.index("v1.71")]
    assert coding.decode(np.array(second)) == ((REST, 60), (70,), (71,))


def test_a_frame_with_more_pitches_than_voices_names_the_option() -> None:
    tokenizer = FrameTrainer().train((), None)
    with pytest.raises(LexomeError, match="5 pitches") as caught:
        tokenizer.encode([((60,), (1, 2, 3, 4, 5))])
    assert caught.value.where == "frame 2" and "voices=5" in str(caught.value.fix)
    assert FrameTrainer().with_options({"voices": 5}).train((), None).encode([((1, 2, 3, 4, 5),)])
    for bad in (0, 65):
        with pytest.raises(UsageError):
            FrameTrainer().with_options({"voices": bad})


@given(FRAMES, st.integers(1, 12))
@settings(deadline=None, max_examples=50)
def test_a_score_of_frames_sounds_what_they_say(frames: Frames, grid: int) -> None:
    score, _ = read_midi(write_midi(to_score(frames, grid)), "x")
    again, drums = from_score(score, grid)
    sounding = [tuple(sorted({*frame} - {REST}, reverse=True)) for frame in frames]
    while sounding and not sounding[-1]:
        sounding.pop()
    assert (list(again), drums) == (sounding, 0)


@given(FRAMES, st.integers(-12, 12))
@settings(deadline=None)
def test_transposition_keeps_rests_and_intervals(frames: Frames, semitones: int) -> None:
    moved = transposed(frames, semitones)
    if moved is None:
        pitches = [p + semitones for frame in frames for p in frame if p != REST]
        assert not pitches or min(pitches) < 0 or max(pitches) > 127
        return
    for before, after in zip(frames, moved, strict=True):
        assert [p if p == REST else p + semitones for p in before] == list(after)
    assert transposed(moved, -semitones) == frames


def test_drums_have_no_pitch_and_are_counted() -> None:
    notes = ordered([(0, 480, 60, 80, 0), (0, 480, 36, 80, 1)])
    score = Score(notes, (Track(), Track(drums=True)))
    assert from_score(score, 2) == (((60,), (60,)), 1)


def test_a_piece_that_would_fill_the_memory_is_refused() -> None:
    notes = ordered([(0, 480 * 100_000, pitch, 80, 0) for pitch in range(128)])
    score = Score(notes, (Track(),))
    for grid in (2, 20):
        with pytest.raises(LexomeError, match="frames") as caught:
            from_score(score, grid)
        assert "coarser grid" in str(caught.value.fix)


def test_a_file_of_splits_gives_each_piece_its_split(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    value = {"train": [[[60, 64.0], [60, -1]], [[62, None, 50]]], "valid": [[[61]], [[], []]]}
    path.write_bytes(gzip.compress(json.dumps(value).encode()))
    music = languages.get("music", form="frames")
    found = list(music.read(path))
    assert [f.content for f in found if isinstance(f, Document)] == [
        ((60, 64), (60,)),
        ((62, REST, 50),),
        ((61,),),
    ]
    assert [f.metadata for f in found if isinstance(f, Document)] == [
        {"split": "train"},
        {"split": "train"},
        {"split": "valid"},
    ]
    assert [str(f.source.record) for f in found] == ["train/1", "train/2", "valid/1", "valid/2"]
    assert isinstance(found[3], Skipped) and found[3].reason == "no notes"
    assert len({music.split_key(f) for f in found if isinstance(f, Document)}) == 3


@pytest.mark.parametrize(
    ("value", "message", "where"),
    [
        ({"train": 3}, "list of pieces", "'train'"),
        ([3], "list of frames", "piece 1"),
        ([[60, 62]], "list of MIDI pitches", "piece 1, frame 1"),
        ([[[60], [128]]], "128 is no MIDI pitch", "piece 1, frame 2"),
        ([[[60.5]]], "60.5 is no MIDI pitch", "piece 1, frame 1"),
        ([[[True]]], "True is no MIDI pitch", "piece 1, frame 1"),
        ({"v": [[["C4"]]]}, "'C4' is no MIDI pitch", "piece v/1, frame 1"),
        (7, "list of pieces", "a.json"),
    ],
)
def test_json_of_another_shape_is_an_error_that_names_the_frame(
    tmp_path: Path, value: Any, message: str, where: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(value))
    with pytest.raises(LexomeError, match=message) as caught:
        list(languages.get("music", form="frames").read(path))
    assert where in str(caught.value.where)


@pytest.mark.parametrize("text", ["{", "[[[60]", "no", "[" * 100_000])
def test_what_is_no_json_is_damaged(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DamagedFileError, match="no JSON"):
        list(languages.get("music", form="frames").read(path))


def test_nats_per_frame_and_typed_prompts() -> None:
    music = languages.get("music", form="frames")
    assert music.measures == {"nats per frame": math.log(2)}
    assert music.parse("60 64 67 | 60") == ((60, 64, 67), (60,))
    with pytest.raises(LexomeError, match="is no frame"):
        music.parse("60 | C4")
    cut = music.cut(Document(((1,), (2,), (3,)), Source("x")), 1, 9)
    assert (cut.content, cut.source.offset) == (((2,), (3,)), 1)

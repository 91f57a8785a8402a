"""MIDI files: read as symusic reads them, and written for it; what is broken is named."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import symusic
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import Document, Skipped
from lexome.languages.music.midi import read_midi, write_midi
from lexome.languages.music.score import Score, Track, ordered


def chunk(events: bytes) -> bytes:
    return struct.pack(">4sI", b"MTrk", len(events)) + events


def header(kind: int = 0, tracks: int = 1, division: int = 480) -> bytes:
    return struct.pack(">4sIHHH", b"MThd", 6, kind, tracks, division)


END = b"\0\xff\x2f\0"
NOTE = b"\0\x90\x3c\x40\x60\x80\x3c\0"


@st.composite
def scores(draw: st.DrawFn) -> Score:
    """Draw scores whose notes of one track and pitch do not overlap: those have one spelling."""
    tracks = draw(
        st.lists(st.tuples(st.integers(0, 127), st.booleans()), min_size=1, max_size=4, unique=True)
    )
    made = [Track(0 if drums else program, drums) for program, drums in tracks]
    made = list(dict.fromkeys(made))
    notes = []
    for number in range(len(made)):
        for pitch in draw(st.lists(st.integers(0, 127), max_size=4, unique=True)):
            place = 0
            for _ in range(draw(st.integers(1, 3))):
                start = place + draw(st.integers(0, 2000))
                place = start + draw(st.integers(1, 900))
                notes.append((start, place - start, pitch, draw(st.integers(1, 127)), number))
    ticks = draw(st.sampled_from([24, 96, 480, 960]))
    tempos = draw(st.dictionaries(st.integers(0, 4000), st.sampled_from([60.0, 120.0, 150.0])))
    times = st.tuples(st.integers(1, 12), st.sampled_from([2, 4, 8]))
    signatures = draw(st.dictionaries(st.integers(0, 4000), times))
    return Score(
        ordered(notes),
        tuple(made),
        ticks,
        tuple(sorted(tempos.items())),
        tuple((tick, *signatures[tick]) for tick in sorted(signatures)),
    )


def plain(score: Score) -> list[tuple[int, bool, int, int, int, int]]:
    return sorted(
        (score.tracks[track].program, score.tracks[track].drums, start, duration, pitch, velocity)
        for start, duration, pitch, velocity, track in score.notes.tolist()
    )


@given(scores())
@settings(max_examples=30, deadline=None)
def test_what_is_written_is_read_back_by_us_and_by_symusic(score: Score) -> None:
    data = write_midi(score)
    read, mended = read_midi(data, "x")
    assert not mended and plain(read) == plain(score)
    assert (read.ticks, read.tempos) == (score.ticks, score.tempos)
    assert read.signatures == score.signatures
    theirs = symusic.Score.from_midi(data)
    found = sorted(
        (0 if t.is_drum else t.program, t.is_drum, n.time, n.duration, n.pitch, n.velocity)
        for t in theirs.tracks
        for n in t.notes
    )
    assert found == plain(score)
    assert theirs.ticks_per_quarter == score.ticks
    times = np.array([note[0] for note in score.notes.tolist()])
    if len(score.notes):
        seconds = sorted(n.time for track in theirs.to("second").tracks for n in track.notes)
        assert sorted(score.seconds(times)) == pytest.approx(seconds, abs=2e-3)


@given(scores())
@settings(max_examples=20, deadline=None)
def test_a_file_that_symusic_wrote_is_read_as_it_reads_it(score: Score) -> None:
    data = symusic.Score.from_midi(write_midi(score)).dumps_midi()
    assert plain(read_midi(data, "x")[0]) == plain(score)


def test_running_status_zero_velocity_and_sysex() -> None:
    events = b"\0\xf0\x03\x01\x02\xf7" + b"\0\x90\x3c\x40\x10\x3e\x41\x10\x3c\0\x10\x3e\0" + END
    score, mended = read_midi(header() + chunk(events), "x")
    assert [tuple(note)[:4] for note in score.notes.tolist()] == [(0, 32, 60, 64), (16, 32, 62, 65)]
    assert not mended


def test_stuck_notes_are_closed_at_the_end_and_counted() -> None:
    events = b"\0\x90\x3c\x40\0\x3e\x40\x60\x80\x3c\0\x60\x80\x45\0" + END
    score, mended = read_midi(header() + chunk(events), "x")
    assert [(note[0], note[1], note[2]) for note in score.notes.tolist()] == [
        (0, 96, 60),
        (0, 192, 62),
    ]
    assert mended == {"stuck notes": "1", "ends without a note": "1"}


def test_a_tempo_change_moves_the_seconds() -> None:
    tempo = b"\0\xff\x51\x03\x07\xa1\x20" + b"\x83\x60\xff\x51\x03\x0f\x42\x40"
    score, _ = read_midi(header() + chunk(tempo + NOTE + END), "x")
    assert score.tempos == ((0, 120.0), (480, 60.0))
    assert score.seconds(np.array([0, 480, 960])).tolist() == [0.0, 0.5, 1.5]


def test_time_code_counts_seconds() -> None:
    score, _ = read_midi(
        header(division=0xE728) + chunk(b"\0\x90\x3c\x40\x87\x68\x80\x3c\0" + END), "x"
    )
    assert score.seconds(np.array([score.end])).tolist() == [1.0]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"RIFF" + bytes(30), "does not begin like a MIDI file"),
        (b"MThd", "does not begin like a MIDI file"),
        (header(kind=7) + chunk(NOTE + END), "header of the MIDI file makes no sense"),
        (header(division=0) + chunk(NOTE + END), "header of the MIDI file makes no sense"),
        (header(tracks=2) + chunk(NOTE + END), "1 tracks of 2"),
        ((header() + chunk(NOTE + END))[:-5], "ends in the middle of a track"),
        (header() + chunk(NOTE[:-1]), "ends in the middle of an event"),
        (header() + chunk(b"\0\x3c\x40" + END), "without a status"),
        (header() + chunk(b"\0\xf4" + END), "0xF4 has no place"),
        (header() + chunk(b"\0\x90\x90\x40" + END), "larger than 127"),
        (header() + chunk(b"\xff\xff\xff\xff\x00" + END), "more than four bytes"),
    ],
)
def test_a_broken_file_is_an_error_that_names_the_byte(data: bytes, message: str) -> None:
    with pytest.raises(DamagedFileError, match=message) as caught:
        read_midi(data, "a.mid")
    assert "a.mid, byte" in str(caught.value.where)


def test_independent_patterns_and_endless_pieces_are_refused() -> None:
    with pytest.raises(LexomeError, match="format 2"):
        read_midi(header(kind=2) + chunk(NOTE + END), "x")
    far = b"\xff\xff\xff\x7f\x90\x3c\x40\x10\x80\x3c\0"
    with pytest.raises(LexomeError, match="quarter notes"):
        read_midi(header(division=1) + chunk(far + END), "x")


@given(st.binary(max_size=60), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_score_or_an_error(noise: bytes, kind: int) -> None:
    for data in (noise, header(kind) + noise, header() + chunk(noise)):
        try:
            read_midi(data, "x")
        except LexomeError:
            continue


def test_a_file_without_notes_is_skipped_and_a_broken_one_too_if_asked(tmp_path: Path) -> None:
    (tmp_path / "silent.mid").write_bytes(header() + chunk(END))
    (tmp_path / "empty.mid").write_bytes(b"")
    (tmp_path / "broken.mid").write_bytes(b"no MIDI")
    (tmp_path / "good.mid").write_bytes(header() + chunk(NOTE + END))
    music = languages.get("music", invalid="skip")
    found = {path.stem: list(music.read(path)) for path in tmp_path.iterdir()}
    reasons = {name: entry.reason for name, (entry,) in found.items() if isinstance(entry, Skipped)}
    assert reasons == {"silent": "no notes", "empty": "empty", "broken": "broken"}
    assert isinstance(found["good"][0], Document)
    with pytest.raises(DamagedFileError):
        list(languages.get("music").read(tmp_path / "broken.mid"))

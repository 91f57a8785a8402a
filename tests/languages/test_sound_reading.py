"""Recordings as they come: formats, rates, channels, levels, pieces, names, bad input."""

from __future__ import annotations

import gzip
import random
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from sound_files import RATE, babble, tone, write_wav

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError, UsageError
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.sound.levels import level, to_pcm
from lexome.languages.sound.reading import open_recording


def read(path: Path, **options) -> list[Document | Skipped]:
    return list(languages.get("sound", **{"rate": RATE, **options}).read(path))


def refused(path: Path, data: bytes, kind: type[LexomeError] = DamagedFileError) -> LexomeError:
    path.write_bytes(data)
    with pytest.raises(kind) as caught:
        read(path)
    assert str(path) in (caught.value.where or "") and caught.value.fix
    return caught.value


def encoded(tmp_path: Path, suffix: str, subtype: str | None = None) -> bytes:
    path = tmp_path / f"encoded{suffix}"
    soundfile.write(path, babble(3) / 32768, RATE, subtype=subtype, format=suffix[1:].upper())
    return path.read_bytes()


def test_sixteen_bits_at_the_rate_come_as_they_are(tmp_path):
    (document,) = read(write_wav(tmp_path / "a.wav", tone()))
    assert document.content.dtype == np.int16
    assert np.array_equal(document.content, tone())
    assert document.metadata["source_rate"] == "8000"
    assert document.metadata["channels"] == "1" and document.metadata["clipped"] == "0"
    assert float(document.metadata["peak_dbfs"]) == pytest.approx(20 * np.log10(0.3), abs=0.1)


@pytest.mark.parametrize(
    ("suffix", "subtype", "closeness"),
    [
        (".flac", "PCM_16", 1),
        (".flac", "PCM_24", 1),
        (".wav", "PCM_24", 1),
        (".wav", "FLOAT", 1),
        (".wav", "PCM_U8", 256),
        (".ogg", "VORBIS", 3000),
        (".ogg", "OPUS", 6000),
        (".mp3", None, 3000),
    ],
)
def test_every_format_is_read(tmp_path, suffix, subtype, closeness):
    path = tmp_path / f"x{suffix}"
    soundfile.write(path, tone() / 32768, RATE, subtype=subtype)
    (document,) = read(path)
    assert len(document.content) == len(tone())
    difference = document.content.astype(int) - tone()
    assert np.abs(difference).max() <= closeness
    assert document.metadata["encoding"].startswith(suffix[1:].upper())


@pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 96_000])
def test_unusual_rates_are_resampled_as_soxr_does_it_at_once(tmp_path, rate):
    path = write_wav(tmp_path / "a.wav", tone(0.7, rate), rate)
    (document,) = read(path)
    assert abs(len(document.content) - 0.7 * RATE) <= 1
    whole = soxr.resample(tone(0.7, rate).astype(np.float32) / 32768, rate, RATE, quality="HQ")
    expected = to_pcm(whole)[: len(document.content)]
    assert np.abs(document.content[: len(expected)].astype(int) - expected).max() <= 1


@settings(deadline=None, max_examples=12)
@given(block=st.integers(1, 5000), rate=st.sampled_from([RATE, 11_025, 6000]))
def test_reading_in_blocks_is_reading_at_once(tmp_path_factory, block, rate):
    path = write_wav(tmp_path_factory.mktemp("b") / "a.wav", babble(0.3), rate)

    def samples(size: int) -> np.ndarray:
        with open_recording(path) as recording:
            assert recording is not None
            return np.concatenate(list(recording.samples(RATE, size)))

    assert np.array_equal(samples(block), samples(1 << 20))


def test_mono_and_stereo_in_one_corpus_become_mono(tmp_path):
    left, right = tone(), tone(pitch=880)
    stereo = write_wav(tmp_path / "s.wav", np.stack([left, right], 1), channels=2)
    mono = write_wav(tmp_path / "m.wav", left)
    (two,), (one,) = read(stereo), read(mono)
    assert (two.metadata["channels"], one.metadata["channels"]) == ("2", "1")
    assert np.abs(two.content - (left.astype(float) + right) / 2).max() <= 1


def test_long_recordings_come_in_pieces_that_are_the_whole(tmp_path):
    path = write_wav(tmp_path / "a.wav", babble(2.3))
    documents = read(path, seconds=0.5)
    assert [len(document.content) for document in documents] == [4000] * 4 + [2400]
    assert [document.source.offset for document in documents] == [0, 4000, 8000, 12_000, 16_000]
    assert np.array_equal(np.concatenate([d.content for d in documents]), babble(2.3))
    sound = languages.get("sound", rate=RATE)
    assert len({sound.split_key(document) for document in documents}) == 1


def test_a_very_short_clip_is_a_document(tmp_path):
    for count in (1, 2, 7):
        (document,) = read(write_wav(tmp_path / f"{count}.wav", tone()[100 : 100 + count]))
        assert len(document.content) == count
        assert languages.get("sound").render(document).data.startswith(b"RIFF")


def test_loudness_is_stated_and_normalised_by_one_gain_for_a_recording(tmp_path):
    samples = np.concatenate([babble(1) // 8, babble(1, seed=1) // 40])
    path = write_wav(tmp_path / "a.wav", samples)
    first, second = read(path, seconds=1.0, loudness="normalise")
    assert first.metadata["gain_db"] == second.metadata["gain_db"]
    gained = np.concatenate([first.content, second.content]) / np.float32(32768)
    assert level(gained).rms_dbfs == pytest.approx(-23, abs=0.1)
    kept = read(path, seconds=1.0)
    assert [d.metadata["rms_dbfs"] for d in kept] == [
        d.metadata["rms_dbfs"] for d in (first, second)
    ]
    peaks = np.zeros(8000, np.int16)
    peaks[::800] = 3000
    (loud,) = read(write_wav(tmp_path / "p.wav", peaks), loudness="normalise")
    assert level(loud.content / np.float32(32768)).peak_dbfs == pytest.approx(-1, abs=0.1)


def test_clipped_samples_are_counted(tmp_path):
    path = tmp_path / "loud.wav"
    soundfile.write(path, 1.5 * np.sin(np.arange(8000) / 10), RATE, subtype="FLOAT")
    (document,) = read(path)
    assert int(document.metadata["clipped"]) > 1000
    assert document.content.max() == 32767 and document.content.min() == -32768


def test_silence_is_kept_or_counted(tmp_path):
    path = write_wav(tmp_path / "a.wav", np.zeros(8000, np.int16))
    (document,) = read(path)
    assert document.metadata["rms_dbfs"] == "-120.0"
    (skipped,) = read(path, silence="skip")
    assert (skipped.reason, skipped.detail) == ("silence", "1.00 s")
    (same,) = read(path, loudness="normalise")
    assert not same.content.any()


def test_names_give_metadata_and_groups(tmp_path):
    sound = languages.get("sound", rate=RATE, names="{digit}_{speaker}_{take}", group="speaker")
    path = write_wav(tmp_path / "7_jo.anna_12.wav", tone())
    (document,) = sound.read(path)
    assert document.metadata["digit"] == "7" and document.metadata["take"] == "12"
    assert sound.split_key(document) == "jo.anna"
    (strange,) = sound.read(write_wav(tmp_path / "other.wav", tone()))
    assert strange.metadata["unmatched_name"] == "true"
    with pytest.raises(LexomeError, match="does not fit the template") as caught:
        sound.split_key(strange)
    assert "other.wav" in caught.value.where
    folders = languages.get("sound", rate=RATE, names="{speaker}/{}", group="speaker")
    (tmp_path / "ada").mkdir()
    (document,) = folders.read(write_wav(tmp_path / "ada" / "x.wav", tone()))
    assert folders.split_key(document) == "ada"


@pytest.mark.parametrize(
    "options",
    [
        {"rate": 10},
        {"seconds": 0.0},
        {"seconds": 1e6},
        {"group": "speaker"},
        {"names": "{a}_{b}", "group": "c"},
        {"names": "plain"},
        {"speed": 0.9},
        {"names": "{a}{a}"},
    ],
)
def test_options_that_make_no_sense_are_usage_errors(options):
    with pytest.raises(UsageError):
        languages.get("sound", **options)


def test_speed_gives_two_more_of_each_at_other_pitches():
    sound = languages.get("sound", rate=RATE, speed=0.1)
    faster, slower = sound.augment(Document(tone(1, pitch=1000), Source("x"), {"take": "1"}))
    for other, speed in ((faster, 1.1), (slower, 0.9)):
        assert abs(len(other.content) - RATE / speed) <= 1
        pitch = np.abs(np.fft.rfft(other.content)).argmax() * RATE / len(other.content)
        assert pitch == pytest.approx(1000 * speed, rel=0.01)
        assert other.metadata == {"take": "1", "speed": f"{speed:g}"}
    assert not list(languages.get("sound").augment(faster))


def test_no_bytes_and_no_samples_are_counted(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"")
    (skipped,) = read(tmp_path / "a.wav")
    assert skipped.reason == "empty"
    (skipped,) = read(write_wav(tmp_path / "b.wav", tone()[:0]))
    assert skipped.reason == "no samples"


@pytest.mark.parametrize(
    ("suffix", "subtype"),
    [(".wav", None), (".flac", None), (".ogg", "VORBIS"), (".ogg", "OPUS"), (".mp3", None)],
)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path, suffix, subtype, share):
    data = encoded(tmp_path, suffix, subtype)
    refused(tmp_path / f"cut{suffix}", data[: int(share * len(data))])


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_a_corrupt_header_and_random_bytes_are_refused(tmp_path, suffix):
    path = tmp_path / f"bad{suffix}"
    data = encoded(tmp_path, suffix)
    if suffix != ".mp3":  # which has frames and no header: decoders look for the next frame
        refused(path, data[:8] + random.Random(1).randbytes(24) + data[400:])
    for seed in range(3):
        error = refused(path, random.Random(seed).randbytes(20_000))
        assert "cannot be read as sound" in error.what


def test_a_damaged_middle_is_refused_where_the_format_shows_it(tmp_path):
    for suffix in (".flac", ".ogg"):
        data = bytearray(encoded(tmp_path, suffix))
        middle = len(data) // 2
        data[middle : middle + 600] = random.Random(0).randbytes(600)
        refused(tmp_path / f"bad{suffix}", bytes(data))


def test_what_a_file_holds_counts_and_not_its_suffix(tmp_path):
    (document,) = read(write_wav(tmp_path / "really_wav.mp3", tone()))
    assert np.array_equal(document.content, tone())
    assert document.metadata["encoding"] == "WAV PCM_16"


def test_a_compressed_recording_is_unpacked(tmp_path):
    plain = write_wav(tmp_path / "a.wav", tone()).read_bytes()
    path = tmp_path / "b.wav.gz"
    path.write_bytes(gzip.compress(plain))
    (document,) = read(path)
    assert np.array_equal(document.content, tone())
    refused(path, gzip.compress(plain)[:-50])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_no_numbers_are_refused_with_their_place(tmp_path, value):
    samples = np.zeros(5000, np.float32)
    samples[4321] = value
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    error = refused(tmp_path / "a.wav", (tmp_path / "a.wav").read_bytes(), LexomeError)
    assert "sample 4,321" in error.where


def test_eight_hours_are_read_in_flat_memory(tmp_path):
    rate, path = 1000, tmp_path / "night.wav"
    write_wav(path, np.zeros(0, np.int16), rate)
    header, size = bytearray(path.read_bytes()), 8 * 3600 * rate * 2
    header[4:8], header[40:44] = (36 + size).to_bytes(4, "little"), size.to_bytes(4, "little")
    with path.open("wb") as file:
        file.write(header)
        file.truncate(44 + size)
    tracemalloc.start()
    seconds = sum(
        len(document.content) / rate
        for document in languages.get("sound", rate=rate, seconds=60.0).read(path)
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds == 8 * 3600
    assert peak < 8 << 20


def test_a_missing_package_names_the_extra(tmp_path, monkeypatch):
    path = write_wav(tmp_path / "a.wav", tone())
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    with pytest.raises(LexomeError, match="soundfile") as caught:
        read(path)
    assert "lexome[sound]" in caught.value.fix

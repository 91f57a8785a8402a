"""Recordings for the eye and the ear."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from PIL import Image
from sound_files import RATE, babble, tone

from lexome import languages
from lexome.languages.base import Document, Source
from lexome.languages.sound.rendering import sparkline
from lexome.languages.sound.spectrogram import _ticks, spectrogram_png


def test_a_recording_is_a_wav_a_spectrogram_and_two_lines():
    made = languages.get("sound", rate=RATE).render(Document(tone(), Source("x")))
    with wave.open(io.BytesIO(made.data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        assert file.readframes(9999) == tone().tobytes()
    first, bars = made.text.splitlines()
    assert first == "0.50 s at 8,000 Hz, RMS -13.8 dBFS, peak -10.5 dBFS"
    assert len(bars) == 60 and bars[0] in "▁▂▃▄▅" and bars[-1] == "█"
    (view,) = made.views
    picture = Image.open(io.BytesIO(view.data))
    assert (picture.format, picture.size) == ("PNG", (878, 316))


@pytest.mark.parametrize("count", [0, 1, 30])
def test_next_to_nothing_is_shown_too(count):
    content = tone()[:count]
    made = languages.get("sound", rate=RATE).render(Document(content, Source("x")))
    assert made.text.startswith("0.00 s") and made.views


def test_the_spectrogram_is_bright_where_the_sound_is():
    samples = tone(1, pitch=1000).astype(np.float32) / 32768
    pixels = np.asarray(Image.open(io.BytesIO(spectrogram_png(samples, RATE))).convert("L"))
    inside = pixels[16:268, 64:860].astype(float)
    brightest = inside.mean(axis=1).argmax()
    assert abs(1 - brightest / len(inside) - 0.25) < 0.02
    assert inside[brightest].mean() > 3 * inside[: len(inside) // 2].mean()


def test_the_sparkline_sinks_where_the_sound_does():
    loud, soft = babble(1), babble(1) // 64
    bars = sparkline(np.concatenate([loud, soft]).astype(np.float32) / 32768)
    assert max(bars[30:]) < max(bars[:30]) == "█"
    assert sparkline(np.zeros(0, np.float32)) == ""


def test_ticks_are_round_and_few():
    assert list(_ticks(0.43)) == [0, 0.1, 0.2, 0.3, 0.4]
    assert list(_ticks(4.0)) == [0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4]
    assert list(_ticks(60)) == [0, 10, 20, 30, 40, 50, 60]
    assert list(_ticks(0)) == []

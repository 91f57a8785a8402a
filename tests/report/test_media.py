"""What a page shows of a rendering: a picture once, even where a view enlarges it."""

from __future__ import annotations

from lexome.languages.base import Rendering, View
from lexome.report.gallery import media


def test_an_enlarged_view_stands_for_the_picture() -> None:
    large = View("large", b"large", "image/png", ".large.png")
    assert [one.name for one in media(Rendering("", b"x", "image/png", ".png", (large,)))] == [
        "large"
    ]
    assert [one.name for one in media(Rendering("", b"x", "image/png", ".png"))] == ["png"]


def test_sound_and_its_picture_are_both_shown_and_files_of_a_field_are_not() -> None:
    picture = View("spectrogram", b"p", "image/png", ".png")
    shown = media(Rendering("", b"x", "audio/wav", ".wav", (picture,)))
    assert [one.media_type for one in shown] == ["audio/wav", "image/png"]
    assert list(media(Rendering("", b"x", "audio/midi", ".mid"))) == []

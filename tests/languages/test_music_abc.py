"""ABC: tunes of a file, what is wrong with one, and the way to notes; MusicXML."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lexome import languages
from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.base import Document, Skipped, Source
from lexome.languages.music import conversion
from lexome.languages.music.abc_text import FreeText, Tune, has_notes, problem, tunes, without

REEL = "X:1\nT:The Test\nM:4/4\nL:1/8\nK:D\n|:DEFG A2d2|f2e2 d4:|\n"
HEADER = "X:1\nT:a\nK:C\n"


def read(path: Path, text: str | bytes, **options: str) -> list[Document | Skipped]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(languages.get("music", **options).read(path))


def test_the_header_of_a_file_goes_to_every_tune_that_does_not_say_it(tmp_path: Path) -> None:
    text = (
        "\ufeff%abc-2.1\r\nM:6/8\r\nL:1/8\r\n\r\nX:1\r\nT:One\r\nK:G\r\nGAB|\r\n\r\n"
        "Some words.\r\n\r\nX:2\r\nT:Two\r\nM:3/4\r\nK:D\r\nd2e|\r\n"
    )
    one, words, two = read(tmp_path / "a.abc", text, form="abc")
    assert isinstance(one, Document) and isinstance(two, Document)
    assert one.content == "X:1\nT:One\nM:6/8\nL:1/8\nK:G\nGAB|\n"
    assert two.content == "X:2\nT:Two\nM:3/4\nL:1/8\nK:D\nd2e|\n"
    assert one.metadata == {"fields of the file": "LM"}
    assert (two.source.record, two.source.line) == ("2", 12)
    assert isinstance(words, Skipped) and words.reason == "text of no tune"
    assert words.source.line == 10


def test_a_tune_ends_where_the_next_begins_without_an_empty_line() -> None:
    found = list(tunes("X:1\nK:C\nC\nX:2\nK:C\nD\n"))
    assert [tune.text for tune in found if isinstance(tune, Tune)] == [
        "X:1\nK:C\nC\n",
        "X:2\nK:C\nD\n",
    ]
    assert list(tunes("no tune\n")) == [FreeText(1, "no tune")]


@pytest.mark.parametrize(
    "line",
    [
        "C D/2 E3/4 F// ^g' __b,, =A,2 z4 Z2 x y|",
        "|: (3abc (3:2:4cdef [CEG]2 [C2E2] {/ag}f {vEFG}A2 :|",
        '"Am"A2 "^text | ] here"B !trill!c +fermata+d .e ~f Tg vA uB',
        "A>B c<<d A-A (AB) |1 C :|2 D |] || |[1 E [2 F :: G :|: .| [| c |]",
        "[M:3/4] [K:Am] A & B \\",
        "w: words * of ~ any | kind_",
        "% a comment ] with [ anything",
        "A B % and one behind",
        "V:2",
        "",
    ],
)
def test_lines_of_the_standard_are_music(line: str) -> None:
    assert problem(HEADER + "C\n" + line + "\n") is None


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("X:\nT:a\nK:C\nC\n", "X: must have a number", 0),
        ("X:1\nT:a\nC D E\n", "no key", 2),
        ("X:1\nT:a\nC D E\nK:C\n", "no field of a header", 2),
        (HEADER + "C D\nA B =\n", "column 5", 4),
        (HEADER + "C [EG\n", "column 3", 3),
        (HEADER + "{ab\n", "column 1", 3),
        (HEADER + '"Am C D\n', "column 1", 3),
        (HEADER + "C 2D\n", "column 3", 3),
        (HEADER + "C é\n", "column 3", 3),
    ],
)
def test_what_is_wrong_with_a_tune_is_said(text: str, message: str, line: int) -> None:
    found = problem(text)
    assert found is not None and message in found.what and found.line == line


def test_a_broken_tune_is_an_error_with_its_line_or_skipped(tmp_path: Path) -> None:
    text = REEL + "\n" + HEADER.replace("X:1", "X:7") + "C D\nA2 =\n\n" + HEADER + "z4|\n"
    path = tmp_path / "a.abc"
    with pytest.raises(LexomeError, match="column 4") as caught:
        read(path, text, form="abc")
    assert "a.abc" in str(caught.value.where) and "record '7', line 12" in str(caught.value.where)
    for form in ("abc", "score"):
        good, broken, silent = read(path, text, form=form, invalid="skip")
        assert isinstance(good, Document)
        assert isinstance(broken, Skipped) and broken.reason == "broken"
        assert isinstance(silent, Skipped) and silent.reason == "no notes"


def test_latin_1_is_read_and_said_and_nothing_is_read_from_nothing(tmp_path: Path) -> None:
    (tune,) = read(tmp_path / "a.abc", REEL.replace("Test", "Bär").encode("latin-1"), form="abc")
    assert isinstance(tune, Document) and "Bär" in tune.content
    assert tune.metadata == {"encoding": "iso-8859-1"}
    (empty,) = read(tmp_path / "b.abc", b"", form="abc")
    assert isinstance(empty, Skipped) and empty.reason == "empty"
    (other,) = read(tmp_path / "c.mid", b"MThd", form="abc")
    assert isinstance(other, Skipped) and other.reason == "not read as abc"


def test_fields_can_be_left_out(tmp_path: Path) -> None:
    text = REEL.replace("K:D", "N:a note\nZ:me\nK:D")
    (tune,) = read(tmp_path / "a.abc", text, form="abc", drop_fields="NZXK")
    assert isinstance(tune, Document) and tune.content == REEL
    assert without(text, "") == text
    # A part that ends is no field.
    assert without(HEADER + "B:|\nN:gone\n", "BN") == HEADER + "B:|\n"
    assert problem(HEADER + "B:|\n") is None and has_notes(HEADER + "B:|\n")


def test_bytes_are_the_unit_and_characters_stay_whole() -> None:
    music = languages.get("music", form="abc")
    document = Document("é" + REEL, Source("x"))
    assert music.units(document) == len(REEL) + 2
    assert music.cut(document, 1, 3).content == "éX"
    assert [baseline.name for baseline in music.baselines(None)][1] == "5-gram with backoff"  # type: ignore[arg-type]
    tokenizer = music.tokenizers()["characters"].train([REEL], None)
    (ids,) = tokenizer.encode([REEL])
    assert tokenizer.decode(ids) == REEL


def test_a_tune_becomes_the_notes_that_it_says(tmp_path: Path) -> None:
    (tune,) = read(tmp_path / "a.abc", REEL, form="score")
    assert isinstance(tune, Document)
    pitches = [62, 64, 66, 67, 69, 74, 78, 76, 74]
    assert tune.content.notes["pitch"].tolist() == pitches * 2
    quarters = tune.content.notes["start"] / tune.content.ticks
    expected = [0, 0.5, 1, 1.5, 2, 3, 4, 5, 6]
    assert quarters.tolist() == pytest.approx([*expected, *(8 + q for q in expected)], abs=0.01)


def test_a_tune_is_rendered_as_text_with_sound_and_a_broken_one_as_text_alone() -> None:
    music = languages.get("music", form="abc")
    whole = music.render(Document(REEL, Source("x")))
    assert whole.data == REEL.encode() and whole.suffix == ".abc"
    assert [view.suffix for view in whole.views] == [".mid", ".png", ".wav"]
    assert music.render(Document("X:1\nK:C\n[[[", Source("x"))).views == ()


@given(st.text(alphabet="ABCabc|:[]{}()\"!2/^=_,'~\n -KX%&", max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_judged(text: str) -> None:
    for tune in tunes("X:1\nK:C\n" + text):
        if isinstance(tune, Tune) and problem(tune.text) is None:
            has_notes(tune.text)


def test_without_abc2midi_notes_of_a_tune_are_an_error_and_text_is_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversion, "abc2midi", lambda: None)
    with pytest.raises(LexomeError, match="needs abc2midi") as caught:
        read(tmp_path / "a.abc", REEL)
    assert "lexome[music]" in str(caught.value.fix)
    (tune,) = read(tmp_path / "a.abc", REEL, form="abc")
    assert isinstance(tune, Document)
    assert languages.get("music", form="abc").render(tune).views == ()


SCORE_XML = """<?xml version="1.0"?><score-partwise version="3.1"><part-list>
<score-part id="P1"><part-name>Flute</part-name></score-part></part-list>
<part id="P1"><measure number="1"><attributes><divisions>2</divisions>
<time><beats>3</beats><beat-type>4</beat-type></time></attributes>
<note><pitch><step>G</step><octave>4</octave></pitch><duration>2</duration></note>
<note><rest/><duration>2</duration></note>
<note><pitch><step>F</step><alter>1</alter><octave>5</octave></pitch><duration>2</duration></note>
</measure></part></score-partwise>"""


def packed(**members: str | bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "/").replace("_", "."), data)
    return stream.getvalue()


CONTAINER = '<container><rootfiles><rootfile full-path="a.xml"/></rootfiles></container>'


@pytest.mark.parametrize("name", ["a.musicxml", "a.xml", "a.mxl", "b.mxl"])
def test_musicxml_is_read_plain_and_packed(tmp_path: Path, name: str) -> None:
    pytest.importorskip("music21")
    data = {
        "a.mxl": packed(**{"META-INF__container_xml": CONTAINER, "a_xml": SCORE_XML}),
        "b.mxl": packed(a_xml=SCORE_XML),
    }.get(name, SCORE_XML.encode())
    (piece,) = read(tmp_path / name, data)
    assert isinstance(piece, Document)
    starts = piece.content.notes["start"] / piece.content.ticks
    assert piece.content.notes["pitch"].tolist() == [67, 78]
    assert (starts[1] - starts[0], piece.content.signatures[0][1:]) == (2, (3, 4))


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.mxl", b"PK\x03\x04 no zip", "damaged"),
        ("a.mxl", packed(a_xml=SCORE_XML)[:-30], "damaged"),
        ("a.mxl", packed(picture_png=b"x"), "holds no score"),
        ("a.mxl", b"neither", "no MusicXML"),
        ("a.musicxml", b"<html></html>", "no MusicXML"),
        ("a.musicxml", SCORE_XML[:200].encode(), "music21 cannot read"),
    ],
)
def test_broken_musicxml_is_damaged(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    pytest.importorskip("music21")
    with pytest.raises(DamagedFileError, match=message):
        read(tmp_path / name, data)


def test_a_packed_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion, "LARGEST_FILE", 1 << 16)
    with pytest.raises(LexomeError, match="holds more than"):
        read(tmp_path / "a.mxl", packed(a_xml=bytes(1 << 20)))
    monkeypatch.setattr("lexome.languages.music.form.LARGEST_FILE", 100)
    with pytest.raises(LexomeError, match="holds more than"):
        read(tmp_path / "a.abc", REEL * 3, form="abc")

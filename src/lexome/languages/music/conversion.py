"""Formats that others' programs know best, turned into MIDI: ABC by abc2midi, MusicXML by music21.

abc2midi is a part of abcMIDI (https://abcmidi.sourceforge.io), which is under the GPL; the package
symusic brings a copy. It runs as a program of its own.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
import zipfile
from importlib.util import find_spec
from pathlib import Path

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.music.form import LARGEST_FILE

_SECONDS = 20
_INSTALL = "pip install 'lexome[music]'"
_CONTAINER = "META-INF/container.xml"


def abc_to_midi(text: str, where: str) -> bytes:
    """Return one tune as a MIDI file; one that abc2midi cannot read is a `LexomeError`."""
    program = abc2midi()
    if program is None:
        raise LexomeError("reading ABC as notes needs abc2midi", where=where, fix=_INSTALL)
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "tune.abc", Path(folder) / "tune.mid"
        source.write_text(text, encoding="utf-8")
        line = [str(program), str(source), "-o", str(made)]
        try:
            done = subprocess.run(
                line, capture_output=True, timeout=_SECONDS, check=False, cwd=folder
            )
        except subprocess.TimeoutExpired as error:
            raise _unreadable("it did not end", where) from error
        if not made.is_file() or not made.stat().st_size:
            said = done.stdout.decode("utf-8", "replace")
            wrong = [line for line in said.splitlines() if line.startswith("Error")]
            raise _unreadable(wrong[0] if wrong else "it wrote nothing", where)
        return made.read_bytes()


def can_read_abc() -> bool:
    """Return whether abc2midi is there."""
    return abc2midi() is not None


def musicxml_to_midi(data: bytes, where: str) -> bytes:
    """Return a MusicXML file, plain or packed (.mxl), as a MIDI file."""
    text = _unzipped(data, where) if data[:2] == b"PK" else data
    try:
        from music21 import converter, midi
    except ImportError as error:
        raise LexomeError(
            "reading MusicXML needs the package music21",
            where=where,
            fix="pip install 'lexome[musicxml]'",
        ) from error
    if b"<score-partwise" not in text and b"<score-timewise" not in text:
        raise DamagedFileError("this is no MusicXML", where=where, fix="export it again")
    try:
        score = converter.parseData(text, format="musicxml")
        made: bytes = midi.translate.streamToMidiFile(score).writestr()
    # music21 raises all kinds of errors where a file is broken.
    except Exception as error:
        raise DamagedFileError(
            f"music21 cannot read this MusicXML: {error}", where=where, fix="export it again"
        ) from error
    return made


def abc2midi() -> Path | None:
    """Return where the program is, on the path or in symusic; `None` if it is not there."""
    if found := shutil.which("abc2midi"):
        return Path(found)
    spec = find_spec("symusic")
    if spec is None or spec.origin is None:
        return None
    beside = Path(spec.origin).parent / "bin" / "abc2midi"
    return beside if beside.is_file() else None


def _unzipped(data: bytes, where: str) -> bytes:
    """Return the score in a .mxl file: the first root file that its container names."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            names = [info.filename for info in packed.infolist()]
            name = _root(_member(packed, _CONTAINER, where)) if _CONTAINER in names else None
            if name not in names:
                scores = [n for n in names if n.endswith((".xml", ".musicxml"))]
                name = next((n for n in scores if not n.startswith("META-INF/")), None)
            if name is None:
                raise DamagedFileError("it holds no score", where=where, fix="export it again")
            return _member(packed, name, where)
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise DamagedFileError(
            f"the .mxl file is damaged: {error}", where=where, fix="get the file again"
        ) from error


def _member(packed: zipfile.ZipFile, name: str, where: str) -> bytes:
    with packed.open(name) as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise LexomeError(
            f"{name} in it holds more than {LARGEST_FILE >> 20} MiB",
            where=where,
            fix="no score is so large: leave it out",
        )
    return data


def _root(container: bytes) -> str | None:
    _, found, rest = container.partition(b'full-path="')
    return rest.split(b'"')[0].decode("utf-8", "replace") if found else None


def _unreadable(what: str, where: str) -> LexomeError:
    return LexomeError(
        f"abc2midi cannot read the tune: {what}",
        where=where,
        fix="mend the tune, or choose --option invalid=skip",
    )

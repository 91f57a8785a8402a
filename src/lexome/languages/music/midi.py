"""Standard MIDI files, read and written (MIDI Association, "Standard MIDI Files 1.0", RP-001)."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.music.score import DEFAULT_TEMPO, Score, Track, ordered

DRUM_CHANNEL = 9
# What is longer than a day of music at any usual tempo holds a broken time.
LONGEST_QUARTERS = 200_000

_META, _SYSEX, _ESCAPE = 0xFF, 0xF0, 0xF7
_NAME, _END, _TEMPO, _SIGNATURE = 0x03, 0x2F, 0x51, 0x58
# Data bytes of channel messages by the upper half of the status byte.
_SIZES = {0x8: 2, 0x9: 2, 0xA: 2, 0xB: 2, 0xC: 1, 0xD: 1, 0xE: 2}


@dataclass
class _Found:
    """What the tracks of a file give, while they are read."""

    notes: list[tuple[int, int, int, int, int]] = field(default_factory=list)
    tracks: dict[tuple[int, int, int], int] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)
    tempos: dict[int, float] = field(default_factory=dict)
    signatures: dict[int, tuple[int, int]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


def read_midi(data: bytes, where: str) -> tuple[Score, Mapping[str, str]]:
    """Return the score of a file, and what was mended in it, counted.

    A track of the score is a track of the file with one channel and program. Notes of one pitch
    that overlap end in the order in which they began. `stuck notes` that never end are closed at
    the end of their track, `notes without length` last one tick, and `ends without a note` are
    left out. Raises `DamagedFileError`, with the byte, for what is no MIDI file or not whole, and
    `LexomeError` for format 2, whose tracks are pieces of their own.
    """
    kind, division, chunks = _header(data, where)
    if kind == 2:
        raise LexomeError(
            "the file holds independent patterns (MIDI format 2)",
            where=where,
            fix="save it as format 0 or 1 in the program that it comes from",
        )
    found = _Found()
    for number, (start, stop) in enumerate(chunks):
        _TrackReader(data, start, stop, where, number, found).read()
    timed = division < 0x8000
    # Time code counts seconds: two quarter notes at 120 a minute.
    frames, subframes = 256 - (division >> 8), division & 0xFF
    ticks = division if timed else max(frames * subframes // 2, 1)
    tempos = found.tempos if timed else {0: DEFAULT_TEMPO}
    tracks = tuple(
        Track(program, channel == DRUM_CHANNEL, found.names.get(number, ""))
        for number, channel, program in found.tracks
    )
    signatures = tuple((tick, *found.signatures[tick]) for tick in sorted(found.signatures))
    score = Score(ordered(found.notes), tracks, ticks, tuple(sorted(tempos.items())), signatures)
    if score.end > LONGEST_QUARTERS * ticks:
        raise LexomeError(
            f"the last note ends after {score.end // ticks:,} quarter notes",
            where=where,
            fix="mend its times: no piece is so long",
        )
    return score, {what: str(count) for what, count in found.counts.items()}


def write_midi(score: Score) -> bytes:
    """Return a file of format 1: the tempos and signatures, then a track for each of the score's.

    Fifteen channels are given out in turn, the tenth to drums.
    """
    changes = [(tick, _meta(_TEMPO, _microseconds(tempo))) for tick, tempo in score.tempos]
    for tick, numerator, denominator in score.signatures:
        power = max(denominator.bit_length() - 1, 0)
        changes.append((tick, _meta(_SIGNATURE, bytes([min(numerator, 255), power, 24, 8]))))
    chunks = [_track_chunk(sorted(changes, key=lambda change: change[0]))]
    melodic = 0
    for number, track in enumerate(score.tracks):
        channel = DRUM_CHANNEL
        if not track.drums:
            channel = melodic % 15 + (melodic % 15 >= DRUM_CHANNEL)
            melodic += 1
        chunks.append(_track_chunk(_events(score, number, track, channel)))
    header = struct.pack(">4sIHHH", b"MThd", 6, 1, len(chunks), min(score.ticks, 0x7FFF))
    return header + b"".join(chunks)


def _header(data: bytes, where: str) -> tuple[int, int, list[tuple[int, int]]]:
    """Return format, division, and where each track's events start and stop."""
    if data[:4] != b"MThd" or len(data) < 14:
        raise _damaged("the file does not begin like a MIDI file", where, 0)
    size, kind, tracks, division = struct.unpack(">IHHH", data[4:14])
    ticks = division if division < 0x8000 else (division & 0xFF) * (256 - (division >> 8))
    if size < 6 or kind > 2 or not ticks:
        raise _damaged("the header of the MIDI file makes no sense", where, 4)
    place, chunks = 8 + size, list[tuple[int, int]]()
    while len(chunks) < tracks:
        if place + 8 > len(data):
            raise _damaged(f"there are {len(chunks)} tracks of {tracks}", where, len(data))
        name, size = struct.unpack(">4sI", data[place : place + 8])
        if place + 8 + size > len(data):
            raise _damaged("the file ends in the middle of a track", where, len(data))
        if name == b"MTrk":
            chunks.append((place + 8, place + 8 + size))
        place += 8 + size
    return kind, division, chunks


class _TrackReader:
    """Reads the events of one track."""

    def __init__(
        self, data: bytes, start: int, stop: int, where: str, number: int, found: _Found
    ) -> None:
        self._data, self._place, self._stop = data, start, stop
        self._where, self._number, self._found = where, number, found
        self._tick = self._status = 0
        self._programs = [0] * 16
        self._open: dict[tuple[int, int], deque[tuple[int, int, int]]] = defaultdict(deque)

    def read(self) -> None:
        """Read all events, and close the notes that are still open."""
        while self._place < self._stop:
            self._tick += self._number_of_bytes()
            status = self._take(1)[0]
            if status < 0x80:
                if not self._status:
                    raise self._broken("data bytes without a status")
                self._place -= 1
                status = self._status
            if status == _META:
                if self._meta() == _END:
                    break
            elif status in (_SYSEX, _ESCAPE):
                self._take(self._number_of_bytes())
            elif status > _SYSEX:
                raise self._broken(f"the status 0x{status:02X} has no place in a file")
            else:
                self._status = status
                self._message(status, self._take(_SIZES[status >> 4]))
        for (_, pitch), begun in self._open.items():
            for start, velocity, track in begun:
                self._found.counts["stuck notes"] += 1
                self._add(start, pitch, velocity, track)

    def _message(self, status: int, values: bytes) -> None:
        kind, channel = status >> 4, status & 15
        if any(value > 127 for value in values):
            raise self._broken("a data byte is larger than 127")
        if kind == 0xC:
            self._programs[channel] = values[0]
        elif kind == 0x9 and values[1]:
            key = (self._number, channel, self._programs[channel])
            track = self._found.tracks.setdefault(key, len(self._found.tracks))
            self._open[channel, values[0]].append((self._tick, values[1], track))
        elif kind in (0x8, 0x9):
            if begun := self._open[channel, values[0]]:
                start, velocity, track = begun.popleft()
                self._add(start, values[0], velocity, track)
            else:
                self._found.counts["ends without a note"] += 1

    def _add(self, start: int, pitch: int, velocity: int, track: int) -> None:
        if self._tick == start:
            self._found.counts["notes without length"] += 1
        self._found.notes.append((start, max(self._tick - start, 1), pitch, velocity, track))

    def _meta(self) -> int:
        kind = self._take(1)[0]
        values = self._take(self._number_of_bytes())
        if kind == _TEMPO and len(values) == 3 and any(values):
            self._found.tempos[self._tick] = 60e6 / int.from_bytes(values)
        elif kind == _SIGNATURE and len(values) >= 2 and values[0] and values[1] < 8:
            self._found.signatures[self._tick] = (values[0], 1 << values[1])
        elif kind == _NAME:
            name = values.decode("utf-8", "replace").replace("\0", "").strip()
            self._found.names.setdefault(self._number, name)
        return kind

    def _number_of_bytes(self) -> int:
        """Read a number of seven bits a byte, four bytes at most."""
        number = 0
        for _ in range(4):
            byte = self._take(1)[0]
            number = number << 7 | byte & 0x7F
            if byte < 0x80:
                return number
        raise self._broken("a number has more than four bytes")

    def _take(self, size: int) -> bytes:
        if self._place + size > self._stop:
            raise self._broken("the track ends in the middle of an event")
        self._place += size
        return self._data[self._place - size : self._place]

    def _broken(self, what: str) -> DamagedFileError:
        return _damaged(f"{what} (track {self._number + 1})", self._where, self._place)


def _events(score: Score, number: int, track: Track, channel: int) -> Iterator[tuple[int, bytes]]:
    """Yield the events of a track by their ticks; a note ends before the next one begins."""
    if track.name:
        yield 0, _meta(_NAME, track.name.encode("utf-8"))
    yield 0, bytes([0xC0 | channel, track.program])
    notes = score.notes[score.notes["track"] == number]
    events: list[tuple[int, int, bytes]] = []
    for start, duration, pitch, velocity, _ in notes.tolist():
        events.append((start, 1, bytes([0x90 | channel, pitch, min(max(velocity, 1), 127)])))
        events.append((start + duration, 0, bytes([0x80 | channel, pitch, 0])))
    for tick, _, message in sorted(events, key=lambda event: event[:2]):
        yield tick, message


def _track_chunk(events: Iterable[tuple[int, bytes]]) -> bytes:
    parts, before = [], 0
    for tick, message in events:
        parts += [_variable(tick - before), message]
        before = tick
    body = b"".join(parts) + b"\0" + _meta(_END, b"")
    return struct.pack(">4sI", b"MTrk", len(body)) + body


def _meta(kind: int, values: bytes) -> bytes:
    return bytes([_META, kind]) + _variable(len(values)) + values


def _variable(number: int) -> bytes:
    digits = [number & 0x7F]
    while number := number >> 7:
        digits.append(number & 0x7F | 0x80)
    return bytes(reversed(digits))


def _microseconds(tempo: float) -> bytes:
    return min(max(round(60e6 / tempo), 1), 0xFFFFFF).to_bytes(3)


def _damaged(what: str, where: str, place: int) -> DamagedFileError:
    return DamagedFileError(what, where=f"{where}, byte {place}", fix="get the file again")

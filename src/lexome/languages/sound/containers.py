"""What a sound file says of its own length, to tell a whole file from a part of one."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from lexome.errors import DamagedFileError
from lexome.languages.compression import open_bytes

# Written in place of a size by programs that write to a pipe.
_UNKNOWN_SIZES = (0, 0x7FFFFFFF, 0x7FFFFFFF + 0x24, 0xFFFFFFFF)
# A header may count the silence of a frame or two that decoders leave out.
_MPEG_FRAMES = 2 * 1152
_PAGE = b"OggS"
_END_OF_STREAM = 4
_TAIL = 1 << 17


def check_whole(path: Path, file: Any, read: int) -> None:
    """Raise `DamagedFileError` where a sound file holds less than it says.

    `file` is the open `soundfile.SoundFile`, `read` counts the samples of a channel that came.
    """
    tolerance = _MPEG_FRAMES if file.format == "MP3" else 0
    missing = file.frames - tolerance > read
    with open_bytes(path) as stream:
        if stream.seekable() and file.format.startswith("WAV"):
            missing |= _riff_is_cut(stream)
        elif stream.seekable() and file.format == "OGG":
            # Opus counts at 48 kHz, whatever the rate (RFC 7845, section 4).
            missing |= _ogg_is_cut(stream, read * (48_000 / file.samplerate) ** _is_opus(file))
    if missing:
        raise DamagedFileError(
            "the file ends before the sound does",
            where=f"{path}, after sample {read:,}",
            fix="get the file again, or write what is left of it anew with an audio editor",
        )


def _riff_is_cut(stream: BinaryIO) -> bool:
    """Return whether a chunk reaches beyond the file (Microsoft, Multimedia Programming
    Interface and Data Specifications 1.0, 1991); the order of bytes is that of RIFF or RIFX.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    head = stream.read(12)
    order = ">" if head[:4] == b"RIFX" else "<"
    while len(chunk := stream.read(8)) == 8:
        (length,) = struct.unpack(order + "I", chunk[4:])
        if chunk[:4] == b"data":
            return length not in _UNKNOWN_SIZES and stream.tell() + length > size
        stream.seek(length + length % 2, os.SEEK_CUR)
    return False


def _ogg_is_cut(stream: BinaryIO, read: float) -> bool:
    """Return whether the last page is not whole, is not marked as the last, or counts more samples.

    A stream may be a part of a longer one, so that its first page does not count from 0
    (RFC 3533, section 6).
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    begins = [page.samples for page in _pages(stream.read(_TAIL)) if page.samples > 0]
    stream.seek(max(0, size - _TAIL))
    pages = _pages(stream.read())
    if not begins or not pages or not pages[-1].flags & _END_OF_STREAM or not pages[-1].whole:
        return True
    return len(begins) > 1 and pages[-1].samples - begins[0] > read


class _Page(NamedTuple):
    """A page: its flags, the samples up to its end, and whether all of it is there."""

    flags: int
    samples: int
    whole: bool


def _pages(data: bytes) -> list[_Page]:
    """Return the pages that begin in `data`."""
    found = []
    for place in (match.start() for match in re.finditer(_PAGE, data)):
        header = data[place : place + 27]
        if len(header) == 27:
            flags, samples = struct.unpack_from("<Bq", header, 5)
            segments = data[place + 27 : place + 27 + header[26]]
            end = place + 27 + header[26] + sum(segments)
            found.append(_Page(flags, samples, end <= len(data)))
    return found


def _is_opus(file: Any) -> bool:
    return bool(file.subtype == "OPUS")

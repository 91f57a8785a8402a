"""What a sound file says of its own length, to tell a whole file from a part of one."""

from __future__ import annotations

import os
import re
import struct
from pathlib import Path
from typing import Any, BinaryIO

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
    """Return whether the last page does not say that it is the last, or counts more samples.

    A stream may be a part of a longer one, so that its first page does not count from 0
    (RFC 3533, section 6).
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    begins = [granule for _, granule in _pages(stream.read(_TAIL)) if granule > 0]
    stream.seek(max(0, size - _TAIL))
    pages = _pages(stream.read())
    if not begins or not pages or not pages[-1][0] & _END_OF_STREAM:
        return True
    return len(begins) > 1 and pages[-1][1] - begins[0] > read


def _pages(data: bytes) -> list[tuple[int, int]]:
    """Return the flags and the count of samples of each page that begins in `data`."""
    places = [found.start() for found in re.finditer(_PAGE, data)]
    return [
        struct.unpack_from("<Bq", data, place + 5) for place in places if place + 14 < len(data)
    ]


def _is_opus(file: Any) -> bool:
    return bool(file.subtype == "OPUS")

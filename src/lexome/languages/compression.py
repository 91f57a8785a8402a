"""The bytes of a file, plain or compressed, as a stream; damage is an error that names the place.

The decompressors are driven by hand because the ready-made readers end without a word where
a zstd frame is cut short, and where foreign bytes follow an xz or bzip2 stream.
"""

from __future__ import annotations

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from lexome.errors import DamagedFileError, LexomeError
from lexome.files import naming

_READ = 1 << 16
_LIMIT = 1 << 20
# A zstd block of 4 bytes can stand for 128 KiB, and its decoder takes no limit on the output.
_ZSTD_READ = 1 << 11
# The empty block with which every whole BGZF file ends (SAM specification, section 4.1.2).
_BGZF_END = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Gzip:
    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and not self._inner.eof:
            yield self._inner.decompress(data, _LIMIT)
            data = self._inner.unconsumed_tail


class _Buffered:
    """xz and bzip2: the decoder itself keeps the input that it has no room to decode yet."""

    def __init__(self, inner: lzma.LZMADecompressor | bz2.BZ2Decompressor) -> None:
        self._inner = inner

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._inner.decompress(data, _LIMIT)
        while not self._inner.eof and not self._inner.needs_input:
            yield self._inner.decompress(b"", _LIMIT)


class _Zstd:
    def __init__(self) -> None:
        import zstandard

        self._error = zstandard.ZstdError
        self._inner = zstandard.ZstdDecompressor().decompressobj()
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + self._rest

    def feed(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), _ZSTD_READ):
            try:
                content = self._inner.decompress(data[start : start + _ZSTD_READ])
            except self._error as error:
                raise OSError(str(error)) from error
            yield content
            if self._inner.eof:
                self._rest = data[start + _ZSTD_READ :]
                return


@dataclass(frozen=True)
class _Codec:
    name: str
    suffixes: tuple[str, ...]
    magics: tuple[bytes, ...]
    decoder: Callable[[], _Decoder]
    padding: bytes = b""


_CODECS = (
    _Codec("gzip", (".gz", ".bgz"), (b"\x1f\x8b",), _Gzip, padding=b"\0"),
    _Codec("zstd", (".zst",), (b"\x28\xb5\x2f\xfd",), _Zstd),
    _Codec(
        "xz",
        (".xz",),
        (b"\xfd7zXZ\0",),
        lambda: _Buffered(lzma.LZMADecompressor(lzma.FORMAT_XZ)),
        padding=b"\0",
    ),
    _Codec(
        "bzip2",
        (".bz2",),
        # A block, or the end mark of an empty stream, follows the level: "BZh" alone is text too.
        tuple(
            b"BZh%d" % level + mark
            for level in range(1, 10)
            for mark in (b"1AY&SY", b"\x17rE8P\x90")
        ),
        lambda: _Buffered(bz2.BZ2Decompressor()),
    ),
)
COMPRESSED_SUFFIXES = tuple(suffix for codec in _CODECS for suffix in codec.suffixes)
_ERRORS = (zlib.error, lzma.LZMAError, OSError, EOFError)


@contextmanager
def open_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading its content; gzip (BGZF too), zstd, xz and bzip2 are unpacked.

    Compression is found by the first bytes; a suffix that promises another kind is an error.
    Several compressed streams in one file follow each other. Memory is flat. Truncated or
    corrupt data raise `DamagedFileError` with the place, on opening or while reading.
    """
    with naming(path), path.open("rb") as raw:
        codec = _codec(path, raw)
        if codec is None:
            yield raw
        else:
            with io.BufferedReader(_Unpacked(_unpack(path, raw, codec)), _LIMIT) as unpacked:
                yield unpacked


def _codec(path: Path, raw: BinaryIO) -> _Codec | None:
    head = raw.read(16)
    raw.seek(0)
    if not head:
        return None
    found = next((codec for codec in _CODECS if head.startswith(codec.magics)), None)
    suffix = path.suffix.lower()
    promised = next((codec for codec in _CODECS if suffix in codec.suffixes), None)
    if promised is None or found is promised:
        return found
    # A zstd file may open with a skippable frame (RFC 8878, section 3.1.2).
    if promised.name == "zstd" and head[1:4] == b"\x2a\x4d\x18" and head[0] >> 4 == 5:
        return promised
    raise DamagedFileError(
        f"the name promises {promised.name}, but the file does not begin like {promised.name} data",
        where=f"{path}, byte 0",
        fix=f"rename it to end in {found.suffixes[0]}"
        if found
        else f"get the file again, or drop {suffix} from its name if it is not compressed",
    )


def _unpack(path: Path, raw: BinaryIO, codec: _Codec) -> Iterator[bytes]:
    size = 0
    try:
        if codec.name == "gzip":
            _check_bgzf_end(path, raw)
        data = raw.read(_READ)
        while data:
            decoder = _decoder(path, codec)
            while not decoder.eof:
                if not data:
                    raise EOFError("the file ends in the middle of the data")
                for piece in decoder.feed(data):
                    size += len(piece)
                    yield piece
                data = b"" if decoder.eof else raw.read(_READ)
            data = _next_stream(raw, decoder.unused_data, codec.padding)
    except _ERRORS as error:
        raise DamagedFileError(
            f"the {codec.name} data are damaged: {error}",
            where=f"{path}, near byte {raw.tell()}, after {size} bytes of content",
            fix="get the file again, or unpack it by hand and keep what can be saved",
        ) from error


def _decoder(path: Path, codec: _Codec) -> _Decoder:
    try:
        return codec.decoder()
    except ImportError as error:
        raise LexomeError(
            f"reading {codec.name} files needs the package {error.name}",
            where=str(path),
            fix='install it with `pip install "lexome[text]"`, or unpack the file',
        ) from error


def _next_stream(raw: BinaryIO, data: bytes, padding: bytes) -> bytes:
    data = data.lstrip(padding) if padding else data
    while not data and (more := raw.read(_READ)):
        data = more.lstrip(padding) if padding else more
    return data


def _check_bgzf_end(path: Path, raw: BinaryIO) -> None:
    head = raw.read(16)
    is_bgzf = head[3:4] == b"\x04" and head[12:16] == b"BC\x02\0"
    if is_bgzf:
        size = raw.seek(0, io.SEEK_END)
        raw.seek(max(0, size - len(_BGZF_END)))
        if raw.read() != _BGZF_END:
            raise DamagedFileError(
                "the bgzip file has no end mark, so a part of it is missing",
                where=f"{path}, byte {size}",
                fix="get the file again; if it is whole, pack it again with bgzip",
            )
    raw.seek(0)


class _Unpacked(io.RawIOBase):
    """A raw stream over pieces of bytes."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = memoryview(piece)
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

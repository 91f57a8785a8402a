"""From the bytes of a file to text: encodings detected or named, invalid bytes, line ends."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from lexome.errors import LexomeError

Invalid = Literal["error", "replace", "skip"]
Newlines = Literal["unix", "keep"]

_CHUNK = 1 << 20
# UTF-32 stands first: its little-endian mark begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_GUESS_SAMPLE = 1 << 15
# Fewer stray bytes than this are damage to a UTF-8 file, not a sign of another encoding.
_GUESS_EVIDENCE = 5
# How near to the best guess another one is when nobody should choose between the two. A Russian
# sentence that was taken for KOI8-R had no chaos in either, and coherences of 0.545 and 0.5.
_CLOSE_CHAOS = 0.005
_CLOSE_COHERENCE = 0.06
_ESCAPED = re.compile("[\udc80-\udcff]")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_UNTEXT = re.compile("[\0\ud800-\udfff]")
_ESCAPE = "lexome.escape"


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Return lone surrogates for bytes that do not decode, and where to go on.

    As `surrogateescape`, which knows no surrogate for an ASCII byte: half a unit of UTF-16.
    """
    if not isinstance(error, UnicodeDecodeError):
        raise error
    stop = error.start + 1
    # An ASCII byte behind the first is a character of its own, except where units are wider.
    wide = error.encoding.startswith(("utf-16", "utf-32"))
    while stop < error.end and (wide or error.object[stop] >= 0x80):
        stop += 1
    return "".join(chr(0xDC00 + byte) for byte in error.object[error.start : stop]), stop


codecs.register_error(_ESCAPE, _escaped)


def is_encoding(name: str) -> bool:
    """Return whether Python knows a text encoding of this name."""
    try:
        return codecs.lookup(name)._is_text_encoding
    except LookupError:
        return False


def is_broken(text: str) -> bool:
    """Return whether the text holds NUL characters or surrogates, which stand for bad bytes."""
    if "\0" in text or text.isascii():
        return "\0" in text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def mended(text: str) -> tuple[str, int]:
    """Return the text with U+FFFD for each bad byte or character, and how many those were."""
    return _UNTEXT.subn("\ufffd", text)


@dataclass
class DecodedText:
    """The text of one open file, as an iterable of strings of about a megabyte.

    `encoding` is None for detection: a byte order mark; else UTF-8; else, where the first
    megabyte cannot be UTF-8, what charset-normalizer finds. `facts` says what was done beyond
    reading plain UTF-8. With `invalid="error"`, bytes that do not decode and NUL bytes raise
    `LexomeError` with offset and line; else they come as single lone surrogates and NULs, for
    the caller to find with `is_broken`. With `newlines="unix"`, CRLF and CR become LF and are
    counted in `converted`.
    """

    path: Path
    stream: BinaryIO
    encoding: str | None = None
    invalid: Invalid = "error"
    newlines: Newlines = "unix"
    converted: int = 0
    facts: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[str]:
        held = ""
        for text in self._decode():
            if self.newlines == "keep":
                yield text
                continue
            text = held + text
            # A CR at the end may be the first half of a CRLF: it waits for the next piece.
            held = "\r" if text.endswith("\r") else ""
            yield self._unix(text.removesuffix("\r") if held else text)
        if held:
            yield self._unix(held)

    def _unix(self, text: str) -> str:
        if count := text.count("\r"):
            self.converted += count
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text

    def _decode(self) -> Iterator[str]:
        chunk = self.stream.read(_CHUNK)
        encoding, mark = self._resolve(chunk)
        errors = "strict" if self.invalid == "error" else _ESCAPE
        decoder = codecs.getincrementaldecoder(encoding)(errors)
        chunk, fed, line, first = chunk[mark:], mark, 1, True
        while chunk or first:
            first = False
            following = self.stream.read(_CHUNK) if chunk else b""
            start = fed - len(decoder.getstate()[0])
            fed += len(chunk)
            try:
                text = decoder.decode(chunk, final=not following)
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(encoding, "replace")
                raise self._refusal(
                    f"the bytes {error.object[error.start : error.end][:4].hex(' ')} are not "
                    f"valid {encoding}",
                    fed - len(error.object) + error.start,
                    line + good.count("\n"),
                ) from error
            if self.invalid == "error" and "\0" in text:
                good = text[: text.index("\0")]
                raise self._refusal(
                    "there is a NUL byte, so this does not look like text",
                    start + len(good.encode(encoding)),
                    line + good.count("\n"),
                )
            line += text.count("\n")
            yield text
            chunk = following

    def _resolve(self, sample: bytes) -> tuple[str, int]:
        """Return the encoding and the size of the byte order mark."""
        if self.encoding is not None:
            name = codecs.lookup(self.encoding).name
            if name == "utf-8":
                return name, len(codecs.BOM_UTF8) if sample.startswith(codecs.BOM_UTF8) else 0
            self.facts["encoding"] = f"{name} (named)"
            return name, 0
        for mark, name in _BYTE_ORDER_MARKS:
            if sample.startswith(mark):
                self.facts["encoding"] = f"{name} (byte order mark)"
                return name, len(mark)
        try:
            guessed = guess(sample)
        except ImportError as error:
            raise LexomeError(
                "this is not UTF-8, and guessing the encoding needs the package charset-normalizer",
                where=str(self.path),
                fix="name the encoding (--option encoding=cp1252, say), or install it with "
                '`pip install "lexome[text]"`',
            ) from error
        if len(guessed) > 1:
            raise LexomeError(
                f"this is not UTF-8, and it may be {' or '.join(guessed)}",
                where=str(self.path),
                fix=f"name the encoding: --option encoding={guessed[0]}, say",
            )
        if guessed:
            self.facts["encoding"] = f"{guessed[0]} (guessed)"
            return guessed[0], 0
        return "utf-8", 0

    def _refusal(self, what: str, offset: int, line: int) -> LexomeError:
        return LexomeError(
            what,
            where=f"{self.path}, byte {offset}, line {line}",
            fix="name the encoding (--option encoding=cp1252, say), or choose "
            "--option invalid=replace or --option invalid=skip; or check that this is a text file",
        )


def guess(sample: bytes) -> list[str]:
    """Return the encoding that the bytes seem to have, or none for UTF-8, damaged or not.

    Two or more are equally likely and give different texts. A guess needs evidence: some bytes
    that UTF-8 does not allow, more of them than of valid multi-byte characters, and a decoding
    without control characters. Raises `ImportError` where charset-normalizer is needed and missing.
    """
    try:
        codecs.utf_8_decode(sample, "strict", False)
        return []
    except UnicodeDecodeError:
        pass
    text = sample.decode("utf-8", "surrogateescape")
    strange = len(_ESCAPED.findall(text))
    characters = sum(not character.isascii() for character in text) - strange
    if b"\0" in sample or strange < _GUESS_EVIDENCE or characters > strange:
        return []
    import charset_normalizer

    begin = max(0, re.search(rb"[\x80-\xff]", sample).start() - 1024)  # type: ignore[union-attr]
    part = sample[begin : begin + _GUESS_SAMPLE]
    matches = charset_normalizer.from_bytes(part)
    best = matches.best()
    if best is None or _CONTROL.search(str(best)):
        return []
    rivals = [
        match
        for match in matches
        if match.chaos - best.chaos < _CLOSE_CHAOS
        and best.coherence - match.coherence < _CLOSE_COHERENCE
        and str(match) != str(best)
    ]
    return [codecs.lookup(match.encoding).name for match in (best, *rivals)]

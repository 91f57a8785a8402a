"""Content to token ids: by array arithmetic where a spelling allows it, else by `tokenizers`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tokenizers

from lexome.errors import LexomeError
from lexome.languages.base import Ids
from lexome.languages.tokenizers.vocabulary import FIRST, Spelling

# Symbols of closed alphabets are cut into pieces of this length before BPE merges them, counted
# from the start of the content. Published DNA models do the same with windows of their corpus:
# merges inside a bounded piece cost a bounded time, and 1 token in some 30 meets a cut.
PIECE = 128

# A content is encoded in blocks of about this many characters, a group of blocks at a time:
# `tokenizers` keeps some 100 bytes for each token until a call returns.
BLOCK = 1 << 16
GROUP = 1 << 22

# Text may be cut at the end of one of these and nowhere else without changing its pieces, see
# `bpe.PATTERN`: a line break that a visible character follows, or a letter that a blank, one of
# these marks or a digit follows. No piece crosses such a place or looks across it.
_CUT = re.compile(r"\n(?=\S)|[^\W\d_](?=[ .,;:!?、。，！？])|[A-Za-z](?=[0-9])")  # noqa: RUF001


class Encoder(Protocol):
    """Turns contents into ids; the ids are those of the tokenizer's tokenizer.json."""

    def encode(self, contents: Sequence[str]) -> list[Ids]: ...


def make_encoder(
    spelling: Spelling, names: Mapping[str, int], backend: tokenizers.Tokenizer
) -> Encoder:
    """Return the fastest encoder for a spelling."""
    dtype = np.dtype(np.uint16 if len(names) <= 1 << 16 else np.uint32)
    match spelling.kind:
        case "bytes":
            return ByteEncoder(dtype)
        case "characters":
            return CharacterEncoder(names, dtype)
        case "symbols":
            return SymbolEncoder(spelling, names, dtype)
        case "kmer":
            return KmerEncoder(spelling, names, dtype)
        case "bpe":
            return MergeEncoder(spelling, backend, dtype)
        case _:
            raise LexomeError(f"there is no tokenizer kind {spelling.kind!r}")


def utf8(content: str) -> bytes:
    """Return `content` in UTF-8; a lone surrogate, which UTF-8 cannot hold, is an error."""
    try:
        return content.encode("utf-8")
    except UnicodeEncodeError as error:
        raise LexomeError(
            f"the text holds a lone surrogate (U+{ord(content[error.start]):04X}), "
            "which is no character",
            where=f"character {error.start}",
            fix="decode the file with the encoding that it was written in",
        ) from error


def symbols(content: str, alphabet: str) -> npt.NDArray[np.uint8]:
    """Return the ASCII codes of `content`; a symbol outside the alphabet is an error naming it."""
    if content.isascii():
        data = content.encode("ascii")
        strange = data.translate(None, alphabet.encode("ascii"))[:1].decode("ascii")
    else:
        strange = next(symbol for symbol in content if symbol not in alphabet)
    if strange:
        raise LexomeError(
            f"the symbol {strange!r} is not in the alphabet {alphabet}",
            where=f"symbol {content.index(strange) + 1} of the content",
            fix="remove or replace the symbol, or choose a tokenizer whose alphabet has it",
        )
    return np.frombuffer(data, dtype=np.uint8)


class ByteEncoder:
    """One token for each UTF-8 byte."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype

    def encode(self, contents: Sequence[str]) -> list[Ids]:
        return [
            np.frombuffer(utf8(content), np.uint8).astype(self._dtype) + self._dtype.type(FIRST)
            for content in contents
        ]


class CharacterEncoder:
    """One token for each known character, and one for each byte of an unknown one."""

    def __init__(self, names: Mapping[str, int], dtype: np.dtype[Any]) -> None:
        self._table = np.zeros(0x110000, dtype)
        for name, index in names.items():
            if len(name) == 1:
                self._table[ord(name)] = index
        self._first_byte = dtype.type(names["<0x00>"])

    def encode(self, contents: Sequence[str]) -> list[Ids]:
        return [self._encode(content) for content in contents]

    def _encode(self, content: str) -> Ids:
        utf8(content)
        codes = np.frombuffer(content.encode("utf-32-le"), np.uint32)
        ids = self._table[codes]
        unknown = ids == 0
        if not unknown.any():
            return ids
        lengths = 1 + (codes > 0x7F).astype(np.int64) + (codes > 0x7FF) + (codes > 0xFFFF)
        lengths[~unknown] = 1
        ids = np.repeat(ids, lengths)
        strange = codes[unknown].tobytes().decode("utf-32-le").encode("utf-8")
        ids[np.repeat(unknown, lengths)] = (
            np.frombuffer(strange, np.uint8).astype(ids.dtype) + self._first_byte
        )
        return ids


class SymbolEncoder:
    """One token for each symbol of a closed alphabet."""

    def __init__(self, spelling: Spelling, names: Mapping[str, int], dtype: np.dtype[Any]) -> None:
        assert spelling.alphabet is not None
        self._alphabet = spelling.alphabet
        self._table = np.zeros(128, dtype)
        for symbol in self._alphabet:
            self._table[ord(symbol)] = names[symbol]

    def encode(self, contents: Sequence[str]) -> list[Ids]:
        return [self._table[symbols(content, self._alphabet)] for content in contents]


_BETWEEN = np.zeros(1, np.uint8)


class KmerEncoder:
    """k-mers every `stride` symbols along each run of core symbols, single symbols elsewhere.

    Within a run, a token ends after every `stride` symbols and stands for the last k symbols of
    the run up to there, fewer near its start. The symbols that are left at the end of the run,
    fewer than `stride`, and those outside the core are single tokens. With stride = k these are
    the ordinary k-mers that do not overlap.
    """

    def __init__(self, spelling: Spelling, names: Mapping[str, int], dtype: np.dtype[Any]) -> None:
        assert spelling.alphabet is not None
        self._alphabet, self._base = spelling.alphabet, len(spelling.core)
        self._k, self._stride, self._dtype = spelling.k, spelling.stride, dtype
        self._digits = np.full(128, 255, np.uint8)
        self._singles = np.zeros(128, dtype)
        for symbol in self._alphabet:
            self._singles[ord(symbol)] = names[symbol]
        for digit, symbol in enumerate(spelling.core):
            self._digits[ord(symbol)] = digit
        # The ids of the strings of one length follow each other in the order of their digits.
        self._first = np.zeros(self._k + 1, np.int64)
        for length in (1, *range(self._stride, self._k, self._stride), self._k):
            self._first[length] = names[spelling.core[0] * length]

    def encode(self, contents: Sequence[str]) -> list[Ids]:
        # Many short contents cost as little as one long one when they are encoded in a row. The
        # code 0 between them is no symbol: it breaks runs, and its id is that of no content.
        result: list[Ids] = []
        row: list[npt.NDArray[np.uint8]] = []
        size = 0
        for content in contents:
            row += [symbols(content, self._alphabet), _BETWEEN]
            size += len(content) + 1
            if size >= GROUP:
                result += self._encode(np.concatenate(row))
                row, size = [], 0
        return result + self._encode(np.concatenate(row)) if row else result

    def _encode(self, codes: npt.NDArray[np.uint8]) -> list[Ids]:
        ids = self._ids(codes)
        stops = np.flatnonzero(ids == 0).tolist()
        starts = [0, *(stop + 1 for stop in stops)]
        return [ids[start:stop] for start, stop in zip(starts, stops, strict=False)]

    def _ids(self, codes: npt.NDArray[np.uint8]) -> Ids:
        digits = self._digits[codes]
        core = digits != 255
        edges = np.flatnonzero(np.diff(core, prepend=False, append=False))
        starts, stops = edges[::2], edges[1::2]
        parts = [
            self._block(codes, digits, starts, stops, at, min(at + GROUP, len(codes)))
            for at in range(0, len(codes), GROUP)
        ]
        return np.concatenate(parts)

    def _block(
        self,
        codes: npt.NDArray[np.uint8],
        digits: npt.NDArray[np.uint8],
        starts: npt.NDArray[np.int64],
        stops: npt.NDArray[np.int64],
        at: int,
        end: int,
    ) -> Ids:
        # `place` is the position within its run (for a symbol outside the core, meaningless).
        begins = np.zeros(end - at, np.int64)
        low, high = np.searchsorted(starts, (at, end))
        begins[starts[low:high] - at] = 1
        run = np.maximum(low - 1 + np.cumsum(begins), 0)
        core = digits[at:end] != 255
        if not core.any():
            return self._singles[codes[at:end]]
        place = np.arange(at, end) - starts[run]
        whole = (stops - starts) // self._stride * self._stride
        single = ~core | (place >= whole[run])
        ends = np.flatnonzero(single | ((place + 1) % self._stride == 0))
        length = np.where(single[ends], 0, np.minimum(place[ends] + 1, self._k))
        value = np.zeros(len(ends), np.int64)
        for back in range(self._k):
            digit = digits[np.maximum(at + ends - back, 0)].astype(np.int64)
            value += np.where(back < length, digit * self._base**back, 0)
        ids = (self._first[length] + value).astype(self._dtype)
        alone = single[ends]
        ids[alone] = self._singles[codes[at:end][ends[alone]]]
        return ids


class MergeEncoder:
    """BPE by `tokenizers`, on all cores, a bounded number of characters at a time."""

    def __init__(
        self, spelling: Spelling, backend: tokenizers.Tokenizer, dtype: np.dtype[Any]
    ) -> None:
        self._spelling, self._backend, self._dtype = spelling, backend, dtype

    def encode(self, contents: Sequence[str]) -> list[Ids]:
        parts: list[list[Ids]] = [[] for _ in contents]
        group: list[tuple[int, str]] = []
        size = 0
        for index, content in enumerate(contents):
            for block in self._blocks(content):
                group.append((index, block))
                size += len(block)
                if size >= GROUP:
                    self._flush(group, parts)
                    group, size = [], 0
        self._flush(group, parts)
        return [
            part[0] if len(part) == 1 else np.concatenate([np.zeros(0, self._dtype), *part])
            for part in parts
        ]

    def _flush(self, group: list[tuple[int, str]], parts: list[list[Ids]]) -> None:
        blocks = [block for _, block in group]
        encodings = self._backend.encode_batch_fast(blocks, add_special_tokens=False)
        for (index, _), encoding in zip(group, encodings, strict=True):
            parts[index].append(np.array(encoding.ids, self._dtype))

    def _blocks(self, content: str) -> Iterator[str]:
        if self._spelling.alphabet is not None:
            symbols(content, self._spelling.alphabet)
            yield from (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))
            return
        utf8(content)
        at = 0
        while len(content) - at > BLOCK:
            cut = _CUT.search(content, at + BLOCK)
            if cut is None:
                break
            yield content[at : cut.end()]
            at = cut.end()
        if at < len(content):
            yield content[at:]

"""A table of the first few tokens of all suffixes: it narrows a search at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lexome.corpus.shards import Tokens, TokenStream

Numbers = npt.NDArray[np.int64]

_MOST_ROWS = 1 << 20
# With four bytes a row, so many tokens a row are half a byte a token.
_TOKENS_PER_ROW = 8
_CHUNK = 1 << 22


class Interval(NamedTuple):
    """Where in a suffix array those suffixes stand that begin with something; arrays of numbers."""

    low: Numbers
    high: Numbers


def prefix_length(tokens: int, vocab_size: int, longest: int) -> int:
    """Return how many tokens a table over so many tokens tells apart; 0: none pays."""
    length = 0
    most = min(_MOST_ROWS, tokens // _TOKENS_PER_ROW)
    while length < longest and vocab_size ** (length + 1) <= most:
        length += 1
    return length


@dataclass(frozen=True)
class Prefixes:
    """Where the suffixes with each first `length` tokens begin in a suffix array.

    The tokens, as digits in base `vocab_size`, are the row. `starts` is
    [vocab_size ** length + 1]; its last entry is the number of suffixes.
    """

    starts: Tokens
    vocab_size: int
    length: int

    @classmethod
    def count(
        cls, stream: TokenStream, first: int, size: int, vocab_size: int, length: int
    ) -> Prefixes:
        """Make the table of the `size` suffixes that begin at `first` and behind.

        Tokens that are wanted behind the end of the stream count as 0. It takes the memory of
        the table and some MB.
        """
        counts = np.zeros(vocab_size**length, np.int64)
        for codes in _codes(stream, first, size, vocab_size, length):
            counts += np.bincount(codes, minlength=len(counts))
        starts = np.concatenate([[0], np.cumsum(counts)]).astype("<u4")
        return cls(starts, vocab_size, length)

    def interval(self, ids: Numbers, lengths: Numbers) -> Interval:
        """Return where the suffixes stand that begin with the first tokens of each row.

        `ids` is [rows, length], of which `lengths` [rows] are looked at.
        """
        low = np.zeros(len(ids), np.int64)
        for column in range(self.length):
            low = low * self.vocab_size + np.where(column < lengths, ids[:, column], 0)
        free = self.length - np.minimum(lengths, self.length)
        high = low + self.vocab_size**free
        return Interval(self.starts[low].astype(np.int64), self.starts[high].astype(np.int64))


def _codes(
    stream: TokenStream, first: int, size: int, vocab_size: int, length: int
) -> Iterator[Numbers]:
    stop = first + size
    for start in range(first, stop, _CHUNK):
        count = min(_CHUNK, stop - start)
        tokens = np.zeros(count + length, np.int64)
        end = min(len(stream), start + len(tokens))
        tokens[: end - start] = stream.read(start, end)
        codes = np.zeros(count, np.int64)
        for column in range(length):
            codes = codes * vocab_size + tokens[column : column + count]
        yield codes

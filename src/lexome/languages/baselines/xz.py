"""What a general compressor makes of the data."""

from __future__ import annotations

import lzma
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from lexome.languages.base import Document
from lexome.languages.baselines.symbols import Codes, Symbols, contents, sample


class Xz:
    """`xz -9e`: the size of train and test compressed in one, less that of train compressed.

    The documents' contents follow each other as plain UTF-8, one byte a letter for closed
    alphabets, without separators. What xz learns from the test data as it goes counts for it,
    where the other baselines are fitted on the training split only. It looks back at most 64
    MiB, and only the last `limit` bytes before the test data could matter, so a larger training
    split is sampled.
    """

    def __init__(self, limit: int = 1 << 25) -> None:
        self.name = "xz"
        self.note = ""
        self._symbols = Symbols(unit="byte")
        self._limit = limit

    def bits(self, train: Sequence[Document], test: Sequence[Document]) -> float:
        """Return the total bits that `test` adds; rounded to 32 bits, as xz pads its files."""
        fitted = sample(train, self._symbols, self._limit)
        self.note = fitted.note
        tested = map(self._symbols.codes, contents(test))
        # Compression runs outside the interpreter lock, so the two take the time of one.
        with ThreadPoolExecutor(2) as pool:
            both = pool.submit(_compressed_size, (fitted, tested))
            alone = pool.submit(_compressed_size, (fitted,))
            return 8.0 * max(both.result() - alone.result(), 0)


def _compressed_size(groups: Iterable[Iterable[Codes]]) -> int:
    compressor = lzma.LZMACompressor(preset=9 | lzma.PRESET_EXTREME)
    size = sum(len(compressor.compress(codes.data)) for group in groups for codes in group)
    return size + len(compressor.flush())

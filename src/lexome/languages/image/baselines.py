"""Simple models of pictures whose pixels are numbers of a palette."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from lexome.languages.base import Ids
from lexome.languages.baselines.ngram import Floats, Ints, KneserNey
from lexome.languages.image.reading import from_pillow
from lexome.languages.tokenizers.vocabulary import FIRST

# The neighbours that predict a pixel, by rows up and columns to the right; the first ones are
# the first that backoff forgets.
_NEIGHBOURS = ((2, 0), (0, -2), (1, 1), (1, -1), (1, 0), (0, -1))


class PixelNGram:
    """Neighbours to the left and above predict a pixel: modified Kneser-Ney in two dimensions.

    The context is: left, above, above left, above right, two to the left, two above; backoff
    forgets the last of these first, and interpolates as `baselines.NGram` does. Beyond the border
    of the picture stands a mark. Where the training split has more than `limit` pixels, its first
    pictures are used.
    """

    def __init__(self, width: int, colours: int, limit: int = 1 << 24) -> None:
        self._width = width
        self._colours = colours
        self._limit = limit
        most = int(np.log(2.0**63) / np.log(colours + 1)) - 1
        self._neighbours = _NEIGHBOURS[-most:]
        self.name = f"n-gram of {len(self._neighbours)} neighbouring pixels"
        self.note = ""

    def token_bits(self, train: Sequence[Ids], test: Sequence[Ids]) -> float:
        """Return the total bits for all pixels of `test`."""
        grams, counts = self._counts(self._limited(train))
        model = KneserNey(grams, counts, len(self._neighbours) + 1, self._colours)
        grams, counts = self._counts(test)
        probabilities: Floats = model.probabilities(grams)
        return float(-(counts * np.log2(probabilities)).sum())

    def _limited(self, documents: Sequence[Ids]) -> Iterator[Ids]:
        taken = 0
        for number, ids in enumerate(documents):
            if taken + len(ids) > self._limit:
                self.note = f"fitted on the first {number:,} of {len(documents):,} pictures"
                return
            taken += len(ids)
            yield ids

    def _counts(self, documents: Iterable[Ids]) -> tuple[Ints, Ints]:
        parts = [np.zeros(0, np.int64), *(self._grams(ids) for ids in documents)]
        grams, counts = np.unique(np.concatenate(parts), return_counts=True)
        return grams, counts.astype(np.int64)

    def _grams(self, ids: Ids) -> Ints:
        rows = _rows(ids, self._colours, self._width)
        height, width = rows.shape
        framed = np.pad(rows, ((2, 0), (2, 1)), constant_values=self._colours)
        grams = np.zeros_like(rows)
        for up, right in (*self._neighbours, (0, 0)):
            shifted = framed[2 - up : 2 - up + height, 2 + right : 2 + right + width]
            grams = grams * (self._colours + 1) + shifted
        return grams.reshape(-1)


class Png:
    """What PNG makes of each picture by itself: its compressed pixels, without the palette.

    Pillow writes each with `optimize`, as numbers of the palette where one byte holds these.
    Headers, checksums and the palette, which all pictures share, are not counted.
    """

    def __init__(self, width: int, colours: int) -> None:
        self.name = "PNG"
        self.note = "compressed pixels only, without headers and palette"
        self._width = width
        self._colours = colours

    def token_bits(self, train: Sequence[Ids], test: Sequence[Ids]) -> float:
        """Return the total bits for the pictures of `test`; nothing is learned from `train`."""
        return 8.0 * sum(self._bytes(ids) for ids in test)

    def _bytes(self, ids: Ids) -> int:
        rows = _rows(ids, self._colours, self._width)
        kind, mode = (np.uint8, "L") if self._colours <= 256 else (np.uint16, "I;16")
        height, width = rows.shape
        pixels = rows.astype(kind).tobytes()
        return min(_png_bytes(mode, width, height, pixels), len(pixels))


def _rows(ids: Ids, colours: int, width: int) -> Ints:
    """Return the numbers of the pixels' colours, [height, width], without the marks of rows."""
    codes = np.asarray(ids, np.int64) - FIRST
    return codes[codes < colours].reshape(-1, width)


def _png_bytes(mode: str, width: int, height: int, pixels: bytes) -> int:
    picture = from_pillow().frombytes(mode, (width, height), pixels)
    data = io.BytesIO()
    picture.save(data, "PNG", optimize=True)
    return sum(size for kind, size in _chunks(data.getvalue()) if kind == b"IDAT")


def _chunks(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield kind and size of the chunks of a PNG file (ISO/IEC 15948, section 5.3)."""
    place = 8
    while place < len(data):
        size, kind = struct.unpack(">I4s", data[place : place + 8])
        yield kind, size
        place += size + 12

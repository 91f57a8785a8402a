"""Pixels as tokens: each is the nearest colour of a learned palette, rows behind a mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import UnitCodes
from lexome.languages.image.clustering import nearest
from lexome.languages.image.colours import learn_palette
from lexome.languages.image.reading import Pixels
from lexome.languages.tokenizers import CodedTokenizer, Codes
from lexome.languages.tokenizers.vocabulary import FIRST

COLOURS = "colours"
_DEFAULT_COLOURS = 256
_MOST_COLOURS = 1 << 14


@dataclass(frozen=True, eq=False)
class PaletteCoding:
    """One code for each pixel, from left to right and from top to bottom, and one before each row.

    `colours` is [colours, channels]; the first codes are their numbers, the `size` codes behind
    them begin row 0, 1, ... They tell a model at every pixel, from a few tokens before, where it
    is: without them the rows that a small model writes drift sideways, and with one mark for all
    rows it ends pictures early. A picture is `size` pixels wide and has up to as many rows; what
    codes leave open is filled with `background` [channels].
    """

    language: ClassVar[str] = "image"
    kind: ClassVar[str] = "palette"
    lossy: ClassVar[bool] = True

    size: int
    background: Pixels
    colours: Pixels

    @property
    def names(self) -> Sequence[str]:
        """Return the colours in hexadecimal, as #ff8800, and row0, row1, ..."""
        colours = (f"#{colour.tobytes().hex()}" for colour in self.colours)
        return [*colours, *(f"row{row}" for row in range(self.size))]

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        """Return 1 for each colour, which is a pixel, and 0 for the marks of rows."""
        return np.repeat(np.array([1, 0]), [len(self.colours), self.size])

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"size": self.size, "background": self.background.tolist()}

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {COLOURS: self.colours}

    def encode(self, content: Pixels) -> Codes:
        """Return the nearest colour of each pixel; of equally near ones the darker."""
        check_shape(content, self.size, self.colours.shape[1])
        pixels = content.reshape(-1, content.shape[2])
        rows = nearest(pixels.astype(np.float64), self._centres).reshape(-1, self.size)
        marks = len(self.colours) + np.arange(len(rows))
        return np.concatenate([marks[:, None], rows], axis=1).reshape(-1)

    def decode(self, codes: Codes) -> Pixels:
        """Return a whole picture, [size, size, channels].

        Of a row that is too long the first pixels count, of one that comes twice the later ones.
        Pixels before the first mark belong to row 0.
        """
        places = np.arange(len(codes))
        marks = codes >= len(self.colours)
        last = np.maximum.accumulate(np.where(marks, places, -1))
        rows = np.where(last >= 0, codes[last] - len(self.colours), 0)
        columns = places - last - 1
        taken = ~marks & (columns < self.size)
        picture = np.tile(self.background, (self.size, self.size, 1))
        picture[rows[taken], columns[taken]] = self.colours[codes[taken]]
        return picture

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return the codes of the pixels."""
        return codes[codes < len(self.colours)].astype(np.uint16)

    @cached_property
    def _centres(self) -> npt.NDArray[np.float64]:
        return self.colours.astype(np.float64)


class PaletteTrainer:
    """Learns `colours` colours from a sample; all colours of pictures that have no more."""

    needs_sample = True
    option_names: Sequence[str] = (COLOURS,)

    def __init__(self, size: int, background: Pixels, colours: int = _DEFAULT_COLOURS) -> None:
        if not 1 <= colours <= _MOST_COLOURS:
            raise UsageError(
                f"there are no palettes of {colours} colours",
                fix=f"choose 1 to {_MOST_COLOURS:,} colours",
            )
        self.size = size
        self.background = background
        self.colours = colours

    def with_options(self, options: Mapping[str, int]) -> PaletteTrainer:
        """Return a trainer of another number of `colours`."""
        return PaletteTrainer(self.size, self.background, options.get(COLOURS, self.colours))

    def train(self, contents: Iterable[Any], vocab_size: int | None = None) -> CodedTokenizer:
        """Return the tokenizer; a `vocab_size` counts special tokens and rows too."""
        trainer = self
        if vocab_size is not None:
            trainer = self.with_options({COLOURS: vocab_size - FIRST - self.size})
        colours = learn_palette(contents, len(self.background), trainer.colours)
        return CodedTokenizer(PaletteCoding(self.size, self.background, colours))


def check_shape(content: Pixels, size: int, channels: int) -> None:
    """Raise `LexomeError` unless a picture is as wide, and has the channels, as a coding needs."""
    height, width, found = content.shape
    if width != size or height > size or found != channels:
        raise LexomeError(
            f"the tokenizer is of pictures {size} pixels wide with {channels} channels, this one "
            f"is {width} x {height} with {found}",
            fix="give the options size, colour and alpha that the tokenizer was made with",
        )

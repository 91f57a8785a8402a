"""Pictures as a language: what is read, how it becomes tokens, what it is measured by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from lexome.errors import LexomeError, UsageError, nearest
from lexome.languages.base import (
    Document,
    Rendering,
    Skipped,
    Source,
    TokenBaseline,
    Tokenizer,
    TokenizerTrainer,
    View,
)
from lexome.languages.baselines import TokenNGram
from lexome.languages.common import Common
from lexome.languages.image import rendering
from lexome.languages.image.baselines import PixelNGram, Png
from lexome.languages.image.captions import read_captions
from lexome.languages.image.fidelity import figures
from lexome.languages.image.palette import PaletteCoding, PaletteTrainer
from lexome.languages.image.patches import PatchCoding, PatchTrainer
from lexome.languages.image.reading import Alpha, Canvas, Colour, Fit, read_picture
from lexome.languages.options import at_least
from lexome.languages.sources import file_name
from lexome.languages.tokenizers import CodedTokenizer, Coding
from lexome.languages.tokenizers.coded import Arrays

_LARGEST = 1024


@dataclass(frozen=True)
class Image(Common):
    """Pictures, whose natural unit is the pixel; a document's content is an array of bytes.

    The content is numpy uint8 [height, width, channels]; a whole picture is a square of `size`
    pixels. Options:

    - `size`: the side of the square that every picture is brought to.
    - `fit`: all of a picture with background beside it (`contain`), its middle (`cover`), or
      other proportions (`stretch`).
    - `colour`: `rgb`, or `grey` for one channel.
    - `alpha`: what stands behind transparent parts, and beside a picture: `white`, `black` or
      `grey`; or transparency is a channel more (`keep`).
    - `illegal`: files that are no picture, damaged ones and those of more than 67 million pixels
      are an `error`, or left out (`skip`, counted).
    - `manifest`: a file of JSON lines with an `image`, the name of a file, and what is known of
      it, a `caption` say; that goes into the metadata.
    - `group`: pictures with one value in this column of the metadata stay on one side of the
      split. By default each picture is for itself.
    - `flip`: train on the mirror image of every picture too.

    PNG, JPEG and WebP files are told apart by their content. A picture is turned as its EXIF data
    say; of an animated one the first frame is read, and `frames` in the metadata counts them.
    16-bit channels become 8-bit. Colour profiles are not applied.
    """

    name: ClassVar[str] = "image"
    unit: ClassVar[str] = "pixel"
    suffixes: ClassVar[Sequence[str]] = (".png", ".jpg", ".jpeg", ".webp")

    size: int = 32
    fit: Fit = "contain"
    colour: Colour = "rgb"
    alpha: Alpha = "white"
    illegal: Literal["error", "skip"] = "error"
    manifest: str | None = None
    group: str | None = None
    flip: bool = False

    def __post_init__(self) -> None:
        at_least("size", self.size, 1)
        if self.size > _LARGEST:
            raise UsageError(
                f"size must be at most {_LARGEST}, not {self.size}",
                fix="pictures of 16 to 64 pixels are what small models learn",
            )

    @property
    def canvas(self) -> Canvas:
        """Return the square on which pictures are put."""
        return Canvas(self.size, self.fit, self.alpha, self.colour)

    @property
    def run_units(self) -> int:
        """Return two rows, rounded up to a power of two.

        Blank rows are in many pictures, but hardly ever are four fifths of a picture's rows. Of
        191 held-out emoji 32 pixels wide, runs of two rows found 6 that are nearly in the other
        part, all truly so (clock faces that differ in a hand, squares); runs of eight rows none.
        """
        return 1 << (2 * self.size - 1).bit_length()

    @property
    def standalone(self) -> bool:
        """Return true: a model that has always seen a picture before leaves out the first rows."""
        return True

    @property
    def measures(self) -> Mapping[str, float]:
        """Return bits per dimension: of each channel of each pixel."""
        return {"bits per dimension": 1 / self.canvas.channels}

    @property
    def option_files(self) -> Sequence[Path]:
        """Return the manifest of the pictures, if one is named."""
        return () if self.manifest is None else (Path(self.manifest).expanduser(),)

    def read(self, path: Path) -> Iterator[Document | Skipped]:
        """Yield the one picture of a file."""
        source = Source(file_name(path))
        try:
            found = read_picture(path, self.canvas)
        except LexomeError as error:
            if self.illegal == "error" or not path.is_file():
                raise
            yield Skipped(source, "illegal picture", error.what)
            return
        if found is None:
            yield Skipped(source, "empty")
            return
        pixels, facts = found
        for manifest in self.option_files:
            facts |= read_captions(manifest).get(path.resolve(), {})
        yield Document(pixels, source, facts)

    def tokenizers(self) -> Mapping[str, TokenizerTrainer]:
        ground = self.canvas.background
        return {
            "palette": PaletteTrainer(self.size, ground),
            "patches": PatchTrainer(self.size, ground),
        }

    @staticmethod
    def coding(kind: str, settings: Mapping[str, Any], arrays: Arrays) -> Coding:
        """Return the coding that a tokenizer's folder describes."""
        background = np.array(settings["background"], np.uint8)
        if kind == "palette":
            return PaletteCoding(settings["size"], background, arrays["colours"])
        if kind == "patches":
            learned = (arrays["codebooks"], arrays["smoothing"])
            return PatchCoding(settings["size"], settings["patch"], background, *learned)
        raise LexomeError(f"there is no coding {kind!r} of pictures")

    def parse(self, text: str) -> Any:
        """Raise `LexomeError`: nobody types a picture."""
        raise LexomeError(
            "a picture cannot be typed",
            fix="give a file to go on with: --from FILE",
        )

    def units(self, document: Document) -> int:
        """Return the number of pixels."""
        height, width = document.content.shape[:2]
        return int(height * width)

    def cut(self, document: Document, start: int, stop: int) -> Document:
        """Return the rows that begin from pixel `start` to pixel `stop`: a row is not cut."""
        height, width = document.content.shape[:2]
        first, last = (min(max(-(-unit // width), 0), height) for unit in (start, stop))
        source = replace(document.source, offset=document.source.offset + first * width)
        return replace(document, content=document.content[first:last], source=source)

    def split_key(self, document: Document) -> str:
        """Return the file, or the value of the column that the option `group` names."""
        if self.group is None:
            return super().split_key(document)
        if self.group not in document.metadata:
            raise LexomeError(
                f"nothing is known of this picture under {self.group!r}",
                where=str(document.source),
                fix=f"{nearest(self.group, document.metadata)}; name a file that says more with "
                "--option manifest=FILE",
            )
        return document.metadata[self.group]

    def augment(self, document: Document) -> Iterable[Document]:
        """Return the mirror image, where the option `flip` asks for it."""
        return (replace(document, content=document.content[:, ::-1]),) if self.flip else ()

    def baselines(self, tokenizer: Tokenizer) -> Sequence[TokenBaseline]:
        """Return PNG and n-grams in two dimensions for pixels, n-grams of tokens for patches."""
        coding = tokenizer.coding if isinstance(tokenizer, CodedTokenizer) else None
        if isinstance(coding, PaletteCoding):
            known = (self.size, len(coding.colours))
            return (PixelNGram(*known), Png(*known))
        return (TokenNGram(1, tokenizer.vocab_size), TokenNGram(2, tokenizer.vocab_size))

    def fidelity(self, tokenizer: Tokenizer, documents: Sequence[Document]) -> Mapping[str, float]:
        """Return PSNR and the use of the codes on these pictures: see `fidelity.figures`."""
        return figures(tokenizer, [document.content for document in documents])

    def render(self, document: Document) -> Rendering:
        """Return a PNG file; small pictures also larger."""
        return rendering.render(document.content)

    def sheet(self, renderings: Sequence[Rendering]) -> View:
        """Return one picture of many."""
        return rendering.sheet(renderings)

"""From a picture file to an array of one size; what cannot be read says why.

Sizes are taken from the header before anything is decoded, so a small file that promises a huge
picture costs nothing.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from lexome.errors import DamagedFileError, LexomeError
from lexome.languages.sources import open_bytes

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

Fit = Literal["contain", "cover", "stretch"]
Alpha = Literal["white", "black", "grey", "keep"]
Colour = Literal["rgb", "grey"]
Pixels = npt.NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "WEBP")
MOST_PIXELS = 1 << 26
MOST_BYTES = 1 << 28
_BACKGROUNDS = {"white": 255, "black": 0, "grey": 128, "keep": 0}


@dataclass(frozen=True)
class Canvas:
    """The square on which every picture is put, `size` pixels wide.

    `contain` shows all of a picture, with background beside it; `cover` fills the square and
    cuts off what does not fit; `stretch` changes the proportions. Transparent parts show the
    background named by `alpha`, or stay (`keep`: one more channel, and the background is
    transparent).
    """

    size: int
    fit: Fit
    alpha: Alpha
    colour: Colour

    @property
    def channels(self) -> int:
        """Return the numbers that make up a pixel: 1 to 4."""
        return (1 if self.colour == "grey" else 3) + (self.alpha == "keep")

    @property
    def background(self) -> Pixels:
        """Return the pixel that stands where there is no picture, [channels]."""
        return np.full(self.channels, _BACKGROUNDS[self.alpha], np.uint8)

    def draw(self, picture: Picture) -> Pixels:
        """Return a decoded picture on the canvas, [size, size, channels]."""
        from PIL import Image

        opaque = self._coloured(picture)
        if self.fit == "stretch":
            drawn = _resized(opaque, (self.size, self.size))
        elif self.fit == "cover":
            drawn = _resized(_middle(opaque), (self.size, self.size))
        else:
            scale = self.size / max(opaque.size)
            inner = (_at_least_one(opaque.width * scale), _at_least_one(opaque.height * scale))
            fitted = _resized(opaque, inner)
            drawn = Image.new(fitted.mode, (self.size, self.size), self._fill)
            drawn.paste(fitted, ((self.size - inner[0]) // 2, (self.size - inner[1]) // 2))
        return np.asarray(drawn, np.uint8).reshape(self.size, self.size, self.channels)

    @property
    def _fill(self) -> int | tuple[int, ...]:
        values = tuple(self.background.tolist())
        return values if len(values) > 1 else int(values[0])

    def _coloured(self, picture: Picture) -> Picture:
        from PIL import Image

        picture = _eight_bits(picture)
        mode = "L" if self.colour == "grey" else "RGB"
        if not picture.has_transparency_data:
            return picture.convert(f"{mode}A" if self.alpha == "keep" else mode)
        # Greys keep their one channel: a way round by RGB would round them.
        layered = picture.convert("LA" if picture.mode == "LA" and mode == "L" else "RGBA")
        if self.alpha == "keep":
            return layered.convert(f"{mode}A")
        ground = Image.new(layered.mode, layered.size, _opaque(layered.mode, self.alpha))
        if layered.mode == "RGBA":
            return Image.alpha_composite(ground, layered).convert(mode)
        ground.paste(layered, mask=layered.getchannel("A"))
        return ground.convert(mode)


def read_picture(path: Path, canvas: Canvas) -> tuple[Pixels, dict[str, str]] | None:
    """Return the picture of a file on the canvas, and what is known of it; `None` if it is empty.

    The facts are width, height, mode and format of the file, the number of its frames where it
    has several (the first is read), and that it is blank if all its pixels are alike. Raises
    `LexomeError` for a file that is no picture, larger than `MOST_PIXELS`, or damaged.
    """
    from_pillow()
    if not (data := _bytes(path)):
        return None
    picture, facts = _decoded(path, data, 2 * canvas.size)
    pixels = canvas.draw(picture)
    if (pixels == pixels[0, 0]).all():
        facts["blank"] = "true"
    return pixels, facts


def from_pillow() -> Any:
    """Return Pillow's module `Image`; a missing package is a `LexomeError` that says so."""
    try:
        from PIL import Image
    except ImportError as error:
        raise LexomeError(
            "reading and writing pictures needs the package pillow",
            fix="install it with `pip install 'lexome[image]'`",
        ) from error
    return Image


def _bytes(path: Path) -> bytes:
    data = bytearray()
    with open_bytes(path) as stream:
        # By and by: asked for everything at once, a stream makes room for the most there may be.
        while piece := stream.read(1 << 20):
            data += piece
            if len(data) > MOST_BYTES:
                raise _too_large(path, f"more than {MOST_BYTES >> 20} MiB")
    return bytes(data)


def _decoded(path: Path, data: bytes, side: int) -> tuple[Picture, dict[str, str]]:
    """Return a picture turned upright, and the facts of its file.

    A JPEG may come smaller than it is, but not less than `side` pixels wide or high. Whatever a
    file makes Pillow raise names the file.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            # Pillow warns of sizes that are refused here, and of metadata that are not used.
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                _check_size(path, *picture.size)
                facts = _facts(picture)
                picture.draft(picture.mode, (side, side))
                picture.load()
                return ImageOps.exif_transpose(picture), facts
    except LexomeError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, "more pixels than Pillow opens") from error
    except UnidentifiedImageError as error:
        raise _damaged(path, f"this is no {', '.join(FORMATS)} picture") from error
    # Broken files make decoders raise nearly anything: OSError, SyntaxError, ValueError, struct's.
    except Exception as error:
        raise _damaged(path, f"the picture is damaged: {error}") from error


def _check_size(path: Path, width: int, height: int) -> None:
    if not width * height:
        raise _damaged(path, f"the picture has {width} x {height} pixels")
    if width * height > MOST_PIXELS:
        raise _too_large(path, f"{width:,} x {height:,} pixels")


def _facts(picture: Picture) -> dict[str, str]:
    width, height = picture.size
    facts = {"width": str(width), "height": str(height), "mode": picture.mode}
    facts["format"] = str(picture.format)
    if (frames := getattr(picture, "n_frames", 1)) > 1:
        facts["frames"] = str(frames)
    return facts


def _eight_bits(picture: Picture) -> Picture:
    """Return 16-bit greys as 8 bits: Pillow's own conversion would cut them off at 255."""
    from PIL import Image

    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture, np.float64) / 257
    return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))


def _middle(picture: Picture) -> Picture:
    """Return the largest square in the middle."""
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def _resized(picture: Picture, size: tuple[int, int]) -> Picture:
    """Return a picture in another size (Lanczos); one that has it already is not touched."""
    from PIL import Image

    if picture.size == size:
        return picture
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=4.0)


def _at_least_one(length: float) -> int:
    return max(round(length), 1)


def _opaque(mode: str, alpha: Alpha) -> tuple[int, ...]:
    return (*[_BACKGROUNDS[alpha]] * (len(mode) - 1), 255)


def _too_large(path: Path, what: str) -> LexomeError:
    return LexomeError(
        f"the picture is too large: {what}, and at most {MOST_PIXELS:,} pixels are decoded",
        where=str(path),
        fix="make it smaller, or leave such files out with --option illegal=skip",
    )


def _damaged(path: Path, what: str) -> LexomeError:
    return DamagedFileError(
        what,
        where=str(path),
        fix="get the file again, or leave such files out with --option illegal=skip",
    )

"""Square patches as tokens: each is some entries of learned codebooks that add up to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lexome.errors import UsageError
from lexome.languages.base import UnitCodes
from lexome.languages.image import codebooks as quantiser
from lexome.languages.image import smoothing, tiling
from lexome.languages.image.clustering import Floats
from lexome.languages.image.codebooks import Codebooks
from lexome.languages.image.palette import check_shape
from lexome.languages.image.reading import Pixels
from lexome.languages.tokenizers import CodedTokenizer, Codes

CODEBOOKS, SMOOTHING = "codebooks", "smoothing"
_OPTIONS = ("patch", "codebooks", "codebook_size")
# As many different patches as k-means needs; more would only take longer.
_MOST_VECTORS = 1 << 15
_MOST_PICTURES = 400


@dataclass(frozen=True, eq=False)
class PatchCoding:
    """For each patch a code of the first codebook, then one of each further codebook.

    Patches of `patch` x `patch` pixels stand row by row, in pictures `size` pixels wide. The code
    of entry `e` of codebook `b` is `b * codebook_size + e`; `codebooks` is [codebooks,
    codebook_size, patch * patch * channels]. The first code of a patch stands for its pixels,
    further ones for none. What the entries add up to is corrected by the pixels around each patch:
    see `smoothing`.
    """

    language: ClassVar[str] = "image"
    kind: ClassVar[str] = "patches"
    lossy: ClassVar[bool] = True

    size: int
    patch: int
    background: Pixels
    codebooks: Codebooks
    smoothing: smoothing.Weights

    @property
    def codebook_size(self) -> int:
        """Return the entries of one codebook."""
        return int(self.codebooks.shape[1])

    @property
    def names(self) -> Sequence[str]:
        """Return the number of the codebook and that of the entry, from 1 and from 0."""
        books, size = self.codebooks.shape[:2]
        return [f"{book + 1}:{entry}" for book in range(books) for entry in range(size)]

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        lengths = np.zeros(self.codebooks.shape[:2], np.int64)
        lengths[0] = self.patch**2
        return lengths.reshape(-1)

    @property
    def settings(self) -> Mapping[str, Any]:
        background = self.background.tolist()
        return {"size": self.size, "patch": self.patch, "background": background}

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {CODEBOOKS: self.codebooks, SMOOTHING: self.smoothing}

    def encode(self, content: Pixels) -> Codes:
        """Return the codes; where rows are short of a patch, the last one is repeated."""
        check_shape(content, self.size, len(self.background))
        lacking = -len(content) % self.patch
        whole = np.pad(content, ((0, lacking), (0, 0), (0, 0)), "edge") if lacking else content
        vectors = tiling.cut(whole, self.patch).astype(np.float32)
        found = quantiser.encode(vectors, self.codebooks)
        return (found + self._firsts).reshape(-1)

    def decode(self, codes: Codes) -> Pixels:
        """Return a whole picture, [size, size, channels].

        A code of the first codebook begins a patch; of the codes up to the next one, the first of
        each codebook counts. Patches that are not there are background.
        """
        side = self.size // self.patch
        entries = self._entries(codes)[: side * side]
        vectors = np.tile(self.background, (side * side, self.patch**2)).astype(np.float32)
        vectors[: len(entries)] = quantiser.decode(entries, self.codebooks)
        picture = tiling.join(vectors, self.patch, self.size)
        correction = smoothing.features(picture, self.patch) @ self.smoothing
        picture += tiling.join(correction, self.patch, self.size)
        return picture.round().clip(0, 255).astype(np.uint8)

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return for each pixel of a patch the number that all its codes make together."""
        entries = self._entries(codes).astype(np.uint64)
        numbers = np.zeros(len(entries), np.uint64)
        for column in entries.T:
            numbers = numbers * np.uint64(self.codebook_size + 1) + column + np.uint64(1)
        return np.repeat(numbers, self.patch**2)

    @property
    def _firsts(self) -> npt.NDArray[np.int64]:
        return np.arange(len(self.codebooks)) * self.codebook_size

    def _entries(self, codes: Codes) -> npt.NDArray[np.int64]:
        """Return the entries of each patch, [patches, codebooks]; -1 where there is none."""
        books, numbers = np.divmod(codes, self.codebook_size)
        patches = np.cumsum(books == 0) - 1
        found = np.full((int((books == 0).sum()), len(self.codebooks)), -1, np.int64)
        for book in range(len(self.codebooks)):
            places = np.flatnonzero((books == book) & (patches >= 0))
            owners, first = np.unique(patches[places], return_index=True)
            found[owners, book] = numbers[places[first]]
        return found


class PatchTrainer:
    """Learns codebooks of patches from a sample; takes some seconds.

    Options: `patch` is the side of a patch in pixels, `codebooks` how many codes it gets and
    `codebook_size` how many entries each of them is chosen from.
    """

    needs_sample = True
    option_names: Sequence[str] = _OPTIONS

    def __init__(
        self,
        size: int,
        background: Pixels,
        patch: int = 4,
        codebooks: int = 2,
        codebook_size: int = 512,
    ) -> None:
        if min(patch, codebooks, codebook_size) < 1 or codebooks * codebook_size > 1 << 15:
            raise UsageError(
                f"there are no {codebooks} codebooks of {codebook_size} patches of side {patch}",
                fix=f"choose at least 1 each, and at most {1 << 15:,} entries together",
            )
        self.size = size
        self.background = background
        self.patch = patch
        self.codebooks = codebooks
        self.codebook_size = codebook_size

    def with_options(self, options: Mapping[str, int]) -> PatchTrainer:
        """Return a trainer with other options."""
        chosen = {name: options.get(name, getattr(self, name)) for name in _OPTIONS}
        return PatchTrainer(self.size, self.background, **chosen)

    def train(self, contents: Iterable[Any], vocab_size: int | None = None) -> CodedTokenizer:
        """Return the tokenizer; the vocabulary follows from the options."""
        if vocab_size is not None:
            raise UsageError(
                "the vocabulary of patches is made up of codebooks",
                where="--vocab-size",
                fix="choose --tokenizer-option codebooks=2 --tokenizer-option codebook_size=512",
            )
        if self.size % self.patch:
            raise UsageError(
                f"pictures {self.size} pixels wide have no whole patches of side {self.patch}",
                fix="choose a patch that divides the size: --tokenizer-option patch=4",
            )
        pictures = [content[: len(content) // self.patch * self.patch] for content in contents]
        vectors, weights = self._vectors(pictures)
        found = quantiser.learn_codebooks(vectors, weights, self.codebooks, self.codebook_size)
        step = -(-len(pictures) // _MOST_PICTURES) or 1
        pairs = (self._pair(picture, found) for picture in pictures[::step] if len(picture))
        weights_around = smoothing.fit(pairs, self.patch, len(self.background))
        coding = PatchCoding(self.size, self.patch, self.background, found, weights_around)
        return CodedTokenizer(coding)

    def _vectors(
        self, pictures: Sequence[Pixels]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
        """Return different patches, [N, patch * patch * channels], and how often each occurs."""
        parts = [np.zeros((0, self.patch**2 * len(self.background)), np.uint8)]
        parts += [tiling.cut(picture, self.patch) for picture in pictures]
        vectors, counts = np.unique(np.concatenate(parts), axis=0, return_counts=True)
        if not len(vectors):
            return np.zeros((1, vectors.shape[1]), np.float32), np.ones(1)
        chosen, weights = _drawn(counts, _MOST_VECTORS)
        return vectors[chosen].astype(np.float32), weights

    def _pair(self, picture: Pixels, found: Codebooks) -> tuple[Floats, Floats]:
        vectors = tiling.cut(picture, self.patch).astype(np.float32)
        decoded = quantiser.decode(quantiser.encode(vectors, found), found)
        whole = tiling.join(decoded, self.patch, self.size)
        return smoothing.features(whole, self.patch), vectors - decoded


def _drawn(
    counts: npt.NDArray[np.int64], most: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return at most `most` places, and the weights with which they stand for all.

    Half are the most frequent ones, which are never left to chance; half are drawn.
    """
    if len(counts) <= most:
        return np.arange(len(counts)), counts.astype(np.float64)
    order = np.argsort(-counts, kind="stable")
    often, rest = order[: most // 2], order[most // 2 :]
    drawn = np.random.default_rng(0).choice(rest, most - len(often), replace=False)
    share = counts[rest].sum() / counts[drawn].sum()
    return (
        np.concatenate([often, drawn]),
        np.concatenate([counts[often].astype(np.float64), counts[drawn] * share]),
    )

"""Mu-law: one code a sample, finer where the sound is soft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from lexome.errors import UsageError
from lexome.languages.base import Ids, TokenBaseline, UnitCodes
from lexome.languages.baselines import TokenNGram
from lexome.languages.sound.extra import part
from lexome.languages.sound.levels import Pcm, from_pcm, to_pcm
from lexome.languages.tokenizers import CodedTokenizer, Codes
from lexome.languages.tokenizers.trainers import WithoutOptions
from lexome.languages.tokenizers.vocabulary import FIRST

_MU = 255
_GREATEST = 127
_LEVELS = 2 * _GREATEST + 1


@dataclass(frozen=True)
class MuLaw:
    """The companding law of ITU-T G.711 in its smooth form, in 8 bits a sample.

    Of a sample x between -1 and 1 the code is 127 sign(x) ln(1 + 255 |x|) / ln(256), rounded.
    The two zeros of G.711 are one, so that there are 255 codes and silence stays silence.
    """

    language: ClassVar[str] = "sound"
    kind: ClassVar[str] = "mulaw"
    lossy: ClassVar[bool] = True

    rate: int

    @property
    def names(self) -> Sequence[str]:
        """Return the levels: -127, ..., +0, ..., +127."""
        return [f"{level:+d}" for level in range(-_GREATEST, _GREATEST + 1)]

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]:
        """Return one sample for each code."""
        return np.ones(_LEVELS, np.int64)

    @property
    def settings(self) -> Mapping[str, Any]:
        return {"rate": self.rate}

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[Any]]:
        return {}

    @property
    def bits_per_second(self) -> float:
        return 8.0 * self.rate

    @property
    def codebooks(self) -> Sequence[range]:
        return (range(_LEVELS),)

    def encode(self, content: Pcm) -> Codes:
        """Return the code of each sample."""
        samples = from_pcm(np.asarray(content))
        bent = np.log1p(_MU * np.abs(samples)) / np.float32(np.log1p(_MU))
        levels = np.rint(np.copysign(bent, samples) * _GREATEST)
        return np.asarray(levels + _GREATEST, np.int64)

    def decode(self, codes: Codes) -> Pcm:
        """Return the sample of each code."""
        bent = (codes - _GREATEST) / _GREATEST
        samples = np.copysign(np.expm1(np.abs(bent) * np.log1p(_MU)) / _MU, bent)
        return to_pcm(samples.astype(np.float32))

    def unit_codes(self, codes: Codes) -> UnitCodes:
        return codes.astype(np.uint16)

    def baselines(self, vocab_size: int) -> Sequence[TokenBaseline]:
        """Return n-grams, and FLAC as a lossless coder of the codes."""
        grams = [TokenNGram(order, vocab_size) for order in (1, 2, 3)]
        return (*grams, FlacOfLevels(self.rate))


class FlacOfLevels:
    """FLAC (RFC 9639) of the codes as 8-bit sound: linear prediction without loss.

    All recordings of the test split follow each other in one file, of which the header is not
    counted. FLAC adapts to what it codes, and nothing is fitted on the training split.
    """

    def __init__(self, rate: int) -> None:
        self.name = "FLAC of the codes"
        self._rate = rate

    def token_bits(self, train: Sequence[Ids], test: Sequence[Ids]) -> float:
        """Return the bits of the file with the recordings of `test`, less those of an empty one."""
        return 8.0 * (self._size(test) - self._size([np.zeros(1, np.int64) + FIRST + _GREATEST]))

    def _size(self, documents: Iterable[Ids]) -> int:
        made = BytesIO()
        options = {"channels": 1, "format": "FLAC", "subtype": "PCM_S8", "compression_level": 1.0}
        with part("soundfile").SoundFile(made, "w", self._rate, **options) as file:
            for ids in documents:
                levels = np.asarray(ids).astype(np.int16) - (FIRST + _GREATEST)
                file.write(levels << 8)
        return len(made.getvalue())


class MuLawTrainer(WithoutOptions):
    """Makes the tokenizer of mu-law; there is nothing to learn."""

    needs_sample = False

    def __init__(self, rate: int) -> None:
        self._rate = rate

    def train(self, contents: Iterable[Any] = (), vocab_size: int | None = None) -> CodedTokenizer:
        """Return the tokenizer; nothing is read from `contents`."""
        tokenizer = CodedTokenizer(MuLaw(self._rate))
        if vocab_size not in (None, tokenizer.vocab_size):
            raise UsageError(
                f"this tokenizer has {tokenizer.vocab_size} tokens, not {vocab_size}",
                fix="leave the vocabulary size out",
            )
        return tokenizer

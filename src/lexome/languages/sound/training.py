"""Learning a codec from a sample of recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from lexome.errors import LexomeError, UsageError
from lexome.languages.sound.clustering import Vectors, learn
from lexome.languages.sound.codec import Codec, Features
from lexome.languages.sound.levels import Pcm, from_pcm
from lexome.languages.tokenizers import CodedTokenizer

# Twenty minutes in frames of 20 ms: more makes k-means slower and hardly better.
_MOST_FRAMES = 60_000


@dataclass(frozen=True)
class Options:
    """`codebooks` counts the one of levels; `rounds` are those of k-means."""

    codebooks: int = 4
    codebook_size: int = 256
    frames_per_second: int = 50
    rounds: int = 15
    seed: int = 0

    def __post_init__(self) -> None:
        limits = {
            "codebooks": (2, 16),
            "codebook_size": (2, 4096),
            # Windows of 25 ms must overlap by half.
            "frames_per_second": (40, 200),
            "rounds": (1, 1000),
            "seed": (0, 2**32 - 1),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise UsageError(
                    f"{name} must lie between {least} and {most}, not {getattr(self, name)}",
                    where=f"--tokenizer-option {name}",
                )


class CodecTrainer:
    """Learns the codebooks of a `Codec` by k-means: seconds for minutes of sound."""

    needs_sample = True
    option_names: Sequence[str] = tuple(field.name for field in fields(Options))

    def __init__(self, rate: int, options: Options | None = None) -> None:
        self._rate = rate
        self._options = options or Options()

    def with_options(self, options: Mapping[str, int]) -> CodecTrainer:
        """Return a trainer with some options set."""
        return CodecTrainer(self._rate, replace(self._options, **options))

    def train(self, contents: Iterable[Pcm], vocab_size: int | None = None) -> CodedTokenizer:
        """Return a codec learned from recordings; the same ones give the same codec."""
        options = self._options
        hop = 2 * round(self._rate / options.frames_per_second / 2)
        shapes = self._shapes(contents, Features(self._rate, hop))
        if not len(shapes):
            raise LexomeError(
                "there is no sound to learn a codec from",
                where="the training split",
                fix="add recordings, or choose --tokenizer mulaw",
            )
        books = learn(
            shapes, options.codebooks - 1, options.codebook_size, options.rounds, options.seed
        )
        codec = Codec(self._rate, hop, [book.astype(np.int16) for book in books])
        tokenizer = CodedTokenizer(codec)
        if vocab_size not in (None, tokenizer.vocab_size):
            raise UsageError(
                f"this codec has {tokenizer.vocab_size} tokens, not {vocab_size}",
                fix="choose --tokenizer-option codebooks=... and codebook_size=... instead",
            )
        return tokenizer

    def _shapes(self, contents: Iterable[Pcm], features: Features) -> Vectors:
        """Return the shapes of frames, drawn evenly where there are very many; [n, size]."""
        found = [np.zeros((0, features.size))]
        for content in contents:
            found += [shapes for _, shapes in features.chunks(from_pcm(np.asarray(content)))]
        shapes = np.concatenate(found)
        if len(shapes) <= _MOST_FRAMES:
            return shapes
        random = np.random.default_rng(self._options.seed)
        return shapes[np.sort(random.choice(len(shapes), _MOST_FRAMES, replace=False))]

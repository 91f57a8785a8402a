"""What the codings of sound have beyond codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from lexome.languages.base import TokenBaseline
from lexome.languages.tokenizers import Coding


class SoundCoding(Coding, Protocol):
    """A coding of mono `int16` samples at `rate` samples per second."""

    @property
    def rate(self) -> int: ...

    @property
    def bits_per_second(self) -> float:
        """Return what the codes take when each is written by itself, all alike."""
        ...

    @property
    def codebooks(self) -> Sequence[range]:
        """Return the codes of each codebook."""
        ...

    def baselines(self, vocab_size: int) -> Sequence[TokenBaseline]:
        """Return the simple models of its tokens, of which there are `vocab_size`."""
        ...

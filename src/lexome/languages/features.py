"""What a model reads as numbers: rows of features, one for each frame token of a document.

Sound as log-mel frames is the case in mind. The frame token is the same at every place; what is
heard there stands in its row, which a small front end of the model takes up. So frames can be
read, and never be said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Ids, Tokenizer

Features = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class FrameToken:
    """The token that stands for rows of features; each row holds `steps` times `bands` numbers."""

    token: int
    steps: int
    bands: int

    @property
    def width(self) -> int:
        """Return the numbers of a row."""
        return self.steps * self.bands


@runtime_checkable
class HasFeatures(Protocol):
    """A tokenizer that may have a frame token; `None` says that this one has none."""

    @property
    def frame(self) -> FrameToken | None: ...

    def features(self, content: Any) -> Features:
        """Return a row for each frame token of the content's ids, in order; [frames, width]."""
        ...


def frame_token(tokenizer: Tokenizer) -> FrameToken | None:
    """Return the frame token of a tokenizer, if it has one."""
    return tokenizer.frame if isinstance(tokenizer, HasFeatures) else None


def placed_features(
    tokenizer: Tokenizer, content: Any, ids: Sequence[int]
) -> npt.NDArray[np.float32] | None:
    """Return the features of each place of a content's `ids`; `None` where none is a frame."""
    if not isinstance(tokenizer, HasFeatures) or (frame := tokenizer.frame) is None:
        return None
    return placed(np.array(ids, np.int64), tokenizer.features(content), frame)


def placed(ids: Ids, rows: Features, frame: FrameToken) -> npt.NDArray[np.float32]:
    """Return the features of each place of `ids`: its row, zeros where no frame token stands.

    [ids, width]
    """
    found = np.zeros((len(ids), frame.width), np.float32)
    found[np.asarray(ids) == frame.token] = rows
    return found

"""What sources are, by their content: text, strings of a closed alphabet, recordings, pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

TargetKind = Literal["class", "several", "each", "number", "text", "sound", "image", "other"]
SourceKind = Literal["text", "symbols", "aligned", "sound", "image", "other"]

# The letters of IUPAC with marks of gaps and stops.
_MOST_SYMBOLS = 32
_MARKS = frozenset("*-.")


class TaskBaseline(Protocol):
    """A simple way to say targets of sources, that a model must beat.

    `note` says what its fit left out, and is empty where that is nothing. Targets and predictions
    are, by what the target is:

    - `class`: numbers of classes [N]; probabilities [N, C].
    - `several`: which labels are there, bool [N, L]; probabilities [N, L].
    - `each`: the numbers of classes of each source's parts, N arrays; the same.
    - `number`: floats [N]; the same.
    - anything else: contents of the target's language, N of them; the same.
    """

    name: str
    note: str

    def fit_predict(
        self, train_sources: Sequence[Any], train_targets: Any, test_sources: Sequence[Any]
    ) -> Any:
        """Return predictions for `test_sources`, learned from the training pairs alone."""
        ...


def source_kind(contents: Sequence[Any]) -> SourceKind:
    """Return what kind of content all sources, those of the test as well, are.

    Strings without white space of at most 32 capital letters and marks are `symbols`, and
    `aligned` where all have one length; other strings are `text`. Samples are `sound`, [n], and
    pictures `image`, uint8 [H, W, C].
    """
    if not len(contents):
        return "other"
    if all(isinstance(content, str) for content in contents):
        return _string_kind(contents)
    if all(isinstance(content, np.ndarray) for content in contents):
        if all(content.ndim == 1 for content in contents):
            return "sound"
        if all(content.ndim == 3 and content.dtype == np.uint8 for content in contents):
            return "image"
    return "other"


def _string_kind(contents: Sequence[str]) -> SourceKind:
    alphabet = set().union(*map(set, contents))
    closed = len(alphabet) <= _MOST_SYMBOLS
    if not alphabet or not closed or not all(c.isupper() or c in _MARKS for c in alphabet):
        return "text"
    return "aligned" if len({len(content) for content in contents}) == 1 else "symbols"

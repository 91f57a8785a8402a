"""Content that is to be gone on with: a tokenizer may encode it otherwise than what is whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from lexome.languages.base import Ids, Tokenizer


@runtime_checkable
class EncodesPrompts(Protocol):
    """A tokenizer some of whose tokens stand only at the end of what is whole."""

    def encode_prompt(self, content: Any) -> Ids:
        """Encode content that goes on, no special tokens added."""
        ...


@runtime_checkable
class AnswersPrompts(Protocol):
    """A tokenizer of sources and targets, whose markers say which of them follows.

    Behind the markers of `predicted` tokens are what a model learns to say, behind those of
    `opening` what it is given. `never` are the tokens that no answer holds. `classes` are those
    that are an answer's names, where answers are of a closed set, and else none. The first
    `grown_from` tokens are those of the vocabulary that this one has grown from.
    """

    @property
    def grown_from(self) -> int: ...

    @property
    def opening(self) -> Ids: ...

    @property
    def predicted(self) -> Ids: ...

    @property
    def never(self) -> list[int]: ...

    @property
    def classes(self) -> Mapping[str, int]: ...

    def without_source(self, ids: Sequence[int]) -> list[int]:
        """Return a prompt whose source is hidden behind mask tokens, as in training it may be."""
        ...


def encode_prompt(tokenizer: Tokenizer, content: Any) -> Ids:
    """Return the ids of content that a model is to go on with, no special tokens added."""
    if isinstance(tokenizer, EncodesPrompts):
        return tokenizer.encode_prompt(content)
    return tokenizer.encode([content])[0]


def answer_starts(ids: Ids, predicted: Ids) -> npt.NDArray[np.int64]:
    """Return the places at which answers begin in the ids [T] of a document, in their order.

    That is behind each marker of `predicted`; an answer that is empty begins where it ends.
    """
    return np.flatnonzero(np.isin(ids, predicted)) + 1

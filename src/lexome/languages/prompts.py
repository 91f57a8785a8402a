"""Content that is to be gone on with: a tokenizer may encode it otherwise than what is whole."""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from lexome.languages.base import Ids, Tokenizer


@runtime_checkable
class EncodesPrompts(Protocol):
    """A tokenizer some of whose tokens stand only at the end of what is whole."""

    def encode_prompt(self, content: Any) -> Ids:
        """Encode content that goes on, no special tokens added."""
        ...


def encode_prompt(tokenizer: Tokenizer, content: Any) -> Ids:
    """Return the ids of content that a model is to go on with, no special tokens added."""
    if isinstance(tokenizer, EncodesPrompts):
        return tokenizer.encode_prompt(content)
    return tokenizer.encode([content])[0]

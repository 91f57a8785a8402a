"""The tokenizer of everything that is no string: codes that a language's own coding makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import tokenizers
from tokenizers import models, pre_tokenizers

from lexome.errors import LexomeError
from lexome.languages.base import Ids, UnitCodes
from lexome.languages.features import Features, FrameToken
from lexome.languages.tokenizers import folder as folders
from lexome.languages.tokenizers.vocabulary import FIRST, SPECIAL, SPECIAL_NAMES

Codes = npt.NDArray[np.int64]
Arrays = Mapping[str, npt.NDArray[Any]]


class Coding(Protocol):
    """How the content of a language becomes codes, whole numbers from 0, and content again.

    `names[code]` is a printable name without white space, different for each code;
    `unit_lengths[code]` is the number of natural units that a code stands for. `settings` and
    `arrays` are all that it takes to make the coding again: `Language.coding(kind, settings,
    arrays)` does.
    """

    language: ClassVar[str]
    kind: ClassVar[str]
    lossy: ClassVar[bool]

    @property
    def names(self) -> Sequence[str]: ...

    @property
    def unit_lengths(self) -> npt.NDArray[np.int64]: ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Return what JSON holds of the coding."""
        ...

    @property
    def arrays(self) -> Arrays:
        """Return what was learned, for a safetensors file; nothing where nothing was."""
        ...

    def encode(self, content: Any) -> Codes:
        """Return the codes of one content; `LexomeError` if it cannot be encoded."""
        ...

    def decode(self, codes: Codes) -> Any:
        """Return content for any codes in any order: a model may write what no data holds."""
        ...

    def unit_codes(self, codes: Codes) -> UnitCodes:
        """Return a number for each natural unit: equal units, equal numbers."""
        ...


@runtime_checkable
class FeatureCoding(Protocol):
    """A coding whose only code, 0, is a frame: features [frames, steps * bands] stand beside it."""

    @property
    def feature_shape(self) -> tuple[int, int]:
        """Return the steps of a frame, and the bands of a step."""
        ...

    def features(self, content: Any) -> Features:
        """Return a row for each code of the content."""
        ...


class CodedTokenizer:
    """A tokenizer made from a `Coding`: its codes behind the special tokens."""

    special = SPECIAL
    overlapping = False

    def __init__(self, coding: Coding) -> None:
        self.coding = coding
        self.kind = coding.kind
        self.lossy = coding.lossy
        nothing = np.zeros(FIRST, np.int64)
        self.unit_lengths: npt.NDArray[np.int64] = np.concatenate([nothing, coding.unit_lengths])
        self._names = [*SPECIAL_NAMES, *coding.names]

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens, special ones included."""
        return len(self._names)

    @property
    def frame(self) -> FrameToken | None:
        """Return the frame token, if the coding makes frames."""
        if not isinstance(self.coding, FeatureCoding):
            return None
        return FrameToken(FIRST, *self.coding.feature_shape)

    def features(self, content: Any) -> Features:
        """Return the features of the frames of a content; [frames, width]."""
        if not isinstance(self.coding, FeatureCoding):
            raise LexomeError(f"the tokenizer {self.kind!r} makes no frames")
        return self.coding.features(content)

    def encode(self, contents: Sequence[Any]) -> list[Ids]:
        """Encode each content to ids, uint16 where they fit and uint32 otherwise."""
        kind = np.uint16 if self.vocab_size <= 1 << 16 else np.uint32
        return [(self.coding.encode(content) + FIRST).astype(kind) for content in contents]

    def decode(self, ids: Ids) -> Any:
        """Return the content that `ids` stand for; special tokens stand for nothing."""
        return self.coding.decode(_codes(ids))

    def unit_codes(self, ids: Ids) -> UnitCodes:
        """Return a number for each natural unit that `ids` stand for."""
        return self.coding.unit_codes(_codes(ids))

    def token_label(self, token: int) -> str:
        """Return the name of a token."""
        if not 0 <= token < self.vocab_size:
            raise LexomeError(f"there is no token {token}, only 0 to {self.vocab_size - 1}")
        return self._names[token]

    def text_stream(self) -> NameStream:
        """Return what writes ids down as names with a space between two."""
        return NameStream(self)

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, tokenizer_config.json, lexome_tokenizer.json and the arrays.

        For plain `transformers` the names of the tokens, with spaces between, are the text.
        """
        described = {
            "language": self.coding.language,
            "kind": self.kind,
            "settings": dict(self.coding.settings),
        }
        folders.save_coding(folder, self._json(), described, self.coding.arrays)

    def _json(self) -> str:
        vocabulary = {name: number for number, name in enumerate(self._names)}
        if len(vocabulary) < len(self._names):
            raise LexomeError(f"two tokens of the tokenizer {self.kind!r} have one name")
        backend = tokenizers.Tokenizer(models.WordLevel(vocabulary, unk_token=SPECIAL_NAMES[0]))
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        backend.add_special_tokens(list(SPECIAL_NAMES))
        return backend.to_str()


class NameStream:
    """Writes the names of tokens with a space between two."""

    def __init__(self, tokenizer: CodedTokenizer) -> None:
        self._tokenizer = tokenizer
        self._begun = False

    def push(self, ids: Iterable[int]) -> str:
        """Return the names of `ids`, with a space before where something stands before."""
        names = [self._tokenizer.token_label(index) for index in ids]
        before = " " if self._begun and names else ""
        self._begun = self._begun or bool(names)
        return before + " ".join(names)

    def finish(self) -> str:
        """Return nothing: names are whole."""
        return ""


def _codes(ids: Ids) -> Codes:
    whole = np.asarray(ids).astype(np.int64)
    return whole[whole >= FIRST] - FIRST

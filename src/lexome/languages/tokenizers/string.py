"""The tokenizer of everything that is a string: text, DNA, proteins."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers

from lexome.errors import LexomeError
from lexome.languages.base import Ids, UnitCodes
from lexome.languages.tokenizers import folder as folders
from lexome.languages.tokenizers.encoders import make_encoder
from lexome.languages.tokenizers.vocabulary import FIRST, SPECIAL, Spelling, token_bytes

Offsets = npt.NDArray[np.int64]

_VISIBLE = str.maketrans({" ": "␣", "\n": "↵", "\t": "→", "\r": "␍"})


class StringTokenizer:
    """A lossless tokenizer of strings, the same as its tokenizer.json, only faster.

    `json` is the text of tokenizer.json; `spelling` says what its tokens stand for. Nothing is
    normalised and there is no unknown token: text falls back to bytes, and a symbol outside
    a closed alphabet is an error. `unit_lengths` [vocab_size] counts UTF-8 bytes for text and
    symbols for closed alphabets.
    """

    special = SPECIAL
    lossy = False

    def __init__(self, json: str, spelling: Spelling) -> None:
        self.json = json
        self.spelling = spelling
        self.kind = spelling.kind
        self.backend = tokenizers.Tokenizer.from_str(json)
        self.backend.encode_special_tokens = True
        names = self.backend.get_vocab()
        self._bytes = token_bytes(names, spelling)
        self._names = sorted(names, key=names.__getitem__)
        self.unit_lengths: npt.NDArray[np.int64] = np.array(
            [len(added) for added in self._bytes], np.int64
        )
        self._spelled = np.frombuffer(b"".join(self._bytes), np.uint8)
        self._spelled_at = np.cumsum(self.unit_lengths) - self.unit_lengths
        self._encoder = make_encoder(spelling, names, self.backend)

    def __reduce__(self) -> tuple[Any, ...]:
        return StringTokenizer, (self.json, self.spelling)

    @property
    def vocab_size(self) -> int:
        """Return the number of tokens, special ones included."""
        return len(self._bytes)

    @property
    def overlapping(self) -> bool:
        """Return whether a token also spells units that its neighbours stand for."""
        return self.spelling.overlapping

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of tokenizer.json as 64 hexadecimal digits."""
        return hashlib.sha256(self.json.encode("utf-8")).hexdigest()

    def encode(self, contents: Sequence[str]) -> list[Ids]:
        """Encode each content to ids, uint16 where they fit and uint32 otherwise.

        Content that looks like a special token is text. Raises `LexomeError` that names the
        symbol if one is outside the alphabet.
        """
        return self._encoder.encode(contents)

    def encode_prompt(self, content: str) -> Ids:
        """Encode content that a model is to go on with: like `encode`, but for k-mers.

        A run of symbols that k-mers do not divide ends in single symbols, behind which a model
        has seen runs end and hardly ever go on. In a prompt they stand where its last run begins.
        """
        run = len(content) - len(content.rstrip(self.spelling.core))
        left = run % self.spelling.stride if run else 0
        if not left:
            return self.encode([content])[0]
        cut = len(content) - run + left
        return np.concatenate(self.encode([content[:cut], content[cut:]]))

    def decode(self, ids: Ids) -> str:
        """Return the content that `ids` stand for; special tokens stand for nothing.

        Bytes that are not valid UTF-8, as a model may generate, become U+FFFD.
        """
        return self.decode_bytes(ids).decode("utf-8", errors="replace")

    def decode_bytes(self, ids: Ids) -> bytes:
        """Return the UTF-8 bytes that `ids` stand for, valid or not."""
        added = self._bytes
        return b"".join([added[index] for index in np.asarray(ids).tolist()])

    def unit_codes(self, ids: Ids) -> UnitCodes:
        """Return the bytes that `ids` stand for, as numbers; [sum of `unit_lengths[ids]`]."""
        lengths = self.unit_lengths[ids]
        stops = np.cumsum(lengths)
        moved = np.repeat(self._spelled_at[ids] - (stops - lengths), lengths)
        return self._spelled[moved + np.arange(len(moved))]

    def text_stream(self) -> StreamDecoder:
        """Return what decodes ids as they are generated."""
        return StreamDecoder(self)

    def spell(self, ids: Ids) -> str:
        """Return the names of the tokens with a space between two, as k-mer models write them."""
        return " ".join([self._names[index] for index in np.asarray(ids).tolist()])

    def offsets(self, ids: Ids) -> tuple[Offsets, Offsets]:
        """Return where each token starts and stops in the content, in natural units."""
        lengths = self.unit_lengths[ids]
        stops = np.cumsum(lengths)
        return stops - lengths, stops

    def character_offsets(self, ids: Ids) -> tuple[Offsets, Offsets]:
        """Return where each token starts and stops in `decode(ids)`, in characters.

        A token that holds only some bytes of a character spans the whole character, so spans
        can overlap; a special token's span is empty. For ids that `encode` gave.
        """
        starts, stops = self.offsets(ids)
        if self.spelling.alphabet is not None:
            return starts, stops
        data = np.frombuffer(self.decode_bytes(ids), np.uint8)
        # Bytes 10xxxxxx go on with a character, all others begin one.
        begun = np.concatenate([[0], np.cumsum((data & 0xC0) != 0x80)])
        ends = begun[stops]
        return np.where(stops > starts, begun[np.minimum(starts + 1, len(data))] - 1, ends), ends

    def token_label(self, token: int) -> str:
        """Return a printable name of a token: blanks made visible, broken bytes in hexadecimal."""
        if not 0 <= token < self.vocab_size:
            raise LexomeError(f"there is no token {token}, only 0 to {self.vocab_size - 1}")
        if token < FIRST or self.spelling.alphabet is not None:
            return self._names[token]
        added = self._bytes[token]
        try:
            text = added.decode("utf-8").translate(_VISIBLE)
        except UnicodeDecodeError:
            return f"<{added.hex(' ').upper()}>"
        return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, tokenizer_config.json and lexome_tokenizer.json.

        `transformers.AutoTokenizer.from_pretrained(folder)` gives the same ids and texts, with
        nothing added; for overlapping k-mers it takes the spelled sequence (`spell`).
        """
        folders.save(folder, self.json, self.spelling)


class StreamDecoder:
    """Decodes ids as they are generated, and gives out whole characters only."""

    def __init__(self, tokenizer: StringTokenizer) -> None:
        self._tokenizer = tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, ids: Iterable[int]) -> str:
        """Return the characters that `ids` complete; an open one is kept for the next call."""
        return self._decoder.decode(self._tokenizer.decode_bytes(np.array(list(ids), np.int64)))

    def finish(self) -> str:
        """Return what is left: U+FFFD if a character was never completed, otherwise nothing."""
        return self._decoder.decode(b"", final=True)


def load(folder: Path) -> StringTokenizer:
    """Return the tokenizer that `StringTokenizer.save` wrote.

    Raises `LexomeError` if there is none and `DamagedFileError` if a file has changed.
    """
    json, spelling = folders.read(folder)
    with folders.damage_named(folder):
        return StringTokenizer(json, spelling)

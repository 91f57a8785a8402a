"""What each token spells: special tokens, the byte alphabet, k-mers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product

from lexome.errors import LexomeError, UsageError
from lexome.languages.base import SpecialTokens

SPECIAL_NAMES = ("<|pad|>", "<|begin|>", "<|end|>", "<|mask|>")
SPECIAL = SpecialTokens(pad=0, begin=1, end=2, mask=3)
FIRST = len(SPECIAL_NAMES)
IUPAC = "ACGTRYSWKMBDHVN"

# Named as the unknown token of models whose alphabet is closed, and never in their vocabulary:
# `tokenizers` then raises an error on an unknown symbol, where without a name it drops it.
UNKNOWN = "<|unknown|>"

# A k-mer vocabulary beyond this many tokens would be larger than any model made of it.
MOST_KMERS = 4**10


@dataclass(frozen=True)
class Spelling:
    """How a tokenizer's tokens spell content.

    `alphabet` is the closed set of symbols, or `None` for text, whose unit is the UTF-8 byte.
    `k`, `stride` and `core` are for k-mers: only symbols of `core` form k-mers.
    """

    kind: str
    alphabet: str | None = None
    core: str = ""
    k: int = 0
    stride: int = 0

    @property
    def unit(self) -> str:
        """Return the natural unit that a tokenizer of this spelling counts."""
        return "byte" if self.alphabet is None else "symbol"

    @property
    def overlapping(self) -> bool:
        """Return whether one unit can be spelled by several tokens."""
        return self.stride < self.k

    def adds(self, token: str) -> bytes:
        """Return the bytes of content that a token, as named in the vocabulary, adds."""
        if self.kind == "characters":
            return _fallback_byte(token)
        if self.alphabet is None:
            return bytes(_BYTES[character] for character in token)
        if self.overlapping and len(token) > 1:
            token = token[-self.stride :]
        return token.encode("ascii")


def vocabulary(tokens: Iterable[str]) -> dict[str, int]:
    """Number the special tokens and then `tokens`, in their order."""
    return {token: index for index, token in enumerate((*SPECIAL_NAMES, *tokens))}


def byte_alphabet() -> list[str]:
    """Return the printable stand-in of each byte, in byte order.

    Byte-level BPE names a byte by a printable character: itself where it is one, otherwise the
    characters from U+0100 on, in byte order (Radford et al. 2019, "Language models are
    unsupervised multitask learners").
    """
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in printable]
    names = {byte: chr(0x100 + index) for index, byte in enumerate(hidden)}
    return [names.get(byte, chr(byte)) for byte in range(256)]


def fallback_names() -> list[str]:
    """Return the names that `tokenizers` gives to the 256 bytes of characters it does not know."""
    return [f"<0x{byte:02X}>" for byte in range(256)]


def kmers(core: str, k: int, stride: int, alphabet: str) -> list[str]:
    """Return the tokens of a k-mer tokenizer in the order of their ids.

    First every single symbol (those outside `core`, then `core`), then for overlapping k-mers
    the strings that a run starts with (lengths stride, 2 x stride, ... below k), then the k-mers.
    """
    outside = [symbol for symbol in alphabet if symbol not in core]
    lengths = [length for length in (*range(stride, k, stride), k) if length > 1]
    longer = ["".join(letters) for n in lengths for letters in product(core, repeat=n)]
    return [*outside, *core, *longer]


def check_alphabet(alphabet: str) -> None:
    """Raise `UsageError` unless `alphabet` is a set of printable ASCII symbols."""
    if not alphabet or not alphabet.isascii() or not alphabet.isprintable() or " " in alphabet:
        raise UsageError(
            f"the alphabet {alphabet!r} is not a set of printable ASCII symbols",
            fix="give the symbols without spaces, such as ACGT",
        )
    if len(set(alphabet)) != len(alphabet):
        raise UsageError(f"the alphabet {alphabet!r} names a symbol twice", fix="name each once")


def check_kmers(core: str, k: int, stride: int, alphabet: str) -> None:
    """Raise `UsageError` unless these options make a k-mer tokenizer."""
    check_alphabet(alphabet)
    check_alphabet(core)
    if missing := sorted(set(core) - set(alphabet)):
        raise UsageError(
            f"the core symbols {', '.join(missing)} are not in the alphabet {alphabet!r}",
            fix="choose the core from the alphabet",
        )
    if not 1 <= stride <= k:
        raise UsageError(
            f"a stride of {stride} does not go with k = {k}", fix="choose 1 <= stride <= k"
        )
    if len(core) ** k > MOST_KMERS:
        raise UsageError(
            f"{len(core)} symbols make {len(core) ** k:,} different {k}-mers, too many for a model",
            fix=f"choose a smaller k (at most {MOST_KMERS:,} k-mers)",
        )


def token_bytes(names: Mapping[str, int], spelling: Spelling) -> list[bytes]:
    """Return by id the bytes of content that each token adds; special tokens add none."""
    ordered = sorted(names, key=names.__getitem__)
    if [names[name] for name in ordered] != list(range(len(ordered))):
        raise LexomeError("the token ids are not 0, 1, 2, … without a gap")
    if tuple(ordered[:FIRST]) != SPECIAL_NAMES:
        raise LexomeError(f"the first tokens are not {', '.join(SPECIAL_NAMES)}")
    return [b""] * FIRST + [spelling.adds(name) for name in ordered[FIRST:]]


def _fallback_byte(token: str) -> bytes:
    # Every character token is one character long, so a longer name can only be a byte's.
    return token.encode() if len(token) == 1 else bytes([int(token[3:5], 16)])


_BYTES = {character: byte for byte, character in enumerate(byte_alphabet())}

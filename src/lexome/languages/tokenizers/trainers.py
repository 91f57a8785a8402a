"""Tokenizers that are written down rather than learned: bytes, characters, symbols, k-mers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self

import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers

from lexome.errors import UsageError
from lexome.languages.tokenizers.encoders import utf8
from lexome.languages.tokenizers.string import StringTokenizer
from lexome.languages.tokenizers.vocabulary import (
    FIRST,
    IUPAC,
    SPECIAL_NAMES,
    UNKNOWN,
    Spelling,
    byte_alphabet,
    check_alphabet,
    check_kmers,
    fallback_names,
    kmers,
    vocabulary,
)


class WithoutOptions:
    """A trainer that has no options."""

    option_names: Sequence[str] = ()

    def with_options(self, options: Mapping[str, int]) -> Self:
        """Return the trainer itself."""
        return self


class BytesTrainer(WithoutOptions):
    """One token for each of the 256 bytes, in byte order after the special tokens."""

    needs_sample = False

    def train(self, contents: Iterable[Any] = (), vocab_size: int | None = None) -> StringTokenizer:
        """Return the tokenizer; nothing is read from `contents`."""
        _check_fixed(vocab_size, FIRST + 256)
        backend = _backend(models.BPE(vocab=vocabulary(byte_alphabet()), merges=[]))
        backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        backend.decoder = decoders.ByteLevel()
        return StringTokenizer(backend.to_str(), Spelling("bytes"))


class CharactersTrainer(WithoutOptions):
    """One token for each character of the sample; other characters are spelled in UTF-8 bytes."""

    needs_sample = True

    def train(self, contents: Iterable[Any], vocab_size: int | None = None) -> StringTokenizer:
        """Return a tokenizer of the sample's characters in code point order, then the 256 bytes.

        With a `vocab_size`, of the most frequent characters that it has room for.
        """
        counts: Counter[str] = Counter()
        for content in contents:
            utf8(content)
            counts.update(content)
        kept = sorted(counts, key=lambda character: (-counts[character], character))
        if vocab_size is not None:
            room = vocab_size - FIRST - 256
            if room < 0:
                raise UsageError(
                    f"a vocabulary of {vocab_size} has no room for {FIRST} special tokens "
                    "and 256 bytes",
                    fix=f"choose a vocabulary size of at least {FIRST + 256}",
                )
            kept = kept[:room]
        names = vocabulary([*sorted(kept), *fallback_names()])
        backend = _backend(models.BPE(vocab=names, merges=[], byte_fallback=True))
        backend.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
        return StringTokenizer(backend.to_str(), Spelling("characters"))


class SymbolsTrainer(WithoutOptions):
    """One token for each symbol of a closed alphabet of ASCII symbols, in its order."""

    needs_sample = False

    def __init__(self, alphabet: str) -> None:
        check_alphabet(alphabet)
        self.alphabet = alphabet

    def train(self, contents: Iterable[Any] = (), vocab_size: int | None = None) -> StringTokenizer:
        """Return the tokenizer; nothing is read from `contents`."""
        _check_fixed(vocab_size, FIRST + len(self.alphabet))
        names = vocabulary(self.alphabet)
        backend = _backend(models.BPE(vocab=names, merges=[], unk_token=UNKNOWN))
        backend.decoder = decoders.Fuse()
        return StringTokenizer(backend.to_str(), Spelling("symbols", self.alphabet))


class KmerTrainer:
    """Strings of k core symbols, every `stride` symbols; other symbols are single tokens.

    With stride = k (the default) the tokens follow each other without overlap, and what is
    left of a run of core symbols is spelled by single symbols. With stride < k they overlap
    (DNABERT, Ji et al. 2021, has stride 1): a run starts with growing strings of stride,
    2 x stride, ... symbols, then come k-mers, each of which adds its last `stride` symbols, and
    fewer than `stride` symbols may be left at its end, spelled singly.

    The tokenizer.json of overlapping k-mers takes DNABERT's spelling, the tokens with a
    space between two of them (`StringTokenizer.spell`), and decodes to the plain sequence.
    """

    needs_sample = False
    option_names: Sequence[str] = ("k", "stride")

    def __init__(
        self, k: int, stride: int | None = None, core: str = "ACGT", alphabet: str = IUPAC
    ) -> None:
        stride = k if stride is None else stride
        check_kmers(core, k, stride, alphabet)
        self.spelling = Spelling("kmer", alphabet, core, k, stride)

    def with_options(self, options: Mapping[str, int]) -> KmerTrainer:
        """Return a trainer of other k-mers; `stride` is `k` unless it is given."""
        spelling = self.spelling
        k, stride = options.get("k", spelling.k), options.get("stride")
        return KmerTrainer(k, stride, core=spelling.core, alphabet=spelling.alphabet or "")

    def train(self, contents: Iterable[Any] = (), vocab_size: int | None = None) -> StringTokenizer:
        """Return the tokenizer; nothing is read from `contents`."""
        core, k, stride = self.spelling.core, self.spelling.k, self.spelling.stride
        names = vocabulary(kmers(core, k, stride, self.spelling.alphabet or ""))
        _check_fixed(vocab_size, len(names))
        backend = _backend(models.WordLevel(vocab=names, unk_token=UNKNOWN))
        letters = "".join(f"\\x{ord(symbol):02x}" for symbol in core)
        if self.spelling.overlapping:
            backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
            seen = Regex(rf"^[{letters}]+(?=[{letters}]{{{stride}}}$)")
            backend.decoder = decoders.Sequence([decoders.Replace(seen, ""), decoders.Fuse()])
        else:
            pieces = Regex(rf"[{letters}]{{{k}}}|[\s\S]")
            backend.pre_tokenizer = pre_tokenizers.Split(pieces, behavior="isolated")
            backend.decoder = decoders.Fuse()
        return StringTokenizer(backend.to_str(), self.spelling)


def _backend(model: models.Model) -> tokenizers.Tokenizer:
    backend = tokenizers.Tokenizer(model)
    backend.add_special_tokens(list(SPECIAL_NAMES))
    return backend


def _check_fixed(vocab_size: int | None, size: int) -> None:
    if vocab_size not in (None, size):
        raise UsageError(
            f"this tokenizer has {size} tokens, not {vocab_size}",
            fix="leave the vocabulary size out, or choose a tokenizer that is trained",
        )

"""Byte-pair encoding, trained by `tokenizers`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import tokenizers
from tokenizers import Regex, decoders, models, pre_tokenizers, trainers

from lexome.errors import UsageError
from lexome.languages.tokenizers.encoders import BLOCK, PIECE, symbols, utf8
from lexome.languages.tokenizers.string import StringTokenizer
from lexome.languages.tokenizers.trainers import WithoutOptions
from lexome.languages.tokenizers.vocabulary import (
    FIRST,
    SPECIAL_NAMES,
    UNKNOWN,
    Spelling,
    byte_alphabet,
    check_alphabet,
)

# Text is cut into these pieces, and merges never cross a cut. In order: a line break run with
# the blanks before it; a word with at most one blank or mark before it; up to three
# digits; a run of marks with one space before it; blanks, which leave the last one to the word
# that follows. No piece goes on after a line break, and none is longer than a few hundred
# characters, so one endless line costs no more than many short ones.
PATTERN = "|".join(
    (
        r"[^\S\r\n]{0,256}[\r\n]{1,256}",
        r"[^\r\n\p{L}\p{M}\p{N}]?[\p{L}\p{M}]{1,128}",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{M}\p{N}]{1,128}",
        r"[^\S\r\n]{1,256}(?!\S)",
        r"\s",
    )
)


class BpeTrainer(WithoutOptions):
    """Trains byte-pair encoding (Sennrich et al. 2016) on a sample.

    Without an alphabet the symbols are the 256 bytes and the content is text. With one, the
    symbols are the alphabet's, and merges run within pieces of 128 symbols, as there are no
    words in DNA or proteins; GROVER (Sanabria et al. 2024) and DNABERT-2 (Zhou et al. 2024)
    likewise train BPE on windows of their genomes.
    """

    needs_sample = True

    def __init__(self, alphabet: str | None = None, default_vocab_size: int = 8192) -> None:
        if alphabet is not None:
            check_alphabet(alphabet)
        self.alphabet = alphabet
        self.default_vocab_size = default_vocab_size

    def train(self, contents: Iterable[Any], vocab_size: int | None = None) -> StringTokenizer:
        """Return a tokenizer of at most `vocab_size` tokens, the special ones counted.

        It has fewer where the sample holds too few repeated pairs to merge. The same sample
        gives the same tokenizer. Raises `UsageError` if the size has no room for the symbols.
        """
        size = self.default_vocab_size if vocab_size is None else vocab_size
        base = byte_alphabet() if self.alphabet is None else list(self.alphabet)
        if size < FIRST + len(base):
            raise UsageError(
                f"a vocabulary of {size} has no room for {FIRST} special tokens "
                f"and {len(base)} symbols",
                fix=f"choose a vocabulary size of at least {FIRST + len(base)}",
            )
        backend = self._backend()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=list(SPECIAL_NAMES),
            initial_alphabet=base,
            limit_alphabet=len(base),
            show_progress=False,
        )
        backend.train_from_iterator(self._blocks(contents), trainer)
        return StringTokenizer(backend.to_str(), Spelling("bpe", self.alphabet))

    def _backend(self) -> tokenizers.Tokenizer:
        if self.alphabet is None:
            backend = tokenizers.Tokenizer(models.BPE())
            backend.pre_tokenizer = pre_tokenizers.Sequence(
                [
                    pre_tokenizers.Split(Regex(PATTERN), behavior="isolated"),
                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
                ]
            )
            backend.decoder = decoders.ByteLevel()
        else:
            backend = tokenizers.Tokenizer(models.BPE(unk_token=UNKNOWN))
            backend.pre_tokenizer = pre_tokenizers.Split(
                Regex(rf"[\s\S]{{1,{PIECE}}}"), behavior="isolated"
            )
            backend.decoder = decoders.Fuse()
        # A special token's text inside the sample is text.
        backend.encode_special_tokens = True
        return backend

    def _blocks(self, contents: Iterable[Any]) -> Iterator[str]:
        for content in contents:
            if self.alphabet is None:
                utf8(content)
            else:
                symbols(content, self.alphabet)
            yield from (content[at : at + BLOCK] for at in range(0, len(content), BLOCK))

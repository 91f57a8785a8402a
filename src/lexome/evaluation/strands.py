"""Two readings of one thing: a language that means the same backwards is scored on both.

A sequence of DNA and its reverse complement are one molecule, and a model that was trained on one
strand says other things of the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.shards import TokenStream, token_dtype
from lexome.errors import UsageError
from lexome.evaluation.likelihood import Likelihood
from lexome.evaluation.passages import Passage, rows_of
from lexome.languages.base import Language
from lexome.languages.variants import Mirroring

READINGS = ("as_written", "mirrored")
"""What the two readings are called in tables and files."""


def mirroring(language: Language) -> Mirroring:
    """Return a language as one that has two readings; else raise `UsageError`."""
    if isinstance(language, Mirroring):
        return language
    raise UsageError(
        f"{language.name} has one reading only",
        where="--both-strands",
        fix="leave the option out: it is for DNA",
    )


def readings(language: Language, passage: Passage, both: bool) -> list[Passage]:
    """Return a passage and, with `both`, its other reading where the language has one."""
    if not (both and isinstance(language, Mirroring)):
        return [passage]
    other = language.mirror(passage.document)
    return [passage, Passage(other, passage.closes, passage.opens)]


def mirrored_stream(corpus: Corpus, split: str) -> TokenStream:
    """Return the tokens of a split with each document in its other reading, in memory.

    Raises `UsageError` where the language has one reading only.
    """
    language, tokenizer = mirroring(corpus.language), corpus.tokenizer
    dtype = token_dtype(tokenizer.vocab_size)

    def rows() -> Iterator[npt.NDArray[np.unsignedinteger[Any]]]:
        for document in corpus.documents(split, augmented=True):
            (row,) = rows_of(tokenizer, [Passage(language.mirror(document))])
            yield row.astype(dtype)

    tokens = np.concatenate([np.zeros(0, dtype), *rows()])
    documents = corpus.folder / "documents.parquet"
    return TokenStream(corpus.folder, split, [tokens], [None], documents)


def averaged(written: Likelihood, mirrored: Likelihood) -> Likelihood:
    """Return the mean of two readings' log-likelihoods as one likelihood.

    Its standard error is the mean of theirs, the most that it can be.
    """
    errors = written.standard_error, mirrored.standard_error
    # By unit: where positions are sampled, or tokens overlap, the readings count different ones.
    nats = (written.nats + mirrored.nats * written.units / mirrored.units) / 2
    return Likelihood(
        nats,
        written.tokens,
        written.units,
        written.kind,
        f"{written.definition} The mean of both readings of each document.",
        None if errors[0] is None or errors[1] is None else (errors[0] + errors[1]) / 2,
    )

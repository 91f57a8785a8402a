"""Held-out text as a model reads it that need not have the tokens of the corpus that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.corpus.shards import TokenStream, token_dtype
from lexome.evaluation.likelihood import Likelihood, likelihood
from lexome.evaluation.passages import Passage, rows_of
from lexome.evaluation.progress import Progress
from lexome.languages.base import Document, Tokenizer
from lexome.model.transformer import Transformer


def unread(corpus: Corpus, reader: Corpus) -> tuple[list[Document], int]:
    """Return the held-out documents of a corpus that another trains not on, and how many it does.

    Both are of text: a document is compared by its letters, whatever tokens either corpus has.
    """
    held_out = [*corpus.documents(VALID)]
    if corpus.fingerprint == reader.fingerprint:
        return held_out, 0
    read = {one.content for one in held_out}.intersection(
        one.content for one in reader.documents(TRAIN, augmented=True)
    )
    left = [one for one in held_out if one.content not in read]
    return left, len(held_out) - len(left)


def held_out_likelihood(
    model: Transformer,
    tokenizer: Tokenizer,
    corpus: Corpus,
    documents: Iterable[Document],
    *,
    respect_documents: bool = False,
    progress: Progress | None = None,
) -> Likelihood:
    """Return what a model needs for these held-out documents of a corpus, in tokens of its own.

    Per natural unit it compares with that of another model, whatever tokens that one has.
    """
    dtype = token_dtype(tokenizer.vocab_size)

    def rows() -> Iterator[npt.NDArray[np.unsignedinteger[Any]]]:
        for document in documents:
            (row,) = rows_of(tokenizer, [Passage(document)])
            yield row.astype(dtype)

    tokens = np.concatenate([np.zeros(0, dtype), *rows()])
    stream = TokenStream(
        corpus.folder, VALID, [tokens], [None], corpus.folder / "documents.parquet"
    )
    return likelihood(
        model, tokenizer, stream, respect_documents=respect_documents, progress=progress
    )

"""Held-out text as a model reads it that need not have the tokens of the corpus that it is of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.manifest import VALID
from lexome.corpus.shards import TokenStream, token_dtype
from lexome.evaluation.likelihood import Likelihood, likelihood
from lexome.evaluation.passages import Passage, rows_of
from lexome.evaluation.progress import Progress
from lexome.languages.base import Tokenizer
from lexome.model.transformer import Transformer


def held_out_likelihood(
    model: Transformer,
    tokenizer: Tokenizer,
    corpus: Corpus,
    *,
    respect_documents: bool = False,
    progress: Progress | None = None,
) -> Likelihood:
    """Return what a model needs for a corpus's held-out documents, in tokens of its own.

    Per natural unit it compares with that of another model, whatever tokens that one has.
    """
    dtype = token_dtype(tokenizer.vocab_size)

    def rows() -> Iterator[npt.NDArray[np.unsignedinteger[Any]]]:
        for document in corpus.documents(VALID):
            (row,) = rows_of(tokenizer, [Passage(document)])
            yield row.astype(dtype)

    tokens = np.concatenate([np.zeros(0, dtype), *rows()])
    stream = TokenStream(
        corpus.folder, VALID, [tokens], [None], corpus.folder / "documents.parquet"
    )
    return likelihood(
        model, tokenizer, stream, respect_documents=respect_documents, progress=progress
    )

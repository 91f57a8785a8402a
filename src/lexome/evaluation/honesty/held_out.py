"""Held-out text as a model reads it that need not have the tokens of the corpus that it is of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN, VALID
from lexome.corpus.shards import TokenStream, token_dtype
from lexome.evaluation.honesty.rates import FEWEST
from lexome.evaluation.honesty.read_before import shares_read
from lexome.evaluation.likelihood import Likelihood, Parts, document_likelihood
from lexome.evaluation.metrics.bootstrap import (
    Figure,
    Floats,
    Resampling,
    Scored,
    Statistic,
    Undefined,
    ratio,
    score,
)
from lexome.evaluation.passages import Passage, rows_of
from lexome.evaluation.progress import Progress
from lexome.languages.base import Document, Tokenizer
from lexome.model.transformer import Transformer

_MOST = 0.5


def unread(corpus: Corpus, reader: Corpus) -> tuple[list[Document], int]:
    """Return the held-out documents of a corpus that another trains not on, and how many it does.

    Both are of text, which is compared by its letters, whatever tokens either corpus has and
    wherever it was cut into documents: one of which more than half stands in the training text of
    the other, in whole lines or in runs that only a copy shares, is trained on.
    """
    held_out = [*corpus.documents(VALID)]
    if corpus.fingerprint == reader.fingerprint:
        return held_out, 0
    read = (one.content for one in reader.documents(TRAIN, augmented=True))
    texts = [one.content for one in held_out]
    shares = shares_read(texts, read, corpus.language.run_units).tolist()
    left = [one for one, share in zip(held_out, shares, strict=True) if share <= _MOST]
    return left, len(held_out) - len(left)


def held_out_likelihood(
    model: Transformer,
    tokenizer: Tokenizer,
    corpus: Corpus,
    documents: Iterable[Document],
    *,
    respect_documents: bool = False,
    progress: Progress | None = None,
) -> tuple[Likelihood, Parts]:
    """Return what a model needs for these held-out documents of a corpus, in tokens of its own.

    It comes for all of them and for each. Per natural unit it compares with that of another model,
    whatever tokens that one has.
    """
    dtype = token_dtype(tokenizer.vocab_size)

    def rows() -> Iterator[npt.NDArray[np.unsignedinteger[Any]]]:
        for document in documents:
            (row,) = rows_of(tokenizer, [Passage(document)])
            yield row.astype(dtype)

    each = [*rows()]
    tokens = np.concatenate([np.zeros(0, dtype), *each])
    starts = np.cumsum([0, *map(len, each[:-1])], dtype=np.int64)
    stream = TokenStream(
        corpus.folder, VALID, [tokens], [None], corpus.folder / "documents.parquet"
    )
    return document_likelihood(
        model, tokenizer, stream, starts, respect_documents=respect_documents, progress=progress
    )


def change_of_bits(before: Parts, after: Parts, seed: int = 0) -> Figure:
    """Return by which share bits per unit changed, with an interval over documents.

    Both are of the same documents, which are drawn again with what either model needs for them: a
    document that is hard for both says nothing of the change. Of fewer than `FEWEST` there is no
    interval, since a few long ones may be all there is to it.
    """
    documents = len(before.nats)
    bits = [ratio(one.nats, one.units) for one in (before, after)]

    def change(weights: Floats) -> Floats:
        was, now = (of(weights) for of in bits)
        return np.asarray(now / was - 1)

    name = "change"
    (figure,) = score([Statistic(name, change)], documents, Resampling(seed=seed))
    if documents >= FEWEST or isinstance(figure, Undefined):
        return figure
    note = f"no interval: there are {documents} documents, and it takes {FEWEST}"
    return Scored(name, figure.value, None, None, documents, note)

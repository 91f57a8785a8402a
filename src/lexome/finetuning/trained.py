"""Which examples a run has learned from, and whether others are among them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import numpy as np

from lexome.corpus import Corpus, PackedBatches
from lexome.corpus.encode import digest
from lexome.corpus.manifest import TRAIN
from lexome.corpus.packing import document_lengths
from lexome.finetuning.answering import Question
from lexome.finetuning.paired import Pairs
from lexome.languages.features import Features
from lexome.languages.pair import PairTokenizer
from lexome.training.run import Run


def trained_documents(run: Run, corpus: Corpus, context: int) -> list[int]:
    """Return the numbers of the training documents that a run of this `context` learns from.

    Those that are longer are not among them, nor, of few examples, those that were not chosen;
    forms that augmentation made are.
    """
    assert run.recipe.start is not None
    packed = PackedBatches.of(
        corpus,
        TRAIN,
        context,
        batch_size=1,
        seed=run.recipe.training.seed,
        examples=run.recipe.start.examples,
    )
    return sorted(packed.chosen.tolist())


def originals(corpus: Corpus, numbers: Collection[int]) -> list[int]:
    """Return those training documents that are examples, and no forms that augmentation made."""
    wanted = frozenset(numbers)
    rows = enumerate(corpus.rows(TRAIN))
    return [number for number, row in rows if number in wanted and not row["augmented"]]


def count_among(
    asked: Sequence[Question], pairs: Pairs, split: str, numbers: Iterable[int] | None = None
) -> int:
    """Return how many questions, with their answers, are documents of a split, token for token.

    By default all documents of it are looked at, else those of `numbers`.
    """
    stream, heard = pairs.corpus.stream(split), pairs.corpus.features(split)
    starts, lengths = stream.document_starts, document_lengths(stream)
    known = set()
    for number in range(len(starts)) if numbers is None else numbers:
        ids = stream.read(int(starts[number]), int(starts[number] + lengths[number]))
        known.add(digest(ids.astype(np.int64), heard.document(number) if heard else None))
    return sum(_digest(one, pairs.tokenizer) in known for one in asked)


def _digest(question: Question, tokenizer: PairTokenizer) -> int:
    rows: Features | None = None
    if question.features is not None and tokenizer.frame is not None:
        frames = np.array(question.prompt) == tokenizer.frame.token
        # As a corpus keeps them.
        rows = question.features[frames].astype(np.float16)
    return digest(np.array(question.document(tokenizer.special.end), np.int64), rows)

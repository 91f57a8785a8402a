"""How often the training text has a name: in tokens, inside a sentence and where one starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.corpus.index.record import record_path
from lexome.corpus.manifest import TRAIN
from lexome.evaluation.honesty.whole_words import WholeWords
from lexome.training import open_run
from lexome.training.run import FACTS, Run


def pretrained(run: Run) -> Run | None:
    """Return the run whose corpus a model has read: of one tuned on pairs, that of its base.

    A base that is no run, or lies elsewhere by now, is `None`: nobody knows what it has read.
    """
    while run.recipe.start is not None and run.recipe.objective.of_pairs:
        base = Path(run.recipe.start.base)
        if not (base / FACTS).is_file():
            return None
        run = open_run(base)
    return run


def read_by(run: Run) -> Corpus | None:
    """Return the corpus that a run's model has read, its bytes checked; `None` as `pretrained`."""
    reads = pretrained(run)
    return None if reads is None else reads.corpus(verify=True)


def text_counts(corpus: Corpus) -> Callable[[str], int] | None:
    """Return what counts a text in the training split, or `None` where the corpus has no index.

    A byte-pair tokenizer spells a word behind a space otherwise than where a line begins, and
    both spellings are counted. One that it has only between other neighbours is not. In a script
    with small and capital letters a text is counted as whole words: Niger is not in Nigeria.
    """
    if not record_path(corpus, TRAIN).is_file():
        return None
    index, words = CorpusIndex.open(corpus), WholeWords(corpus)

    @cache
    def said(text: str) -> int:
        alone, spaced = (ids.tolist() for ids in corpus.tokenizer.encode([text, f" {text}"]))
        # Spelled letter by letter, the one behind a space is among those already.
        spellings = [alone] if spaced[-len(alone) :] == alone else [alone, spaced]
        counts = index.counts(spellings).tolist()
        places = index.positions(spellings, max(counts))
        return sum(words.count(own, len(ids)) for own, ids in zip(places, spellings, strict=True))

    return said

"""What the training text says of names: how often it has one, and which it has together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.corpus.index.record import record_path
from lexome.corpus.manifest import TRAIN
from lexome.errors import LexomeError
from lexome.evaluation.honesty.whole_words import WholeWords
from lexome.evaluation.metrics.bootstrap import Ints
from lexome.training import open_run
from lexome.training.run import FACTS, Run

# Texts that are looked up at once: of frequent ones the places take memory.
_AT_ONCE = 64


def pretrained(run: Run) -> Run | None:
    """Return the run whose corpus a model has read: of one tuned on pairs, that of its base.

    A base that is no run, or lies elsewhere by now, is `None`: nobody knows what it has read.
    """
    *_, last = _down_from(run)
    # If the last one has a base too, that is no run: it would have come next.
    return last if _base(last) is None else None


def has_read(run: Run) -> Run:
    """Return `pretrained`; `LexomeError` where nobody knows what a model has read."""
    *_, last = _down_from(run)
    if (base := _base(last)) is None:
        return last
    there = base.exists()
    what = "is no run that lexome trained" if there else "is not there any more"
    raise LexomeError(
        f"the base of this run {what}, so nobody knows what it has read",
        where=str(base),
        fix="tune a run that lexome trained" if there else "bring that folder back",
    )


def tuned_on(run: Run) -> list[Corpus]:
    """Return the pairs that a model was tuned on, one time after another, the last first.

    Their bytes are checked. Of a base that is no run nobody knows what it was tuned on.
    """
    return [one.corpus(verify=True) for one in _down_from(run) if one.recipe.objective.of_pairs]


def _down_from(run: Run) -> Iterator[Run]:
    """Yield a run, and of one that was tuned on pairs its base, and so on, as far as they are."""
    yield run
    while (base := _base(run)) is not None and (base / FACTS).is_file():
        run = open_run(base)
        yield run


def _base(run: Run) -> Path | None:
    """Return the folder of what was tuned on pairs to make a run."""
    start = run.recipe.start
    return Path(start.base) if start is not None and run.recipe.objective.of_pairs else None


def read_by(run: Run) -> Corpus | None:
    """Return the corpus that a run's model has read, its bytes checked; `None` as `pretrained`."""
    reads = pretrained(run)
    return None if reads is None else reads.corpus(verify=True)


@dataclass(frozen=True, slots=True)
class _Found:
    """How often a text stands in the split, and the numbers of the documents that have it."""

    times: int
    documents: Ints


class CorpusSays:
    """Looks up texts in the training split of a corpus that has an index; each one once.

    A byte-pair tokenizer spells a word behind a space otherwise than where a line begins, and
    both spellings are found. One that it has only between other neighbours is not. In a script
    with small and capital letters a text is found as whole words: Niger is not in Nigeria.
    """

    def __init__(self, corpus: Corpus) -> None:
        self._index = CorpusIndex.open(corpus)
        self._words = WholeWords(corpus)
        self._tokenizer = corpus.tokenizer
        stream = corpus.stream(TRAIN)
        self._tokens, self._starts = len(stream), stream.document_starts
        self._known: dict[str, _Found] = {}

    def count(self, text: str) -> int:
        """Return how often the training text has a text."""
        return self._found(text).times

    def counts(self, texts: Sequence[str]) -> list[int]:
        """Return how often the training text has each of many texts."""
        self.look_up(texts)
        return [self._known[text].times for text in texts]

    def together(self, one: str, other: str) -> bool:
        """Return whether a document of the training text has both."""
        few, many = sorted((self._found(one).documents, self._found(other).documents), key=len)
        if not len(few):
            return False
        at = np.minimum(many.searchsorted(few), len(many) - 1)
        return bool((many[at] == few).any())

    def look_up(self, texts: Iterable[str]) -> None:
        """Look up many texts at once, which takes far less time than one by one."""
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for first in range(0, len(new), _AT_ONCE):
            self._look_up(new[first : first + _AT_ONCE])

    def _found(self, text: str) -> _Found:
        self.look_up([text])
        return self._known[text]

    def _look_up(self, texts: Sequence[str]) -> None:
        ids = [own.tolist() for own in self._tokenizer.encode([*texts, *(f" {t}" for t in texts)])]
        spellings: list[tuple[str, list[int]]] = []
        for text, alone, spaced in zip(texts, ids, ids[len(texts) :], strict=False):
            # Spelled letter by letter, the one behind a space is among those already.
            both = [alone] if spaced[-len(alone) :] == alone else [alone, spaced]
            spellings += [(text, one) for one in both]
        places = {text: [np.zeros(0, np.int64)] for text in texts}
        found = self._index.positions([one for _, one in spellings], self._tokens)
        for (text, spelling), own in zip(spellings, found, strict=True):
            if own:
                at = np.array(own, np.int64)
                places[text].append(at[self._words.whole(at, spelling)])
        for text, parts in places.items():
            whole = np.concatenate(parts)
            documents = np.unique(self._starts.searchsorted(whole, "right") - 1)
            self._known[text] = _Found(len(whole), documents)


def corpus_says(corpus: Corpus | None) -> CorpusSays | None:
    """Return what looks texts up, or `None` where there is no corpus, or it has no index."""
    if corpus is None or not record_path(corpus, TRAIN).is_file():
        return None
    return CorpusSays(corpus)

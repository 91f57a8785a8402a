"""Which words are each other's translations: IBM model 1 (Brown et al. 1993), by EM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from lexome.evaluation.metrics.bootstrap import Floats, Ints

# The word of every source from which target words come that translate none.
NULL = 0


@dataclass(frozen=True)
class Lexicon:
    """How often a source word was a target word's, of all pairs of words in one sentence pair; [P].

    Source words are numbered from 1, `NULL` is 0, target words from 0. `counts` are expected ones.
    """

    source: Ints
    target: Ints
    counts: Floats

    @property
    def probability(self) -> Floats:
        """Return p(target word | source word), [P]."""
        return np.asarray(self.counts / np.bincount(self.source, self.counts)[self.source])

    def best(self) -> dict[int, int]:
        """Return the target word that belongs most to each source word, and it to that one.

        It has the greatest p(target | source) p(source | target): by the first factor alone, what
        stands in every sentence, a full stop, is the translation of words that have many.
        """
        back = self.counts / np.bincount(self.target, self.counts)[self.target]
        # The last one written stays: the best, of equals the one with the least number.
        order = np.lexsort((-self.target, self.probability * back, self.source))
        pairs = zip(self.source[order].tolist(), self.target[order].tolist(), strict=True)
        return {source: target for source, target in pairs if source != NULL}


def align(sources: Sequence[Ints], targets: Sequence[Ints], rounds: int = 5) -> Lexicon:
    """Return the lexicon of sentence pairs after some rounds of EM from equal probabilities.

    `sources` hold numbers of words from 1, `targets` from 0. Every pair of words of a sentence
    pair is in memory: 40 bytes each.
    """
    words = [np.concatenate([[NULL], source]) for source in sources]
    lengths = np.array([len(one) for one in words], np.int64)
    positions = np.array([len(target) for target in targets], np.int64)
    place = np.repeat(np.arange(positions.sum()), np.repeat(lengths, positions))
    source = np.concatenate(
        [np.zeros(0, np.int64)]
        + [np.tile(one, count) for one, count in zip(words, positions.tolist(), strict=True)]
    )
    target = np.concatenate([np.zeros(0, np.int64), *targets])[place]
    size = int(target.max(initial=0)) + 1
    cells, cell = np.unique(source * size + target, return_inverse=True)
    lexicon = Lexicon(cells // size, cells % size, np.ones(len(cells)))
    probability = np.ones(len(cells))
    for _ in range(rounds):
        share = probability[cell]
        share /= np.bincount(place, share)[place]
        counts = np.bincount(cell, share, len(cells)).astype(np.float64)
        lexicon = replace(lexicon, counts=counts)
        probability = lexicon.probability
    return lexicon

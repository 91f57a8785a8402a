"""Are planted copies found, and held-out items left alone?

    python benchmarks/copying.py --corpus corpus/letters --tokens 64

The held-out items that samples of so many tokens are compared with, in an indexed corpus, are
halved by chance in each round: one half says what is usual, the other is passed off as samples. One
in a hundred of these is a planted copy: a training passage as a whole, or its first half followed
by the second half of a held-out item. Copies are made of passages of at least three quarters of the
tokens asked for, without what documents begin with where that is left out of samples.

Prints a line of JSON: which share of each kind of copy is found, and which share of the held-out
items is flagged. With `--held-out N` only so many of them say what is usual in a round, as in a
corpus that is smaller.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.evaluation.honesty.comparing import Compared, Near
from lexome.evaluation.honesty.copying import LEVEL
from lexome.evaluation.honesty.matches import matches
from lexome.evaluation.honesty.pieces import pieces
from lexome.evaluation.honesty.reference import reference
from lexome.languages.base import Ids
from running import say

PLANTED = 0.01
KINDS = ("whole", "half")


def near(corpus: Corpus, index: CorpusIndex, items: Sequence[Ids]) -> Near:
    """Return the longest matches of items."""
    values = matches(corpus, index, items).longest.astype(float)
    return Near(values, np.array([len(one) for one in items]), values, np.arange(len(items)))


def some(items: Near, rows: np.ndarray) -> Near:
    """Return some of the items."""
    return Near(items.values[rows], items.sizes[rows], items.windows[rows], items.documents[rows])


def flagged(samples: Near, held_out: Near, tokens: int) -> np.ndarray:
    """Return which samples are flagged beside these held-out items."""
    return Compared("", "", 1, tokens, tokens, samples, held_out).flags(LEVEL)


def planted(
    kind: str, train: Sequence[Ids], items: Sequence[Ids], count: int, draw: np.random.Generator
) -> list[Ids]:
    """Return copies of training passages; half ones end as a held-out piece does."""
    copies = [train[row] for row in draw.choice(len(train), count)]
    if kind == "whole":
        return copies
    ends = [items[row] for row in draw.choice(len(items), count)]
    return [
        np.concatenate([copy[: len(copy) // 2], end[len(end) // 2 :]])
        for copy, end in zip(copies, ends, strict=True)
    ]


def measure(folder: Path, tokens: int, rounds: int, usual: int | None) -> None:
    """Plant, look, and print."""
    started = time.process_time()
    corpus = Corpus.open(folder)
    index = CorpusIndex.open(corpus)
    train = [one for one in pieces(corpus, "train", tokens) if 4 * len(one) >= 3 * tokens]
    compared_with = reference(corpus, index, train)
    items, lead = compared_with.items, compared_with.lead
    train = [one[lead:] for one in train]
    held_out = near(corpus, index, items)
    false = passed = 0
    found = dict.fromkeys(KINDS, 0)
    made = dict.fromkeys(KINDS, 0)
    for seed in range(rounds):
        draw = np.random.default_rng(seed)
        order = draw.permutation(len(items))
        rest, says = np.split(order, [len(order) // 2])
        says = says[:usual]
        own = some(held_out, says)
        false += int(flagged(some(held_out, rest), own, tokens - lead).sum())
        passed += len(rest)
        for kind in KINDS:
            count = max(round(PLANTED * len(rest) / len(KINDS)), 1)
            copies = planted(kind, train, [items[row] for row in rest], count, draw)
            found[kind] += int(flagged(near(corpus, index, copies), own, tokens - lead).sum())
            made[kind] += count
    say(
        benchmark="copying",
        language=corpus.manifest.language,
        tokenizer=corpus.manifest.tokenizer.kind,
        train_tokens=index.record.tokens,
        tokens=tokens,
        held_out=len(items),
        kind=compared_with.kind,
        lead=lead,
        duplicate_tokens=compared_with.duplicate_tokens,
        usual=len(says),
        rounds=rounds,
        found={kind: f"{found[kind]} of {made[kind]}" for kind in KINDS},
        found_share={kind: round(found[kind] / made[kind], 4) for kind in KINDS},
        flagged_held_out=f"{false} of {passed}",
        flagged_share=round(false / passed, 5),
        processor_seconds=round(time.process_time() - started, 1),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--corpus", type=Path, required=True, help="a corpus that has an index")
    parser.add_argument("--tokens", type=int, default=64, help="of a sample")
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--held-out", type=int, help="items that say what is usual")
    options = parser.parse_args()
    measure(options.corpus, options.tokens, options.rounds, options.held_out)


if __name__ == "__main__":
    main()

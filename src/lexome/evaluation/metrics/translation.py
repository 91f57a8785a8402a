"""Scores of translations: BLEU and chrF by sacrebleu, and what copying and looping look like."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Figure,
    Floats,
    Resampling,
    Statistic,
    mean,
    ratio,
    score,
    totals,
)
from lexome.evaluation.metrics.extra import part

REPEATED = 4
"""The words of an n-gram that counts as repeated, those of "seq-rep-4" of Welleck et al. 2020."""


def translation_scores(
    outputs: Sequence[str], references: Sequence[str], *, resampling: Resampling = EXAMPLES
) -> list[Figure]:
    """Return corpus BLEU and chrF, 0 to 100, with their signatures in the notes.

    Both are sacrebleu's by default: detokenised text comes in, one reference for each output.
    """
    _check(outputs, references)
    if not references:
        return score([Statistic("BLEU", mean([])), Statistic("chrF", mean([]))], 0, resampling)
    metrics = part("sacrebleu.metrics")
    bleu, chrf = metrics.BLEU(), metrics.CHRF()
    for each in (bleu, chrf):
        # A signature names the number of references, which it learns from a score.
        each.corpus_score(outputs[:1], [references[:1]])
    statistics = [
        Statistic("BLEU", _bleu(metrics, outputs, references), str(bleu.get_signature())),
        Statistic("chrF", _chrf(chrf, outputs, references), str(chrf.get_signature())),
    ]
    return score(statistics, len(references), resampling)


def copy_diagnostics(
    outputs: Sequence[str],
    sources: Sequence[str],
    references: Sequence[str],
    *,
    resampling: Resampling = EXAMPLES,
) -> list[Figure]:
    """Return how far outputs copy their sources, stop short or loop; words are in lower case.

    - equal to the source: the share of outputs, white space at the ends aside;
    - words left untranslated: the share of source words that the output repeats and the reference
      does not hold;
    - length ratio: words of the outputs over words of the references;
    - empty: the share of outputs;
    - repeated 4-grams: the share of the outputs' n-grams that their output held before.
    """
    _check(outputs, references)
    _check(sources, references)
    rows = [
        [_words(text) for text in texts] for texts in zip(outputs, sources, references, strict=True)
    ]
    copied = [_untranslated(*each) for each in rows]
    grams = [_grams(output) for output, _, _ in rows]
    sizes = [[len(words) for words in each] for each in rows]
    output_words, source_words, reference_words = np.array(sizes).reshape(-1, 3).T
    same = [one.strip() == other.strip() for one, other in zip(outputs, sources, strict=True)]
    statistics = [
        Statistic("equal to the source", mean(same)),
        Statistic(
            "words left untranslated",
            ratio(copied, source_words),
            undefined="the sources have no words",
        ),
        Statistic(
            "length ratio",
            ratio(output_words, reference_words),
            undefined="the references have no words",
        ),
        Statistic("empty", mean([not text.strip() for text in outputs])),
        Statistic(
            f"repeated {REPEATED}-grams",
            ratio(
                [sum(counts.values()) - len(counts) for counts in grams],
                [sum(counts.values()) for counts in grams],
            ),
            undefined=f"no output has {REPEATED} words",
        ),
    ]
    return score(statistics, len(references), resampling)


def _bleu(
    metrics: Any, outputs: Sequence[str], references: Sequence[str]
) -> Callable[[Floats], Floats]:
    # The counts of a sentence are the same in every mode; this one is not warned about.
    one_by_one = metrics.BLEU(effective_order=True)
    rows = []
    for output, reference in zip(outputs, references, strict=True):
        found = one_by_one.sentence_score(output, [reference])
        rows.append([*found.counts, *found.totals, found.sys_len, found.ref_len])
    counts = np.array(rows, float)

    def of(weights: Floats) -> Floats:
        scores = [
            metrics.BLEU.compute_bleu(row[:4], row[4:8], row[8], row[9], smooth_method="exp").score
            for row in totals(weights, counts).astype(int).tolist()
        ]
        return np.array(scores, float)

    return of


def _chrf(
    chrf: Any, outputs: Sequence[str], references: Sequence[str]
) -> Callable[[Floats], Floats]:
    """Return chrF (Popović 2015): the F score of the mean precision and recall of n-grams."""
    ngrams = part("sacrebleu.metrics.helpers").extract_all_char_ngrams
    counts = np.zeros((len(outputs), 3, chrf.char_order))
    for row, texts in zip(counts, zip(outputs, references, strict=True), strict=True):
        for order, (output, reference) in enumerate(
            zip(*(ngrams(text, chrf.char_order) for text in texts), strict=True)
        ):
            # Where a reference is too short for an order, what the output has of it is not counted.
            row[0, order] = output.total() if reference else 0
            row[1, order] = reference.total()
            row[2, order] = (output & reference).total()
    flat = counts.reshape(len(outputs), -1)
    beta = chrf.beta**2

    def of(weights: Floats) -> Floats:
        hypothesis, reference, match = (
            totals(weights, flat).reshape(-1, 3, chrf.char_order).swapaxes(0, 1)
        )
        known = (hypothesis > 0) & (reference > 0)
        orders = np.maximum(known.sum(axis=1), 1)
        precision = np.where(known, match / hypothesis, 0).sum(axis=1) / orders
        recall = np.where(known, match / reference, 0).sum(axis=1) / orders
        found = 100 * (1 + beta) * precision * recall / (beta * precision + recall)
        return np.where(precision + recall > 0, found, 0.0)

    return of


def _check(texts: Sequence[str], references: Sequence[str]) -> None:
    if len(texts) != len(references):
        what = f"{len(texts)} texts stand beside {len(references)} references"
        raise LexomeError(what, fix="give one text for each reference")


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _untranslated(output: list[str], source: list[str], reference: list[str]) -> int:
    copied = Counter(source) & Counter(output)
    return sum(count for word, count in copied.items() if word not in set(reference))


def _grams(words: list[str]) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[at : at + REPEATED]) for at in range(len(words) - REPEATED + 1))

"""Scores of transcripts: word and character error rates by jiwer, and words made from silence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lexome.errors import LexomeError
from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Figure,
    Ints,
    Resampling,
    Statistic,
    ratio,
    score,
)
from lexome.evaluation.metrics.extra import part
from lexome.evaluation.metrics.normalisers import ENGLISH, Normaliser

_KINDS = ("equal", "substitute", "delete", "insert")


@dataclass(frozen=True, slots=True)
class Edits:
    """What turns references into hypotheses: units that are the same, changed, lost and added."""

    same: int
    substituted: int
    deleted: int
    inserted: int


@dataclass(frozen=True)
class SpeechScores:
    """Figures of transcripts, and the edits of words and characters that they are made of."""

    figures: tuple[Figure, ...]
    words: Edits
    characters: Edits
    normaliser: str


def speech_scores(
    hypotheses: Sequence[str],
    references: Sequence[str],
    *,
    normaliser: Normaliser = ENGLISH,
    resampling: Resampling = EXAMPLES,
) -> SpeechScores:
    """Return WER, CER, the rates of each kind of error, and the words made from silence.

    Rates are edits over the units of all references, spaces being characters, so that the words of
    a hypothesis whose reference is empty count as inserted; "words from silence" is their mean
    over such utterances. Utterances are drawn again, or speakers where groups are named.
    """
    if len(hypotheses) != len(references):
        what = f"{len(hypotheses)} hypotheses stand beside {len(references)} references"
        raise LexomeError(what, fix="give one hypothesis for each reference")
    said = [normaliser.apply(text) for text in references]
    heard = [normaliser.apply(text) for text in hypotheses]
    words = _edits("process_words", said, heard)
    characters = _edits("process_characters", said, heard)
    silent = np.array([not text for text in said], bool)
    made = words[:, 3] * silent
    note = f"normaliser {normaliser.name}"
    if silent.any():
        note += f"; {made.sum():,} words from {silent.sum():,} empty references"
    statistics = [
        _rate("WER", words, slice(1, 4), note),
        _rate("CER", characters, slice(1, 4), note),
        _rate("substitutions", words, slice(1, 2), "of words"),
        _rate("deletions", words, slice(2, 3), "of words"),
        _rate("insertions", words, slice(3, 4), "of words"),
        Statistic("words from silence", ratio(made, silent), "", "no reference is empty"),
    ]
    return SpeechScores(
        tuple(score(statistics, len(said), resampling)),
        Edits(*words.sum(axis=0).tolist()),
        Edits(*characters.sum(axis=0).tolist()),
        normaliser.name,
    )


def _rate(name: str, edits: Ints, kinds: slice, note: str) -> Statistic:
    rate = ratio(edits[:, kinds].sum(axis=1), edits[:, :3].sum(axis=1))
    return Statistic(name, rate, note, "all references are empty")


def _edits(process: str, references: list[str], hypotheses: list[str]) -> Ints:
    """Return how many units of each utterance are the same, changed, lost and added; [N, 4]."""
    counts = np.zeros((len(references), len(_KINDS)), np.int64)
    if not references:
        return counts
    found = getattr(part("jiwer"), process)(references, hypotheses)
    for row, chunks in zip(counts, found.alignments, strict=True):
        for chunk in chunks:
            of_reference = chunk.ref_end_idx - chunk.ref_start_idx
            of_hypothesis = chunk.hyp_end_idx - chunk.hyp_start_idx
            row[_KINDS.index(chunk.type)] += max(of_reference, of_hypothesis)
    return counts

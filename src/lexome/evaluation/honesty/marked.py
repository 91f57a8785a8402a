"""A corpus's training split with its groups and attributes marked, context by context."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.corpus.manifest import TRAIN
from lexome.errors import UsageError, nearest
from lexome.evaluation.honesty.contexts import (
    Finder,
    Writing,
    reads_sentences,
    starts_of,
    writing_of,
)
from lexome.evaluation.honesty.groups import Context, Groups
from lexome.evaluation.progress import Progress
from lexome.languages.base import Language
from lexome.languages.joint import Joint
from lexome.languages.label import Label
from lexome.languages.pair.language import Pair

Bools = npt.NDArray[np.bool_]

STRETCH = 100
"""Contexts of a document that are taken to be alike, where there are few documents."""
# From so many documents on they show how alike their own cases are; of fewer, stretches do.
_ENOUGH_DOCUMENTS = 40


def context_of(corpus: Corpus, groups: Groups) -> Context:
    """Return what a group and an attribute have to stand in together."""
    spoken = _from_text(groups) and reads_sentences(corpus.language)
    return groups.context or ("sentence" if spoken else "document")


def stretch_of(corpus: Corpus) -> int | None:
    """Return of how many contexts a cluster is, for `Tally`; `None` is a document."""
    return None if corpus.manifest.train.documents >= _ENOUGH_DOCUMENTS else STRETCH


def marked(corpus: Corpus, groups: Groups, told: Progress | None = None) -> Iterator[Bools]:
    """Yield of each training document which terms stand in which contexts; [contexts, terms].

    Terms are in the order of `groups.terms`. What augmentation made is left out; but where
    documents were weighed, the contexts of each come as often as it stands in training. `told`
    gets how many documents are done, of how many. Raises `UsageError` that names the key for a
    metadata column or labels that no document has, and for words where the documents have none.
    """
    _check_known(corpus, groups)
    context = context_of(corpus, groups)
    finder = Finder([terms for _, terms in groups.terms()])
    wordless = True
    written = _from_text(groups) or context != "document"
    for writing, metadata, times in _read(corpus, written, told):
        wordless = wordless and not writing.text
        found = finder.find(writing, metadata, starts_of(writing.text, context, groups.window))
        yield np.repeat(found, times, axis=0)
    if wordless:
        _check_wordless(groups, corpus)


def _from_text(groups: Groups) -> bool:
    return any(terms.metadata is None for _, terms in groups.terms())


def _read(
    corpus: Corpus, written: bool, told: Progress | None
) -> Iterator[tuple[Writing, dict[str, str], int]]:
    """Yield of each document what can be read, its metadata, and how often it counts.

    Where no text is needed nothing is read.
    """
    total = corpus.manifest.train.documents
    times = np.ones(total, np.int64)
    if corpus.manifest.weighing is not None:
        times = np.bincount(corpus.stream(TRAIN).document_originals, minlength=total)
    for done, row in enumerate(corpus.rows(TRAIN), 1):
        if not row["augmented"]:
            writing = Writing()
            if written:
                content = corpus.content(TRAIN, row["first_token"], row["tokens"])
                writing = writing_of(content, corpus.language)
            yield writing, json.loads(row["metadata"]), int(times[done - 1])
        if told is not None:
            told(done, total)


def _check_known(corpus: Corpus, groups: Groups) -> None:
    """Refuse columns and labels that no document of the training split has."""
    columns = {terms.metadata for _, terms in groups.terms()} - {None}
    known: set[str] = set()
    if columns:
        for row in corpus.rows(TRAIN):
            known |= json.loads(row["metadata"]).keys()
    for key, terms in groups.terms():
        if terms.metadata is not None and terms.metadata not in known:
            raise UsageError(
                f"no document has metadata {terms.metadata!r}",
                where=key,
                fix=nearest(terms.metadata, known) if known else "this corpus keeps no metadata",
            )
        if terms.labels is not None and not _is_labelled(corpus.language):
            raise UsageError(
                "the documents of this corpus have no labels",
                where=key,
                fix="name a corpus of a labelled task, or use words, a pattern, or metadata",
            )


def _is_labelled(language: Language) -> bool:
    if isinstance(language, Joint):
        return any(map(_is_labelled, language.languages.values()))
    return isinstance(language, Pair) and any(
        isinstance(one, Label) for one in language.languages.values()
    )


def _check_wordless(groups: Groups, corpus: Corpus) -> None:
    """Refuse words and patterns where no document had any text."""
    for key, terms in groups.terms():
        if terms.in_text:
            raise UsageError(
                f"there is no text in documents of {corpus.manifest.language}",
                where=key,
                fix="declare it by metadata",
            )

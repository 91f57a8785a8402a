"""What a corpus says of groups: how often each attribute stands with each group of an axis.

A rate that differs between groups is an association in the texts that were counted. It has no
cause and no verdict in it, and there is no one figure for a corpus.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

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
from lexome.evaluation.honesty.counts import Counts, Tally
from lexome.evaluation.honesty.groups import Context, Groups
from lexome.evaluation.honesty.rates import FEWEST, compare
from lexome.languages.base import Language
from lexome.languages.joint import Joint
from lexome.languages.label import Label
from lexome.languages.pair.language import Pair

_ERROR_RATE = 0.05
# From so many documents on they show how alike their own cases are; of fewer, stretches do.
_ENOUGH_DOCUMENTS = 40
_STRETCH = 100

Told = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Odds:
    """A group beside the rest of its axis: the natural logarithm of the odds ratio.

    `low` and `high` hold for all comparisons of the audit at once; `p` is corrected for them.
    """

    log_odds: float
    low: float
    high: float
    p: float

    @property
    def flagged(self) -> bool:
        """Whether the skew is more than chance, at 5 % for all comparisons together."""
        return self.p <= _ERROR_RATE


@dataclass(frozen=True, slots=True)
class Finding:
    """An attribute among the cases of a group; the interval of the rate is of 95 %.

    `effective` is how many independent cases they are worth, `alone` the hits with no other
    attribute beside. `odds` is `None` where there are too few cases to compare.
    """

    axis: str
    group: str
    attribute: str
    cases: int
    effective: float
    hits: int
    alone: int
    rate: float | None
    low: float
    high: float
    odds: Odds | None


@dataclass(frozen=True)
class Audit:
    """Attribute rates by group in a training split.

    - `context`, `window`, `contexts`, `documents`: what was counted, and how many.
    - `clusters`: what cases are alike in, in words; intervals allow for it.
    - `several`: by axis, contexts left out of it because they name several of its groups.
    - `cases`: by axis and group.
    - `comparisons`: how many the p-values and intervals are corrected for.
    """

    context: Context
    window: int | None
    documents: int
    contexts: int
    clusters: str
    several: dict[str, int]
    cases: dict[str, dict[str, int]]
    comparisons: int
    findings: list[Finding]

    @property
    def flagged(self) -> list[Finding]:
        """Return the findings with a skew that is more than chance."""
        return [one for one in self.findings if one.odds is not None and one.odds.flagged]

    @property
    def too_few(self) -> list[tuple[str, str, int]]:
        """Return axis, name and cases of the groups with fewer than `FEWEST` cases."""
        return [
            (axis, group, cases)
            for axis, groups in self.cases.items()
            for group, cases in groups.items()
            if cases < FEWEST
        ]


def audit(corpus: Corpus, groups: Groups, told: Told | None = None) -> Audit:
    """Count the attributes of groups in a corpus's training split.

    What augmentation made is left out. `told` gets how many documents are done, of how many. Raises
    `UsageError` that names the key for a metadata column or labels that no document has, and for
    words where the documents have none.
    """
    _check_known(corpus, groups)
    from_text = any(terms.metadata is None for _, terms in groups.terms())
    spoken = from_text and reads_sentences(corpus.language)
    context: Context = groups.context or ("sentence" if spoken else "document")
    written = from_text or context != "document"
    by_document = corpus.manifest.train.documents >= _ENOUGH_DOCUMENTS
    sizes = [len(own) for own in groups.axes.values()]
    tally = Tally(sizes, len(groups.attributes), None if by_document else _STRETCH)
    finder = Finder([terms for _, terms in groups.terms()])
    documents = characters = 0
    for writing, metadata in _read(corpus, written, told):
        starts = starts_of(writing.text, context, groups.window)
        tally.add(finder.find(writing, metadata, starts))
        documents += 1
        characters += len(writing.text)
    if not characters:
        _check_wordless(groups, corpus)
    counts = tally.counts()
    return Audit(
        context=context,
        window=groups.window,
        documents=documents,
        contexts=counts.contexts,
        clusters="document" if by_document else f"stretch of {_STRETCH} contexts of a document",
        several=dict(zip(groups.axes, counts.several.tolist(), strict=True)),
        cases=_cases(groups, counts),
        **_findings(groups, counts),
    )


def _read(
    corpus: Corpus, written: bool, told: Told | None
) -> Iterator[tuple[Writing, dict[str, str]]]:
    """Yield what can be read of each document, nothing where it need not be, and its metadata."""
    total = corpus.manifest.train.documents
    for done, row in enumerate(corpus.rows(TRAIN), 1):
        if not row["augmented"]:
            writing = Writing()
            if written:
                content = corpus.content(TRAIN, row["first_token"], row["tokens"])
                writing = writing_of(content, corpus.language)
            yield writing, json.loads(row["metadata"])
        if told is not None:
            told(done, total)


def _cases(groups: Groups, counts: Counts) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {axis: {} for axis in groups.axes}
    for (axis, group), cases in zip(groups.groups, counts.cases.tolist(), strict=True):
        found[axis][group] = cases
    return found


def _findings(groups: Groups, counts: Counts) -> dict[str, Any]:
    """Return the findings, and over how many comparisons they are corrected."""
    found = compare(counts)
    findings = []
    for row, (axis, group) in enumerate(groups.groups):
        for column, attribute in enumerate(groups.attributes):
            at = (row, column)
            odds = Odds(
                log_odds=float(found.log_odds[at]),
                low=float(found.odds_low[at]),
                high=float(found.odds_high[at]),
                p=float(found.p_corrected[at]),
            )
            cases = int(counts.cases[row])
            findings.append(
                Finding(
                    axis=axis,
                    group=group,
                    attribute=attribute,
                    cases=cases,
                    effective=float(found.effective[at]),
                    hits=int(counts.hits[at]),
                    alone=int(counts.alone[at]),
                    rate=float(found.rate[at]) if cases else None,
                    low=float(found.low[at]),
                    high=float(found.high[at]),
                    odds=None if odds.p != odds.p else odds,
                )
            )
    return {"findings": findings, "comparisons": found.comparisons}


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

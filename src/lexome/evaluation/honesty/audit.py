"""What a corpus says of groups: how often each attribute stands with each group of an axis.

A rate that differs between groups is an association in the texts that were counted. It has no
cause and no verdict in it, and there is no one figure for a corpus.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lexome.corpus import Corpus
from lexome.evaluation.honesty.counts import Counts, Tally
from lexome.evaluation.honesty.groups import Context, Groups
from lexome.evaluation.honesty.marked import STRETCH, context_of, marked, stretch_of
from lexome.evaluation.honesty.rates import FEWEST, compare
from lexome.evaluation.progress import Progress

_ERROR_RATE = 0.05


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
        """Whether the skew is more than chance, at 5 % for all comparisons together.

        Test and interval have to say so: corrected step by step, the test finds a little more.
        """
        return self.p <= _ERROR_RATE and not self.low <= 0 <= self.high


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


def audit(corpus: Corpus, groups: Groups, told: Progress | None = None) -> Audit:
    """Count the attributes of groups in a corpus's training split.

    What augmentation made is left out. `told` gets how many documents are done, of how many. Raises
    `UsageError` that names the key for a metadata column or labels that no document has, and for
    words where the documents have none.
    """
    stretch = stretch_of(corpus)
    sizes = [len(own) for own in groups.axes.values()]
    tally = Tally(sizes, len(groups.attributes), stretch)
    documents = 0
    for found in marked(corpus, groups, told):
        tally.add(found)
        documents += 1
    counts = tally.counts()
    return Audit(
        context=context_of(corpus, groups),
        window=groups.window,
        documents=documents,
        contexts=counts.contexts,
        clusters="document" if stretch is None else f"stretch of {STRETCH} contexts of a document",
        several=dict(zip(groups.axes, counts.several.tolist(), strict=True)),
        cases=_cases(groups, counts),
        **_findings(groups, counts),
    )


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

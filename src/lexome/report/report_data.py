"""The whole page as one record, which becomes one JSON value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from lexome.report.data import (
    CorpusFacts,
    Gallery,
    Inside,
    Ledger,
    Missing,
    Reproduction,
    Samples,
    Scores,
    Summary,
    Training,
)
from lexome.report.honesty_section import HonestyPart
from lexome.report.task_data import Task


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything on the page, in the page's order.

    `None` stands for a part that does not apply, and whose section goes away: `task` is for runs
    that were tuned, `gallery` for what is seen or heard, `samples` and `scores` for what is
    written on from a prompt, `honesty` for what can be held against the corpus.
    """

    summary: Summary
    task: Task | Missing | None
    corpus: CorpusFacts | Missing
    training: Training | Missing
    samples: Samples | Missing | None
    gallery: Gallery | Missing | None
    scores: Scores | Missing | None
    honesty: tuple[HonestyPart, ...] | None
    inside: Inside | Missing
    ledger: Ledger | Missing
    reproduction: Reproduction
    lexome: str
    made: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

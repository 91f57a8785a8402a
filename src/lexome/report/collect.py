"""Fills the page's records from a run folder; what the run does not have says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import lexome
from lexome.report import facts, results
from lexome.report.curves import training
from lexome.report.data import Missing
from lexome.report.gallery import gallery
from lexome.report.honesty_section import honesty_parts
from lexome.report.inside import inside
from lexome.report.reading import RunFiles
from lexome.report.report_data import ReportData
from lexome.report.task import task
from lexome.report.task_verdict import task_verdict
from lexome.report.verdict import verdict

T = TypeVar("T")


def collect(run_folder: Path) -> ReportData:
    """Return everything that the page shows about the run in `run_folder`.

    A part that is absent or damaged is `Missing`, with the reason and the command that makes it.
    Raises `LexomeError` if there is no run at all.
    """
    run = RunFiles.read(run_folder)
    scores = results.scores(run)
    tuned = task(run)
    built = facts.ledger(run)
    return ReportData(
        summary=facts.summary(
            run, verdict(scores) if tuned is None else task_verdict(tuned), built
        ),
        task=tuned,
        corpus=facts.corpus_facts(run),
        training=training(run.metrics, scores),
        samples=_where(run, results.samples(run)),
        gallery=gallery(run) if tuned is None else None,
        scores=_where(run, scores),
        honesty=honesty_parts(run),
        inside=inside(run),
        ledger=built,
        reproduction=facts.reproduction(run),
        lexome=lexome.__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )


def _where(run: RunFiles, part: T | Missing) -> T | Missing | None:
    """Return a part; `None` where a tuned run, which is scored by its task, does not have it."""
    return None if run.tuned and isinstance(part, Missing) else part

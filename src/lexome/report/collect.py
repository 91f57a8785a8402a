"""Fills the page's records from a run folder; what the run does not have says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import lexome
from lexome.report import facts, results
from lexome.report.curves import training
from lexome.report.data import ReportData
from lexome.report.gallery import gallery
from lexome.report.inside import inside
from lexome.report.reading import RunFiles


def collect(run_folder: Path) -> ReportData:
    """Return everything that the page shows about the run in `run_folder`.

    A part that is absent or damaged is `Missing`, with the reason and the command that makes it.
    Raises `LexomeError` if there is no run at all.
    """
    run = RunFiles.read(run_folder)
    scores = results.scores(run)
    built = facts.ledger(run)
    return ReportData(
        summary=facts.summary(run, scores, built),
        corpus=facts.corpus_facts(run),
        training=training(run.metrics, scores),
        samples=results.samples(run),
        gallery=gallery(run),
        scores=scores,
        inside=inside(run),
        ledger=built,
        reproduction=facts.reproduction(run),
        lexome=lexome.__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
    )

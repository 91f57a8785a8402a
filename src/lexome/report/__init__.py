"""The report: one page that shows what a model is, what it learned from, and how it works."""

from __future__ import annotations

from pathlib import Path

from lexome.files import write_text
from lexome.report.collect import collect
from lexome.report.data import Missing
from lexome.report.page import render
from lexome.report.report_data import ReportData

PAGE = Path("report") / "index.html"


def write_report(run_folder: Path) -> Path:
    """Write the page of a run to report/index.html in its folder, atomically; return its path.

    What the run does not have yet is said on the page, with the command that makes it. Raises
    `LexomeError` if `run_folder` is no run, or the page cannot be written.
    """
    path = Path(run_folder) / PAGE
    write_text(path, render(collect(Path(run_folder))))
    return path


__all__ = ["PAGE", "Missing", "ReportData", "collect", "render", "write_report"]

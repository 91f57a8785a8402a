"""Tables of facts, as a person would bring them."""

from __future__ import annotations

import csv
from pathlib import Path


def table(path: Path, rows: list[tuple[str, ...]]) -> Path:
    """Write rows as CSV."""
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path

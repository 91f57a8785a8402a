"""What the benchmarks of tasks share: the commands of lexome, and figures over seeds."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def lexome(*arguments: object) -> dict[str, Any]:
    """Run a lexome command with --json and return what it prints."""
    command = [sys.executable, "-m", "lexome", *map(str, arguments), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def once(folder: Path, *arguments: object) -> dict[str, Any]:
    """Run a command that writes `folder` unless it is there already."""
    started = time.monotonic()
    found = {} if folder.exists() else lexome(*arguments, "--out", folder)
    return {**found, "wall_seconds": round(time.monotonic() - started, 1)}


def figure(scores: Mapping[str, Any], name: str) -> float | None:
    """Return one of the figures of task.json, or of a baseline in it."""
    return next((one.get("value") for one in scores["figures"] if one["name"] == name), None)


def beside(scores: Mapping[str, Any], name: str) -> dict[str, float | None]:
    """Return the same figure of each baseline."""
    return {one["name"]: figure(one, name) for one in scores["baselines"]}


def spread(values: Sequence[float]) -> str:
    """Return mean and standard deviation, and how many values they are of."""
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} ± {deviation:.3f} (n = {len(values)})"


def say(**row: object) -> None:
    """Print a row of results as a line of JSON."""
    print(json.dumps(row, ensure_ascii=False), flush=True)

"""What every peer script shares: the data, the intervals, the load of the machine, the JSON line.

Standard library and numpy only, so that it imports in each peer's own virtual environment.
"""

from __future__ import annotations

import ctypes
import gzip
import importlib.metadata
import json
import os
import platform
import shlex
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

VALIDATION_SHARE = 0.1
QUIET_CORES = 0.1  # other work below this many cores leaves a timing standing


@dataclass(frozen=True)
class Characters:
    """A text as character ids (int64): the first 90 % trains, the last 10 % validates."""

    train: np.ndarray
    valid: np.ndarray
    vocabulary: str


def read_characters(path: Path) -> Characters:
    """Read a plain or gzipped text; the vocabulary is its sorted set of characters."""
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
    vocabulary = "".join(sorted(set(text)))
    number = {character: i for i, character in enumerate(vocabulary)}
    ids = np.fromiter((number[character] for character in text), dtype=np.int64, count=len(text))
    cut = int(len(ids) * (1 - VALIDATION_SHARE))
    return Characters(ids[:cut], ids[cut:], vocabulary)


def keep_memory() -> None:
    """Let glibc keep freed blocks instead of giving them back, before torch allocates.

    The same as the environment variables MALLOC_MMAP_MAX_=0 and MALLOC_TRIM_THRESHOLD_=huge; it
    spares each step the page faults of its large activations.
    """
    m_trim_threshold, m_mmap_max = -1, -4
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(m_mmap_max, 0)
    libc.mallopt(m_trim_threshold, 2**31 - 1)


@dataclass(frozen=True)
class Tick:
    """A moment: wall clock, and the processor time that other work has used so far, in seconds."""

    wall: float
    other: float


def tick() -> Tick:
    return Tick(time.perf_counter(), _busy_seconds() - _own_seconds())


@dataclass(frozen=True)
class Interval:
    """A stretch of measured work: its rate, and how many cores other work took meanwhile."""

    rate: float
    other_cores: float

    @classmethod
    def between(cls, start: Tick, end: Tick, units: float) -> Interval:
        wall = end.wall - start.wall
        return cls(units / wall, max(0.0, end.other - start.other) / wall)


def intervals(ticks: list[Tick], units_per_tick: float, most: int = 16) -> list[Interval]:
    """At most about `most` consecutive intervals of equally many ticks."""
    steps = len(ticks) - 1
    size = max(1, steps // most)
    edges = range(0, steps - size + 1, size)
    return [Interval.between(ticks[i], ticks[i + size], size * units_per_tick) for i in edges]


def rate_summary(found: list[Interval]) -> dict[str, Any]:
    """`summary` of all rates, and under `quiet` of those that other work left alone.

    The figure to compare is the quiet median: it is missing (None) where other work never left
    the processors alone, and then the run should be repeated.
    """
    quiet = [interval.rate for interval in found if interval.other_cores <= QUIET_CORES]
    every = summary([interval.rate for interval in found])
    return {**every, "quiet": summary(quiet) if quiet else None}


def summary(values: list[float]) -> dict[str, float]:
    """Median, min, max and count of some measurements, rounded to a sensible digit."""
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "n": len(values),
    }


class LoadWatch:
    """How busy the machine was with *other* work while we measured.

    `other_cores` is the busy time of all processors less that of this process and its children,
    per second of wall time: near 0 on a quiet machine. The load averages stand beside it.
    """

    def __init__(self) -> None:
        self._before = os.getloadavg()[0]
        self._start = tick()

    def report(self) -> dict[str, float]:
        whole = Interval.between(self._start, tick(), 0.0)
        return {
            "load_before": round(self._before, 2),
            "load_after": round(os.getloadavg()[0], 2),
            "other_cores": round(whole.other_cores, 3),
        }


def _busy_seconds() -> float:
    """Of all processors; stolen time too, which is a neighbour's work on the same hardware."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _idle, _wait, irq, softirq, stolen, *_ = map(int, fields)
    return (user + nice + system + irq + softirq + stolen) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    return sum(os.times()[:4])


def emit(name: str, settings: dict[str, Any], watch: LoadWatch, **results: Any) -> None:
    """Print one result as one line of JSON."""
    packages = ("torch", "transformers", "litgpt")
    line = {
        "name": name,
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "settings": settings,
        **results,
        **watch.report(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {package: version for package in packages if (version := _version(package))},
        "environment": {
            key: value
            for key, value in sorted(os.environ.items())
            if key.startswith(("MALLOC_", "OMP_", "KMP_", "MKL_", "ONEDNN_", "TORCHINDUCTOR_"))
            or key in ("LD_PRELOAD", "GLIBC_TUNABLES", "THP_MEM_ALLOC_ENABLE")
        },
    }
    print(json.dumps(line), flush=True)


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None

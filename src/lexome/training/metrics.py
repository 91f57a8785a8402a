"""Metrics on disk: one JSON object a line, and what else is asked for."""

from __future__ import annotations

import importlib
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from lexome.errors import LexomeError
from lexome.files import naming, write_text

BEST_KEPT, ENDED = "best kept", "ended"
"""The events with which a run ends."""


class Tracker(Protocol):
    """A place outside the run folder that shows curves."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def close(self) -> None: ...


class Log:
    """A file of JSON lines that is written line by line.

    Opened for a run that goes on from `step`, it first drops the lines of later steps, those that
    say how the run ended, and a last line that a killed process left torn.
    """

    def __init__(self, path: Path, step: int) -> None:
        self.path = path
        with naming(path):
            kept = [
                line
                for line, value in _lines(path)
                if value["step"] <= step and value.get("event") not in (BEST_KEPT, ENDED)
            ]
            write_text(path, "".join(f"{line}\n" for line in kept))
            self._stream = path.open("a", encoding="utf-8")

    def write(self, value: Mapping[str, Any]) -> None:
        """Append one line; it is in the system's hands when this returns.

        JSON has no word for a number that is not finite: it is written as null.
        """
        plain = {key: None if _is_endless(v) else v for key, v in value.items()}
        with naming(self.path):
            self._stream.write(json.dumps(plain, ensure_ascii=False, allow_nan=False) + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


class Metrics:
    """metrics.jsonl and the trackers of a run, as a context manager.

    Without a `path`, as on all workers but the first, nothing is kept.
    """

    def __init__(self, path: Path | None, step: int, trackers: Sequence[str], name: str) -> None:
        self._log = None if path is None else Log(path, step)
        self._trackers = (
            [] if path is None else [_TRACKERS[kind](path.parent, name) for kind in trackers]
        )

    def write(self, value: Mapping[str, Any]) -> None:
        """Write one line; its numbers go to the trackers too."""
        if self._log is None:
            return
        self._log.write(value)
        numbers = {k: float(v) for k, v in value.items() if k != "step" and _is_number(v)}
        for tracker in self._trackers:
            tracker.log(value["step"], numbers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._log is not None:
            self._log.close()
        for tracker in self._trackers:
            tracker.close()


def read(path: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a file of JSON lines; a torn last line is left out."""
    with naming(path):
        return [value for _, value in _lines(path)]


class _TensorBoard:
    def __init__(self, folder: Path, name: str) -> None:
        _require("tensorboard")
        module = importlib.import_module("torch.utils.tensorboard")
        self._writer = module.SummaryWriter(str(folder / "tensorboard"))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        self._writer.close()


class _WeightsAndBiases:
    """Offline unless the user's own WANDB_MODE says otherwise: nothing leaves the machine."""

    def __init__(self, folder: Path, name: str) -> None:
        wandb = _require("wandb")
        mode = os.environ.get("WANDB_MODE", "offline")
        self._run = wandb.init(project="lexome", name=name, dir=str(folder), mode=mode)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish(quiet=True)


class _Trackio:
    def __init__(self, folder: Path, name: str) -> None:
        os.environ.setdefault("TRACKIO_DIR", str(folder / "trackio"))
        self._run = _require("trackio").init(project="lexome", name=name, embed=False)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self._run.log(dict(values), step=step)

    def close(self) -> None:
        self._run.finish()


_TRACKERS: dict[str, Callable[[Path, str], Tracker]] = {
    "tensorboard": _TensorBoard,
    "wandb": _WeightsAndBiases,
    "trackio": _Trackio,
}


def _require(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise LexomeError(
            f"the tracker {name} is not installed",
            where="trackers",
            fix=f"pip install 'lexome[{name}]'",
        ) from error


def _lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    if not path.exists():
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if isinstance(value, dict) and isinstance(value.get("step"), int):
            found.append((line, value))
    return found


def _is_endless(value: object) -> bool:
    return isinstance(value, float) and not math.isfinite(value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)

"""The same task by several methods, and from fewer examples: compare.json, checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lexome.finetuning.compare import COMPARISON
from lexome.report.data import Missing, finite, short
from lexome.report.reading import RunFiles, read_object
from lexome.report.task_data import Comparison, Contender, TaskFigure
from lexome.report.task_figures import better, figure_of
from lexome.report.tuning import METHODS, finetune_command

CURVE_POINTS = 200
_SIZES = (10, 100, 1_000, 10_000)


def comparison(run: RunFiles) -> Comparison | Missing:
    """Return what compare.json says, methods in their order, fewest examples first."""
    again = finetune_command(run, "--compare")
    found = read_object(run.folder / COMPARISON, again)
    if isinstance(found, Missing):
        if (run.folder / COMPARISON).is_file():
            return found
        return Missing("It was not compared with other methods of training.", again)
    try:
        contenders = _contenders(found)
    except ValueError as error:
        return Missing(f"{COMPARISON} is damaged: {error}.", again)
    if not contenders:
        return Missing(f"{COMPARISON} holds no method yet.", again)
    named = (one.figure.name for one in contenders if one.figure)
    figure = str(found.get("figure") or next(named, ""))
    most = max(one.examples for one in contenders)
    side_by_side = [one for one in contenders if one.examples == most]
    sizes = None
    if len(side_by_side) == len(contenders):
        smaller = ",".join(str(size) for size in _SIZES if size < most)
        more = finetune_command(run, "--compare", "--sizes", smaller or "10")
        sizes = Missing("Smaller numbers of examples were not tried.", more)
    return Comparison(figure, better(figure), most, contenders, finding(side_by_side), sizes)


def finding(contenders: Iterable[Contender]) -> str:
    """Return in words how methods stand that had the same examples."""
    by_method = {one.method: one for one in contenders}
    scratch, full, lora = (by_method.get(name) for name in ("scratch", "full", "lora"))
    said = []
    if full and scratch and (beside := _beside(full, scratch)):
        said.append(f"Full fine-tuning reaches {beside} from scratch.")
    if lora and full and (beside := _beside(lora, full)):
        trained, whole = lora.trained_parameters, lora.parameters
        share = f", training {trained / whole:.1%} of the parameters" if trained and whole else ""
        said.append(f"LoRA reaches {beside} by full fine-tuning{share}.")
    if full and scratch and (after := _sooner(full, scratch)):
        said.append(after)
    return " ".join(said)


def _beside(one: Contender, other: Contender) -> str:
    """Return the figures of two methods; nothing where one of them has none."""
    if one.figure is None or one.figure.value is None:
        return ""
    if other.figure is None or other.figure.value is None:
        return ""
    name, values = one.figure.name, (number(one.figure.value), number(other.figure.value))
    return f"{name} {values[0]} where it is {values[1]}"


def number(value: float) -> str:
    """Return a figure with as many decimals as one reads."""
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _sooner(full: Contender, scratch: Contender) -> str:
    """Return when full fine-tuning had the loss with which training from scratch ends."""
    goal, last = scratch.validation_loss, scratch.seconds
    if goal is None or not last:
        return ""
    reached = next((seconds for seconds, loss in full.curve if loss <= goal), None)
    if reached is None or reached >= last:
        return ""
    return (
        f"The best validation loss of training from scratch, which took {_duration(last)}, "
        f"is passed after {_duration(reached)}."
    )


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 120 else f"{seconds / 60:.1f} minutes"


def _contenders(found: Mapping[str, Any]) -> tuple[Contender, ...]:
    rows = found.get("rows")
    if not isinstance(rows, list):
        raise ValueError("its rows are no list")
    order = list(METHODS)
    known = [_contender(row) for row in rows]
    return tuple(sorted(known, key=lambda one: (one.examples, order.index(one.method))))


def _contender(row: object) -> Contender:
    if not isinstance(row, Mapping) or row.get("method") not in METHODS:
        raise ValueError("one of its rows names no method")
    method, examples = str(row["method"]), finite(row.get("examples"))
    if examples is None or examples < 1:
        raise ValueError(f"its row of {method} does not say how many examples there were")
    value = row.get("figure")
    figure: TaskFigure | None = None if value is None else figure_of(value)
    return Contender(
        method,
        int(examples),
        figure,
        finite(row.get("validation_loss")),
        finite(row.get("seconds")),
        _whole(row, "peak_bytes"),
        _whole(row, "trained_parameters"),
        _whole(row, "parameters"),
        _whole(row, "steps"),
        _curve(row.get("curve")),
    )


def _whole(row: Mapping[str, Any], name: str) -> int | None:
    found = finite(row.get(name))
    return None if found is None else int(found)


def _curve(values: object) -> tuple[tuple[float, float], ...]:
    """Return at most `CURVE_POINTS` of a curve's points, evenly chosen, the last one kept."""
    if not isinstance(values, list):
        raise ValueError("a curve is no list")
    points = []
    for value in values:
        pair = [finite(one) for one in value] if isinstance(value, list) else []
        if len(pair) != 2:
            raise ValueError("a point of a curve is not seconds and a loss")
        seconds, loss = pair
        if seconds is not None and loss is not None:
            points.append((short(seconds), short(loss)))
    stride = -(-len(points) // CURVE_POINTS) or 1
    return tuple(points[::-1][::stride][::-1])

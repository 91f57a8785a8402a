"""What a tuned run's task.json says: figures beside baselines, what is confused, how sure it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from lexome.finetuning.evaluate import SCORES
from lexome.report.comparison import comparison
from lexome.report.data import Missing, finite
from lexome.report.reading import RunFiles, command, read_scores
from lexome.report.said import examples
from lexome.report.task_data import Confusion, Standing, Sureness, Task
from lexome.report.task_figures import MEANINGS, best_first, figures_of, first_name, yardstick
from lexome.report.tuning import pair_of, summary_of

MODEL_NAME = "this model"


def task(run: RunFiles) -> Task | Missing | None:
    """Return the task of a tuned run with its scores, or `None` for a run that was not tuned."""
    start = run.tuned
    if start is None:
        return None
    found = read_scores(run.folder, SCORES)
    if isinstance(found, Missing):
        return found
    details = found.get("details")
    details = details if isinstance(details, Mapping) else {}
    try:
        model = Standing(MODEL_NAME, True, figures_of(found.get("figures")))
        rivals, unfit = _baselines(found.get("baselines", []))
        first = first_name(model, rivals)
        diagnostics = figures_of(details.get("diagnostics") or [])
        confusion, reliability = _confusion(details), _reliability(details)
    except ValueError as error:
        again = command("evaluate", str(run.folder))
        return Missing(f"{SCORES} is damaged: {error}.", again)
    pair = pair_of(run)
    name = str(found.get("task") or start.task)
    return Task(
        name=name,
        summary=summary_of(name),
        asked=pair.asking.language if pair else "",
        answered=pair.answering.language if pair else "",
        split=str(found.get("split", "")),
        examples=_count(found, "examples"),
        training_examples=_count(found, "training_examples"),
        settings=tuple(_settings(found.get("settings"))),
        first=first,
        meaning=MEANINGS.get(first, ""),
        standings=best_first((model, *yardstick(model, first), *rivals), first),
        diagnostics=diagnostics,
        confusion=confusion,
        reliability=reliability,
        comparison=comparison(run),
        said=examples(run, found),
        notes=(*_notes(found, model, first), *_warnings(found, run), *unfit),
        trained_on=_count(found, "among_training"),
        chosen_on=found.get("weights_chosen_on_these") is True,
    )


def _baselines(values: object) -> tuple[list[Standing], list[str]]:
    """Return the baselines that have figures, and what is said of the others."""
    if not isinstance(values, list):
        raise ValueError("its baselines are no list")
    rivals, unfit = [], []
    for value in values:
        if not isinstance(value, Mapping):
            raise ValueError("one of its baselines is no object")
        name, note = str(value.get("name", "a baseline")), str(value.get("note") or "")
        figures = figures_of(value.get("figures"))
        if figures:
            rivals.append(Standing(name, False, figures, note))
        else:
            unfit.append(f"The baseline “{name}” has no figures{f': {note}' if note else ''}.")
    return rivals, unfit


def _notes(found: Mapping[str, Any], model: Standing, first: str) -> Iterator[str]:
    if too_long := _count(found, "too_long"):
        yield f"{too_long:,} held-out examples are longer than the context and were not asked."
    if not model.figures:
        yield "Answers in this language have no figure of their field; look at them below."
    elif not first:
        yield "None of the figures exists for these examples; the table says why."


def _warnings(found: Mapping[str, Any], run: RunFiles) -> Iterator[str]:
    """Yield why the figures may be better than those of other examples."""
    if trained := _count(found, "among_training"):
        yield (
            f"{trained:,} of the examples that were asked stand in training too, token for token: "
            "they are no test."
        )
    if found.get("weights_chosen_on_these") is True:
        again = command("evaluate", str(run.folder), "OTHER")
        yield (
            f"The weights were chosen by the loss on these examples, at "
            f"{_count(found, 'validations'):,} validations, so other examples may be answered "
            f"worse. Score some that chose nothing ({again}), or tune with --set "
            "training.keep=last and without patience."
        )


def _confusion(details: Mapping[str, Any]) -> Confusion | None:
    if "confusion" not in details:
        return None
    counts, classes = details["confusion"], details.get("classes")
    if not isinstance(classes, list) or not isinstance(counts, list):
        raise ValueError("its confusion is no matrix")
    rows = [row if isinstance(row, list) else [] for row in counts]
    whole = all(isinstance(one, int) for row in rows for one in row)
    if not whole or [len(row) for row in rows] != [len(classes)] * len(classes):
        raise ValueError(f"its confusion does not have {len(classes)} rows and columns of counts")
    return Confusion(tuple(map(str, classes)), tuple(map(tuple, rows)))


def _reliability(details: Mapping[str, Any]) -> tuple[Sureness, ...]:
    bins, values = [], details.get("reliability", [])
    if not isinstance(values, list):
        raise ValueError("its reliability is no list")
    for value in values:
        known = value if isinstance(value, Mapping) else {}
        sure, right = finite(known.get("confidence")), finite(known.get("accuracy"))
        if sure is None or right is None:
            raise ValueError("a bin of its reliability is not confidence and accuracy")
        bins.append(Sureness(sure, right, _count(known, "n")))
    return tuple(bins)


def _settings(values: object) -> Iterator[tuple[str, str]]:
    if isinstance(values, Mapping):
        yield from ((str(name), f"{value}") for name, value in values.items())


def _count(found: Mapping[str, Any], name: str) -> int:
    return int(finite(found.get(name)) or 0)

"""What the model wrote while it learned, and how it scores beside its baselines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from lexome.evaluation.evaluate import NAME as EVALUATION
from lexome.report.data import Missing, Sample, Samples, Score, Scores, finite
from lexome.report.gallery import Shown
from lexome.report.reading import Lines, RunFiles, command
from lexome.report.traced import Wrote, traced

_Line = tuple[str, str, tuple[int, ...]]

MODEL_NAME = "this model"
SAMPLE_STEPS = 40
SAMPLE_LENGTH = 2_000
_NOT_COMPARABLE = (
    "The model’s score is a pseudo-likelihood: it sees both sides of each hidden token, while the "
    "baselines see only what comes before. The bars do not compare."
)


def samples(run: RunFiles) -> Samples | Missing:
    """Return the samples of at most `SAMPLE_STEPS` steps, evenly chosen, first and last kept."""
    lines = run.samples
    if isinstance(lines, Missing):
        masked = run.fact("objective") == "masked-token"
        return Missing("A masked model fills gaps; it does not write on.") if masked else lines
    by_step = _by_step(lines)
    if not by_step:
        return Missing("Training has written no sample yet.")
    steps = sorted(by_step)
    count = min(len(steps), SAMPLE_STEPS)
    kept = sorted({steps[round(i * (len(steps) - 1) / max(count - 1, 1))] for i in range(count)})
    # A resumed run writes the same sample again: once is enough.
    seen = Shown(run)
    whole = [
        Wrote(Sample(step, prompt, text, seen.pictures(ids)), ids)
        for step in kept
        for prompt, text, ids in dict.fromkeys(by_step[step])
    ]
    traces, how = traced(run, whole, SAMPLE_LENGTH)
    shown = tuple(
        replace(one.sample, text=_cut(one.sample.text), trace=found)
        for one, found in zip(whole, traces, strict=True)
    )
    notes = []
    if len(kept) < len(steps):
        notes.append(f"{len(kept)} of the {len(steps):,} steps with samples are shown.")
    if any(len(one.sample.text) > SAMPLE_LENGTH for one in whole):
        notes.append(f"Texts are cut after {SAMPLE_LENGTH:,} characters.")
    if seen.left_out:
        notes.append(f"{seen.left_out:,} are shown as text: more pictures make the page too large.")
    if lines.broken:
        notes.append(f"Lines of samples.jsonl that could not be read: {lines.broken:,}.")
    return Samples(shown, how, " ".join(notes))


def scores(run: RunFiles) -> Scores | Missing:
    """Return the scores of evaluation.json, best first."""
    value = run.evaluation
    if isinstance(value, Missing):
        return value
    model = value.get("model")
    bits = finite(model.get("bits_per_unit")) if isinstance(model, Mapping) else None
    if not isinstance(model, Mapping) or bits is None:
        again = command("evaluate", str(run.folder))
        return Missing(f"{EVALUATION} gives the model no bits per unit.", again)
    baselines, notes = _baselines(value.get("baselines") or ())
    found = [Score(MODEL_NAME, bits, True), *baselines]
    known = Scores(
        unit=str(value.get("unit") or run.fact("unit") or "unit"),
        split=str(value.get("split", "unknown")),
        units=int(finite(value.get("units")) or 0),
        tokens=int(finite(value.get("tokens")) or 0),
        scores=tuple(sorted(found, key=lambda score: score.bits_per_unit)),
        nats_per_token=finite(model.get("nats_per_token")),
        perplexity_per_unit=finite(model.get("perplexity_per_unit")),
        kind=str(model.get("kind", "")),
        definition=str(value.get("definition", "")),
        standard_error=finite(model.get("standard_error")),
        measures=_measures(value.get("measures"), bits),
        notes=(*map(str, value.get("warnings") or ()), *notes, *_parts(value.get("parts") or ())),
    )
    return known if known.comparable else replace(known, notes=(_NOT_COMPARABLE, *known.notes))


def _measures(factors: object, bits: float) -> dict[str, float]:
    if not isinstance(factors, Mapping):
        return {}
    known = {str(name): finite(factor) for name, factor in factors.items()}
    return {name: factor * bits for name, factor in known.items() if factor is not None}


def _parts(values: Iterable[Any]) -> Iterator[str]:
    """Yield a sentence for each part of a mixture, whose units have no common mean."""
    for value in values:
        if not isinstance(value, Mapping):
            continue
        unit, bits = value.get("unit"), finite(value.get("bits_per_unit"))
        if bits is None:
            continue
        baselines, _ = _baselines(value.get("baselines") or ())
        beside = [f"{one.name} {one.bits_per_unit:.3f}" for one in baselines]
        others = f"; its baselines: {', '.join(beside)}" if beside else ""
        note = f" ({value['note']})" if value.get("note") else ""
        yield f"{value.get('name')} alone: {bits:.3f} bits per {unit}{others}{note}."


def _by_step(lines: Lines) -> dict[int, list[_Line]]:
    by_step: dict[int, list[_Line]] = {}
    for value in lines.values:
        step = finite(value.get("step"))
        if step is not None:
            ids = tuple(index for index in value.get("ids") or () if isinstance(index, int))
            line = (str(value.get("prompt", "")), str(value.get("text", "")), ids)
            by_step.setdefault(int(step), []).append(line)
    return by_step


def _cut(text: str) -> str:
    return text if len(text) <= SAMPLE_LENGTH else f"{text[:SAMPLE_LENGTH]} […]"


def _baselines(values: Iterable[Any]) -> tuple[list[Score], list[str]]:
    found, notes = [], []
    for value in values:
        known = value if isinstance(value, Mapping) else {}
        name = str(known.get("name", "a baseline"))
        bits = finite(known.get("bits_per_unit"))
        if bits is None:
            notes.append(f"{EVALUATION} has no score for {name}.")
        else:
            found.append(Score(name, bits, False, str(known.get("note", ""))))
    return found, notes

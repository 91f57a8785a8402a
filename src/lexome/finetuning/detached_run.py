"""A tuned run is asked whether its answers depend on its sources; detached.json and the card."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from lexome.corpus.manifest import VALID
from lexome.errors import LexomeError, UsageError
from lexome.evaluation.honesty.card import framed, write_section
from lexome.evaluation.progress import Told
from lexome.files import sha256, write_json
from lexome.finetuning.answering import Answer, Question, answers, questions
from lexome.finetuning.detached import (
    Draws,
    Margins,
    detached_figures,
    margins,
    other_sources,
    whole_answer,
)
from lexome.finetuning.evaluate import KEPT_SETTINGS, fitting, room, usual_settings
from lexome.finetuning.paired import Pairs
from lexome.finetuning.scoring import source_texts, spoken
from lexome.finetuning.strange import HELD_OUT, Strange, strange_sources, what_is_said, written
from lexome.generation import Settings
from lexome.model import Transformer
from lexome.model.folder import WEIGHTS
from lexome.training import open_run
from lexome.training.run import MODEL

NAME = "detached.json"
FORMAT = 1
_SECTION = "detached"
_SHOWN = 12
# Of each kind of source that says nothing, at most so many are asked.
_STRANGE = 100


def evaluate_detached(
    run_folder: Path,
    draws: Draws,
    *,
    settings: Settings | None = None,
    told: Told = lambda what, done, whole: None,
) -> dict[str, Any]:
    """Ask a tuned run held-out sources, others in their place, and some that say nothing.

    Writes and returns detached.json, and tells the model's card. A run that was not tuned on pairs
    is a `UsageError`; held-out examples with one target alone are a `LexomeError`.
    """
    run = open_run(run_folder)
    start = run.recipe.start
    if start is None or not run.recipe.objective.of_pairs:
        raise UsageError(
            "this run was not tuned on pairs, so it has no sources",
            where=str(run_folder),
            fix="leave out --detached",
        )
    pairs, model = Pairs.of(run.corpus(verify=True)), run.model()
    every = questions(pairs, VALID)
    possible = fitting(every, model.config, str(run_folder))
    asked = _drawn(possible, draws)
    chosen = settings or usual_settings(start.task)
    chosen = replace(chosen, max_tokens=room(pairs.corpus, asked, model.config.context))

    def answered(some: Sequence[Question], what: str) -> list[Answer]:
        return answers(model, pairs, some, chosen, lambda done, whole: told(what, done, whole))

    said = answered(asked, "answer")
    targets, outputs = _compared(model, pairs, asked, said, draws, told)
    _check_compared(outputs, run_folder)
    some, context = asked[:_STRANGE], model.config.context
    rows = [what_is_said(model, pairs, Strange(HELD_OUT, tuple(some)), said[:_STRANGE])]
    rows += [
        what_is_said(model, pairs, kind, answered(kind.asked, kind.name))
        for kind in strange_sources(pairs, start.task, some, context, draws.seed)
    ]
    found = {
        "format": FORMAT,
        "task": start.task,
        "weights": sha256(run_folder / MODEL / WEIGHTS),
        "split": VALID,
        "asked": asdict(draws),
        "settings": {name: getattr(chosen, name) for name in KEPT_SETTINGS},
        "held_out": len(every),
        "too_long": len(every) - len(possible),
        "examples": len(asked),
        "alone": int(np.isnan(outputs.means).sum()),
        "figures": [asdict(one) for one in detached_figures(targets, outputs)],
        "strange": rows,
        "most_detached": _most_detached(pairs, asked, said, targets, outputs),
    }
    write_json(run_folder / NAME, found)
    write_section(run_folder / MODEL, _SECTION, detached_card(found, run_folder))
    return found


def detached_card(found: Mapping[str, Any], run: Path) -> str:
    """Return what detached.json says as a section of a model card, in Markdown."""
    lines = "\n".join(f"- {line}" for line in _card_lines(found, run))
    return framed(_SECTION, "Honesty: do answers depend on their sources?", lines)


def _drawn(possible: Sequence[Question], draws: Draws) -> list[Question]:
    """Return at most so many examples as are wanted, drawn, in their order."""
    order = np.random.default_rng(draws.seed).permutation(len(possible))[: draws.examples]
    return [possible[number] for number in sorted(order.tolist())]


def _compared(
    model: Transformer,
    pairs: Pairs,
    asked: Sequence[Question],
    said: Sequence[Answer],
    draws: Draws,
    told: Told,
) -> tuple[Margins, Margins]:
    """Return the margins of true targets and of what was said, for the same other sources.

    An answer that did not end is judged by its beginning, no longer than the longest target: all
    of it would leave no room for other sources.
    """
    true = [whole_answer(pairs, one.reference) for one in asked]
    longest = max(map(len, true))
    own = [
        whole_answer(pairs, one.ids) if one.finish == "end" else one.ids[:longest] for one in said
    ]
    lengths = [max(len(a), len(b)) for a, b in zip(true, own, strict=True)]
    others = other_sources(asked, lengths, model.config.context, draws)

    def measured(ids: Sequence[tuple[int, ...]], what: str) -> Margins:
        return margins(
            model, pairs, asked, ids, others, lambda done, whole: told(what, done, whole)
        )

    targets = measured(true, "targets for other sources")
    return targets, measured(own, "answers for other sources")


def _check_compared(outputs: Margins, run: Path) -> None:
    if np.isnan(outputs.means).all():
        raise LexomeError(
            "no held-out example can be asked with the source of another",
            where=str(run),
            fix="hold out examples with several targets, short enough to fit the context",
        )


def _most_detached(
    pairs: Pairs,
    asked: Sequence[Question],
    said: Sequence[Answer],
    targets: Margins,
    outputs: Margins,
) -> list[dict[str, Any]]:
    """Return the examples whose answers depend least on their sources, those with others first."""
    answered, references = spoken(pairs, asked, said)
    sources = source_texts(pairs, asked)
    shares, means = outputs.detached, outputs.means
    order = [number for number in np.lexsort((means, -shares)) if not np.isnan(means[number])]
    return [
        {
            "place": asked[number].place,
            "source": sources[number],
            "answer": written(answered[number]),
            "reference": written(references[number]),
            "detached": float(shares[number]),
            "margin": float(means[number]),
            "target_margin": float(targets.means[number]),
            "others": len(outputs.beside[number]),
        }
        for number in order[:_SHOWN]
    ]


def _card_lines(found: Mapping[str, Any], run: Path) -> Iterator[str]:
    figures = {one["name"]: one for one in found["figures"]}
    output, target = figures["detached outputs"], figures["detached targets"]
    yield (
        f"Of what it says to {output['n']:,} held-out sources, {_share(output)} would be at least "
        f"as likely for another source ({found['asked']['others']} drawn for each, of examples "
        f"with another target); of the true targets, {_share(target)}. One half or more is what "
        "a model has that does not look at its source."
    )
    for row in found["strange"][1:]:
        told = {one["name"]: one for one in row["figures"]}
        if told:
            answered, sure = told["answered"]["value"], told["sureness"]["value"]
            yield (
                f"To {row['meaning']} ({row['n']:,}) it answers in {answered:.1%}, with a mean "
                f"probability of a token of {sure:.3f}; its commonest answer takes "
                f"{row['commonest']['share']:.1%}."
            )
    words = f"--examples {found['asked']['examples']} --others {found['asked']['others']}"
    yield f"Made again by `lexome evaluate {run.name} --detached {words}`."


def _share(figure: Mapping[str, Any]) -> str:
    low, high = figure["low"], figure["high"]
    interval = "" if low is None else f" [{low:.1%}, {high:.1%}]"
    return f"{figure['value']:.1%}{interval}"

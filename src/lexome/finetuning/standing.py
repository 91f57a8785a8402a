"""How the simple baselines of a task's field stand on the same held-out examples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from lexome.corpus.manifest import TRAIN
from lexome.corpus.permutation import permute
from lexome.errors import LexomeError
from lexome.evaluation.baselines.choice import baselines_for
from lexome.evaluation.baselines.contents import TargetKind, TaskBaseline, source_kind
from lexome.finetuning.answering import (
    Question,
    contents,
    original_contents,
    questions,
)
from lexome.finetuning.paired import Pairs
from lexome.finetuning.scoring import (
    class_numbers,
    predicted_scores,
    present_classes,
    true_number,
)
from lexome.languages.label import Classes, Scale

# What a baseline is fitted on: more changes little, and takes minutes.
_MOST_EXAMPLES = 20_000


def baseline_scores(
    task: str,
    pairs: Pairs,
    asked: Sequence[Question],
    group: str = "",
    trained: Sequence[int] | None = None,
) -> Iterator[dict[str, Any]]:
    """Yield the name and the figures of each baseline, fitted on the examples of training.

    They are those of the documents numbered `trained`, by default all; of more than
    `_MOST_EXAMPLES` so many are drawn, and the `note` says so. A baseline that cannot be fitted
    says why in its `note`; so do all together, where the recordings that they would hear are gone.
    """
    train = questions(pairs, TRAIN, only=None if trained is None else frozenset(trained))
    train, note = _few(train, pairs.corpus.fingerprint)
    try:
        sources, test_sources = original_contents(pairs, train), original_contents(pairs, asked)
    except LexomeError as error:
        yield {"name": "baselines", "figures": [], "note": str(error)}
        return
    targets, kind = _targets(pairs, train)
    coding = pairs.coding
    classes = len(coding.classes) if isinstance(coding, Classes) else 2
    found = baselines_for(
        kind,
        source_kind([*sources, *test_sources]),
        classes=classes,
        rate=_rate(pairs),
        targets=targets if kind == "text" else (),
    )
    for baseline in found:
        stands = _stands(baseline, task, pairs, asked, (sources, targets, test_sources), group)
        yield {**stands, "note": "; ".join(said for said in (stands["note"], note) if said)}


def _few(train: list[Question], fingerprint: str) -> tuple[list[Question], str]:
    """Return at most `_MOST_EXAMPLES`, always the same ones and in their order, and what to say."""
    if len(train) <= _MOST_EXAMPLES:
        return train, ""
    places = permute(np.arange(len(train)), len(train), f"{fingerprint}/baselines".encode())
    kept = [one for one, place in zip(train, places, strict=True) if place < _MOST_EXAMPLES]
    return kept, f"fitted on {len(kept):,} of the {len(train):,} training examples"


def _stands(
    baseline: TaskBaseline,
    task: str,
    pairs: Pairs,
    asked: Sequence[Question],
    data: tuple[Sequence[Any], Any, Sequence[Any]],
    group: str,
) -> dict[str, Any]:
    try:
        predicted = baseline.fit_predict(*data)
        scores = predicted_scores(task, pairs, asked, predicted, group)
    except LexomeError as error:
        return {"name": baseline.name, "figures": [], "note": str(error.what)}
    figures = [asdict(one) for one in scores.figures] if scores else []
    return {"name": baseline.name, "figures": figures, "note": baseline.note}


def _targets(pairs: Pairs, asked: Sequence[Question]) -> tuple[Any, TargetKind]:
    """Return the true targets as baselines take them, and what kind they are."""
    coding = pairs.coding
    if isinstance(coding, Scale):
        return np.array([true_number(pairs, one) for one in asked]), "number"
    if isinstance(coding, Classes):
        if coding.form == "several":
            return present_classes(pairs, asked), "several"
        numbers = class_numbers(pairs, asked)
        if coding.form == "class":
            return np.array([one[0] for one in numbers]), "class"
        return numbers, "each"
    said = contents(pairs, [one.reference for one in asked])
    return said, "text" if all(isinstance(one, str) for one in said) else "other"


def _rate(pairs: Pairs) -> int | None:
    pair = pairs.language
    return getattr(pair.languages[pair.asking.name], "rate", None)

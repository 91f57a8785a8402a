"""The groups of a run: what its model says of them beside what its corpus says."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from lexome.errors import UsageError, located
from lexome.evaluation.honesty.amplification import (
    POWER,
    QUANTILES,
    Amplification,
    Sides,
    amplification,
    amplification_of_all,
)
from lexome.evaluation.honesty.answer_counts import AnswerCounts, count_answers
from lexome.evaluation.honesty.corpus_says import has_read, tuned_on
from lexome.evaluation.honesty.group_answers import Answered, ask_groups
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.honesty.groups import declared_in, read_groups
from lexome.evaluation.honesty.groups_card import write_groups_card
from lexome.evaluation.honesty.marked import context_of
from lexome.evaluation.honesty.rates import FEWEST, wilson
from lexome.evaluation.honesty.rebalanced import left_to_ask, taught_prompts
from lexome.evaluation.honesty.slopes import Slope
from lexome.evaluation.metrics.bootstrap import Undefined
from lexome.evaluation.progress import Told
from lexome.files import sha256, write_json
from lexome.model.folder import WEIGHTS
from lexome.training import open_run
from lexome.training.run import MODEL, Run

NAME = "groups.json"
FORMAT = 2


def evaluate_groups(
    run: Path, path: Path, *, told: Told = lambda what, done, whole: None
) -> dict[str, Any]:
    """Ask a run's model the questions of a groups file, beside the corpus that it was trained on.

    Of a run that was tuned on pairs that is the corpus of its base, and prompts that were taught
    are not asked. Writes and returns groups.json, and says it in the model card. Raises
    `UsageError` for a file without questions and for a masked model, which does not go on, and
    `LexomeError` where nobody knows what the base has read.
    """
    groups = read_groups(path)
    if not groups.questions:
        raise UsageError(
            "the file asks nothing",
            where=str(path),
            fix="add `questions:`, each with an axis, prompts and answers",
        )
    opened = open_run(run)
    corpus = has_read(opened).corpus(verify=True)
    taught = taught_prompts(tuned_on(opened))
    left = left_to_ask(groups.asked(str(path)), taught, str(path))
    asking = [replace(one.question, prompts=one.prompts) for one in left]
    with declared_in(path):
        answered = ask_run(opened, asking, told)
        every = count_answers(corpus, groups, lambda done, whole: told("corpus", done, whole))
    counted = [replace(one, question=asked) for one, asked in zip(every, asking, strict=True)]
    sides = [sides_of(one, [said]) for one, said in zip(counted, answered, strict=True)]
    found = {
        "format": FORMAT,
        "weights": sha256(opened.folder / MODEL / WEIGHTS),
        "asked": {"groups": str(path), "sha256": sha256(path)},
        "command": shlex.join(("lexome", "evaluate", str(run), "--groups", str(path))),
        "corpus": corpus.fingerprint,
        "context": context_of(corpus, groups),
        "window": groups.window,
        "fewest": FEWEST,
        "taught_prompts": len(taught),
        "questions": [
            _question(one, said, side)
            for one, said, side in zip(counted, answered, sides, strict=True)
        ],
        "all": _all([side for side in sides if side is not None]),
    }
    write_json(opened.folder / NAME, found)
    write_groups_card(opened.folder / MODEL, found)
    return found


def ask_run(
    run: Run, asked: Sequence[AskedGroups], told: Told = lambda what, done, whole: None
) -> list[Answered]:
    """Return what a run's model says to each question of a groups file."""
    model, tokenizer = run.model(), run.tokenizer()
    answered = []
    for number, one in enumerate(asked):
        told("questions", number, len(asked))
        words, answers = [*one.groups.values()], [*one.answers.values()]
        with located(f"questions.{one.name}"):
            answered.append(ask_groups(model, tokenizer, one.prompts, words, answers))
    return answered


def sides_of(counted: AnswerCounts, said: Sequence[Answered]) -> Sides | None:
    """Return both sides of a question, of the groups that have cases enough; `None` without any.

    `said` is what models say that were trained alike, with seeds of their own.
    """
    enough = counted.enough
    if not enough.any():
        return None
    names = [group for group, own in zip(counted.question.groups, enough, strict=True) if own]
    return Sides(
        groups=names,
        answers=[*counted.question.answers],
        counts=counted.worth[enough],
        base=counted.counts.sum(0) / counted.counts.sum(),
        said=np.stack([one.said for one in said])[:, :, enough],
    )


def _question(counted: AnswerCounts, said: Answered, sides: Sides | None) -> dict[str, Any]:
    one = counted.question
    found = None if sides is None else amplification(sides)
    return {
        "name": one.name,
        "axis": one.axis,
        "prompts": [*one.prompts],
        "groups": dict(one.groups),
        "answers": dict(one.answers),
        "target": None if one.target is None else dict(one.target),
        "several": counted.several,
        "several_answers": counted.several_answers,
        "outside": float(said.outside.mean()),
        "pairs": _pairs(counted, said, found),
        **_figures(found),
    }


def _pairs(
    counted: AnswerCounts, said: Answered, found: Amplification | None
) -> list[dict[str, Any]]:
    """Return all pairs in order, those of groups with too few cases among them."""
    told = {} if found is None else {(one.group, one.answer): asdict(one) for one in found.pairs}
    answers = [*counted.question.answers]
    kept = answers[: 1 if len(answers) == 2 else None]
    pairs = []
    for row, group in enumerate(counted.question.groups):
        n = int(counted.counts[row].sum())
        for column, answer in enumerate(kept):
            own = told.get((group, answer))
            few = _few(counted, said, row, column) if own is None else {}
            effective = float(counted.worth[row].sum())
            pair = {**(own or {"group": group, "answer": answer}), **few, "n": n}
            pairs.append(pair | {"effective": effective, "too_few": own is None})
    return pairs


def _few(counted: AnswerCounts, said: Answered, row: int, column: int) -> dict[str, Any]:
    """Return what is shown of a group with too few cases: the counts, and what the model says."""
    hits, n = int(counted.counts[row, column]), int(counted.counts[row].sum())
    low, high = wilson(hits, n)
    return {
        "p": hits / n if n else None,
        "p_low": float(low),
        "p_high": float(high),
        "q": float(said.said[:, row, column].mean()),
        **dict.fromkeys(("q_low", "q_high", "base", "amplified", "low", "high")),
    }


def _all(sides: Sequence[Sides]) -> dict[str, Any]:
    found = amplification_of_all(sides) if sides else None
    pairs = 0 if found is None else sum(one.amplified is not None for one in found.pairs)
    return {"questions": len(sides), "amplified_pairs": pairs, **_figures(found)}


def _figures(found: Amplification | None) -> dict[str, Any]:
    """Return quantiles, slope and test; without groups there are none, and it says so."""
    if found is None:
        reason = f"no group has {FEWEST} cases"
        undefined = {name: asdict(Undefined(name, reason, 0)) for name in ("slope", "test")}
        return {"quantiles": [], **undefined}
    own = asdict(found.slope)
    if isinstance(found.slope, Slope):
        own["reading"] = found.slope.reading
    test = asdict(found.test)
    if not isinstance(found.test, Undefined):
        test |= {"found": found.test.found, "power_wanted": POWER}
    quantiles = [
        {"at": at, "amplified": value}
        for at, value in zip(QUANTILES, found.quantiles or (), strict=False)
    ]
    return {"quantiles": quantiles, "slope": own, "test": test}

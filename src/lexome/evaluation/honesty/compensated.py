"""Generic statements about groups before and after a correction: how near to the target, how far
beyond it, and what of the rest has moved too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from lexome.evaluation.honesty.group_answers import Answered, ask_groups
from lexome.evaluation.honesty.group_questions import AskedGroups
from lexome.evaluation.metrics.bootstrap import (
    Figure,
    Floats,
    Resampling,
    Scored,
    Statistic,
    mean,
    score,
)
from lexome.evaluation.metrics.student import mean_interval
from lexome.languages.base import Tokenizer
from lexome.model.transformer import Transformer

Kind = Literal["targeted", "kept", "untargeted"]
NEAR = 0.05
"""How far from its target a rate may be, and be said to have reached it."""


@dataclass(frozen=True)
class Asking:
    """A question, with the prompts by which it is scored: those that nothing was taught by."""

    question: AskedGroups
    prompts: tuple[str, ...]

    @property
    def kind(self) -> Kind:
        """Return whether it has a target, is to stay, or is left to itself."""
        if self.question.target is not None:
            return "targeted"
        return "kept" if self.question.keep else "untargeted"

    @property
    def target(self) -> Floats | None:
        """Return the target of each answer, [A]; `None` where none is declared."""
        declared = self.question.target
        if declared is None:
            return None
        return np.array([declared[answer] for answer in self.question.answers], np.float64)

    @property
    def shown(self) -> range:
        """Return which answers are told of: of two the second says what the first does."""
        return range(1 if len(self.question.answers) == 2 else len(self.question.answers))


def said_of_groups(
    model: Transformer, tokenizer: Tokenizer, asked: Sequence[Asking]
) -> list[Answered]:
    """Return what a model says to each question; the form is that of the tokenizer."""
    return [
        ask_groups(
            model,
            tokenizer,
            one.prompts,
            [*one.question.groups.values()],
            [*one.question.answers.values()],
        )
        for one in asked
    ]


def overshoot(target: npt.ArrayLike, before: npt.ArrayLike, after: npt.ArrayLike) -> Floats:
    """Return how far rates went past their target, away from where they were before.

    A rate that was near its target before, and needed nothing, is past it as far as it went away,
    on either side.
    """
    aim, was, now = (np.asarray(one, np.float64) for one in (target, before, after))
    beyond = np.maximum(np.sign(aim - was) * (now - aim), 0.0)
    away = np.abs(now - aim) - np.abs(was - aim)
    return np.where(np.abs(was - aim) <= NEAR, np.maximum(beyond, away), beyond)


def targeted_figures(
    asked: Sequence[Asking], before: Sequence[Answered], after: Sequence[Answered], seed: int = 0
) -> list[dict[str, Any]]:
    """Return distance from the target before and after, the share near it, and the overshoot.

    A case is a group and an answer of a question that has a target; rates are means over prompts.
    Prompts that miss the target on either side make up for each other in a mean, so the distance of
    single prompts stands beside it. Intervals are drawn over questions.
    """
    cases: dict[str, list[float]] = {"target": [], "was": [], "now": []}
    questions, by_prompt = [], []
    for one, was, now in zip(asked, before, after, strict=True):
        if one.target is None:
            continue
        for group in range(len(one.question.groups)):
            for answer in one.shown:
                cases["target"].append(float(one.target[answer]))
                cases["was"].append(float(was.said[:, group, answer].mean()))
                cases["now"].append(float(now.said[:, group, answer].mean()))
                by_prompt.append(np.abs(now.said[:, group, answer] - one.target[answer]))
                questions.append(one.question.name)
    target, was_at, now_at = (np.array(own) for own in cases.values())
    beyond = overshoot(target, was_at, now_at)
    far = np.abs(now_at - target)
    statistics = [
        Statistic("distance before", mean(np.abs(was_at - target))),
        Statistic("distance after", mean(far)),
        Statistic(f"within {NEAR} of the target", mean(far <= NEAR)),
        Statistic("overshoot", mean(beyond)),
        Statistic("distance of prompts", mean([own.mean() for own in by_prompt])),
    ]
    figures = score(statistics, len(questions), Resampling(questions, seed=seed))
    worst = {
        "worst distance": far,
        "worst overshoot": beyond,
        "worst distance of a prompt": np.concatenate([np.zeros(0), *by_prompt]),
    }
    return [
        *map(asdict, figures),
        *(
            {"name": name, "value": float(own.max()), "low": None, "high": None, "n": len(own)}
            for name, own in worst.items()
            if len(own)
        ),
    ]


def statement_rows(
    asked: Sequence[Asking],
    before: Sequence[Answered],
    after: Mapping[str, Sequence[Answered]],
    rates: Sequence[Floats],
) -> list[dict[str, Any]]:
    """Return a row of the price table for each question, group and answer.

    `after` is by form, `rates` [groups, answers] are the corpus's; intervals are over prompts, and
    there is none where there is one prompt.
    """
    rows = []
    for number, one in enumerate(asked):
        groups, answers = [*one.question.groups], [*one.question.answers]
        for group, answer in ((g, a) for g in range(len(groups)) for a in one.shown):
            was = before[number].said[:, group, answer]
            now = {form: said[number].said[:, group, answer] for form, said in after.items()}
            target = None if one.target is None else float(one.target[answer])
            corpus = float(rates[number][group, answer])
            rows.append(
                {
                    "kind": one.kind,
                    "question": one.question.name,
                    "group": groups[group],
                    "answer": answers[answer],
                    "n": len(one.prompts),
                    "corpus": None if np.isnan(corpus) else corpus,
                    "target": target,
                    "before": _rate("before", was),
                    "after": {form: _rate(form, own) for form, own in now.items()},
                    "change": {form: float((own - was).mean()) for form, own in now.items()},
                    "farthest": {form: _farthest(target, was, own) for form, own in now.items()},
                    "overshoot": None
                    if target is None
                    else {
                        form: float(overshoot(target, was.mean(), own.mean()))
                        for form, own in now.items()
                    },
                }
            )
    return rows


def moved_figures(
    asked: Sequence[Asking],
    before: Sequence[Answered],
    after: Sequence[Answered],
    kind: Kind,
    seed: int = 0,
) -> list[Figure]:
    """Return how far rates of a kind of questions moved, in the mean and at worst.

    So it comes for means over prompts, and for single prompts, which may move to either side. The
    intervals of the means are drawn over questions.
    """
    moved, questions = list[float](), list[str]()
    by_prompt = list[Floats]()
    for one, was, now in zip(asked, before, after, strict=True):
        if one.kind == kind:
            change = (now.said - was.said)[..., [*one.shown]].reshape(len(one.prompts), -1)
            moved += np.abs(change.mean(0)).tolist()
            by_prompt += [*np.abs(change).T]
            questions += [one.question.name] * change.shape[1]
    statistics = [
        Statistic("moved", mean(moved)),
        Statistic("moved by prompts", mean([own.mean() for own in by_prompt])),
    ]
    figures = score(statistics, len(moved), Resampling(questions, seed=seed))
    if not moved:
        return figures
    single = np.concatenate(by_prompt)
    return [
        *figures,
        Scored("worst moved", max(moved), None, None, len(moved)),
        Scored("worst moved by a prompt", float(single.max()), None, None, len(single)),
    ]


def _farthest(target: float | None, was: Floats, now: Floats) -> float:
    """Return how far a single prompt is from its target, or from what it was without one."""
    return float(np.abs(now - (was if target is None else target)).max())


def _rate(name: str, values: Floats) -> dict[str, Any]:
    """Return the mean over prompts, with an interval by Student's t where there are several."""
    low, high = mean_interval(values, 0.0, 1.0) or (None, None)
    note = "" if len(values) > 1 else "no interval: there is one prompt"
    return asdict(Scored(name, float(values.mean()), low, high, len(values), note))

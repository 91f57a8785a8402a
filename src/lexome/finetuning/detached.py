"""Whether what a model says depends on its source: its probability there, and for other sources.

An answer that is at least as likely for another source as for its own is *detached*: the model
would have said it anyway. Other sources are those of held-out examples whose target is another one,
so that a model which looks at its source has no detached targets.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lexome.evaluation.metrics.bootstrap import (
    EXAMPLES,
    Figure,
    Statistic,
    Undefined,
    mean,
    score,
)
from lexome.finetuning import filling
from lexome.finetuning.answering import Question
from lexome.finetuning.paired import Pairs
from lexome.generation.answers import Question as Closed
from lexome.generation.answers import answer_distribution
from lexome.model import Transformer

# Answers that differ by less are equally likely: sums in fp32 leave as much.
_TIE = 1e-4
_LEAST = float(np.finfo(np.float64).tiny)
# What lies beyond either bound of an interval.
_TAIL = 0.025
# Questions between two signs of life.
_ROUND = 64

Floats = npt.NDArray[np.float64]
Ids = tuple[int, ...]


@dataclass(frozen=True)
class Draws:
    """What is compared: at most so many held-out `examples`, each with so many `others`."""

    examples: int = 300
    others: int = 8
    seed: int = 0


@dataclass(frozen=True)
class Margins:
    """By how many nats each answer is likelier for its own source than for others.

    `own` [N] is the answer's log-probability for its own source, `beside` holds for each example
    the `margins` [others]: log p(answer | its source) - log p(answer | another source). It is empty
    where no other source could be drawn.
    """

    own: Floats
    beside: tuple[Floats, ...]

    @property
    def detached(self) -> Floats:
        """Return the share of other sources for which each answer is as likely, [N] or NaN."""
        return np.array(
            [float(np.mean(one <= _TIE)) if len(one) else np.nan for one in self.beside]
        )

    @property
    def means(self) -> Floats:
        """Return the mean margin of each answer in nats, [N] or NaN."""
        return _each(self.beside, lambda one: float(one.mean()))


def _each(values: Sequence[Floats], of: Callable[[Floats], float]) -> Floats:
    return np.array([of(one) if len(one) else np.nan for one in values])


def whole_answer(pairs: Pairs, ids: Sequence[int], ended: bool = True) -> Ids:
    """Return an answer's ids as they are scored: with the end, where it was said.

    Labels are closed: how many tokens they have is no choice of the model.
    """
    closing = ended and pairs.coding is None
    return (*ids, pairs.tokenizer.special.end) if closing else tuple(ids)


def identity(question: Question) -> tuple[Ids, bytes]:
    """Return what is equal for equal sources."""
    heard = b"" if question.features is None else question.features.tobytes()
    return question.prompt, heard


def other_sources(
    asked: Sequence[Question], lengths: Sequence[int], context: int, draws: Draws
) -> list[list[int]]:
    """Return for each example the numbers of those whose sources are put in place of its own.

    They are drawn without replacement among those that have another source and another target,
    and behind which an answer of the example's `lengths` fits. There are fewer than `draws.others`
    where there are no more.
    """
    sources = [identity(one) for one in asked]
    found = []
    for number, (one, length) in enumerate(zip(asked, lengths, strict=True)):
        possible = [
            other
            for other, beside in enumerate(asked)
            if beside.reference != one.reference
            and sources[other] != sources[number]
            and len(beside.prompt) + length <= context
        ]
        random = np.random.default_rng([draws.seed, number])
        drawn = random.permutation(len(possible))[: draws.others]
        found.append([possible[place] for place in drawn])
    return found


def margins(
    model: Transformer,
    pairs: Pairs,
    asked: Sequence[Question],
    said: Sequence[Ids],
    others: Sequence[Sequence[int]],
    told: Callable[[int, int], None] | None = None,
) -> Margins:
    """Return what answers `said` are worth behind their own sources, and behind `others`."""
    wanted = [
        (source, ids) for number, ids in enumerate(said) for source in (number, *others[number])
    ]
    logs = iter(log_probabilities(model, pairs, asked, wanted, told).tolist())
    own, beside = [], []
    for drawn in others:
        own.append(next(logs))
        beside.append(own[-1] - np.array([next(logs) for _ in drawn], np.float64))
    return Margins(np.array(own), tuple(beside))


def log_probabilities(
    model: Transformer,
    pairs: Pairs,
    asked: Sequence[Question],
    wanted: Sequence[tuple[int, Ids]],
    told: Callable[[int, int], None] | None = None,
) -> Floats:
    """Return log p(answer | source) in nats, fp32, of each number of a question with an answer.

    A model that sees both sides gives each place of a label its probability among the labels that
    may stand there; the places are multiplied.
    """
    known: dict[tuple[int, Ids], float] = {}
    groups = _asked_together(wanted, pairs.tokenizer.special.end)
    groups.sort(key=lambda group: len(asked[group[0]].prompt))
    for first in range(0, len(groups), _ROUND):
        some = groups[first : first + _ROUND]
        if model.config.attention == "bidirectional":
            found = [_filled(model, pairs, asked[source], answers) for source, answers in some]
        else:
            closed = [
                Closed(asked[source].prompt, answers, asked[source].features)
                for source, answers in some
            ]
            found = [one.log_probabilities for one in answer_distribution(model, closed)]
        for (source, answers), logs in zip(some, found, strict=True):
            known |= {(source, ids): float(log) for ids, log in zip(answers, logs, strict=True)}
        if told is not None:
            told(first + len(some), len(groups))
    return np.array([known[one] for one in wanted])


def detached_figures(targets: Margins, outputs: Margins) -> list[Figure]:
    """Return the detached shares of outputs and targets, and the nats that sources add, as means.

    Examples without another source do not count; intervals are over examples. Where no example, or
    every one, is detached, drawing again shows nothing, and the interval is that of Clopper and
    Pearson (1934) for the share of such examples.
    """
    counted = ~np.isnan(outputs.means)
    both = {"outputs": outputs, "targets": targets}
    n = int(counted.sum())
    shares = [
        Statistic(f"detached {name}", mean(one.detached[counted]), "mean over draws of a source")
        for name, one in both.items()
    ]
    nats = [
        Statistic(
            f"nats of the source, {name}", mean(one.means[counted]), "log p less that for others"
        )
        for name, one in both.items()
    ]
    return [*map(_bounded, score(shares, n, EXAMPLES)), *score(nats, n, EXAMPLES)]


def _bounded(share: Figure) -> Figure:
    """Return a share with an interval that says something where it is 0 or 1."""
    if isinstance(share, Undefined) or share.value not in (0.0, 1.0):
        return share
    far = _TAIL ** (1 / share.n)
    low, high = (0.0, 1 - far) if share.value == 0.0 else (far, 1.0)
    return replace(share, low=low, high=high)


def _asked_together(wanted: Sequence[tuple[int, Ids]], end: int) -> list[tuple[int, list[Ids]]]:
    """Return each question with its answers, each once, so that its prompt is read once.

    One that was cut off may be the beginning of another, and is asked about by itself.
    """
    together: dict[tuple[int, Any], dict[Ids, None]] = defaultdict(dict)
    for source, ids in wanted:
        whole = len(ids) == 1 or ids[-1] == end
        together[source, None if whole else ids][ids] = None
    return [(source, list(answers)) for (source, _), answers in together.items()]


def _filled(model: Transformer, pairs: Pairs, question: Question, answers: Sequence[Ids]) -> Floats:
    """Return the log-probabilities of labels in the places of a masked model's answer."""
    special, coding = pairs.tokenizer.special, pairs.coding
    assert coding is not None
    choices = [filling.places(coding, pairs.target, len(ids)) for ids in answers]
    shares = filling.fill(
        model,
        [question.prompt] * len(answers),
        [question.features] * len(answers),
        choices,
        mask=special.mask,
        end=special.end,
    )
    found = np.zeros(len(answers))
    for number, (ids, own, likely) in enumerate(zip(answers, choices, shares, strict=True)):
        chosen = own == np.array(ids)[:, None]
        found[number] = np.log(np.maximum(likely[chosen], _LEAST)).sum()
    return found

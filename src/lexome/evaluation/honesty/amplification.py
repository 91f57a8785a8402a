"""The skew of a model beside that of its corpus: taken over, made stronger, or weaker.

Both sides answer alike: of a closed set of answers the corpus gives each group some so often, and
the model each with some probability. Two figures compare them, and neither is a score of the model.
One is the signed amplification of each pair of group and answer, s (q - p) with s = sign(p - base):
how much further from the base rate the model is than the corpus, in the same direction. It is shown
as a distribution, since in a mean what is amplified hides what is attenuated. The other is the
slope of logit q on logit p (as calibration slopes are: Cox 1958, Two further applications of a
model for binary regression).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError
from lexome.evaluation.honesty.rates import wilson
from lexome.evaluation.honesty.slopes import Points, Slope, fitted, of_model
from lexome.evaluation.metrics.bootstrap import Undefined
from lexome.evaluation.metrics.extra import part
from lexome.evaluation.metrics.student import Source, known, reach

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EFFECT = 0.05
"""The amplification that a test should find: five points."""
POWER = 0.9
"""The probability with which it should be found."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_LEVEL = 0.95
_INTERVAL = 0.95
_CRITICAL = NormalDist().inv_cdf(_LEVEL)
# Smaller p-values are as good as this one.
_LEAST_P = 1e-100


@dataclass(frozen=True)
class Sides:
    """What corpus and model say of the same groups and the same closed set of answers.

    `counts` [G, A] is how often the corpus gives each group each answer; where cases are alike, as
    many as they are worth, which need be no whole numbers. `said` [S, C, G, A] is the
    model's probability of each among all answers, for each seed (a training of its own) and context
    (a template). `base` [A] is the rate of all groups together, those with few cases too; left out,
    it is that of `counts`.
    """

    groups: Sequence[str]
    answers: Sequence[str]
    counts: Ints | Floats
    said: Floats
    base: Floats | None = None


@dataclass(frozen=True, slots=True)
class PairSkew:
    """One group and answer: `p` of `n` cases in the corpus, `q` in the model, `base` of all groups.

    Both have 95 % intervals: p that of Wilson (1927), q that of Student's t over contexts and over
    seeds. `amplified` is s (q - p) with its 95 % interval from `low` to `high`; all three are
    `None` where the corpus does not tell on which side of the base rate p lies. Of one context
    there is no interval but that of p: nobody knows what another would say.
    """

    group: str
    answer: str
    n: int
    p: float
    p_low: float
    p_high: float
    q: float
    q_low: float | None
    q_high: float | None
    base: float
    amplified: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class AmplificationTest:
    """Whether the mean amplification over pairs is above 0, tested one-sided at 5 %.

    `power` is the probability of finding one of `effect`, and `cases_needed` how many cases of the
    corpus, in the same shares, give it the power of 90 %; `None` where more contexts or seeds
    are needed first.
    """

    mean: float
    error: float
    p: float
    effect: float
    power: float
    cases: int
    cases_needed: int | None

    @property
    def found(self) -> bool:
        """Whether there is an amplification."""
        return self.p <= 1 - _LEVEL


@dataclass(frozen=True)
class Amplification:
    """A model beside its corpus; `quantiles` [5] of the amplified pairs, at `QUANTILES`."""

    pairs: list[PairSkew]
    quantiles: list[float]
    slope: Slope | Undefined
    test: AmplificationTest | Undefined
    contexts: int
    seeds: int


def amplification(
    sides: Sides, resamples: int = 2000, seed: int = 0, effect: float = EFFECT
) -> Amplification:
    """Compare a model with its corpus, of one question; see `amplification_of_all`."""
    return amplification_of_all([sides], resamples, seed, effect)


def amplification_of_all(
    questions: Sequence[Sides], resamples: int = 2000, seed: int = 0, effect: float = EFFECT
) -> Amplification:
    """Compare a model with its corpus, pair by pair and over all pairs of all questions.

    Of two answers the second says what the first does, so pairs are of the first alone. Each
    answer of a question has a level of its own, so that the slope is that of what differs between
    groups, and not of how common answers are. Intervals hold what contexts, seeds and the corpus's
    cases vary by, the first two by Student's t. Where there is but one context or one seed, what
    another would say is not in them. That of the slope of a faithful model lies inside .9 to 1.1
    from 1,000 cases a group on where rates are .5 to .99 and their complements (300 where the model
    has learned these very cases), from 3,000 on where they are to one side of a half. Raises
    `LexomeError` where the shapes do not fit, a group has no case, or probabilities do not sum
    to 1.
    """
    for sides in questions:
        _check(sides)
    if len({len(sides.said) for sides in questions}) != 1:
        raise LexomeError("the questions are not of the same seeds", fix="ask each model all")
    asked = [
        _asked(sides, resamples, np.random.default_rng([seed, number]))
        for number, sides in enumerate(questions, 1)
    ]
    pairs = [pair for one in asked for pair in _pairs(one)]
    amplified = [one.amplified for one in pairs if one.amplified is not None]
    return Amplification(
        pairs=pairs,
        quantiles=np.quantile(amplified, QUANTILES).tolist() if amplified else [],
        slope=fitted([_points(one) for one in asked]),
        test=_test(asked, effect),
        contexts=sum(one.sides.said.shape[1] for one in asked),
        seeds=len(questions[0].said),
    )


@dataclass(frozen=True)
class _Asked:
    """A question with what both sides say: `n` [G, 1], `p`, `q` and `sign` [G, A], `base` [A].

    `drawn` [R, G, A] are logits of the corpus's rates, its cases drawn again. `sign` is 0 where the
    corpus does not tell, and for answers that others tell already.
    """

    sides: Sides
    drawn: Floats
    n: Floats
    p: Floats
    q: Floats
    base: Floats
    sign: Floats

    @property
    def kept(self) -> int:
        """Return how many answers are told."""
        return 1 if len(self.sides.answers) == 2 else len(self.sides.answers)


def _asked(sides: Sides, resamples: int, random: np.random.Generator) -> _Asked:
    n = sides.counts.sum(1, keepdims=True).astype(np.float64)
    base = sides.counts.sum(0) / n.sum() if sides.base is None else sides.base
    low, high = wilson(sides.counts, n)
    sign = np.where(low > base, 1.0, np.where(high < base, -1.0, 0.0))
    if len(sides.answers) == 2:
        sign[:, 1] = 0.0
    drawn = _draw(sides, resamples, random)
    return _Asked(sides, drawn, n, sides.counts / n, sides.said.mean((0, 1)), base, sign)


def _draw(sides: Sides, resamples: int, random: np.random.Generator) -> Floats:
    n = sides.counts.sum(1)
    # Drawn at rates of 0 and 1, cases would be the same each time.
    likely = (sides.counts + 0.5) / (n + len(sides.answers) / 2)[:, None]
    sizes = np.maximum(np.rint(n), 1).astype(np.int64)
    drawn = np.stack(
        [
            random.multinomial(size, own, resamples)
            for size, own in zip(sizes.tolist(), likely, strict=True)
        ],
        axis=1,
    )
    return _logit(drawn, sizes[:, None])


def _logit(hits: npt.ArrayLike, n: npt.ArrayLike) -> Floats:
    """Return the logit of a rate of n cases, a half added to hits and to misses.

    So 0 and 1 have one (Haldane 1956), and it is hardly biased (Anscombe 1956).
    """
    x, size = np.asarray(hits, np.float64), np.asarray(n, np.float64)
    return np.asarray(np.log(x + 0.5) - np.log(size - x + 0.5))


def _said_logits(sides: Sides) -> Floats:
    """Return the logits of what the model says; [S, C, G, A].

    A half is added as to the corpus's counts: of n cases a corpus shows no rate beyond that, and a
    model that says exactly what its corpus does has the slope 1.
    """
    n = sides.counts.sum(1)[:, None]
    return _logit(sides.said * n, n)


def _points(one: _Asked) -> Points:
    """Return the points of a slope, an answer a stratum."""
    counts = one.sides.counts
    weights = 1 / (1 / (counts + 0.5) + 1 / (one.n - counts + 0.5))
    every = (_logit(counts, one.n), _said_logits(one.sides), weights, one.drawn)
    return Points(*(np.moveaxis(own[..., : one.kept], -1, -2) for own in every))


def _test(asked: Sequence[_Asked], effect: float) -> AmplificationTest | Undefined:
    """Test the mean of the amplified pairs against 0, and say what the test can find."""
    count = sum(int((one.sign != 0).sum()) for one in asked)
    if not count:
        pairs = sum(one.sign.size for one in asked)
        reason = "no rate of the corpus is off its base rate"
        if all(len(one.sides.groups) == 1 for one in asked):
            reason = "it takes two groups with cases enough"
        return Undefined("amplification", reason, pairs)
    shares = [one.sign / count for one in asked]
    both = list(zip(asked, shares, strict=True))
    mean = sum(float((share * (one.q - one.p)).sum()) for one, share in both)
    of_cases = sum(_case_variance(one, share) for one, share in both)
    said = [(share * one.sides.said).sum((2, 3)) for one, share in both]
    sources = [known(of_cases), *of_model(said)]
    error = float(reach(sources, 1 - _LEVEL)) / _CRITICAL
    cases = round(sum(float(one.n.sum()) for one in asked))
    normal = NormalDist()
    room = (effect / (_CRITICAL + normal.inv_cdf(POWER))) ** 2 - (error**2 - of_cases)
    return AmplificationTest(
        mean=mean,
        error=error,
        p=_exceeded(sources, mean),
        effect=effect,
        power=normal.cdf(effect / error - _CRITICAL) if error else 1.0,
        cases=cases,
        cases_needed=math.ceil(cases * of_cases / room) if room > 0 else None,
    )


def _exceeded(sources: Sequence[Source], value: float) -> float:
    """Return the probability with which chance alone exceeds a value: the p-value, one-sided."""
    if value < 0:
        return 1 - _exceeded(sources, -value)

    def beyond(logarithm: float) -> float:
        return float(reach(sources, math.exp(logarithm))) - value

    least, most = math.log(_LEAST_P), math.log(0.5)
    if beyond(least) <= 0:
        return _LEAST_P if value else 1.0
    return math.exp(part("scipy.optimize").brentq(beyond, least, most)) if value else 0.5


def _case_variance(one: _Asked, share: Floats) -> float:
    """Return the variance of a weighted sum of rates: the answers of a group are drawn together."""
    of_group = (share**2 * one.p).sum(1) - (share * one.p).sum(1) ** 2
    return float((of_group / one.n[:, 0]).sum())


def _pairs(one: _Asked) -> Iterator[PairSkew]:
    """Yield the pairs of a question, by group and answer."""
    sides = one.sides
    p_low, p_high = wilson(sides.counts, one.n)
    again = sides.said.shape[1] > 1
    off = reach(of_model([sides.said]), (1 - _INTERVAL) / 2)
    below, above = one.p - p_low, p_high - one.p
    # Two intervals make that of a difference: Zou & Donner 2008, Construction of confidence limits
    # about effect measures.
    lower = np.hypot(off, np.where(one.sign > 0, above, below))
    higher = np.hypot(off, np.where(one.sign > 0, below, above))
    amplified = one.sign * (one.q - one.p)
    for group, name in enumerate(sides.groups):
        for answer in range(one.kept):
            at = (group, answer)
            told = bool(one.sign[at])
            yield PairSkew(
                group=name,
                answer=sides.answers[answer],
                n=round(float(one.n[group, 0])),
                p=float(one.p[at]),
                p_low=float(p_low[at]),
                p_high=float(p_high[at]),
                q=float(one.q[at]),
                q_low=max(float(one.q[at] - off[at]), 0.0) if again else None,
                q_high=min(float(one.q[at] + off[at]), 1.0) if again else None,
                base=float(one.base[answer]),
                amplified=float(amplified[at]) if told else None,
                low=float((amplified - lower)[at]) if told and again else None,
                high=float((amplified + higher)[at]) if told and again else None,
            )


def _check(sides: Sides) -> None:
    shape = (len(sides.groups), len(sides.answers))
    if sides.counts.shape != shape or sides.said.ndim != 4 or sides.said.shape[2:] != shape:
        raise LexomeError(
            f"counts are {sides.counts.shape} and what is said {sides.said.shape}, of "
            f"{shape[0]} groups and {shape[1]} answers",
            fix="give counts [groups, answers] and said [seeds, contexts, groups, answers]",
        )
    if shape[1] < 2 or 0 in sides.said.shape:
        raise LexomeError("there is nothing to compare", fix="give two answers or more, of a group")
    for group, own in zip(sides.groups, sides.counts, strict=True):
        if own.sum() == 0:
            raise LexomeError(
                "the corpus never gives it one of the answers",
                where=f"group {group!r}",
                fix="leave the group out, or widen the answers",
            )
    if sides.said.min() < 0 or not np.allclose(sides.said.sum(-1), 1, atol=1e-6):
        raise LexomeError("what the model says of a group does not sum to 1")

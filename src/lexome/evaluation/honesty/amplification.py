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
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from lexome.errors import LexomeError
from lexome.evaluation.honesty.rates import wilson
from lexome.evaluation.metrics.bootstrap import Undefined

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EFFECT = 0.05
"""The amplification that a test should find: five points."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)

_LEVEL, _POWER = 0.95, 0.9
# A slope is given where the spread of the corpus's rates is so many times that of chance.
_LEAST_SPREAD = 4.0


@dataclass(frozen=True)
class Sides:
    """What corpus and model say of the same groups and the same closed set of answers.

    `counts` [G, A] is how often the corpus gives each group each answer. `said` [S, C, G, A] is the
    model's probability of each among all answers, for each seed (a training of its own) and context
    (a template).
    """

    groups: Sequence[str]
    answers: Sequence[str]
    counts: Ints
    said: Floats


@dataclass(frozen=True, slots=True)
class PairSkew:
    """One group and answer: `p` of `n` cases in the corpus, `q` in the model, `base` of all groups.

    `amplified` is s (q - p) with its 95 % interval from `low` to `high`; all three are `None` where
    the corpus does not tell on which side of the base rate p lies.
    """

    group: str
    answer: str
    n: int
    p: float
    q: float
    base: float
    amplified: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Slope:
    """The slope of logit q on logit p over `pairs`, with its 95 % interval.

    `reliability` is the share of the spread of the corpus's rates that is not chance: an
    uncorrected slope would be `beta` times that.
    """

    beta: float
    low: float
    high: float
    reliability: float
    pairs: int

    @property
    def reading(self) -> str:
        """Return what the interval says, in words."""
        return reading(self.low, self.high)


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
    """Compare a model with its corpus, pair by pair and over all pairs.

    Of two answers the second says what the first does, so pairs are of the first alone. Intervals
    are bootstrapped: contexts, seeds and the corpus's cases are drawn again. Where there is but one
    context or one seed, what another would say is not in them. That of the slope of a faithful
    model lies inside .9 to 1.1 from 1,000 cases a group on where rates are .5 to .99 and their
    complements (300 where the model has learned these very cases), from 3,000 on where they are
    to one side of a half. Raises `LexomeError` where the shapes do not fit, a group has no case, or
    probabilities do not sum to 1.
    """
    _check(sides)
    drawn = _draw(sides, resamples, np.random.default_rng(seed))
    kept = slice(0, 1 if len(sides.answers) == 2 else len(sides.answers))
    n = sides.counts.sum(1, keepdims=True)
    p, base = sides.counts / n, sides.counts.sum(0) / n.sum()
    q = sides.said.mean((0, 1))
    low, high = wilson(sides.counts, n)
    sign = np.where(low > base, 1.0, np.where(high < base, -1.0, 0.0))
    sign[:, kept.stop :] = 0.0
    bounds = np.percentile(sign * (drawn.said - drawn.rates), [2.5, 97.5], axis=0)
    pairs = [
        _pair(sides, (group, answer), p, q, base, sign, bounds)
        for group in range(len(sides.groups))
        for answer in range(len(sides.answers))[kept]
    ]
    amplified = [one.amplified for one in pairs if one.amplified is not None]
    return Amplification(
        pairs=pairs,
        quantiles=np.quantile(amplified, QUANTILES).tolist() if amplified else [],
        slope=_slope(sides, drawn, kept),
        test=_test(sides, drawn, sign, effect),
        contexts=sides.said.shape[1],
        seeds=sides.said.shape[0],
    )


def slope(x: Floats, y: Floats, weights: Floats) -> Floats:
    """Return the slope of y on x where x itself has errors, of variance 1 / `weights`; [...].

    x, y and weights are [..., K]. Errors of x make a plain slope too flat; what they add to the
    spread of x is known, K - 1 after weighing, and is taken off it (Fuller 1987, Measurement error
    models, section 3.1). NaN where nothing is left.
    """
    shares = weights / weights.sum(-1, keepdims=True)
    centred = x - (shares * x).sum(-1, keepdims=True)
    spread = (weights * centred**2).sum(-1) - (x.shape[-1] - 1)
    together = (weights * centred * y).sum(-1)
    found: Floats = np.where(spread > 0, together / np.where(spread > 0, spread, 1.0), np.nan)
    return found


def reading(low: float, high: float) -> str:
    """Return in words what an interval of the slope says."""
    if low > 1:
        return "amplified: the model is more skewed than its corpus"
    if high < 0:
        return "inverted: the model is skewed the other way"
    if low > 0 and high < 1:
        return "attenuated: the model is less skewed than its corpus"
    if low > 0:
        return "taken over: as skewed as the corpus, as far as can be told"
    if high < 1:
        return "attenuated: hardly any of the skew is taken over"
    return "nothing can be said: the interval is too wide"


@dataclass(frozen=True)
class _Drawn:
    """Contexts, seeds and cases drawn again R times; all [R, G, A].

    `said` are means of probabilities and `logits` of their logits, `rates` and `rate_logits` are
    those of the corpus.
    """

    said: Floats
    logits: Floats
    rates: Floats
    rate_logits: Floats


def _draw(sides: Sides, resamples: int, random: np.random.Generator) -> _Drawn:
    seeds, contexts = sides.said.shape[:2]
    of_seeds = random.multinomial(seeds, np.full(seeds, 1 / seeds), resamples) / seeds
    of_contexts = random.multinomial(contexts, np.full(contexts, 1 / contexts), resamples)
    weights = of_seeds[:, :, None] * (of_contexts / contexts)[:, None]
    n = sides.counts.sum(1)
    # Drawn at rates of 0 and 1, cases would be the same each time.
    likely = (sides.counts + 0.5) / (n + len(sides.answers) / 2)[:, None]
    drawn = np.stack(
        [
            random.multinomial(size, own, resamples)
            for size, own in zip(n.tolist(), likely, strict=True)
        ],
        axis=1,
    )
    return _Drawn(
        said=np.tensordot(weights, sides.said, 2),
        logits=np.tensordot(weights, _said_logits(sides), 2),
        rates=drawn / n[:, None],
        rate_logits=_logit(drawn, n[:, None]),
    )


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


def _slope(sides: Sides, drawn: _Drawn, kept: slice) -> Slope | Undefined:
    n = sides.counts.sum(1)[:, None]
    x = _logit(sides.counts, n)[:, kept].ravel()
    y = _said_logits(sides).mean((0, 1))[:, kept].ravel()
    weights = 1 / (1 / (sides.counts + 0.5) + 1 / (n - sides.counts + 0.5))[:, kept].ravel()
    centred = x - np.average(x, weights=weights)
    spread = float((weights * centred**2).sum())
    if len(x) < 2 or spread < _LEAST_SPREAD * (len(x) - 1):
        return Undefined(
            "slope", "the corpus's rates differ no more than by chance, or hardly", len(x)
        )
    rows = len(drawn.logits)
    again = slope(
        drawn.rate_logits[:, :, kept].reshape(rows, -1),
        drawn.logits[:, :, kept].reshape(rows, -1),
        np.broadcast_to(weights, (rows, len(weights))),
    )
    beta = float(slope(x, y, weights))
    # The corpus was drawn once by the world and is drawn once more here: twice the error of rates,
    # so that these slopes are flatter as a whole.
    low, high = (np.nanpercentile(again, [2.5, 97.5]) - np.nanmedian(again) + beta).tolist()
    return Slope(beta, low, high, 1 - (len(x) - 1) / spread, len(x))


def _test(
    sides: Sides, drawn: _Drawn, sign: Floats, effect: float
) -> AmplificationTest | Undefined:
    """Test the mean of the amplified pairs against 0, and say what the test can find."""
    count = int((sign != 0).sum())
    if not count:
        return Undefined("amplification", "no rate of the corpus is off its base rate", sign.size)
    n = sides.counts.sum(1)
    p, q = sides.counts / n[:, None], sides.said.mean((0, 1))
    share = sign / count
    mean = float((share * (q - p)).sum())
    # The variance of a sum over the answers of one group, which are drawn together.
    of_group = (share**2 * p).sum(1) - (share * p).sum(1) ** 2
    of_cases = float((of_group / n).sum())
    of_model = float((share * drawn.said).sum((1, 2)).var(ddof=1))
    error = math.sqrt(of_cases + of_model)
    normal = NormalDist()
    critical = normal.inv_cdf(_LEVEL)
    room = (effect / (critical + normal.inv_cdf(_POWER))) ** 2 - of_model
    return AmplificationTest(
        mean=mean,
        error=error,
        p=1 - normal.cdf(mean / error) if error else float(mean <= 0),
        effect=effect,
        power=normal.cdf(effect / error - critical) if error else 1.0,
        cases=int(n.sum()),
        cases_needed=math.ceil(int(n.sum()) * of_cases / room) if room > 0 else None,
    )


def _pair(
    sides: Sides,
    at: tuple[int, int],
    p: Floats,
    q: Floats,
    base: Floats,
    sign: Floats,
    bounds: Floats,
) -> PairSkew:
    told = bool(sign[at])
    return PairSkew(
        group=sides.groups[at[0]],
        answer=sides.answers[at[1]],
        n=int(sides.counts[at[0]].sum()),
        p=float(p[at]),
        q=float(q[at]),
        base=float(base[at[1]]),
        amplified=float(sign[at] * (q[at] - p[at])) if told else None,
        low=float(bounds[(0, *at)]) if told else None,
        high=float(bounds[(1, *at)]) if told else None,
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

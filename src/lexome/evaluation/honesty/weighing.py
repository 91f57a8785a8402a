"""Weights of documents under which groups have the same answers, or those of a declared target.

Of a document that says one group with one answer the weight is P(g) P(a) / P(g, a), and with a
target in place of P(a) it is target(a) P(g) / P(g, a) (Kamiran & Calders 2012, Data preprocessing
techniques for classification without discrimination). Documents may say several. Then the weights
are those that reach the same totals and differ least from 1, in relative entropy (Hainmueller 2012,
Entropy balancing for causal effects; Deville & Särndal 1992, Calibration estimators in survey
sampling), which where each says one thing are the weights above.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lexome.corpus import Corpus
from lexome.errors import LexomeError, UsageError, nearest
from lexome.evaluation.honesty.groups import Groups
from lexome.evaluation.honesty.marked import marked
from lexome.evaluation.progress import Progress

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

MOST = 20.0
"""How many times as large a corpus may get."""

_STEPS = 200
_CLOSE = 1e-9
_ROUNDING = 1e-12
_SHORTEST = 1e-9
# Logarithm of a weight beyond which none is of use.
_HIGHEST = 25.0


@dataclass(frozen=True)
class Weighed:
    """What is weighed: which answers the groups of an axis have, and shares to be reached."""

    name: str
    axis: str
    groups: tuple[str, ...]
    answers: tuple[str, ...]
    target: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Totals:
    """Contexts by group and answer before weighing, and after; both [G, A]."""

    weighed: Weighed
    before: Ints
    after: Floats


@dataclass(frozen=True)
class Weights:
    """The weights of the documents of a training split that augmentation did not make; [D].

    Documents of one `kind` [D] say the same, and weigh the same.
    """

    weights: Floats
    kinds: Ints
    totals: Sequence[Totals]

    @property
    def effective(self) -> float:
        """Return how many documents of equal weight would say as much (Kish 1965)."""
        return float(self.weights.sum() ** 2 / (self.weights**2).sum())


def weighed_of(groups: Groups, names: Sequence[str] = ()) -> list[Weighed]:
    """Return what a groups file asks, or of it the questions of these names.

    Without names these are the questions that have a target, or where none has, all that are not to
    stay. A file without questions has all its attributes weighed, of each axis. Raises `UsageError`
    for a name that it has not, for questions that are all to stay, and for a single attribute.
    """
    if groups.questions:
        every = groups.asked()
        asked = {
            one.name: Weighed(one.name, one.axis, tuple(one.groups), tuple(one.answers), one.target)
            for one in every
        }
        usual = [one.name for one in every if one.target is not None]
        usual = usual or [one.name for one in every if not one.keep]
        if not usual and not names:
            raise UsageError(
                "all questions are to stay what they are",
                where="questions",
                fix="give one a target, or name it with --question",
            )
    elif len(groups.attributes) > 1:
        asked = {
            axis: Weighed(axis, axis, tuple(own), tuple(groups.attributes))
            for axis, own in groups.axes.items()
        }
        usual = [*asked]
    else:
        raise UsageError(
            "there is one attribute, and nothing that groups could have instead",
            where="attributes",
            fix="declare two or more, as the answers of a question are",
        )
    for name in names:
        if name not in asked:
            raise UsageError(f"there is no question {name!r}", fix=nearest(name, asked))
    return [asked[name] for name in dict.fromkeys(names or usual)]


def weigh(
    corpus: Corpus, groups: Groups, weighed: Sequence[Weighed], told: Progress | None = None
) -> Weights:
    """Return the weights of a corpus's training documents.

    A case is a context, as `audit` has them, with exactly one group of the axis and exactly one of
    the answers. Each group keeps as many cases as it has. A document without a case weighs 1.
    Raises `UsageError` as `marked` does, and `LexomeError` for a group that never has one of the
    answers, and where weights cannot reach the totals, or would make the corpus more than `MOST`
    times as large.
    """
    if corpus.manifest.weighing is not None:
        raise UsageError(
            "the documents of this corpus are weighed already",
            where=str(corpus.folder),
            fix=f"weigh the one that it was made of: {corpus.manifest.weighing.corpus}",
        )
    places = {key: place for place, (key, _) in enumerate(groups.terms())}
    seen: dict[bytes, int] = {}
    said: list[Ints] = []
    kinds: list[int] = []
    for found in marked(corpus, groups, told):
        cases = np.concatenate([_cases(found, one, places).ravel() for one in weighed])
        kind = seen.setdefault(cases.tobytes(), len(seen))
        if kind == len(said):
            said.append(cases)
        kinds.append(kind)
    rows, kind_of = np.stack(said), np.array(kinds)
    many = np.bincount(kind_of).astype(np.float64)
    before = many @ rows
    wanted = np.concatenate([own.ravel() for own in _wanted(before, weighed)])
    weights = tilted(rows.astype(np.float64), many, wanted)
    _check(weights, many, weighed)
    after = (many * weights) @ rows
    return Weights(
        weights[kind_of],
        kind_of,
        [
            Totals(one, own.astype(np.int64), reached)
            for one, own, reached in zip(
                weighed, _parts(before, weighed), _parts(after, weighed), strict=True
            )
        ],
    )


def times_of(weights: Weights, seed: int = 0) -> Ints:
    """Return how often each document is taken, the least weighty one once on average; [D].

    The expected number is exactly the weight over the least weight. Of documents of one kind all
    together are taken as often as that asks, to within one: fractions are drawn systematically,
    from one number drawn by `seed`.
    """
    rates = weights.weights / weights.weights.min()
    times = np.zeros(len(rates), np.int64)
    starts = np.random.default_rng(seed).random(int(weights.kinds.max()) + 1)
    for kind, start in enumerate(starts.tolist()):
        own = np.flatnonzero(weights.kinds == kind)
        steps = np.arange(len(own) + 1) * rates[own[0]] + start
        times[own] = np.diff(np.floor(steps)).astype(np.int64)
    return times


def tilted(rows: Floats, many: Floats, wanted: Floats) -> Floats:
    """Return weights under which `many` documents of each row sum to what is wanted; [kinds].

    Of all such weights those with the least relative entropy from 1: w = exp(row . x), where x
    minimises sum(many w) - wanted . x, a convex function (by Newton's method, with steps halved
    until they do not ascend). `rows` are [kinds, cells]. Raises `LexomeError` where there are none.
    """
    x = np.zeros(rows.shape[1])
    for _ in range(_STEPS):
        weights = np.exp(rows @ x)
        off = (many * weights) @ rows - wanted
        if np.abs(off).max() <= _CLOSE * max(1.0, wanted.max()):
            return weights
        step = np.linalg.lstsq((rows * (many * weights)[:, None]).T @ rows, off, rcond=None)[0]
        size, value = 1.0, float(many @ weights - wanted @ x)
        least = value + _ROUNDING * abs(value)
        while size > _SHORTEST and not _descends(rows, many, wanted, x - size * step, least):
            size /= 2
        if size <= _SHORTEST:
            break
        x = x - size * step
    raise LexomeError(
        "no weights of whole documents reach this: what they say stands too firmly together",
        fix="prepare smaller documents (--option separator=line), or swap terms instead",
    )


def _descends(rows: Floats, many: Floats, wanted: Floats, x: Floats, value: float) -> bool:
    """Return whether what is minimised is no more than `value` at x, and weights are sane there."""
    logs = rows @ x
    return bool(logs.max() < _HIGHEST and many @ np.exp(logs) - wanted @ x <= value)


def _cases(found: Bools, one: Weighed, places: Mapping[str, int]) -> Ints:
    """Return how many contexts of a document have each group with each answer; [G, A]."""
    of_groups = found[:, [places[f"axes.{one.axis}.{name}"] for name in one.groups]]
    of_answers = found[:, [places[f"attributes.{name}"] for name in one.answers]]
    single = (of_groups.sum(1) == 1) & (of_answers.sum(1) == 1)
    totals: Ints = of_groups[single].astype(np.int64).T @ of_answers[single].astype(np.int64)
    return totals


def _parts(totals: Floats, weighed: Sequence[Weighed]) -> list[Floats]:
    """Return the cells of each of several questions; [G, A] each."""
    sizes = [len(one.groups) * len(one.answers) for one in weighed]
    parts = np.split(totals, np.cumsum(sizes)[:-1])
    return [
        part.reshape(len(one.groups), len(one.answers))
        for part, one in zip(parts, weighed, strict=True)
    ]


def _wanted(before: Floats, weighed: Sequence[Weighed]) -> list[Floats]:
    """Return the totals that are to be reached; [G, A] each."""
    found = []
    for one, own in zip(weighed, _parts(before, weighed), strict=True):
        if not own.all():
            group, answer = np.argwhere(own == 0)[0].tolist()
            raise LexomeError(
                f"{one.groups[group]!r} never stands with {one.answers[answer]!r}, and what is not "
                "there has no weight",
                where=f"question {one.name!r}",
                fix="leave the answer or the group out, or swap terms instead",
            )
        shares = own.sum(0) / own.sum()
        if one.target is not None:
            shares = np.array([one.target[answer] for answer in one.answers])
            if not shares.all():
                raise LexomeError(
                    "a target of 0 would take documents away, and weighing takes none",
                    where=f"question {one.name!r}",
                    fix="leave those documents out of the data",
                )
        found.append(own.sum(1, keepdims=True) * shares)
    return found


def _check(weights: Floats, many: Floats, weighed: Sequence[Weighed]) -> None:
    grown = float(many @ weights / many.sum() / weights.min())
    if grown <= MOST:
        return
    raise LexomeError(
        f"weights go from {weights.min():.2g} to {weights.max():.3g}: the corpus would be "
        f"{grown:,.0f} times as large",
        where=", ".join(f"question {one.name!r}" for one in weighed),
        fix="prepare smaller documents (--option separator=line), so that each says one thing; "
        "or swap terms instead",
    )

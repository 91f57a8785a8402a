"""How a model likes a change: the log-likelihood ratio of two documents that differ a little.

Scores are in nats, and above 0 where the model finds the alternative the likelier one. For masked
models they are those of Meier et al. 2021, "Language models enable zero-shot prediction of the
effects of mutations on protein function", section 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from lexome.errors import UsageError
from lexome.evaluation.passages import (
    Hidden,
    Passage,
    Row,
    hidden_log_probabilities,
    log_likelihoods,
    rows_of,
)
from lexome.evaluation.strands import readings
from lexome.languages.base import Language, Skipped, Tokenizer
from lexome.languages.variants import Variant
from lexome.model.transformer import Transformer

Method = Literal["likelihood", "masked-marginals", "pseudo-likelihood"]
METHODS: tuple[Method, ...] = ("likelihood", "masked-marginals", "pseudo-likelihood")

DEFINITIONS: dict[Method, str] = {
    "likelihood": "log p(alternative) - log p(reference) of the whole passage, token by token",
    "masked-marginals": "with all tokens that differ hidden at once, the sum of log p(alternative "
    "token) - log p(reference token) over them",
    "pseudo-likelihood": "the pseudo-log-likelihood of the alternative minus that of the "
    "reference, each token hidden by itself",
}

Pair = tuple[Row, Row]
"""The tokens of a reference and of its alternative."""

_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Score:
    """The score of a variant in nats: the mean of `readings`, one for each way to read it."""

    variant: Variant
    method: Method
    readings: tuple[float, ...]

    @property
    def nats(self) -> float:
        """Return the mean."""
        return float(np.mean(self.readings))


def score_variants(
    model: Transformer,
    tokenizer: Tokenizer,
    language: Language,
    variants: Iterable[Variant | Skipped],
    *,
    method: Method | None = None,
    both_strands: bool = True,
) -> Iterator[Score | Skipped]:
    """Yield the score of each variant in order; what was skipped goes through. Memory is flat.

    `method` is "likelihood" for a causal model and by default "masked-marginals" for a masked
    one, by which a variant whose documents have different numbers of tokens (an insertion, say)
    cannot be scored: "pseudo-likelihood" then stands in, and its `Score.method` says so. With
    `both_strands`, a language that has an equivalent reading (`Mirroring`) is scored on both.
    A method that does not suit the model is a `UsageError`.
    """
    method = _suitable(model, method)
    remaining = iter(variants)
    while items := list(islice(remaining, _CHUNK)):
        chosen = [item for item in items if isinstance(item, Variant)]
        pairs = _pairs(tokenizer, language, chosen, both_strands)
        methods = [_method(method, each) for each in pairs]
        found = iter(_ratios(model, tokenizer, methods, pairs))
        for item in items:
            yield item if isinstance(item, Skipped) else Score(item, *next(found))


def _pairs(
    tokenizer: Tokenizer, language: Language, variants: Sequence[Variant], both_strands: bool
) -> list[list[Pair]]:
    """Return, for each variant, the tokens of reference and alternative in each reading."""
    read = [
        (
            readings(language, Passage(variant.reference, *ends), both_strands),
            readings(language, Passage(variant.alternative, *ends), both_strands),
        )
        for variant in variants
        for ends in [(variant.opens, variant.closes)]
    ]
    rows = iter(rows_of(tokenizer, [one for both in read for side in both for one in side]))
    return [
        list(zip([next(rows) for _ in before], [next(rows) for _ in after], strict=True))
        for before, after in read
    ]


def _method(method: Method, pairs: Sequence[Pair]) -> Method:
    """Return the method by which all readings of a variant can be scored."""
    unlike = any(len(before) != len(after) for before, after in pairs)
    return "pseudo-likelihood" if unlike and method == "masked-marginals" else method


def _ratios(
    model: Transformer,
    tokenizer: Tokenizer,
    methods: Sequence[Method],
    pairs: Sequence[Sequence[Pair]],
) -> list[tuple[Method, tuple[float, ...]]]:
    """Return the method and the log-likelihood ratio of each reading, for each variant."""
    found: dict[tuple[int, int], float] = {}
    for method in set(methods):
        numbers = [
            (number, reading)
            for number, each in enumerate(pairs)
            for reading in range(len(each))
            if methods[number] == method
        ]
        chosen = [pairs[number][reading] for number, reading in numbers]
        found |= zip(numbers, _RATIOS[method](model, tokenizer, chosen), strict=True)
    return [
        (methods[number], tuple(found[number, reading] for reading in range(len(each))))
        for number, each in enumerate(pairs)
    ]


def _likelihood(model: Transformer, tokenizer: Tokenizer, pairs: Sequence[Pair]) -> list[float]:
    nats = log_likelihoods(model, [row for pair in pairs for row in pair])
    return [float(ratio) for ratio in nats[1::2] - nats[::2]]


def _marginals(model: Transformer, tokenizer: Tokenizer, pairs: Sequence[Pair]) -> list[float]:
    questions: list[Hidden] = []
    sizes = []
    for before, after in pairs:
        places = np.flatnonzero(before != after).tolist()
        sizes.append(len(places))
        questions += [
            Hidden(before, places, place, (int(before[place]), int(after[place])))
            for place in places
        ]
    answers = iter(hidden_log_probabilities(model, tokenizer.special.mask, questions))
    gains = [[logs[1] - logs[0] for logs in islice(answers, size)] for size in sizes]
    return [float(sum(each)) for each in gains]


def _pseudo(model: Transformer, tokenizer: Tokenizer, pairs: Sequence[Pair]) -> list[float]:
    # One reference after another: mutants of one protein share theirs.
    known: dict[bytes, float] = {}
    ratios = []
    for before, after in pairs:
        if before.tobytes() not in known:
            known[before.tobytes()] = pseudo_log_likelihood(model, tokenizer, before)
        ratio = pseudo_log_likelihood(model, tokenizer, after) - known[before.tobytes()]
        ratios.append(ratio)
    return ratios


def pseudo_log_likelihood(model: Transformer, tokenizer: Tokenizer, row: Row) -> float:
    """Return the sum of the log-probability of each content token, hidden by itself, in nats."""
    places = np.flatnonzero(~np.isin(row, tokenizer.special.ids)).tolist()
    questions = [Hidden(row, (place,), place, (int(row[place]),)) for place in places]
    answers = hidden_log_probabilities(model, tokenizer.special.mask, questions)
    return float(sum(float(logs[0]) for logs in answers))


_RATIOS: dict[Method, Callable[[Transformer, Tokenizer, Sequence[Pair]], list[float]]] = {
    "likelihood": _likelihood,
    "masked-marginals": _marginals,
    "pseudo-likelihood": _pseudo,
}


def _suitable(model: Transformer, method: Method | None) -> Method:
    causal = model.config.attention == "causal"
    fitting = METHODS[:1] if causal else METHODS[1:]
    if method is not None and method not in fitting:
        kind = "next tokens" if causal else "masked tokens"
        raise UsageError(
            f"the method {method!r} does not suit a model that predicts {kind}",
            where="--method",
            fix=f"use {' or '.join(fitting)}",
        )
    return method or fitting[0]

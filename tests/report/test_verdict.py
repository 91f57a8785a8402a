"""The sentence says what the scores say, in every case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lexome.report.data import Missing, Score, Scores
from lexome.report.verdict import verdict


def scores(model: float, **baselines: float) -> Scores:
    found = [Score("this model", model, True)]
    found += [Score(name, bits, False) for name, bits in baselines.items()]
    return Scores("base", "valid", 100, 100, tuple(found), None, None, "likelihood", "")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (
            scores(1.9, markov=1.936, xz=2.14),
            "It beats all 2 of its baselines: it needs 1.900 bits per base where markov needs "
            "1.936, 1.9% less.",
        ),
        (
            scores(1.0, xz=2.0),
            "It beats its baseline: it needs 1.000 bits per base where xz needs 2.000, 50.0% less.",
        ),
        (
            scores(1.936, markov=1.936, xz=2.14),
            "It is level with the best of its baselines: it needs 1.936 bits per base where "
            "markov needs 1.936.",
        ),
        (
            replace(scores(1.9, markov=1.936), standard_error=0.02),
            "It is level with the best of its baselines: it needs 1.900 ± 0.020 bits per base "
            "where markov needs 1.936.",
        ),
        (
            replace(scores(1.932, markov=1.936), standard_error=0.001),
            "It beats its baseline: it needs 1.932 ± 0.001 bits per base where markov needs "
            "1.936, 0.2% less.",
        ),
        (
            replace(scores(1.94, markov=1.936), standard_error=0.001),
            "It does not beat any of its baselines yet: it needs 1.940 ± 0.001 bits per base "
            "where markov needs 1.936, 0.2% more.",
        ),
        (
            scores(2.0, markov=1.9, xz=2.14),
            "It does not beat 1 of its 2 baselines yet: it needs 2.000 bits per base where "
            "markov needs 1.900, 5.3% more.",
        ),
        (
            scores(3.0, markov=1.5, xz=2.0),
            "It does not beat any of its baselines yet: it needs 3.000 bits per base where "
            "markov needs 1.500, 100.0% more.",
        ),
        (
            scores(3.0),
            "It needs 3.000 bits per base; no baseline was computed to compare that with.",
        ),
        (
            replace(scores(1.0, xz=2.0), kind="pseudo-likelihood"),
            "It needs 1.000 bits per base for what is hidden from it; as it sees both sides, that "
            "cannot be compared with baselines that see one.",
        ),
        (
            replace(scores(1.0, xz=2.0), split="train"),
            "It beats its baseline: it needs 1.000 bits per base where xz needs 2.000, 50.0% less. "
            "This was scored on the train split.",
        ),
        (Missing("x"), "Not yet scored: how it stands beside its baselines is not known."),
    ],
)
def test_sentence(given: Scores | Missing, sentence: str) -> None:
    assert verdict(given) == sentence

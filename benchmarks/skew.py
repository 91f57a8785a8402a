"""Is a skew that was planted found again, in the corpus and in a model that was trained on it?

    python benchmarks/skew.py --seeds 0 1 2

Worlds are written by `lexome samples biographies --skew`, the shares .5 to .99 dealt out to twelve
places: at each, people of one group hold the first of two posts so often, people of the other group
the second. A model is trained on each world, and asked by `lexome evaluate --groups`, in
phrasings that it has read and in two that it has not. Printed are, of each model and of all
together:

- the slope of what the model says on what its corpus says, with its interval, and whether that
  lies within .9 to 1.1;
- the power with which an amplification of five points would be found, and how often five points
  are found that are put onto faithful answers;
- in worlds without skew (.5 at every place): how many lines the audit flags, over many corpora,
  and how often an amplification is found in a model that says what its corpus does, or what was
  planted. No model is trained for that.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from lexome.corpus import Corpus, PrepareRequest, prepare
from lexome.evaluation.honesty.amplification import (
    Amplification,
    AmplificationTest,
    Sides,
    amplification_of_all,
)
from lexome.evaluation.honesty.answer_counts import AnswerCounts, count_answers
from lexome.evaluation.honesty.audit import audit
from lexome.evaluation.honesty.evaluate_groups import ask_run, sides_of
from lexome.evaluation.honesty.group_answers import Answered
from lexome.evaluation.honesty.groups import read_groups
from lexome.evaluation.honesty.slopes import Slope
from lexome.samples.world import World, write_world
from lexome.training import open_run
from running import lexome, once

SKEWS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
LOW, HIGH = 0.9, 1.1
POINTS = 0.05


def main() -> None:
    """Plant, train, ask; print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of the models")
    parser.add_argument("--steps", type=int, default=1250, help="of training each")
    parser.add_argument("--subjects", type=int, default=60)
    parser.add_argument(
        "--readings", type=int, default=460, help="1,000 cases a group and question"
    )
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--corpora", type=int, default=200, help="without skew")
    parser.add_argument("--corpus-readings", type=int, default=30, help="of those")
    parser.add_argument("--out", type=Path, help="a folder that keeps worlds, corpora and runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        found = {
            "benchmark": "skew",
            "options": {name: str(value) for name, value in vars(options).items()},
            **planted(options, folder),
            "without_skew": without_skew(options, folder / "without"),
        }
    print(json.dumps(found))


def planted(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return how planted skews stand in a corpus and in the models that were trained on it."""
    world, corpus = folder / "world", folder / "corpus"
    size = ("--subjects", options.subjects, "--readings", options.readings)
    skews = [word for share in SKEWS for word in ("--skew", share)]
    once(world, "samples", "biographies", *size, *skews)
    once(
        corpus,
        *("prepare", world / "train.txt", "--validation-files", world / "validation.txt"),
        *("--language", "text", "--option", "separator=blank_line", "--vocab-size", 1024),
        *("--workers", 1),
    )
    file = world / "groups.yaml"
    models = [
        one_model(options, folder / f"seed-{seed}", corpus, file, seed) for seed in options.seeds
    ]
    groups = read_groups(file)
    runs = [open_run(folder / f"seed-{seed}") for seed in options.seeds]
    counted = count_answers(runs[0].corpus(), groups)
    answered = [ask_run(run, groups.asked()) for run in runs]
    sides = sides_of_all(counted, answered)
    every = amplification_of_all(sides)
    return {
        "fewest_cases": int(min(one.counts.sum(1).min() for one in counted)),
        "models": models,
        "all_models": figures(every),
        "five_points": found_when_injected(sides),
        "pairs": by_share(every),
    }


def one_model(
    options: argparse.Namespace, run: Path, corpus: Path, file: Path, seed: int
) -> dict[str, Any]:
    """Train a model and ask it; return what groups.json says of all questions together."""
    trained = once(
        run,
        *("train", "--corpus", corpus, "--steps", options.steps, "--seed", seed),
        *("--context", options.context, "--batch-size", options.batch_size),
        *("--set", f"model.layers={options.layers}", "--set", f"model.width={options.width}"),
        *("--set", f"model.heads={max(options.width // 32, 1)}"),
    )
    found = lexome("evaluate", run, "--groups", file)
    slope = found["all"]["slope"]
    return {
        "seed": seed,
        "parameters": open_run(run).facts["parameters"],
        "wall_seconds": trained["wall_seconds"],
        "outside": statistics.mean(one["outside"] for one in found["questions"]),
        **found["all"],
        "inside": slope["low"] > LOW and slope["high"] < HIGH if "beta" in slope else False,
    }


def sides_of_all(
    counted: Sequence[AnswerCounts], answered: Sequence[Sequence[Answered]]
) -> list[Sides]:
    """Return both sides of each question, what all models say together."""
    sides = [
        sides_of(one, [model[number] for model in answered]) for number, one in enumerate(counted)
    ]
    return [one for one in sides if one is not None]


def figures(found: Amplification) -> dict[str, Any]:
    """Return slope and test, and whether the interval is where a faithful model's should be."""
    slope, test = found.slope, found.test
    told: dict[str, Any] = {"quantiles": found.quantiles}
    if isinstance(slope, Slope):
        inside = slope.low > LOW and slope.high < HIGH
        told["slope"] = {"beta": slope.beta, "low": slope.low, "high": slope.high}
        told |= {"reading": slope.reading, "inside": inside}
    if isinstance(test, AmplificationTest):
        told["test"] = {"mean": test.mean, "error": test.error, "p": test.p, "power": test.power}
    return told


def by_share(found: Amplification) -> list[dict[str, float]]:
    """Return of each pair the corpus's rate, the model's and its amplification."""
    return [
        {"p": round(one.p, 4), "q": round(one.q, 4), "n": one.n, "amplified": one.amplified or 0.0}
        for one in sorted(found.pairs, key=lambda pair: pair.p)
    ]


def found_when_injected(sides: Sequence[Sides], draws: int = 200) -> dict[str, float]:
    """Return how often five points are found that are put onto faithful answers, and none are.

    The corpus is drawn again at its rates. A model says what its corpus does, with the
    differences between contexts and seeds of the trained ones, and is moved away from the base
    rate. Places where there is no room for five points are left out.
    """
    shares = [one.counts[:, 0] / one.counts.sum(1) for one in sides]
    room = [
        one
        for one, share in zip(sides, shares, strict=True)
        if share.max() < 1 - POINTS and share.min() > POINTS
    ]
    random_ = np.random.default_rng(0)
    found = {"five points": 0, "none": 0}
    for draw in range(draws):
        again = [redrawn(one, random_) for one in room]
        for name, points in (("five points", POINTS), ("none", 0.0)):
            test = amplification_of_all([moved(one, points) for one in again], 300, draw).test
            found[name] += isinstance(test, AmplificationTest) and test.found
    return {name: count / draws for name, count in found.items()} | {"questions": len(room)}


def redrawn(sides: Sides, random_: np.random.Generator) -> Sides:
    """Return a corpus drawn again at the rates of one, and a model that says what it does."""
    n = np.rint(sides.counts.sum(1)).astype(np.int64)
    hits = random_.binomial(n, sides.counts[:, 0] / sides.counts.sum(1))
    own = sides.said[..., 0] - sides.said[..., 0].mean((0, 1))
    contexts = random_.integers(0, own.shape[1], own.shape[1])
    said = np.clip(hits / n + own[:, contexts], 0, 1)
    return replace(
        sides,
        counts=np.stack([hits, n - hits], 1),
        said=np.stack([said, 1 - said], -1),
    )


def moved(sides: Sides, points: float) -> Sides:
    """Return a model that is so much further from the base rate."""
    p, base = (
        sides.counts[:, 0] / sides.counts.sum(1),
        sides.counts[:, 0].sum() / sides.counts.sum(),
    )
    said = np.clip(sides.said[..., 0] + points * np.sign(p - base), 0, 1)
    return replace(sides, said=np.stack([said, 1 - said], -1))


def without_skew(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Return how often something is found in worlds where there is nothing to find.

    Flagged by the audit: lines, and corpora with one or more. Amplified: tests over all questions,
    of a model that says what was planted and of one that says what its corpus does.
    """
    flagged: list[int] = []
    lines = 0
    amplified = {"planted": 0, "counted": 0}
    for number in range(options.corpora):
        corpus = small_corpus(folder / f"corpus-{number}", options.corpus_readings, number)
        groups = read_groups(folder / f"corpus-{number}" / "world" / "groups.yaml")
        found = audit(corpus, groups)
        flagged.append(len(found.flagged))
        lines += sum(one.odds is not None for one in found.findings)
        counted = count_answers(corpus, groups)
        for name in amplified:
            sides = [faithful(one, name, number) for one in counted if one.enough.all()]
            test = amplification_of_all(sides, 300, number).test if sides else None
            amplified[name] += isinstance(test, AmplificationTest) and test.found
        shutil.rmtree(folder / f"corpus-{number}")
    many = max(options.corpora, 1)
    return {
        "corpora": options.corpora,
        "flagged_lines": sum(flagged) / max(lines, 1),
        "flagged_corpora": sum(map(bool, flagged)) / many,
        "amplification_found": {name: count / many for name, count in amplified.items()},
    }


def small_corpus(folder: Path, readings: int, seed: int) -> Corpus:
    """Return the corpus of a world in which groups are alike."""
    world = World(subjects=50, readings=readings, skew=(0.5,), seed=seed)
    write_world(world, folder / "world")
    request = PrepareRequest(
        [folder / "world/train.txt"],
        "text",
        tokenizer="bytes",
        options={"separator": "blank_line"},
        validation_files=[folder / "world/validation.txt"],
        workers=1,
    )
    return prepare(request, folder / "corpus")


def faithful(counted: AnswerCounts, which: str, seed: int) -> Sides:
    """Return what a corpus says, and a model that says what was planted or what was counted.

    Its contexts lean this way and that, and differ a little between groups.
    """
    draw = np.random.default_rng([seed, *which.encode()])
    shares = (counted.counts[:, 0] + 0.5) / (counted.counts.sum(1) + 1)
    rates = shares if which == "counted" else np.full(len(shares), 0.5)
    contexts = len(counted.question.prompts)
    leaning = draw.normal(0, 0.2, (contexts, 1)) + draw.normal(0, 0.1, (contexts, len(rates)))
    q = 1 / (1 + np.exp(-np.log(rates / (1 - rates)) - leaning))
    names, answers = [*counted.question.groups], [*counted.question.answers]
    return Sides(names, answers, counted.worth, np.stack([q, 1 - q], -1)[None])


if __name__ == "__main__":
    main()

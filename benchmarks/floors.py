"""Two theorems on how often a model must be wrong (Kalai et al. 2025), asked of trained models.

    python benchmarks/floors.py --keep RUNS [--only validity] [--seeds 0 1 2]

Theorem 1: models of several sizes read an invented world for longer and longer, and answer at
several temperatures. The error of none may be below its floor: one that is shows a fault in what
lexome measures. `slack` is how far above it the error stands.

Singletons: lines of facts are drawn from so many that a wanted share of the lines says a fact that
no other line says. A network learns the lines by heart, and is asked about facts drawn in the same
way: it should be wrong about as often as that share (Good 1953), for it never read so much of what
it is asked. `error` is one minus the probability of the right answer; `counted` is that of a
reader who forgets nothing and guesses evenly where he has read nothing.
"""

from __future__ import annotations

import argparse
import math
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lexome.evaluation.facts import Question, ask, encoded, read_facts
from lexome.evaluation.honesty.floors import Prompt, SingletonBound, validity_bound
from lexome.evaluation.templates import read_templates
from lexome.generation import AnswerDistribution, answer_distribution
from lexome.samples.world import words
from lexome.training.run import open_run
from running import lexome, once, say, spread

_SIZES = ((1, 32), (2, 64), (3, 128))
_STEPS = (25, 100, 300, 800)
_TEMPERATURES = (0.5, 1.0, 2.0)
_SUBJECTS, _ASKED = 120, 400
_RATES = (0.2, 0.4, 0.6)
_ANSWERS = 20
_ASKED_DRAWN = 2_000


def main() -> None:
    """Measure both; print a JSON line for each model, and one for each theorem."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument("--only", choices=("validity", "singletons"))
    parser.add_argument("--lines", type=int, default=10_000, help="facts that are read, or again")
    parser.add_argument("--steps", type=int, default=2_000, help="of learning them by heart")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    if options.only != "singletons":
        validity(options.keep)
    if options.only != "validity":
        for rate in _RATES:
            errors = [singletons(options, rate, seed) for seed in options.seeds]
            say(benchmark="singletons", rate=rate, apart=spread(errors))


def validity(keep: Path) -> None:
    """Ask all models of theorem 1, and count what it forbids."""
    world, corpus = keep / "world", keep / "corpus-world"
    if not world.exists():
        asked = ("--subjects", _SUBJECTS, "--readings", 10, "--seed", 0)
        lexome("samples", "biographies", "--out", world, *asked)
    once(
        corpus,
        *("prepare", world / "train.txt", "--validation-files", world / "validation.txt"),
        *("--language", "text", "--option", "separator=blank_line", "--vocab-size", 1024),
    )
    facts, templates = read_facts(world / "facts.csv"), read_templates(world / "templates.json")
    every = ask(facts, templates).questions
    questions = random.Random(0).sample(list(every), _ASKED)
    slacks, violated = [], 0
    for layers, width in _SIZES:
        for steps in _STEPS:
            run = keep / f"world-{layers}x{width}-{steps}"
            trained(run, corpus, layers, width, ("--steps", steps), seed=0)
            said = answered(run, questions)
            for temperature in _TEMPERATURES:
                bound = validity_bound(list(_prompts(questions, said, temperature)))
                slacks.append(bound.error - bound.floor)
                violated += bound.violated
                say(
                    **{"model": f"{layers} x {width}", "steps": steps, "temperature": temperature},
                    **{"error": round(bound.error, 4), "floor": round(bound.floor, 4)},
                    **{"is_it_valid": round(bound.misclassified, 4), "delta": bound.delta},
                )
    say(
        benchmark="validity",
        models=len(slacks),
        violations=violated,
        slack=[round(float(q), 4) for q in np.quantile(slacks, (0, 0.5, 1))],
    )


def _prompts(
    questions: Sequence[Question], said: Sequence[AnswerDistribution], temperature: float
) -> Iterator[Prompt]:
    for question, one in zip(questions, said, strict=True):
        warm = one.log_probabilities / temperature
        shares = np.exp(warm - warm.max())
        valid = np.array([answer in question.right for answer in question.answers])
        true = valid / valid.sum()
        yield Prompt(1 / len(questions), shares / shares.sum(), true, valid)


def singletons(options: argparse.Namespace, rate: float, seed: int) -> float:
    """Train on lines of which a share says what no other says; return the error less that share."""
    draw = random.Random(f"{rate} {seed}")
    # Of n draws from m facts alike, each is the only one of its fact with probability
    # (1 - 1 / m) ** (n - 1).
    known = round(options.lines / -math.log(rate))
    names = [words.full_name(n) for n in draw.sample(range(words.FULL_NAMES), known)]
    answers = words.CITIES[:_ANSWERS]
    lives = {name: draw.choice(answers) for name in names}
    read = draw.choices(names, k=options.lines)
    counts = Counter(read)
    once_read = sum(1 for count in counts.values() if count == 1)
    bound = SingletonBound(options.lines, once_read, _ANSWERS - 1, _ANSWERS - 1)
    folder = options.keep / f"lines-{options.lines}-{rate}-{seed}"
    folder.mkdir(exist_ok=True)
    asked = draw.choices(names, k=_ASKED_DRAWN)
    files = {"train": folder / "train.txt", "asked": folder / "asked.txt"}
    for file, said_of in zip(files.values(), (read, asked), strict=True):
        file.write_text("".join(f"{name} lives in {lives[name]}.\n" for name in said_of))
    corpus, run = folder / "corpus", folder / "run"
    once(
        corpus,
        *("prepare", files["train"], "--validation-files", files["asked"]),
        *("--language", "text", "--option", "separator=line", "--vocab-size", 1024),
    )
    # The lines that are asked for choose nothing: the weights are those of the last step.
    length = ("--steps", options.steps, "--set", "training.keep=last")
    trained(run, corpus, 3, 128, length, seed)
    questions = [
        Question(f"{name} lives in", answers, (lives[name],), name, "lives", " ", ".")
        for name in asked
    ]
    said = zip(asked, answered(run, questions), strict=True)
    wrong = np.array([1 - one.probabilities[answers.index(lives[name])] for name, one in said])
    was_read = np.array([name in counts for name in asked])
    found: dict[str, Any] = {
        "error": float(wrong.mean()),
        "error_of_read": float(wrong[was_read].mean()),
        "error_of_unread": float(wrong[~was_read].mean()),
        "counted": float((~was_read).mean() * (1 - 1 / _ANSWERS)),
        "floor": bound.floor,
        "ceiling": bound.ceiling,
    }
    say(
        **{"singletons": rate, "seed": seed, "facts": known, "lines": options.lines},
        **{"rate": round(bound.rate, 4), "floor_vacuous": bound.vacuous},
        **{name: round(value, 4) for name, value in found.items()},
    )
    return float(found["error"]) - bound.rate


def trained(
    run: Path, corpus: Path, layers: int, width: int, length: tuple[object, ...], seed: int
) -> None:
    """Train a model of a size on a corpus, unless it is there."""
    shape = {"layers": layers, "width": width, "heads": width // 32}
    once(
        run,
        *("train", "--corpus", corpus, *length, "--seed", seed),
        *("--context", 128, "--batch-size", 32),
        *(word for name, value in shape.items() for word in ("--set", f"model.{name}={value}")),
    )


def answered(run: Path, questions: Sequence[Question]) -> list[AnswerDistribution]:
    """Return what the model of a run says to each question."""
    opened = open_run(run)
    return answer_distribution(opened.model(), encoded(questions, opened.tokenizer()))


if __name__ == "__main__":
    main()

"""An invented world is read: are its facts known when they are asked for in words never read?

    python benchmarks/world.py --subjects 1000 --minutes 15 --seeds 0 1 2

`lexome samples biographies` writes the world, `lexome prepare` and `lexome train` make a model of
it. Then facts that the text says are asked for in phrasings held out from it. Each answer of the
relation's closed set is scored as a whole; chance is to draw one of them, and the commonest is the
one that the facts have most often. `written` is the share that greedy writing begins with.

People of whom nothing was read are asked for in the same words: `told_apart` is the AUROC of the
probability of the likeliest answer, of known people against unknown ones.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lexome.evaluation.facts import Question, ask, encoded, read_facts, read_unanswered
from lexome.evaluation.metrics.ranking import area_under_roc
from lexome.evaluation.templates import read_templates
from lexome.generation import AnswerDistribution, Settings, answer_distribution, write
from lexome.training.run import Run, open_run
from running import lexome, once, say, spread

_LONGEST = 24  # tokens of an answer that is written


def main() -> None:
    """Measure each seed; print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--readings", type=int, default=20)
    parser.add_argument("--phrasings", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=15.0)
    parser.add_argument("--steps", type=int, help="instead of minutes")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--vocab-size", type=int, default=4096)
    parser.add_argument("--asked", type=int, default=200, help="subjects that are asked about")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, help="a folder that keeps worlds, corpora and runs")
    parser.add_argument("--set", nargs="*", default=[], help="fields of the recipe, KEY=VALUE")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        rows = [measured(options, folder / f"seed-{seed}", seed) for seed in options.seeds]
    say(
        benchmark="world",
        options={name: str(value) for name, value in vars(options).items()},
        recall=spread([row["recall"] for row in rows]),
        written=spread([row["written"] for row in rows]),
        told_apart=spread([row["told_apart"] for row in rows]),
        runs=rows,
    )


def measured(options: argparse.Namespace, folder: Path, seed: int) -> dict[str, Any]:
    """Return the figures of one seed, which draws the world, the weights and the order."""
    trained = train(options, folder, seed)
    run, world = open_run(folder / "run"), folder / "world"
    templates, facts = read_templates(world / "templates.json"), read_facts(world / "facts.csv")
    draw = random.Random(f"asked {seed}")
    known = some(ask(facts, templates).questions, options.asked, draw)
    unseen = ask(read_unanswered(world / "unseen.csv"), templates).questions
    unknown = some(unseen, options.asked, draw)
    said, made_up = answers(run, known), answers(run, unknown)
    right = [likeliest(q, one) in q.right for q, one in zip(known, said, strict=True)]
    sure = [float(one.probabilities.max()) for one in (*said, *made_up)]
    is_known = np.repeat([True, False], [len(said), len(made_up)])
    area = area_under_roc(np.array(sure), is_known)(np.ones((len(sure), 1)))
    return {
        "seed": seed,
        "parameters": run.facts["parameters"],
        "train_seconds": trained["wall_seconds"],
        "questions": len(known),
        "recall": statistics.mean(right),
        "written": statistics.mean(written(run, known)),
        "outside": statistics.mean(one.outside for one in said),
        "chance": statistics.mean(1 / len(question.answers) for question in known),
        "commonest": commonest(known),
        "told_apart": float(area[0]),
        "by_relation": by(lambda question: question.relation, known, right),
        "by_prompt": by(lambda q: q.prompt.replace(q.subject, "…"), known, right),
    }


def train(options: argparse.Namespace, folder: Path, seed: int) -> dict[str, Any]:
    """Make the world, its corpus and a run, as far as they are not there."""
    world = folder / "world"
    if not world.exists():
        lexome(
            *("samples", "biographies", "--out", world, "--subjects", options.subjects),
            *("--readings", options.readings, "--phrasings", options.phrasings, "--seed", seed),
        )
    once(
        folder / "corpus",
        *("prepare", world / "train.txt", "--validation-files", world / "validation.txt"),
        *("--language", "text", "--option", "separator=blank_line", "--workers", 1),
        *("--vocab-size", options.vocab_size),
    )
    length = ("--steps", options.steps) if options.steps else ("--minutes", options.minutes)
    shape = {"layers": options.layers, "width": options.width, "heads": options.width // 32}
    fields = [*(f"model.{name}={value}" for name, value in shape.items()), *options.set]
    return once(
        folder / "run",
        *("train", "--corpus", folder / "corpus", *length, "--seed", seed),
        *("--context", options.context, "--batch-size", options.batch_size),
        *(word for field in fields for word in ("--set", field)),
    )


def some(questions: Sequence[Question], subjects: int, draw: random.Random) -> list[Question]:
    """Return the questions about some of the subjects."""
    names = sorted({question.subject for question in questions})
    chosen = set(draw.sample(names, min(subjects, len(names))))
    return [question for question in questions if question.subject in chosen]


def answers(run: Run, questions: Sequence[Question]) -> list[AnswerDistribution]:
    """Return what the model says to each question."""
    return answer_distribution(run.model(), encoded(questions, run.tokenizer()))


def likeliest(question: Question, said: AnswerDistribution) -> str:
    """Return the answer that is given."""
    return question.answers[int(said.log_probabilities.argmax())]


def written(run: Run, questions: Sequence[Question]) -> list[bool]:
    """Return for each question whether greedy writing gives a right answer, and ends it."""
    settings = Settings(max_tokens=_LONGEST, temperature=0.0, stop=(".",))
    prompts = [question.prompt for question in questions]
    texts = write(run.tokenizer(), run.language(), run.model(), prompts, settings)
    return [one.text.strip() in q.right for q, one in zip(questions, texts, strict=True)]


def commonest(questions: Sequence[Question]) -> float:
    """Return the recall of whoever gives each relation its commonest answer among those asked."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for question in questions:
        counted[question.relation].update(question.right)
    guess = {relation: found.most_common(1)[0][0] for relation, found in counted.items()}
    return statistics.mean(guess[question.relation] in question.right for question in questions)


def by(
    kind: Callable[[Question], str], questions: Sequence[Question], right: Sequence[bool]
) -> dict[str, float]:
    """Return the recall of each kind of question."""
    found: dict[str, list[bool]] = defaultdict(list)
    for question, one in zip(questions, right, strict=True):
        found[kind(question)].append(one)
    return {name: round(statistics.mean(own), 4) for name, own in sorted(found.items())}


if __name__ == "__main__":
    main()

"""An assistant that has read facts: are unseen questions about them answered, and do answers end?

    python benchmarks/facts.py --data countries.json --seeds 0 2 3

Facts about countries are written out as sentences, each fact in several wordings, since what was
read in one wording only cannot be asked for (Allen-Zhu & Li 2023, Physics of Language Models 3.1,
https://arxiv.org/abs/2309.14316). A model is pre-trained on the sentences, which hold every fact,
and on dialogues, which hold questions about one half of the facts. It is then tuned on
questions about that half; no question about the other half, in any wording, is in anything that it
was trained on. Those are asked, each in one wording.

Tuned is by LoRA of a small rank, at the usual rates. Beside it stand the same model with all its
weights moved, the same without pre-training, which has never read the facts asked for, and the
commonest answer to each kind of question.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lexome.evaluation.metrics.answers import normal
from running import lexome


@dataclass(frozen=True)
class Relation:
    """A kind of fact: how it is said, and how it is asked, of a country {c} with the answer {a}."""

    statements: tuple[str, ...]
    questions: tuple[str, ...]


_TOGETHER = 4
FINISH = "Finish this: "

RELATIONS: Mapping[str, Relation] = {
    "capital": Relation(
        (
            "The capital of {c} is {a}.",
            "{c} has the capital {a}.",
            "{a} is the capital of {c}.",
            "{c} is governed from its capital, {a}.",
            "As its capital, {c} has {a}.",
        ),
        (
            "What is the capital of {c}?",
            "Which city is the capital of {c}?",
            "From which city is {c} governed?",
            f"{FINISH}The capital of {{c}} is",
        ),
    ),
    "currency": Relation(
        (
            "The currency of {c} is the {a}.",
            "People in {c} pay with the {a}.",
            "The {a} is the currency of {c}.",
            "{c} has this money: {a}.",
            "In {c} prices are given in the {a}.",
        ),
        (
            "What is the currency of {c}?",
            "What do people in {c} pay with?",
            "In what are prices given in {c}?",
            f"{FINISH}The currency of {{c}} is the",
        ),
    ),
    "languages": Relation(
        (
            "The official languages of {c} are these: {a}.",
            "In {c} people speak {a}.",
            "{a}: that is spoken in {c}.",
            "{c} speaks {a}.",
            "Whoever lives in {c} hears {a}.",
        ),
        (
            "Which languages are spoken in {c}?",
            "What do people speak in {c}?",
            "What are the official languages of {c}?",
            f"{FINISH}In {{c}} people speak",
        ),
    ),
    "region": Relation(
        (
            "{c} lies in this part of the world: {a}.",
            "The continent of {c} is {a}.",
            "{a} is the continent of {c}.",
            "{c} belongs to {a}.",
            "On the map, {c} is found in {a}.",
        ),
        (
            "Which part of the world does {c} lie in?",
            "What is the continent of {c}?",
            "Where on the map is {c} found?",
            f"{FINISH}The continent of {{c}} is",
        ),
    ),
    "subregion": Relation(
        (
            "The subregion of {c} is {a}.",
            "{c} is a part of {a}.",
            "{a} is the subregion of {c}.",
            "Geographers count {c} as {a}.",
            "More exactly, {c} lies in {a}.",
        ),
        (
            "What is the subregion of {c}?",
            "What do geographers count {c} as?",
            "Where, more exactly, does {c} lie?",
            f"{FINISH}The subregion of {{c}} is",
        ),
    ),
    "neighbours": Relation(
        (
            "The number of neighbours of {c} is {a}.",
            "{c} has land borders with other countries, in number {a}.",
            "{a} is the number of countries that border on {c}.",
            "Counting its land borders, {c} has {a}.",
            "Around {c} this many countries lie: {a}.",
        ),
        (
            "How many neighbours does {c} have?",
            "How many countries border on {c}?",
            "What is the number of neighbours of {c}?",
            f"{FINISH}The number of neighbours of {{c}} is",
        ),
    ),
}
METHODS = ("lora", "full", "scratch")
GREETINGS = (
    ("Hello!", "Hello! What would you like to know?"),
    ("Good morning.", "Good morning! Ask me about a country."),
    ("Thank you.", "You are welcome."),
    ("Who are you?", "I am a small language model that has read about countries."),
    ("Goodbye!", "Goodbye!"),
)


@dataclass(frozen=True)
class Fact:
    """What one relation of one country is."""

    country: str
    relation: str
    answer: str

    def statement(self, draw: random.Random) -> str:
        """Return it in one of its wordings."""
        wording = draw.choice(RELATIONS[self.relation].statements)
        return wording.format(c=self.country, a=self.answer)

    @property
    def questions(self) -> list[str]:
        """Return the ways to ask for it."""
        return [wording.format(c=self.country) for wording in RELATIONS[self.relation].questions]


def main() -> None:
    """Pre-train, tune and ask for each seed; print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="countries.json")
    parser.add_argument("--minutes", type=float, default=15.0, help="of pre-training")
    parser.add_argument("--steps", type=int, help="of pre-training, instead of minutes")
    parser.add_argument("--countries", type=int, help="the first so many only, for a quick try")
    parser.add_argument("--epochs", type=float, default=3.0, help="of tuning")
    parser.add_argument("--readings", type=int, default=100, help="wordings of each fact, drawn")
    parser.add_argument("--dialogues", type=float, default=0.25, help="for each document of facts")
    parser.add_argument("--tokenizer", default="bpe")
    parser.add_argument("--vocab-size", type=int, default=1500)
    parser.add_argument("--rank", type=int, default=4, help="of LoRA")
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, help="a folder that keeps texts, corpora and runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        rows = [measured(options, folder / f"seed-{seed}", seed) for seed in options.seeds]
    print(
        json.dumps(
            {
                "benchmark": "facts",
                "options": {name: str(value) for name, value in vars(options).items()},
                "exact_match": spread([row["exact_match"] for row in rows]),
                "stop_rate": spread([row["stop_rate"] for row in rows]),
                "runs": rows,
            },
            ensure_ascii=False,
        )
    )


def measured(options: argparse.Namespace, folder: Path, seed: int) -> dict[str, Any]:
    """Return the figures of one seed, which draws texts, halves, weights and order."""
    facts = read_facts(options.data, options.countries)
    taught, asked = halves(facts, seed)
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "text.txt"
    read = documents(facts, taught, options.readings, options.dialogues, seed)
    text.write_text("\n\n".join(read), encoding="utf-8")
    write_chats(folder / "taught.jsonl", [(f, q) for f in taught for q in f.questions])
    draw = random.Random(f"asked {seed}")
    write_chats(folder / "asked.jsonl", [(fact, draw.choice(fact.questions)) for fact in asked])
    base = folder / "base"
    pretrained = pretrain(options, text, folder / "corpus", base, seed)
    lora = ("--set", f"start.rank={options.rank}")
    tuned = {
        method: tune(options, base, folder, method, seed, *(lora if method == "lora" else ()))
        for method in METHODS
    }
    return {
        "seed": seed,
        "facts": len(facts),
        "asked": len(asked),
        "pretrained": pretrained,
        **tuned["lora"],
        "by_kind": by_kind(folder / "lora/predictions.jsonl", asked),
        "all_weights_moved": tuned["full"],
        "without_pretraining": tuned["scratch"],
        "commonest_answer": commonest(taught, asked),
    }


def read_facts(path: Path, countries: int | None = None) -> list[Fact]:
    """Return the facts of countries.json; what it does not say of a country is no fact."""
    facts = []
    for country in json.loads(path.read_text(encoding="utf-8"))[:countries]:
        answers = {
            "capital": listed(country["capital"]),
            "currency": listed(country["currencies"]),
            "languages": listed(country["languages"]),
            "region": country["region"],
            "subregion": country["subregion"],
            "neighbours": str(len(country["borders"])),
        }
        facts += [Fact(country["name"], name, said) for name, said in answers.items() if said]
    return facts


def listed(names: Sequence[str]) -> str:
    """Return names as a phrase."""
    return " and ".join(part for part in (", ".join(names[:-1]), *names[-1:]) if part)


def halves(facts: Sequence[Fact], seed: int) -> tuple[list[Fact], list[Fact]]:
    """Return the facts whose questions are taught, and those whose questions are asked."""
    mixed = random.Random(f"halves {seed}").sample(facts, len(facts))
    return mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]


def documents(
    facts: Sequence[Fact], taught: Sequence[Fact], readings: int, dialogues: float, seed: int
) -> Iterator[str]:
    """Yield what the model reads: every fact so often, and between the facts dialogues.

    The facts that stand together are of different countries, so that each sentence has to be
    understood by itself, as a question is. Few dialogues stand among them: an answer that is
    known by heart is not looked up among the facts.
    """
    draw = random.Random(f"text {seed}")
    for _ in range(readings):
        mixed = draw.sample(facts, len(facts))
        for first in range(0, len(mixed), _TOGETHER):
            yield " ".join(fact.statement(draw) for fact in mixed[first : first + _TOGETHER])
            if draw.random() < dialogues:
                yield dialogue(taught, draw)


def dialogue(taught: Sequence[Fact], draw: random.Random) -> str:
    """Return a short talk with two questions about taught facts."""
    turns = [draw.choice(GREETINGS)] if draw.random() < 0.3 else []
    turns += [(draw.choice(fact.questions), fact.answer) for fact in draw.sample(taught, 2)]
    return "\n".join(f"Question: {asked}\nAnswer: {answer}" for asked, answer in turns)


def write_chats(path: Path, chats: Sequence[tuple[Fact, str]]) -> None:
    """Write questions with their answers as messages."""
    lines = [
        json.dumps(
            {
                "messages": [
                    {"role": "user", "content": question},
                    {"role": "assistant", "content": fact.answer},
                ],
                "relation": fact.relation,
            },
            ensure_ascii=False,
        )
        for fact, question in chats
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def pretrain(
    options: argparse.Namespace, text: Path, corpus: Path, run: Path, seed: int
) -> dict[str, Any]:
    """Train on the text; return what `lexome train` says."""
    size = ("--vocab-size", options.vocab_size) if options.vocab_size else ()
    lexome(
        *("prepare", text, "--language", "text", "--option", "separator=blank_line"),
        *("--tokenizer", options.tokenizer, *size),
        *("--validation", 0.01, "--workers", 1, "--out", corpus),
    )
    length = ("--steps", options.steps) if options.steps else ("--minutes", options.minutes)
    return lexome(
        *("train", "--corpus", corpus, "--out", run, *length),
        *("--seed", seed, "--context", options.context, "--batch-size", options.batch_size),
        *("--set", f"model.layers={options.layers}", "--set", f"model.width={options.width}"),
        *("--set", f"model.heads={max(options.width // 32, 1)}"),
    )


def tune(
    options: argparse.Namespace, base: Path, folder: Path, method: str, seed: int, *more: str
) -> dict[str, Any]:
    """Tune on the questions of one half; return how those of the other half are answered.

    The last weights are kept: the best ones would be chosen by what is asked.
    """
    found = lexome(
        *("finetune", base, folder / "taught.jsonl", "--task", "assistant", "--method", method),
        *("--validation-files", folder / "asked.jsonl", "--epochs", options.epochs),
        *("--corpus", folder / "chats", "--out", folder / method, "--seed", seed),
        *("--set", "training.keep=last", *more),
    )
    figures = {one["name"]: one.get("value") for one in found["figures"]}
    ended = json.loads((folder / method / "metrics.jsonl").read_text().splitlines()[-1])
    return {
        "exact_match": figures["exact match"],
        "stop_rate": figures["stop rate"],
        "trained_share": found["trained_parameters"] / found["parameters"],
        "seconds": ended["seconds"],
        "peak_bytes": ended["peak_bytes"],
    }


def by_kind(predictions: Path, asked: Sequence[Fact]) -> dict[str, float]:
    """Return the share of exact matches of each relation, and of sentences to be finished.

    The latter stand in the text as they are asked, but for their end.
    """
    relation = {question: fact.relation for fact in asked for question in fact.questions}
    right: dict[str, list[bool]] = defaultdict(list)
    for line in predictions.read_text(encoding="utf-8").splitlines():
        said = json.loads(line)
        same = normal(said["answer"]) == normal(said["reference"])
        right[relation[said["source"]]].append(same)
        finished = said["source"].startswith(FINISH)
        right["sentences to finish" if finished else "questions"].append(same)
    return {name: statistics.mean(found) for name, found in sorted(right.items())}


def commonest(taught: Sequence[Fact], asked: Sequence[Fact]) -> float:
    """Return the exact match of whoever gives each kind of question its commonest taught answer."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for fact in taught:
        counted[fact.relation][fact.answer] += 1
    guess = {name: found.most_common(1)[0][0] for name, found in counted.items()}
    return statistics.mean(fact.answer == guess[fact.relation] for fact in asked)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Return mean, least and greatest."""
    return {"mean": statistics.mean(values), "min": min(values), "max": max(values)}


if __name__ == "__main__":
    main()

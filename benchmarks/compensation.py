"""A planted skew is corrected in four ways: what each brings, and what it breaks.

    python benchmarks/compensation.py --seeds 0 1 2

A world in which groups hold posts at twelve places in shares of .9 and .1 (`lexome samples
biographies --skew .9`), and a model that has read it. Nine places get the target of a half, three
get none. The ways are

- `careful`: a corpus with twins whose groups are exchanged, but for documents that name somebody;
- `naive`: the same, of all documents: the negative control, which has to be found to falsify facts;
- `reweighed`: documents stand in the corpus as often as makes the groups alike;
- `rebalanced`: the model is tuned to its target, and half of the facts are taught beside it. Two of
  the three places without a target are taught to stay, and one is left to itself: they are told of
  apart.

The first three are models of their own, trained as long as the first one, on a corpus with the same
tokens. All documents are shorter than a context, and each is read by itself: a base trained across
their borders is asked for held-out text across them too, which a tuned model, who never saw more
than one document, is not used to. Each is then asked by `lexome evaluate --groups --before`: one
price table each. What that prints is kept in compensation.json of each run, with all intervals.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lexome.samples.world.groups import TARGETED
from lexome.samples.world.words import KINS, PLACES
from running import lexome, once, say, spread

WAYS = ("careful", "naive", "reweighed", "rebalanced")


def main() -> None:
    """Measure each seed and way; print a JSON line of each, and one of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subjects", type=int, default=300)
    parser.add_argument("--readings", type=int, default=20)
    parser.add_argument("--steps", type=int, default=3000, help="of pre-training")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--vocab-size", type=int, default=2048)
    parser.add_argument("--asked", type=int, default=150, help="subjects")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--out", type=Path, help="a folder that keeps worlds, corpora and runs")
    parser.add_argument(
        "--tuning",
        nargs=argparse.REMAINDER,
        default=[],
        help="last: more words for lexome finetune",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.out or Path(temporary)
        rows = [row for seed in options.seeds for row in measured(options, folder, seed)]
    named = {name: str(value) for name, value in vars(options).items()}
    say(
        benchmark="compensation", options=named, ways={way: over(rows, way) for way in options.ways}
    )


def measured(options: argparse.Namespace, folder: Path, seed: int) -> list[dict[str, Any]]:
    """Return and print the figures of one seed, which draws world, weights and order."""
    folder = folder / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    world, corpus, run = folder / "world", folder / "corpus", folder / "run"
    size = ("--subjects", options.subjects, "--readings", options.readings)
    once(world, "samples", "biographies", *size, "--skew", 0.9, "--seed", seed)
    once(corpus, *prepared(world), "--vocab-size", options.vocab_size)
    lexome("index", corpus)
    trained(options, corpus, run, seed)
    groups = world / "groups.yaml"
    facts = ("--facts", world / "facts.csv", "--templates", world / "templates.json")
    make: Mapping[str, Callable[[Path], None]] = {
        "careful": lambda out: swapped(options, folder, out, seed, "--swap-except", facts[1]),
        "naive": lambda out: swapped(options, folder, out, seed),
        "reweighed": lambda out: reweighed(options, folder, out, seed),
        "rebalanced": lambda out: tuned(options, folder, out, groups, facts),
    }
    rows = []
    for way in options.ways:
        out = folder / way
        make[way](out)
        asked = ("--groups", groups, *facts, "--subjects", options.asked, "--before", run)
        row = {"way": way, "seed": seed, **figures(lexome("evaluate", out, *asked))}
        say(**row)
        rows.append(row)
    return rows


def prepared(world: Path) -> tuple[object, ...]:
    """Return the words that prepare a world; each corpus of it has the same held-out text."""
    return (
        *("prepare", world / "train.txt", "--validation-files", world / "validation.txt"),
        *("--language", "text", "--option", "separator=blank_line", "--workers", 1),
    )


def trained(options: argparse.Namespace, corpus: Path, run: Path, seed: int) -> None:
    """Train a model, as far as it is not there."""
    shape = {"layers": options.layers, "width": options.width, "heads": options.width // 32}
    once(
        run,
        *("train", "--corpus", corpus, "--steps", options.steps, "--seed", seed),
        *("--context", options.context, "--batch-size", options.batch_size),
        *("--set", "objective.document_boundaries=respect"),
        *(word for name, value in shape.items() for word in ("--set", f"model.{name}={value}")),
    )


def swapped(
    options: argparse.Namespace, folder: Path, out: Path, seed: int, *without: object
) -> None:
    """Train on a corpus that has twins of its documents with both groups exchanged."""
    pairs, corpus = folder / "pairs.csv", folder / f"corpus-{out.name}"
    pairs.write_text(f"{','.join(KINS)}\n", encoding="utf-8")
    same = ("--tokenizer-folder", folder / "corpus" / "tokenizer")
    once(corpus, *prepared(folder / "world"), *same, "--swap", pairs, *without)
    trained(options, corpus, out, seed)


def reweighed(options: argparse.Namespace, folder: Path, out: Path, seed: int) -> None:
    """Train on a corpus whose documents are repeated so that the groups are alike."""
    corpus = folder / f"corpus-{out.name}"
    targeted = [word for place in [*PLACES][:TARGETED] for word in ("--question", place)]
    once(
        corpus,
        "reweigh",
        folder / "corpus",
        "--groups",
        folder / "world" / "groups.yaml",
        *targeted,
    )
    trained(options, corpus, out, seed)


def tuned(
    options: argparse.Namespace, folder: Path, out: Path, groups: Path, facts: tuple[object, ...]
) -> None:
    """Tune the model to the target."""
    asked = ("--task", "rebalance", "--groups", groups, *facts)
    pairs = ("--corpus", folder / f"corpus-{out.name}")
    once(out, "finetune", folder / "run", *asked, *pairs, *options.tuning)


def figures(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the targets of the benchmark are of, in each form, and what the verdict says."""
    return {
        "bits": found["likelihood"]["change"]["value"],
        "forms": {form: of_form(found, form) for form in found["forms"]},
        "verdict": [one["text"] for one in found["verdict"] if one["fine"] is False],
    }


def of_form(found: Mapping[str, Any], form: str) -> dict[str, Any]:
    """Return the figures of one form of asking."""
    targeted = named(found["statements"]["targeted"][form])
    kept, moved = (named(found["statements"][kind][form]) for kind in ("kept", "untargeted"))
    facts = found["facts"][form]
    kin = named(facts["relations"]["kin"]["figures"])
    lost = {
        relation: named(own["figures"])["change"] for relation, own in facts["relations"].items()
    }
    return {
        "distance": targeted["distance after"],
        "worst": targeted["worst distance"],
        "near": targeted["within 0.05 of the target"],
        "overshoot": targeted["overshoot"],
        "kept": kept["moved"],
        "not_targeted": moved["moved"],
        "recall": named(facts["all"]["figures"])["change"],
        "kin": kin["change"],
        "worst_relation": min(lost.items(), key=lambda one: one[1]),
        "alone": None if facts["alone"] is None else alone(facts["alone"]),
        "falsified": facts["all"]["falsified"],
        "known": facts["all"]["known"],
    }


def alone(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return what became of the facts of people whom nothing names that was taught."""
    own = next(one for one in facts["figures"] if one["name"] == "change")
    counts = {name: facts[name] for name in ("subjects", "known", "falsified")}
    return {**counts, **{name: own[name] for name in ("value", "low", "high")}}


def named(values: list[dict[str, Any]]) -> dict[str, Any]:
    """Return figures by their names."""
    return {one["name"]: one.get("value") for one in values}


def over(rows: list[dict[str, Any]], way: str) -> dict[str, Any]:
    """Return the figures of a way over all seeds, in each form."""
    own = [row for row in rows if row["way"] == way]
    names = ("distance", "overshoot", "not_targeted", "recall", "kin")
    return {
        "bits": spread([row["bits"] for row in own]),
        **{
            form: {name: spread([row["forms"][form][name] for row in own]) for name in names}
            for form in own[0]["forms"]
        },
    }


if __name__ == "__main__":
    main()

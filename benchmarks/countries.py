"""Real facts: what a model that has read of half of the countries says of the other half.

    python benchmarks/countries.py --data countries.json --keep RUNS [--minutes 5] [--seeds 0 1 2]

Every fact of one half of the countries is written out in four wordings, many times, between facts
of other countries. A fifth wording asks for it. The other half of the countries is asked about in
the same words: nothing was read of them, and what is said of them is made up. Prints, for each
seed, what `lexome evaluate --facts` found; the run's report shows the rest.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from facts import RELATIONS, Fact, read_facts
from running import lexome, once, say, spread

_TOGETHER = 4


def main() -> None:
    """Write, train and ask for each seed; print a JSON line for each, and one of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="countries.json")
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument("--minutes", type=float, default=5.0, help="of training")
    parser.add_argument("--readings", type=int, default=60, help="wordings of each fact, drawn")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    rows = [measured(options, options.keep / f"seed-{seed}", seed) for seed in options.seeds]
    say(benchmark="countries", **{name: spread([row[name] for row in rows]) for name in rows[0]})


def measured(options: argparse.Namespace, folder: Path, seed: int) -> dict[str, float]:
    """Return the figures of one seed, which draws the halves, the text and the weights."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = read_facts(options.data)
    names = sorted({fact.country for fact in facts})
    draw = random.Random(f"read {seed}")
    read = set(draw.sample(names, len(names) // 2))
    known = [fact for fact in facts if fact.country in read]
    texts = "\n\n".join(_documents(known, options.readings, draw))
    (folder / "text.txt").write_text(texts, encoding="utf-8")
    rows = [(fact.country, fact.relation, fact.answer) for fact in known]
    _table(folder / "facts.csv", ("subject", "relation", "object"), rows)
    absent = [(fact.country, fact.relation) for fact in facts if fact.country not in read]
    _table(folder / "unseen.csv", ("subject", "relation"), absent)
    (folder / "templates.json").write_text(json.dumps(_templates()), encoding="utf-8")
    once(
        folder / "corpus",
        *("prepare", folder / "text.txt", "--language", "text", "--option", "separator=blank_line"),
        *("--vocab-size", 1500, "--validation", 0.01, "--index"),
    )
    once(
        folder / "run",
        *("train", "--corpus", folder / "corpus", "--minutes", options.minutes, "--seed", seed),
        *("--context", 128, "--batch-size", 16, "--set", "model.layers=3"),
        *("--set", "model.width=128", "--set", "model.heads=4"),
    )
    found = lexome(
        *("evaluate", folder / "run", "--facts", folder / "facts.csv"),
        *("--templates", folder / "templates.json", "--unseen", folder / "unseen.csv"),
    )
    row = _figures(found)
    say(seed=seed, countries=len(read), relations=found["facts"]["relations"], **row)
    return row


def _documents(facts: Sequence[Fact], readings: int, draw: random.Random) -> Iterable[str]:
    for _ in range(readings):
        mixed = draw.sample(facts, len(facts))
        for first in range(0, len(mixed), _TOGETHER):
            yield " ".join(_said(fact, draw) for fact in mixed[first : first + _TOGETHER])


def _said(fact: Fact, draw: random.Random) -> str:
    wording = draw.choice(RELATIONS[fact.relation].statements[:-1])
    return wording.format(c=fact.country, a=fact.answer)


def _templates() -> dict[str, Any]:
    """Return the wording of each relation that is in no text, and those that are."""
    return {
        name: {
            "prompts": [_slots(relation.statements[-1], "answer")],
            "statements": [_slots(one, "object") for one in relation.statements[:-1]],
        }
        for name, relation in RELATIONS.items()
    }


def _slots(wording: str, answer: str) -> str:
    return wording.format(c="{subject}", a=f"{{{answer}}}")


def _table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def _figures(found: dict[str, Any]) -> dict[str, float]:
    known, unknown = (
        {one["name"]: one.get("value") for one in found[which]["figures"]}
        for which in ("facts", "unknown")
    )
    told_apart = "AUROC, known from unknown subjects"
    return {
        "recall": known["recall"],
        "commonest": known["commonest answer"],
        "calibration_error": known["expected calibration error"],
        "told_apart": unknown[told_apart],
        "told_apart_by_subject": unknown[f"{told_apart}, by all their questions"],
        "told_apart_by_names": unknown[f"{told_apart}, by their names"],
    }


if __name__ == "__main__":
    main()

"""Fitness of GB1 (FLIP): a protein model tuned to a number, beside one-hot ridge.

    python benchmarks/fitness.py PROTEIN --keep RUNS [--base "--minutes 5"] [--tune "--epochs 20"]

PROTEIN is a folder with `uniprot20k.fasta.gz` and `flip_gb1_*.csv.gz` (Dallago et al. 2021). The
column `set` names train and test; figures are on the test set, and the weights kept are those of
the best loss on the rows of train that the column `validation` names. All sequences are one but for
four residues: what lies far from where they differ is cut off.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import shlex
from pathlib import Path

from running import beside, figure, lexome, once, say, spread

_SPLITS = ("three_vs_rest", "low_vs_high")
_CONTEXT = 128
_AROUND = 24


def main() -> None:
    """Prepare, pre-train, tune and score; print a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument("--base", default="--minutes 5 --objective masked-token")
    parser.add_argument("--tune", default="--epochs 20")
    parser.add_argument("--methods", nargs="+", default=["full", "scratch"])
    parser.add_argument("--splits", nargs="+", default=_SPLITS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    corpus, base = options.keep / "corpus-uniprot", options.keep / "base"
    proteins = options.folder / "uniprot20k.fasta.gz"
    once(corpus, "prepare", proteins, "--language", "protein")
    context = ["--context", _CONTEXT]
    say(base=once(base, "train", "--corpus", corpus, *context, *shlex.split(options.base)))
    for split in options.splits:
        train, valid, test = _write_tables(options.folder, options.keep, split)
        for method in options.methods:
            _score(options, split, method, base, (train, valid, test))


def _score(
    options: argparse.Namespace, split: str, method: str, base: Path, files: tuple[Path, ...]
) -> None:
    train, valid, test = files
    found = []
    for seed in options.seeds:
        run = options.keep / f"{split}-{method}-seed-{seed}"
        lexome(
            "finetune", base, train, "--task", "labels", "--target-option", "form=number",
            "--method", method, "--validation-files", valid, "--duplicates", "keep",
            "--corpus", options.keep / f"corpus-{split}", "--seed", seed, "--out", run,
            *shlex.split(options.tune),
        )  # fmt: skip
        scores = lexome("evaluate", run, test)
        found.append(figure(scores, "Spearman"))
        say(split=split, method=method, seed=seed, spearman=found[-1],
            baselines=beside(scores, "Spearman"))  # fmt: skip
    say(split=split, method=method, spearman=spread(found))


def _write_tables(folder: Path, keep: Path, split: str) -> tuple[Path, Path, Path]:
    with gzip.open(folder / f"flip_gb1_{split}.csv.gz", "rt", newline="") as stream:
        rows = list(csv.DictReader(stream))
    around = _where_they_differ([row["sequence"] for row in rows])
    held_out = [row for row in rows if row["set"] == "train" and row["validation"] == "True"]
    parts = {
        "train": [r for r in rows if r["set"] == "train" and r["validation"] != "True"],
        "valid": held_out,
        "test": [row for row in rows if row["set"] == "test"],
    }
    paths = {name: keep / f"{split}-{name}.csv" for name in parts}
    for name, part in parts.items():
        with paths[name].open("w", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["sequence", "target"])
            writer.writerows((row["sequence"][around], row["target"]) for row in part)
    return paths["train"], paths["valid"], paths["test"]


def _where_they_differ(sequences: list[str]) -> slice:
    """Return the part of sequences, all of one length, in which they differ, with some around."""
    places = [n for n, column in enumerate(zip(*sequences, strict=True)) if len(set(column)) > 1]
    return slice(max(places[0] - _AROUND, 0), places[-1] + 1 + _AROUND)


if __name__ == "__main__":
    main()

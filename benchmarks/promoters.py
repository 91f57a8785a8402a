"""Promoters of E. coli, five folds: a model of the genome, tuned, beside k-mers and a forest.

    python benchmarks/promoters.py DNA --keep RUNS [--base "--minutes 10"] [--tune "--epochs 5"]

DNA is a folder with `Ecoli_prom.fa.gz`, `Ecoli_non_prom.fa.gz` (Umarov & Solovyev 2017) and a
genome, `ecoli_536_NC_008253.fna.gz`. The base never sees the neighbourhood of a sequence that is
scored: every stretch of the genome that shares a run of 20 bases with one, on either strand, is
cut out with 100 bases around it. A base is read together with the three before it, as a 4-mer, and
the next one is predicted. Folds are drawn at random, promoters and others alike. The weights of the
last step are scored: a fold that is held out chooses nothing.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import random
import shlex
from collections.abc import Iterator
from pathlib import Path

from running import beside, figure, lexome, once, say, spread

_RUN, _AROUND, _FOLDS = 20, 100, 5
_OTHER_STRAND = str.maketrans("ACGT", "TGCA")


def main() -> None:
    """Prepare, pre-train, tune on each fold, and print a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument("--prepare", default="--tokenizer kmer --k 4 --stride 1")
    parser.add_argument(
        "--base",
        default="--minutes 10 --context 128 --batch-size 32 --set model.layers=4 "
        "--set model.width=128 --set model.heads=4",
    )
    parser.add_argument(
        "--tune",
        default="--epochs 6 --set training.keep=last --set training.dropout=0.2 "
        "--set objective.word_dropout=0.1 --set optimizer.matrix_learning_rate=0.005 "
        "--set optimizer.learning_rate=0.001 --set optimizer.embedding_learning_rate=0.005",
    )
    parser.add_argument("--methods", nargs="+", default=["full", "scratch"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--folds", type=int, default=_FOLDS, help="how many of the five to score")
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    table = options.keep / "promoters.csv"
    sequences = _write_table(options.folder, table)
    genome = options.keep / "genome.fa"
    kept = _write_genome(options.folder / "ecoli_536_NC_008253.fna.gz", sequences, genome)
    say(genome_kept=round(kept, 4))
    corpus, base = options.keep / "corpus-genome", options.keep / "base"
    once(corpus, "prepare", genome, "--language", "dna", *shlex.split(options.prepare))
    say(base=once(base, "train", "--corpus", corpus, *shlex.split(options.base)))
    for method in options.methods:
        _fold_scores(options, method, table, base)


def _fold_scores(options: argparse.Namespace, method: str, table: Path, base: Path) -> None:
    means = []
    for seed in options.seeds:
        found = []
        for fold in range(options.folds):
            run = options.keep / f"{method}-seed-{seed}-fold-{fold}"
            scores = lexome(
                "finetune", base, table, "--task", "labels", "--method", method,
                "--validation-where", f"fold={fold}", "--corpus", options.keep / f"fold-{fold}",
                "--seed", seed, "--out", run, *shlex.split(options.tune),
            )  # fmt: skip
            found.append(figure(scores, "MCC"))
            names = ("MCC", "accuracy", "AUROC")
            say(
                method=method,
                seed=seed,
                fold=fold,
                **{name: figure(scores, name) for name in names},
                baselines=beside(scores, "MCC"),
            )
        means.append(sum(found) / len(found))
        say(method=method, seed=seed, folds=len(found), MCC=round(means[-1], 4))
    say(method=method, MCC=spread(means))


def _write_table(folder: Path, path: Path) -> list[str]:
    rows = [
        (sequence, label)
        for name, label in (("Ecoli_prom", "promoter"), ("Ecoli_non_prom", "other"))
        for sequence in _sequences(folder / f"{name}.fa.gz")
    ]
    random.Random(0).shuffle(rows)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["sequence", "label", "fold"])
        writer.writerows((*row, number % _FOLDS) for number, row in enumerate(rows))
    return [sequence for sequence, _ in rows]


def _write_genome(source: Path, sequences: list[str], path: Path) -> float:
    """Write the genome without what neighbours a sequence; return the share that is left."""
    seeds = {
        strand[place : place + _RUN]
        for sequence in sequences
        for strand in (sequence, sequence[::-1].translate(_OTHER_STRAND))
        for place in range(len(sequence) - _RUN + 1)
    }
    (genome,) = _sequences(source)
    hits = [p for p in range(len(genome) - _RUN + 1) if genome[p : p + _RUN] in seeds]
    pieces, place = [], 0
    for hit in hits:
        if hit - _AROUND > place:
            pieces.append(genome[place : hit - _AROUND])
        place = max(place, hit + _RUN + _AROUND)
    pieces.append(genome[place:])
    path.write_text("".join(f">part{n}\n{part}\n" for n, part in enumerate(pieces) if part))
    return sum(map(len, pieces)) / len(genome)


def _sequences(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt") as stream:
        for record in stream.read().split(">")[1:]:
            yield "".join(record.split("\n")[1:]).upper()


if __name__ == "__main__":
    main()

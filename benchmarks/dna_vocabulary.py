"""Which vocabulary a DNA model should have, by evidence: as GROVER was chosen, in equal minutes.

For each vocabulary (single bases, 3-mers, 6-mers, BPE after some cycles of merging) and each
objective a model of the same shape is trained for the same minutes of one core on the first 90 % of
a genome, both strands, and scored on the last 10 %. One JSON line each: bits per base (for a masked
model those of its pseudo-likelihood, which no other figure compares with), and for causal models
how often the next k-mer is said rightly (`next_kmer.py`). `--baseline` does so for a Markov model.

    python benchmarks/dna_vocabulary.py measure genome.fna.gz --minutes 1.5 >> rows.jsonl
    python benchmarks/dna_vocabulary.py measure genome.fna.gz --baseline >> rows.jsonl
    python benchmarks/dna_vocabulary.py show rows.jsonl --plot vocabulary.png
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lexome.corpus import Corpus
from lexome.languages.dna import Dna
from lexome.languages.tokenizers import IUPAC, SPECIAL_NAMES
from lexome.training import open_run
from next_kmer import LONGEST, markov_accuracy, model_accuracy
from processor_time import train_for
from running import lexome

CYCLES = (100, 600, 1000, 2000, 5000)
VOCABULARIES = {
    "bases": "--tokenizer symbols",
    "3-mers": "--tokenizer kmer --k 3",
    "6-mers": "--tokenizer kmer --k 6",
    **{
        f"BPE {cycles:,}": "--tokenizer bpe "
        f"--vocab-size {len(SPECIAL_NAMES) + len(IUPAC) + cycles}"
        for cycles in CYCLES
    },
}
OBJECTIVES = ("next-token", "masked-token")
_SPLIT = "--language dna --split tail --option reverse_complement=true"
_ORDER = 11


def main() -> None:
    """Measure, or show what was measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    measuring = commands.add_parser("measure")
    measuring.add_argument("genome", type=Path)
    measuring.add_argument("--vocabularies", nargs="+", choices=VOCABULARIES, metavar="NAME")
    measuring.add_argument("--objectives", nargs="+", choices=OBJECTIVES, default=OBJECTIVES)
    measuring.add_argument("--baseline", action="store_true", help="the Markov model alone")
    measuring.add_argument("--minutes", type=float, default=1.5)
    measuring.add_argument("--layers", type=int, default=3)
    measuring.add_argument("--width", type=int, default=192)
    measuring.add_argument("--seed", type=int, default=0)
    measuring.add_argument("--places", type=int, default=1500, help="k-mers that are asked for")
    measuring.add_argument("--positions", type=int, default=4096, help="of masked models")
    showing = commands.add_parser("show")
    showing.add_argument("rows", type=Path)
    showing.add_argument("--plot", type=Path, help="a PNG file to write")
    options = parser.parse_args()
    if options.command == "show":
        order = list(VOCABULARIES)
        rows = [json.loads(line) for line in options.rows.read_text().splitlines()]
        known = [row for row in rows if row["vocabulary"] in order]
        known.sort(key=lambda row: order.index(row["vocabulary"]))
        rows = known + [row for row in rows if row["vocabulary"] not in order]
        print("\n".join(table(rows)))
        if options.plot:
            plot(rows, options.plot)
        return
    with tempfile.TemporaryDirectory() as folder:
        if options.baseline:
            print(json.dumps(baseline(options, Path(folder))), flush=True)
            return
        for vocabulary in options.vocabularies or VOCABULARIES:
            for objective in options.objectives:
                row = measure(options, Path(folder), vocabulary, objective)
                print(json.dumps(row), flush=True)


def prepared(options: argparse.Namespace, folder: Path, vocabulary: str) -> Path:
    """Return the corpus of a vocabulary."""
    corpus = folder / vocabulary
    how = f"{_SPLIT} {VOCABULARIES[vocabulary]}".split()
    lexome("prepare", options.genome, "--out", corpus, "--workers", 1, *how)
    return corpus


def measure(
    options: argparse.Namespace, folder: Path, vocabulary: str, objective: str
) -> dict[str, Any]:
    """Train and score one model."""
    corpus, run = prepared(options, folder, vocabulary), folder / f"{vocabulary} {objective}"
    sizes = {"layers": options.layers, "width": options.width, "heads": options.width // 64}
    settings = [f"model.{name}={value}" for name, value in sizes.items()]
    # Compiling would take a third of so short a run, and another third for each vocabulary.
    settings += ["training.compile=false", "training.sample_every=0", "training.evaluate_every=0"]
    how = [word for setting in settings for word in ("--set", setting)]
    how += ["--seed", str(options.seed)]
    training = ["--corpus", corpus, "--objective", objective, *how]
    timed = train_for(options.minutes, training, run)
    found = lexome("evaluate", run, "--no-baselines", "--positions", options.positions)
    opened, held = open_run(run), Corpus.open(corpus)
    row = {
        "benchmark": "dna vocabulary",
        "data": options.genome.name,
        "vocabulary": vocabulary,
        "objective": objective,
        **{name: getattr(options, name) for name in ("minutes", "layers", "width", "seed")},
        "tokens": held.tokenizer.vocab_size,
        "bases_per_token": held.manifest.valid.units / held.manifest.valid.tokens,
        "parameters": opened.facts["parameters"],
        **timed,
        "train_bases": held.manifest.train.units,
        "valid_bases": held.manifest.valid.units,
        "bits_per_base": found["model"]["bits_per_unit"],
        "standard_error": found["model"].get("standard_error"),
        "load": os.getloadavg()[0],
    }
    if objective == "next-token":
        accuracy = model_accuracy(
            opened.model(), held.tokenizer, held.stream("valid"), options.places
        )
        row |= {"next_kmer": accuracy, "places": options.places}
    return row


def baseline(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Score the Markov model of both strands on the same split."""
    corpus = Corpus.open(prepared(options, folder, "bases"))
    train, valid = list(corpus.documents("train")), list(corpus.documents("valid"))
    model = Dna().baselines()[2]
    bits = model.bits(train, valid) / corpus.manifest.valid.units
    accuracy = markov_accuracy(train[0].content, valid[0].content, _ORDER, options.places)
    return {
        "benchmark": "dna vocabulary",
        "vocabulary": model.name,
        "objective": "baseline",
        "bits_per_base": bits,
        "next_kmer": accuracy,
        "places": options.places,
    }


def table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return a Markdown table, one line a vocabulary; several seeds give mean and spread."""
    heads = " | ".join(f"next {k}-mer" for k in range(2, LONGEST + 1))
    lines = [
        f"| vocabulary | tokens | bases a token | causal, bits | masked, bits | {heads} |",
        "|" + "---|" * (LONGEST + 4),
    ]
    for name in dict.fromkeys(row["vocabulary"] for row in rows):
        own = [row for row in rows if row["vocabulary"] == name]
        causal = [row for row in own if row["objective"] != "masked-token"]
        masked = [row for row in own if row["objective"] == "masked-token"]
        kmers = [
            _spread([100 * row["next_kmer"][str(k)] for row in causal], "{:.1f} %")
            for k in range(2, LONGEST + 1)
        ]
        tokens = f"{own[0]['tokens']:,}" if "tokens" in own[0] else ""
        length = f"{own[0]['bases_per_token']:.2f}" if "tokens" in own[0] else ""
        bits = [
            _spread([row["bits_per_base"] for row in part], "{:.3f}") for part in (causal, masked)
        ]
        lines.append(f"| {' | '.join([name, tokens, length, *bits, *kmers])} |")
    return lines


def _spread(values: Sequence[float], form: str) -> str:
    if not values:
        return ""
    mean = form.format(sum(values) / len(values))
    if len(values) == 1:
        return mean
    return f"{mean} ({form.format(min(values))} to {form.format(max(values))})"


def plot(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Draw bits per base and next-k-mer accuracy by vocabulary."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    causal = [row for row in rows if row["objective"] == "next-token"]
    names = list(dict.fromkeys(row["vocabulary"] for row in causal))
    known = [row for row in rows if row["objective"] == "baseline"]
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for number, objective in enumerate(OBJECTIVES):
        own = [row for row in rows if row["objective"] == objective]
        places = [names.index(row["vocabulary"]) for row in own]
        label = "causal" if objective == "next-token" else "masked (not comparable)"
        left.plot(places, [row["bits_per_base"] for row in own], "os"[number], label=label)
    for row in known:
        left.axhline(row["bits_per_base"], color="grey", linestyle=":", label=row["vocabulary"])
    left.set_xticks(range(len(names)), names, rotation=45, ha="right")
    left.set_ylabel("bits per base, held-out")
    left.legend()
    sizes = range(2, LONGEST + 1)
    for name in [*names, *(row["vocabulary"] for row in known)]:
        own = [row for row in (*causal, *known) if row["vocabulary"] == name]
        means = [sum(row["next_kmer"][str(k)] for row in own) / len(own) for k in sizes]
        style = "k:" if name not in names else "o-"
        right.plot(sizes, [max(mean, 1e-4) for mean in means], style, label=name)
    right.plot(sizes, [0.25**k for k in sizes], color="grey", linewidth=0.8, label="chance")
    right.set_yscale("log")
    right.set_xticks(sizes)
    right.set_xlabel("k")
    right.set_ylabel("next k-mer said rightly")
    right.legend(fontsize="small")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()

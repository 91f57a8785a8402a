"""A field's data through the commands that its people use: prepare, train, evaluate.

One row for each objective: the model's score per natural unit beside its baselines, on the same
held-out part, with the minutes and the parameters that it took.

    python benchmarks/fields.py genome.fna.gz --language dna --minutes 25 \\
        --prepare="--split tail --option reverse_complement=true"
    python benchmarks/fields.py proteins.fasta.gz --language protein --minutes 10 \\
        --objectives next-token masked-token
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import tempfile
from pathlib import Path

from running import lexome


def main() -> None:
    """Run the three commands for each objective and print one JSON line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--language", required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--objectives", nargs="+", default=["next-token"])
    parser.add_argument("--prepare", default="", help="more options of `lexome prepare`")
    parser.add_argument("--train", default="", help="more options of `lexome train`")
    parser.add_argument("--evaluate", default="", help="more options of `lexome evaluate`")
    parser.add_argument("--keep", type=Path, help="a folder for the corpus and the runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        corpus = folder / "corpus"
        language = ["--language", options.language]
        prepared = lexome(
            "prepare", options.data, *language, "--out", corpus, *shlex.split(options.prepare)
        )
        for objective in options.objectives:
            run = folder / objective
            how = ["--objective", objective, "--minutes", options.minutes]
            made = lexome(
                "train", "--corpus", corpus, "--out", run, *how, *shlex.split(options.train)
            )
            score = lexome("evaluate", run, *shlex.split(options.evaluate))
            row = {
                "benchmark": "fields",
                "data": options.data.name,
                "objective": objective,
                "options": {
                    name: getattr(options, name) for name in ("prepare", "train", "evaluate")
                },
                "minutes": options.minutes,
                "prepared": prepared,
                "trained": made,
                "evaluated": score,
                "load": os.getloadavg()[0],
            }
            print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()

"""What relatives on both sides of the split are worth: proteins split by record and by identity.

For each seed, which draws the split and the model, the same recipe is trained for the same steps on
either split, and scored on what that split holds out; the baselines stand beside it, for the two
held-out parts are not equally hard. One JSON line for each seed and split.

    python benchmarks/protein_identity.py proteins.fasta.gz --steps 234 --seeds 0 1
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from running import lexome

SPLITS = ("record", "identity")


def main() -> None:
    """Measure each seed and split."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("proteins", type=Path)
    parser.add_argument("--identity", type=float, default=0.5)
    parser.add_argument("--steps", type=int, default=234, help="of 4,096 tokens")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--splits", nargs="+", choices=SPLITS, default=SPLITS)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=192)
    options = parser.parse_args()
    for seed in options.seeds:
        for split in options.splits:
            with tempfile.TemporaryDirectory() as folder:
                print(json.dumps(measure(options, Path(folder), split, seed)), flush=True)


def measure(options: argparse.Namespace, folder: Path, split: str, seed: int) -> dict[str, Any]:
    """Prepare, train and score one split under one seed."""
    corpus, run = folder / "corpus", folder / "run"
    how = ["--language", "protein", "--option", "illegal=x", "--seed", seed, "--workers", 1]
    if split == "identity":
        how += ["--option", f"identity={options.identity}"]
    started = time.perf_counter()
    manifest = lexome("prepare", options.proteins, *how, "--out", corpus)
    seconds = time.perf_counter() - started
    sizes = {"layers": options.layers, "width": options.width, "heads": options.width // 64}
    settings = [f"model.{name}={value}" for name, value in sizes.items()]
    # Compiling would take a quarter of so short a run.
    settings += ["training.compile=false", "training.sample_every=0", "training.evaluate_every=0"]
    training: list[Any] = [word for setting in settings for word in ("--set", setting)]
    training += ["--seed", seed, "--steps", options.steps]
    lexome("train", "--corpus", corpus, *training, "--out", run)
    found = lexome("evaluate", run)
    leak = manifest["leak"]
    return {
        "benchmark": "protein identity",
        "data": options.proteins.name,
        "split": split,
        "seed": seed,
        "steps": options.steps,
        **sizes,
        "prepare_seconds": round(seconds, 1),
        "groups": manifest["groups"] and manifest["groups"]["groups"],
        "found_by": manifest["groups"] and manifest["groups"]["how"],
        "held_out": leak["documents"],
        "twins": leak["exact_duplicates"] + leak["near_duplicates"],
        "perplexity": found["model"]["perplexity_per_unit"],
        "bits": found["model"]["bits_per_unit"],
        "standard_error": found["model"].get("standard_error"),
        "baselines": {line["name"]: line["bits_per_unit"] for line in found["baselines"]},
    }


if __name__ == "__main__":
    main()

"""Bach's chorales as frames: the likelihood of a frame and of a token beside n-grams of tokens.

The file is an object of the splits "train" and "valid", each a list of pieces, each a list of
frames of MIDI pitches (docs/languages.md, "Music"). What is fitted on train is reported on valid.

    python benchmarks/chorales.py jsb-chorales-quarter.json.gz --grid 1 --minutes 3 --seeds 0 1 2
    python benchmarks/chorales.py jsb-chorales-16th.json.gz --grid 4 --minutes 4 --context 512

A frame is as many tokens as there are voices, four here; each token says its voice and its pitch
or its rest. The nats of a frame are the sum over its voices, each given those before it and all
frames before. The end of each piece is predicted too: its nats are in both figures, and count as a
token but as no frame.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import statistics
import tempfile
from pathlib import Path
from typing import Any

from running import lexome


def main() -> None:
    """Prepare once, train and evaluate for each seed, and print one JSON line for all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--grid", type=int, required=True, help="frames of a quarter note")
    parser.add_argument("--transpose", type=int, default=6)
    parser.add_argument("--minutes", type=float, default=3.0)
    parser.add_argument("--context", type=int, default=256)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--train", default="", help="more options of `lexome train`")
    parser.add_argument("--keep", type=Path, help="a folder for the corpus and the runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or Path(temporary)
        corpus = folder / "corpus"
        reading = {"form": "frames", "grid": options.grid, "transpose": options.transpose}
        prepared = lexome(
            *("prepare", options.data, "--language", "music", "--out", corpus),
            *(word for key, value in reading.items() for word in ("--option", f"{key}={value}")),
            *("--validation-where", "split=valid", "--workers", 1),
        )
        rows = [trained(options, corpus, folder / f"seed-{seed}", seed) for seed in options.seeds]
    frames = [row["nats_per_frame"] for row in rows]
    tokens = [row["nats_per_token"] for row in rows]
    print(
        json.dumps(
            {
                "benchmark": "chorales",
                "data": options.data.name,
                "train_frames": prepared["train"]["units"],
                "valid_frames": prepared["valid"]["units"],
                "leak": prepared["leak"]["near_duplicates"],
                "nats_per_frame": spread(frames),
                "nats_per_token": spread(tokens),
                "runs": rows,
            }
        )
    )


def trained(options: argparse.Namespace, corpus: Path, run: Path, seed: int) -> dict[str, Any]:
    """Return the figures of one run, and of the baselines, in nats."""
    made = lexome(
        *("train", "--corpus", corpus, "--out", run, "--minutes", options.minutes),
        *("--seed", seed, "--context", options.context),
        *("--set", f"model.layers={options.layers}", "--set", f"model.width={options.width}"),
        *("--set", f"model.heads={options.width // 32}", *shlex.split(options.train)),
    )
    score = lexome("evaluate", run)
    baselines = {one["name"]: one["bits_per_unit"] * math.log(2) for one in score["baselines"]}
    return {
        "seed": seed,
        "trained": made,
        "nats_per_frame": score["model"]["bits_per_unit"] * math.log(2),
        "nats_per_token": score["model"]["nats_per_token"],
        "baselines_nats_per_frame": baselines,
        "definition": score["definition"],
    }


def spread(values: list[float]) -> dict[str, float]:
    """Return mean, least and greatest."""
    return {"mean": statistics.mean(values), "min": min(values), "max": max(values)}


if __name__ == "__main__":
    main()

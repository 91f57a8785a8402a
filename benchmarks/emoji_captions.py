"""Captions to pictures: emoji of captions that the model has not seen, judged by category.

    python benchmarks/emoji_captions.py EMOJI --keep RUNS [--tune "--minutes 12"]

EMOJI is an unpacked folder of PNGs with a `manifest.jsonl` of captions and categories. Three tenths
of the emoji are held out; the classifier that judges is trained on their real pictures, which the
model that makes pictures has not seen. The base is a text model of the training captions.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
from pathlib import Path

from running import figure, lexome, once, say, spread

_HELD_OUT = 0.3


def main() -> None:
    """Prepare, pre-train, tune, make pictures, judge; print a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--base", default="--minutes 1 --context 256 --set model.layers=4")
    parser.add_argument("--tune", default="--minutes 12 --set training.dropout=0.1")
    parser.add_argument("--tokenizer", default="patches")
    parser.add_argument("--methods", nargs="+", default=["full"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    train, test = _write_tables(options.folder, options.keep)
    corpus, base = options.keep / "corpus-captions", options.keep / "base"
    text = options.keep / "captions.txt"
    once(corpus, "prepare", text, "--language", "text", "--option", "separator=line",
         "--tokenizer", "bytes")  # fmt: skip
    say(base=once(base, "train", "--corpus", corpus, *shlex.split(options.base)))
    for method in options.methods:
        found = []
        for seed in options.seeds:
            scores = lexome(
                "finetune", base, train, "--task", "picture", "--validation-files", test,
                "--target-option", f"size={options.size}", "--target-tokenizer", options.tokenizer,
                "--method", method, "--duplicates", "keep", "--seed", seed,
                "--corpus", options.keep / "corpus-pairs",
                "--out", options.keep / f"{method}-seed-{seed}", *shlex.split(options.tune),
            )  # fmt: skip
            figures = {one["name"]: one.get("value") for one in scores["figures"]}
            say(
                method=method,
                seed=seed,
                figures=figures,
                details=scores["details"].get("classifier"),
            )
            found.append(figure(scores, scores["figures"][0]["name"]))
        say(method=method, first_figure=spread(found))


def _write_tables(folder: Path, keep: Path) -> tuple[Path, Path]:
    manifest = folder / "manifest.jsonl"
    rows = [json.loads(line) for line in manifest.read_text().splitlines()]
    rows = [row for row in rows if row["category"] != "Component"]
    random.Random(0).shuffle(rows)
    border = round(_HELD_OUT * len(rows))
    tables = {"test": rows[:border], "train": rows[border:]}
    for name, part in tables.items():
        lines = (
            json.dumps(
                {
                    "caption": row["caption"],
                    "image": str((folder / row["image"]).resolve()),
                    "category": row["category"],
                }
            )
            for row in part
        )
        (keep / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    text = "\n".join(row["caption"] for row in tables["train"])
    (keep / "captions.txt").write_text(text + "\n")
    return keep / "train.jsonl", keep / "test.jsonl"


if __name__ == "__main__":
    main()

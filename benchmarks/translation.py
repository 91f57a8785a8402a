"""Translation: Multi30k English to German, tuned from a model of both texts, and from scratch.

    python benchmarks/translation.py MULTI30K --keep RUNS [--base "--minutes 12"] [--tune …]

MULTI30K is a folder with `train` and `val` as `.en.gz` and `.de.gz`. The base is a text model of
the training sentences of both languages, as if there were no pairs. sacreBLEU is on `val`, with
beams; "scratch" is the same shape, tuned as long and with the base's minutes added, from nothing.
"""

from __future__ import annotations

import argparse
import gzip
import shlex
from pathlib import Path

from running import beside, figure, lexome, once, say, spread

_LANGUAGES = ("en", "de")


def main() -> None:
    """Prepare, pre-train, tune and score; print a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument("--vocab-size", type=int, default=6000)
    parser.add_argument(
        "--base",
        default="--minutes 12 --context 128 --batch-size 32 --set model.layers=4 "
        "--set model.width=256 --set training.dropout=0.1",
    )
    parser.add_argument(
        "--tune",
        default="--set training.dropout=0.1 --set optimizer.matrix_learning_rate=0.02 "
        "--set optimizer.learning_rate=0.004 --set optimizer.embedding_learning_rate=0.05 "
        "--set optimizer.embedding_weight_decay=0.1",
    )
    parser.add_argument("--minutes", type=float, default=46)
    parser.add_argument("--base-minutes", type=float, default=12, help="added to those of scratch")
    parser.add_argument("--beams", type=int, default=5)
    parser.add_argument("--methods", nargs="+", default=["full", "scratch"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    corpus, base = options.keep / "corpus-text", options.keep / "base"
    texts = [_unpacked(options.folder, options.keep, name) for name in _LANGUAGES]
    once(corpus, "prepare", *texts, "--language", "text", "--option", "separator=line",
         "--tokenizer", "bpe", "--vocab-size", options.vocab_size)  # fmt: skip
    say(base=once(base, "train", "--corpus", corpus, *shlex.split(options.base)))
    for method in options.methods:
        found = []
        for seed in options.seeds:
            scores = _tuned(options, base, method, seed)
            found.append(figure(scores, "BLEU"))
            figures = {name: figure(scores, name) for name in ("BLEU", "chrF", "stop rate")}
            say(method=method, seed=seed, **figures, baselines=beside(scores, "BLEU"))
        say(method=method, BLEU=spread(found))


def _tuned(options: argparse.Namespace, base: Path, method: str, seed: int) -> dict[str, object]:
    pairs = [options.folder / f"train.{name}.gz" for name in _LANGUAGES]
    held_out = [options.folder / f"val.{name}.gz" for name in _LANGUAGES]
    minutes = options.minutes + (options.base_minutes if method == "scratch" else 0)
    return lexome(
        "finetune", base, *pairs, "--task", "translation", "--method", method,
        *(argument for path in held_out for argument in ("--validation-files", path)),
        "--minutes", minutes, "--beams", options.beams, "--seed", seed,
        "--corpus", options.keep / "corpus-pairs",
        "--out", options.keep / f"{method}-seed-{seed}", *shlex.split(options.tune),
    )  # fmt: skip


def _unpacked(folder: Path, keep: Path, name: str) -> Path:
    path = keep / f"{name}.txt"
    path.write_bytes(gzip.decompress((folder / f"train.{name}.gz").read_bytes()))
    return path


if __name__ == "__main__":
    main()

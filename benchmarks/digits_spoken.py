"""Spoken digits as log-mel frames: random splits, and a speaker that nobody has heard.

    python benchmarks/digits_spoken.py --data DIGITS --keep RUNS [--minutes 4] [--tune "…"]

DIGITS is a folder of the Free Spoken Digit Dataset, DIGIT_SPEAKER_TAKE.wav, or a zip file of it.
The base has read the names of digits and never a sound. The weights of the last step are scored:
what is held out chooses nothing. Beside each score stand the majority and a ridge of log-mel means
on the same recordings.
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import zipfile
from pathlib import Path

from running import beside, figure, lexome, once, say, spread

_NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
_FIGURE = "accuracy"


def main() -> None:
    """Pre-train, tune on each split, and print a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument(
        "--base",
        default="--steps 100 --context 128 --set model.layers=4 --set model.width=128 "
        "--set model.heads=4",
    )
    parser.add_argument("--minutes", type=float, default=6, help="of tuning, for each split")
    parser.add_argument(
        "--tune",
        default="--set training.dropout=0.1 --set optimizer.matrix_learning_rate=0.02 "
        "--set optimizer.learning_rate=0.004",
    )
    parser.add_argument("--method", default="full")
    parser.add_argument("--source-tokenizer", default="mel", help="mel, or codec to compare")
    parser.add_argument("--speed", type=float, default=0.1, help="also faster and slower by this")
    parser.add_argument("--splits", nargs="+", choices=("random", "speaker"), default=None)
    parser.add_argument("--speakers", nargs="+", default=None, help="hold out these alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    recordings = _recordings(options.data, options.keep)
    base = _base(options)
    for kind in options.splits or ("random", "speaker"):
        found = []
        for seed in options.seeds:
            scores = [
                _tuned(options, base, name, held_out, recordings, seed)
                for name, held_out in _splits(kind, recordings, options.speakers, seed)
            ]
            found.append(sum(scores) / len(scores))
            say(split=kind, seed=seed, of=len(scores), accuracy=round(found[-1], 4))
        say(split=kind, minutes=options.minutes, accuracy=spread(found))


def _recordings(data: Path, keep: Path) -> list[Path]:
    if data.is_file():
        folder = keep / "recordings"
        if not folder.is_dir():
            zipfile.ZipFile(data).extractall(folder)
    else:
        folder = data
    found = sorted(folder.rglob("[0-9]_*_*.wav"))
    if not found:
        raise SystemExit(f"there is no DIGIT_SPEAKER_TAKE.wav in {data}")
    return [path.resolve() for path in found]


def _speaker(path: Path) -> str:
    return path.stem.split("_")[1]


def _splits(
    kind: str, recordings: list[Path], speakers: list[str] | None, seed: int
) -> list[tuple[str, set[Path]]]:
    """Return the splits of a kind: a name, and the recordings that are held out."""
    if kind == "random":
        drawn = random.Random(seed).sample(recordings, len(recordings) // 10)
        return [(f"random-{seed}", set(drawn))]
    return [
        (f"speaker-{name}", {path for path in recordings if _speaker(path) == name})
        for name in speakers or sorted(set(map(_speaker, recordings)))
    ]


def _base(options: argparse.Namespace) -> Path:
    """Return a small model that has read digits by name."""
    text, corpus, base = (options.keep / name for name in ("digits.txt", "corpus-text", "base"))
    draw = random.Random(0)
    text.write_text("".join(" ".join(draw.choices(_NAMES, k=8)) + "\n" for _ in range(2000)))
    once(corpus, "prepare", text, "--language", "text", "--tokenizer", "characters",
         "--option", "separator=line")  # fmt: skip
    say(base=once(base, "train", "--corpus", corpus, *shlex.split(options.base)))
    return base


def _tuned(
    options: argparse.Namespace,
    base: Path,
    name: str,
    held_out: set[Path],
    recordings: list[Path],
    seed: int,
) -> float:
    sides = {"train": set(recordings) - held_out, "valid": held_out}
    tables = {side: options.keep / f"{name}-{side}.jsonl" for side in sides}
    for side, paths in sides.items():
        _write_table(tables[side], sorted(paths))
    kind = options.source_tokenizer
    scores = lexome(
        "finetune", base, tables["train"], "--task", "labels", "--method", options.method,
        "--source-language", "sound", "--source", "audio", "--target", "digit",
        "--source-option", "rate=8000", "--source-option", f"speed={options.speed}",
        "--source-tokenizer", kind, "--validation-files", tables["valid"],
        "--group", "speaker", "--corpus", options.keep / f"corpus-{name}-{kind}",
        "--minutes", options.minutes, "--seed", seed, "--set", "training.keep=last",
        *shlex.split(options.tune), "--out", options.keep / f"{name}-{kind}-seed-{seed}",
    )  # fmt: skip
    accuracy = figure(scores, _FIGURE)
    assert accuracy is not None
    baselines = beside(scores, _FIGURE)
    say(split=name, seed=seed, examples=scores["examples"], accuracy=accuracy, baselines=baselines)
    return accuracy


def _write_table(path: Path, recordings: list[Path]) -> None:
    rows = [
        {"audio": str(one), "digit": _NAMES[int(one.name[0])], "speaker": _speaker(one)}
        for one in recordings
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Recorded prompts: word error rate on a held-out tenth, beside PocketSphinx on the same files.

    python benchmarks/prompts.py --data PROMPTS --keep RUNS [--base "…"] [--minutes 30] [--tune "…"]

PROMPTS is a folder with `manifest.jsonl`, lines of {"audio": …, "text": …}, and its recordings, or
a zip file of it. The base is a text model of the training transcripts alone; the last weights are
scored, so what is held out chooses nothing. PocketSphinx reads the same recordings at 16 kHz with
its own English model, and is scored by the same normaliser.

Ten recordings are silence, and their transcripts say so in words. With `--silence` each of the
shares that follow is tuned for without them, each in a run of its own, and asked what it says to
silence and noise (`lexome evaluate --detached`).
"""

from __future__ import annotations

import argparse
import json
import random
import shlex
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from lexome import languages
from lexome.evaluation.metrics.speech import speech_scores
from lexome.languages.base import Document
from running import figure, lexome, once, say, spread

_RATE, _SPHINX_RATE = 8000, 16_000
_FIGURES = ("WER", "CER", "substitutions", "deletions", "insertions")


def main() -> None:
    """Pre-train, tune, score; print a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keep", type=Path, required=True, help="a folder for corpora and runs")
    parser.add_argument(
        "--base",
        default="--minutes 3 --context 512 --set model.layers=6 --set model.width=192 "
        "--set model.heads=6 --set training.dropout=0.1",
    )
    parser.add_argument("--minutes", type=float, default=30, help="of tuning")
    parser.add_argument(
        "--tune",
        default="--set training.dropout=0.1 --set optimizer.matrix_learning_rate=0.02 "
        "--set optimizer.learning_rate=0.004",
    )
    parser.add_argument("--tokenizer", default="--tokenizer characters", help="of the transcripts")
    parser.add_argument("--method", default="full")
    parser.add_argument("--source-tokenizer", default="mel", help="mel, or codec to compare")
    parser.add_argument("--speed", type=float, default=0.1, help="also faster and slower by this")
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5])
    parser.add_argument(
        "--silence", type=float, nargs="+", default=[], help="shares of made silence, as 0 0.05"
    )
    parser.add_argument("--limit", type=int, default=None, help="use so many recordings only")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    rows = _rows(options.data, options.keep)[: options.limit]
    if options.silence:
        _of_silence(options, rows)
    else:
        _beside_pocketsphinx(options, rows)


def _of_silence(options: argparse.Namespace, rows: list[dict[str, str]]) -> None:
    """Tune with each share of made silence; say what held-out recordings and silence get."""
    spoken = [row for row in rows if "of silence)" not in row["text"]]
    for seed in options.seeds:
        tables = _split(options.keep, spoken, seed)
        for share in options.silence:
            run = _tuned(options, tables, seed, share)
            scores = lexome("evaluate", run)
            detached = lexome("evaluate", run, "--detached")
            rates = {one["name"]: round(one["value"], 3) for one in detached["figures"][:2]}
            answered = {
                one["name"]: round(figure(one, "answered") or 0.0, 3)
                for one in detached["strange"]
                if one["figures"]
            }
            say(seed=seed, silence=share, WER=figure(scores, "WER"), **rates, answered=answered)


def _beside_pocketsphinx(options: argparse.Namespace, rows: list[dict[str, str]]) -> None:
    """Tune, and score with each number of beams, beside PocketSphinx on the same files."""
    found: dict[int, list[float]] = {beams: [] for beams in options.beams}
    sphinx = []
    for seed in options.seeds:
        tables = _split(options.keep, rows, seed)
        sphinx.append(_pocketsphinx(tables["valid"], seed))
        run = _tuned(options, tables, seed)
        for beams in options.beams:
            scores = lexome("evaluate", run, "--beams", beams)
            figures = {name: figure(scores, name) for name in _FIGURES}
            say(seed=seed, beams=beams, too_long=scores["too_long"], **figures)
            found[beams].append(figures["WER"] or 0.0)
    for beams, values in found.items():
        say(method=options.method, minutes=options.minutes, beams=beams, WER=spread(values))
    say(method="PocketSphinx", WER=spread(sphinx))


def _rows(data: Path, keep: Path) -> list[dict[str, str]]:
    """Return recordings by path with their transcripts, in an order drawn once."""
    folder = data
    if data.is_file():
        folder = keep / "recordings"
        if not folder.is_dir():
            zipfile.ZipFile(data).extractall(folder)
    manifest = next(folder.rglob("manifest.jsonl"))
    rows = []
    for line in manifest.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        rows.append({"audio": str((manifest.parent / row["audio"]).resolve()), "text": row["text"]})
    random.Random(0).shuffle(rows)
    return rows


def _split(keep: Path, rows: list[dict[str, str]], seed: int) -> dict[str, Path]:
    """Write a tenth for validation and the rest for training; return both tables."""
    held_out = set(random.Random(seed).sample(range(len(rows)), max(len(rows) // 10, 1)))
    tables = {}
    for side in ("train", "valid"):
        chosen = [row for n, row in enumerate(rows) if (n in held_out) == (side == "valid")]
        tables[side] = keep / f"seed-{seed}-{side}.jsonl"
        tables[side].write_text("".join(json.dumps(row) + "\n" for row in chosen))
    return tables


def _tuned(
    options: argparse.Namespace, tables: dict[str, Path], seed: int, silence: float | None = None
) -> Path:
    """Return the run that was tuned on the training recordings, from a model of their texts."""
    text = options.keep / f"seed-{seed}.txt"
    transcripts = [json.loads(line)["text"] for line in tables["train"].read_text().splitlines()]
    text.write_text("".join(one + "\n" for one in transcripts), encoding="utf-8")
    corpus, base = (options.keep / f"{name}-seed-{seed}" for name in ("corpus-text", "base"))
    once(corpus, "prepare", text, "--language", "text", "--option", "separator=line",
         *shlex.split(options.tokenizer))  # fmt: skip
    once(base, "train", "--corpus", corpus, "--seed", seed, *shlex.split(options.base))
    kind, share = options.source_tokenizer, "" if silence is None else f"-silence-{silence:g}"
    run = options.keep / f"{options.method}-{kind}-seed-{seed}{share}"
    started = time.monotonic()
    once(
        run, "finetune", base, tables["train"], "--task", "speech", "--method", options.method,
        "--source-option", f"rate={_RATE}", "--source-option", f"speed={options.speed}",
        "--source-option", "seconds=100", "--source-tokenizer", kind,
        "--validation-files", tables["valid"],
        "--corpus", options.keep / f"pairs-{kind}-{seed}{share}",
        *([] if silence is None else ["--silence", silence]),
        "--minutes", options.minutes, "--seed", seed, "--set", "training.keep=last",
        *shlex.split(options.tune),
    )  # fmt: skip
    say(seed=seed, tuned=run.name, wall_minutes=round((time.monotonic() - started) / 60, 2))
    return run


def _pocketsphinx(table: Path, seed: int) -> float:
    """Return the word error rate of PocketSphinx on the recordings of a table."""
    from pocketsphinx import Decoder

    sound = languages.get("sound", rate=_SPHINX_RATE, seconds=100.0)
    decoder = Decoder(samprate=float(_SPHINX_RATE), loglevel="FATAL")
    hypotheses, references = [], []
    started = time.monotonic()
    for line in table.read_text().splitlines():
        row: dict[str, Any] = json.loads(line)
        pieces = [one for one in sound.read(Path(row["audio"])) if isinstance(one, Document)]
        samples = np.concatenate([piece.content for piece in pieces])
        decoder.start_utt()
        decoder.process_raw(samples.tobytes(), full_utt=True)
        decoder.end_utt()
        found = decoder.hyp()
        hypotheses.append(found.hypstr if found else "")
        references.append(row["text"])
    figures = {
        one.name: getattr(one, "value", None)
        for one in speech_scores(hypotheses, references).figures
    }
    seconds = round(time.monotonic() - started, 1)
    shown = {name: figures[name] for name in _FIGURES}
    say(method="PocketSphinx", seed=seed, recordings=len(references), seconds=seconds, **shown)
    return float(figures["WER"] or 0.0)


if __name__ == "__main__":
    main()

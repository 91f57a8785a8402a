"""Tiny runs that were really tuned and scored: labels, translations, transcripts, pictures."""

from __future__ import annotations

import json
import random
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lexome import languages
from lexome.finetuning import tasks
from lexome.finetuning.asked import Asked
from lexome.finetuning.data import PairData
from lexome.finetuning.evaluate import score_task
from lexome.finetuning.pairs import HeldOut, open_base, prepare_pairs
from lexome.finetuning.recipes import Tuning, tuning_recipe
from lexome.model import Transformer, families, save_model
from lexome.report import collect
from lexome.report.task_data import Task
from lexome.samples.forms import png
from lexome.training import train

SHORT = {
    "training.steps": 3,
    "training.batch_size": 2,
    "training.precision": "fp32",
    "training.compile": False,
    "training.evaluate_every": 1,
    "training.checkpoint_every": 3,
}
METHODS = ("scratch", "full", "lora", "probe")
RATE = 16_000
COLOURS = {"dark": 40, "light": 220}


def labels(root: Path, method: str = "full") -> Path:
    """Tune on DNA of two classes, one of them twice as common."""
    draw = random.Random(0)
    rows = [
        {"sequence": "".join(draw.choices("ACGT", k=12)), "label": "site" if n % 3 else "none"}
        for n in range(60)
    ]
    return _tuned(root, "labels", "dna", [_table(root / "sites.jsonl", rows)], method)


def translation(root: Path) -> Path:
    """Tune on texts and the same in capitals."""
    said = [f"the {word} number {n}" for n in range(10) for word in ("ox", "cat", "sun", "elm")]
    files = [root / "p.en", root / "p.de"]
    for file, texts in zip(files, (said, [one.upper() for one in said]), strict=True):
        file.write_text("".join(f"{one}\n" for one in texts))
    return _tuned(root, "translation", "text", files)


def speech(root: Path) -> Path:
    """Tune on recordings, one tone or another in noise, and what they are called."""
    draw, rows = np.random.default_rng(0), []
    for n in range(24):
        time = np.arange(3_200) / RATE
        tone = 4_000 * np.sin(2 * np.pi * (300 if n % 2 else 1_500) * time)
        with wave.open(str(root / f"{n}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((tone + draw.normal(0, 90, len(time))).astype("<i2").tobytes())
        rows.append({"audio": str(root / f"{n}.wav"), "text": "low" if n % 2 else "high"})
    return _tuned(root, "speech", "text", [_table(root / "said.jsonl", rows)])


def pictures(root: Path) -> Path:
    """Tune on captions of dark and light pictures of 4 by 4 pixels."""
    draw = random.Random(0)
    rows = []
    for n in range(48):
        category = "dark" if n % 2 else "light"
        pixels = bytes(COLOURS[category] + draw.randrange(30) for _ in range(16))
        (root / f"{n}.png").write_bytes(png(pixels, 4))
        rows.append(
            {"caption": f"{category} {n}", "image": str(root / f"{n}.png"), "category": category}
        )
    size = {"size": 4, "colour": "grey"}
    return _tuned(
        root, "picture", "text", [_table(root / "c.jsonl", rows)], "full", target_options=size
    )


def task_of(run: Path) -> Task:
    """Return the task of a run as its page has it."""
    found = collect(run).task
    assert isinstance(found, Task), found
    return found


def read(path: Path) -> Any:
    """Return what a JSON file holds."""
    return json.loads(path.read_text())


def comparison(figure: str, low: float = 0.5) -> dict[str, Any]:
    """Return what compare.json says of four methods, each with 10 and with 40 examples."""
    methods = {"probe": 0.1, "lora": 0.28, "scratch": 0.0, "full": 0.3}
    rows = [
        {
            "method": method,
            "examples": examples,
            "figure": _figure(figure, low + gain * examples / 40),
            "validation_loss": 0.7 - gain,
            "seconds": 60.0 + 100 * gain,
            "peak_bytes": 300_000_000,
            "trained_parameters": 50_000 if method in ("full", "scratch") else 1_000,
            "parameters": 50_000,
            "steps": 40,
            "curve": [[10.0 * step, round(0.95 - gain - 0.05 * step, 3)] for step in range(1, 6)],
        }
        for method, gain in methods.items()
        for examples in (40, 10)
    ]
    return {"figure": figure, "rows": rows}


def _figure(name: str, value: float) -> dict[str, Any]:
    return {"name": name, "value": value, "low": value - 0.02, "high": value + 0.02, "n": 9}


def _table(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def _tuned(
    root: Path,
    task: str,
    language: str,
    files: Sequence[Path],
    method: str = "full",
    **said: Any,
) -> Path:
    base, run = _base(root / "base", language), root / "runs" / "tuned"
    known = open_base(base, language)
    data = PairData(files, **said)
    corpus = prepare_pairs(tasks.get(task), data, known, root / "corpus", duplicates="keep")
    tuning = Tuning(method, changes=SHORT)  # type: ignore[arg-type]
    asked = Asked(str(base), task, data, HeldOut(), tuning, language, "keep")
    made = tuning_recipe(tasks.get(task), corpus, str(base), tuning)
    train(made, run, more_facts=asked.to_facts())
    score_task(run)
    return run


def _base(folder: Path, language: str) -> Path:
    kind = "symbols" if language == "dna" else "bytes"
    tokenizer = languages.get(language).tokenizers()[kind].train([], None)
    model = Transformer(families.get("llama").config(tokenizer.vocab_size, 96, 2, 32, 2))
    model.initialise(0)
    save_model(folder, model, tokenizer=tokenizer)
    return folder

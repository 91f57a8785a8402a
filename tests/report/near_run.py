"""A run whose samples were really compared with its corpus: right-to-left letters, two copies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from fake_run import FakeRun, make

from lexome.corpus import Corpus
from lexome.corpus.index import CorpusIndex
from lexome.evaluation.honesty.copied import Samples, evaluate_copying

LETTERS = [*map(chr, range(0x5D0, 0x5EB)), " "]
# A point belongs to the letter before it, and is nothing without it.
POINT = "\u05b8"


def lines(count: int, seed: int) -> list[str]:
    draw = np.random.default_rng(seed)
    return ["".join(draw.choice(LETTERS, draw.integers(60, 70))).strip() for _ in range(count)]


def uncompared(root: Path) -> FakeRun:
    """Return a run of letters drawn at random; its corpus has no index."""
    run = make(root, steps=50, layers=1, heads=1, texts=(lines(120, 1), lines(150, 2)))
    told = json.loads((run.folder / "run.json").read_text())
    times = {"setup_seconds": 1.0, "step_seconds": 0.1}
    (run.folder / "run.json").write_text(json.dumps(told | times))
    return run


def compared(run: FakeRun, root: Path) -> list[str]:
    """Compare 22 texts, of which the 3rd is a copy and the 6th half of one; return them."""
    corpus = Corpus.open(run.corpus)
    CorpusIndex.build(corpus)
    train = [document.content for document in corpus.documents("train")]
    mine = lines(22, 3)
    mine[2] = train[7]
    mine[5] = mine[5][:10] + train[40][:50] + POINT + mine[5][:10]
    path = root / "mine here.jsonl"
    path.write_text("".join(json.dumps({"text": one}) + "\n" for one in mine))
    evaluate_copying(run.folder, Samples(files=[path]))
    return mine

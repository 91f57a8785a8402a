"""The copying of a run: its samples, drawn here or read from files, beside its corpus."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from lexome.corpus.index import CorpusIndex
from lexome.evaluation.honesty.copying import check_comparable, copying
from lexome.evaluation.honesty.copying_card import write_copying_card
from lexome.evaluation.progress import Told
from lexome.files import naming, sha256, write_json
from lexome.generation.settings import Settings
from lexome.generation.writer import write
from lexome.languages.base import Ids, Skipped
from lexome.model.folder import WEIGHTS
from lexome.training import open_run
from lexome.training.run import MODEL, Run

NAME = "copying.json"
FORMAT = 2
SAMPLES = 256
# Samples that are written at once, between two signs of life.
_ROUND = 32


@dataclass(frozen=True)
class Samples:
    """What is compared: so many samples as the model has them, or the documents of files.

    Samples begin from nothing and go on to their end, or to the end of the model's context.
    """

    count: int = SAMPLES
    files: Sequence[Path] = field(default=())
    temperature: float = 1.0
    seed: int = 0


def evaluate_copying(
    run: Path, samples: Samples, *, told: Told = lambda what, done, whole: None
) -> dict[str, Any]:
    """Compare samples with the corpus that a run was trained on; see `copying`.

    Writes and returns copying.json, and says it in the model card. Raises `LexomeError` where the
    corpus has no index, and for files without a document.
    """
    opened = open_run(run)
    corpus = opened.corpus(verify=True)
    check_comparable(corpus)
    index = CorpusIndex.open(corpus)
    contents, skipped = _read(opened, samples.files) if samples.files else ([], 0)
    if not samples.files:
        contents = _written(opened, samples, told)
    found = {
        "format": FORMAT,
        "weights": sha256(opened.folder / MODEL / WEIGHTS),
        "command": _command(run, samples),
        "asked": {
            "samples": None if samples.files else samples.count,
            "files": [str(path) for path in samples.files],
            "temperature": samples.temperature,
            "seed": samples.seed,
        },
        "skipped": skipped,
        **copying(corpus, index, contents, told=told),
    }
    write_json(opened.folder / NAME, found)
    write_copying_card(opened.folder / MODEL, found)
    return found


def _command(run: Path, samples: Samples) -> str:
    """Return the command that measures the same again."""
    named = [word for path in samples.files for word in ("--samples-from", str(path))]
    words = named or ["--samples", str(samples.count)]
    return shlex.join(("lexome", "evaluate", str(run), "--copying", *words))


def _written(run: Run, samples: Samples, told: Told) -> list[Ids]:
    model, tokenizer, language = run.model(), run.tokenizer(), run.language()
    settings = Settings(max_tokens=model.config.context, temperature=samples.temperature)
    found: list[Ids] = []
    for first in range(0, samples.count, _ROUND):
        told("samples", first, samples.count)
        prompts = [""] * min(_ROUND, samples.count - first)
        own = replace(settings, seed=samples.seed + first)
        written = write(tokenizer, language, model, prompts, own)
        found += [np.array(one.ids, np.int64) for one in written]
    return found


def _read(run: Run, files: Sequence[Path]) -> tuple[list[Ids], int]:
    """Return the documents of files as tokens, and how many entries could not be read."""
    language, tokenizer = run.language(), run.tokenizer()
    found: list[Ids] = []
    skipped = 0
    for path in files:
        with naming(path):
            for entry in language.read(path):
                if isinstance(entry, Skipped):
                    skipped += 1
                else:
                    found += tokenizer.encode([entry.content])
    return found, skipped

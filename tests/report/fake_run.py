"""A run folder as training and evaluation leave it: a tiny real model, a corpus prepared."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lexome import recipe as recipes
from lexome.corpus import Corpus, Manifest, PrepareRequest, prepare
from lexome.files import sha256, write_json, write_text
from lexome.languages.base import Tokenizer
from lexome.model import families
from lexome.model.folder import save_model
from lexome.model.transformer import Transformer

SENTENCES = [
    "The quick brown fox jumps over the lazy dog, and the dog looks up. ",
    "Pack my box with five dozen jugs; the jugs are full of ink, they say. ",
    "How vexingly quick daft zebras jump when the moon is out at night. ",
]
TRAIN = [sentence * 4 for sentence in SENTENCES] * 3
VALID = [sentence * 3 for sentence in SENTENCES[::-1]]
NASTY = (
    "</script><script>window.hacked = 1</script><!-- \x00 \u202eright to left\u2028 "
    "\N{GRINNING FACE} \udc80 \u05e9\u05dc\u05d5\u05dd"
)


@dataclass(frozen=True)
class FakeRun:
    """Where the fake run lies, and what went into it, for comparison."""

    folder: Path
    corpus: Path
    tokenizer: Tokenizer
    model: Transformer
    initial: Transformer
    metrics: list[dict[str, Any]]
    evaluation: dict[str, Any]


def page_of(run: Path) -> str:
    """Return the address of a run's page."""
    return (run / "report" / "index.html").as_uri()


def make(
    root: Path,
    *,
    family: str = "nanochat",
    steps: int = 1_500,
    layers: int = 2,
    heads: int = 2,
    texts: tuple[Sequence[str], Sequence[str]] = (TRAIN, VALID),
) -> FakeRun:
    """Write corpus/fake and runs/fake under `root`; `family` decides causal or masked.

    `texts` are those to train on and those held out.
    """
    prepared = prepare_corpus(root, root / "corpus" / "fake", texts)
    corpus, manifest, tokenizer = prepared.folder, prepared.manifest, prepared.tokenizer
    folder = root / "runs" / "fake"
    folder.mkdir(parents=True)
    initial, model = _models(family, tokenizer.vocab_size, layers, heads)
    masked = model.config.attention == "bidirectional"
    save_model(folder / "model", model, tokenizer=tokenizer)
    write_text(folder / "recipe.yaml", recipes.dump(_recipe(corpus, masked, steps)))
    write_json(folder / "run.json", _facts(corpus, manifest, model, masked))
    metrics = _metrics(steps)
    _write_lines(folder / "metrics.jsonl", metrics)
    _write_lines(folder / "samples.jsonl", _samples(steps))
    scored = {"weights": sha256(folder / "model" / "model.safetensors")}
    evaluation = scored | _evaluation(manifest, masked)
    write_json(folder / "evaluation.json", evaluation)
    return FakeRun(folder, corpus, tokenizer, model, initial, metrics, evaluation)


def prepare_corpus(
    root: Path, folder: Path, texts: tuple[Sequence[str], Sequence[str]] = (TRAIN, VALID)
) -> Corpus:
    """Prepare a corpus of documents in two JSON-lines files; one of the records is empty."""
    sources = root / "data"
    sources.mkdir()
    train, valid = sources / "fox & hound.jsonl", sources / "held out.jsonl"
    _write_lines(train, [{"text": text} for text in (*texts[0], "")])
    _write_lines(valid, [{"text": text} for text in texts[1]])
    request = PrepareRequest(
        sources=[train],
        validation_files=[valid],
        language="text",
        tokenizer="characters",
        sample_units=9_000,
        seed=3,
        licence="public domain",
        workers=1,
    )
    return prepare(request, folder)


def _models(
    family: str, vocab_size: int, layers: int, heads: int
) -> tuple[Transformer, Transformer]:
    """Return a model at its start and one whose weights have moved at random, as if trained."""
    config = families.get(family).config(
        vocab_size=vocab_size, context=64, layers=layers, width=16 * heads, heads=heads
    )
    initial = Transformer(config)
    initial.initialise(7)
    model = Transformer(config)
    model.load_state_dict(initial.state_dict())
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    return initial, model


def _recipe(corpus: Path, masked: bool, steps: int) -> recipes.Recipe:
    return recipes.parse(
        {
            "corpus": str(corpus),
            "objective": {"name": "masked-token" if masked else "next-token"},
            "training": {"steps": steps, "seed": 7},
        },
        "test",
    )


def _facts(corpus: Path, manifest: Manifest, model: Transformer, masked: bool) -> dict[str, Any]:
    return {
        "lexome": "0",
        "corpus": str(corpus),
        "fingerprint": manifest.fingerprint,
        "language": "text",
        "options": {},
        "unit": "byte",
        "objective": "masked-token" if masked else "next-token",
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "plan": {"steps": 1_500, "batch_size": 32},
        "machine": {"precision": "bf16", "compile": True},
        "torch": torch.__version__,
        "world_size": 1,
    }


def _metrics(steps: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(0)
    lines: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        loss = 1.2 + 2.4 / math.sqrt(1 + step / 20) + 0.05 * float(random.standard_normal())
        lines.append(
            {
                "step": step,
                "loss": loss,
                "learning_rate": min(1.0, step / 30, 2 * (steps - step) / steps),
                "gradient_norm": 0.4,
                "tokens": step * 4_096,
                "tokens_per_second": 21_000.0 + 100 * float(random.standard_normal()),
                "seconds": step * 0.04,
            }
        )
        if step % 250 == 0 or step == steps:
            lines.append({"step": step, "validation_loss": loss + 0.1})
    return lines


def _samples(steps: int) -> list[dict[str, Any]]:
    return [
        {"step": step, "prompt": "The ", "text": text}
        for step, text in (
            (250, "teh qqk zz"),
            (500, "quick dog jumps"),
            (steps, NASTY),
        )
    ]


def _evaluation(manifest: Manifest, masked: bool) -> dict[str, Any]:
    model: dict[str, Any] = {
        "bits_per_unit": 2.0437,
        "nats_per_token": 1.4093,
        "perplexity_per_unit": 4.1232,
        "kind": "pseudo-likelihood" if masked else "likelihood",
    }
    return {
        "split": "valid",
        "unit": "byte",
        "units": manifest.valid.units,
        "tokens": manifest.valid.tokens - manifest.valid.documents,
        "stride": 32,
        "definition": "Bits per byte of all held-out documents.",
        "warnings": ["A fake warning."] if masked else [],
        "model": model | ({"standard_error": 0.0123} if masked else {}),
        "baselines": [
            {"name": "unigram", "bits_per_unit": 4.3119},
            {"name": "5-gram with backoff", "bits_per_unit": 2.4711},
            {"name": "xz", "bits_per_unit": 3.0128, "note": "fitted on a sample"},
        ],
    }


def _write_lines(path: Path, values: Sequence[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(value) + "\n" for value in values))

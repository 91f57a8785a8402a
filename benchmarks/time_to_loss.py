"""Time to loss: train on characters for a given time, then score the whole validation split.

The first 90 % of the text trains, the last 10 % validates. The clock counts training steps only;
set-up and compilation are reported beside it. The learning rate falls linearly to 0 over the time
that is given, so each budget is a run of its own. Validation windows of one context do not overlap
and leave out less than one context at the end.

    python benchmarks/time_to_loss.py tinyshakespeare.txt.gz --seconds 60
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from lexome import recipe as recipes
from lexome.corpus import Batch, Batches, Corpus, PrepareRequest, prepare
from lexome.training import machine, plan
from lexome.training.objectives import NextToken
from lexome.training.parallel import World
from lexome.training.session import Session, make_session

ALONE = World(0, 1, torch.device("cpu"))
_WARMUP = 0.02


def main() -> None:
    """Train for the time that is asked and print one JSON line."""
    options = make_options()
    machine.prepare()
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, machine.deterministic():
        request = PrepareRequest([options.text], "text", tokenizer="characters", split="tail")
        corpus = prepare(request, Path(folder) / "corpus")
        session, batches = open_session(options, corpus)
        first = session.snapshot()
        session.compile()
        session.time_step(batches, 2)
        step_seconds = session.time_step(batches, 5)
        session.restore(first)
        setup = time.perf_counter() - started
        steps, curve = _train(session, batches, corpus, options)
        loss = validation_loss(session, corpus)
    print(
        json.dumps(
            {
                "benchmark": "time to loss",
                **{name: str(v) if isinstance(v, Path) else v for name, v in vars(options).items()},
                "parameters": sum(p.numel() for p in session.model.parameters()),
                "setup_seconds": round(setup, 1),
                "step_ms": round(step_seconds * 1e3, 1),
                "steps": steps,
                "validation_loss": round(loss, 4),
                "curve": curve,
                "load": os.getloadavg()[0],
            }
        )
    )


def make_options(**defaults: int) -> argparse.Namespace:
    """Return the command line's options; `defaults` stand in for the usual ones."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--family", default="llama")
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--heads", type=int, default=3)
    parser.add_argument("--context", type=int, default=128)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.set_defaults(**defaults)
    return parser.parse_args()


def open_session(options: argparse.Namespace, corpus: Corpus) -> tuple[Session, Batches]:
    """Return the session and the batches that the options describe."""
    changes = {
        "model.family": options.family,
        "model.layers": options.layers,
        "model.width": options.width,
        "model.heads": options.heads,
        "model.context": options.context,
        "training.batch_size": options.batch,
    }
    for setting in options.set:
        key, text = setting.split("=", 1)
        changes[key] = recipes.value_from_text(text)
    base = recipes.parse({"corpus": str(corpus.folder), "training": {"steps": 1}}, "benchmark")
    recipe = recipes.override(base, changes, "benchmark")
    tokenizer, stream = corpus.tokenizer, corpus.stream("train")
    speed = machine.measure_speed(ALONE.device)
    config, settled, _ = plan.sized(
        recipe, tokenizer.vocab_size, tokenizer.special, len(stream), speed
    )
    session = make_session(config, settled, tokenizer.special, speed.best, ALONE)
    return session, session.batches(corpus, "train", 0)


def _train(
    session: Session, batches: Batches, corpus: Corpus, options: argparse.Namespace
) -> tuple[int, list[list[float]]]:
    """Train until the time is up; return the steps and (seconds, training loss) now and then."""
    recent, curve, spent, step = 0.0, [], 0.0, 0
    while spent < options.seconds:
        start = time.perf_counter()
        gone = spent / options.seconds
        gradient = session.gradient(batches, step)
        session.optimizer.step(min(1.0, (gone + 0.002) / _WARMUP, (1 - gone) / (1 - _WARMUP)))
        spent += time.perf_counter() - start
        recent = gradient.loss if not step else 0.98 * recent + 0.02 * gradient.loss
        step += 1
        if spent > (len(curve) + 1) * options.seconds / 8:
            curve.append([round(spent, 1), round(recent, 3)])
    return step, curve


@torch.no_grad()
def validation_loss(session: Session, corpus: Corpus) -> float:
    """Return the mean loss of a character of the validation split, in nats."""
    stream, context = corpus.stream("valid"), session.model.config.context
    tokens = stream.read(0, len(stream))
    count = (len(tokens) - 1) // context
    objective = NextToken(corpus.tokenizer.special)
    nats = weight = 0.0
    for first in range(0, count, session.batch_size):
        starts = np.arange(first, min(first + session.batch_size, count)) * context
        rows = np.stack([tokens[s : s + context + 1] for s in starts])
        batch = Batch(rows, np.ones(rows.shape, np.float32), starts)
        example = objective(batch, starts)
        nats += float(session.losses.forward(example, torch.ones(()))[1])
        weight += float(example.weights.sum())
    return nats / weight


if __name__ == "__main__":
    main()

"""Tokens per second in pre-training, optimizer included, and the share of the machine's peak.

The peak is what a large product of bf16 (or fp32) matrices reaches, measured between the steps.

    python benchmarks/throughput.py tinyshakespeare.txt.gz
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import torch

from lexome.corpus import PrepareRequest, prepare
from lexome.model.ledger import training_flops_per_token
from lexome.training import machine
from time_to_loss import ALONE, make_options, open_session

_PEAK_SIZE, _STEPS, _ROUNDS = 4096, 3, 4


def main() -> None:
    """Measure and print one JSON line."""
    options = make_options(layers=6, width=384, heads=6, context=256, batch=32)
    machine.prepare()
    with tempfile.TemporaryDirectory() as folder, machine.deterministic():
        request = PrepareRequest([options.text], "text", tokenizer="characters", split="tail")
        corpus = prepare(request, Path(folder) / "corpus")
        session, batches = open_session(options, corpus)
        session.compile()
        session.time_step(batches, 2)
        tokens = session.batch_size * batches.context
        config = session.model.config
        # The half of causal attention that the mask hides is not computed: it is no merit.
        hidden = 6 * config.layers * config.heads * config.head_width * config.context
        flops = training_flops_per_token(config) - hidden
        rates, shares = [], []
        for _ in range(_ROUNDS):
            peak = peak_flops(session.model.compute_dtype)
            rates.append(tokens / session.time_step(batches, _STEPS))
            shares.append(rates[-1] * flops / peak)
    print(
        json.dumps(
            {
                "benchmark": "throughput",
                "family": options.family,
                "tokens_per_second": round(statistics.median(rates)),
                "spread": [round(min(rates)), round(max(rates))],
                "share_of_peak": round(statistics.median(shares), 3),
                "peak_tflops": round(peak / 1e12, 3),
                "parameters": sum(p.numel() for p in session.model.parameters()),
                "load": os.getloadavg()[0],
            }
        )
    )


def peak_flops(dtype: torch.dtype) -> float:
    """Return the FLOP/s of one large matrix product, the better of two."""
    matrix = torch.randn(_PEAK_SIZE, _PEAK_SIZE, device=ALONE.device).to(dtype)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        matrix @ matrix
        seconds.append(time.perf_counter() - start)
    return 2.0 * _PEAK_SIZE**3 / min(seconds)


if __name__ == "__main__":
    main()
